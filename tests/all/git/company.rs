//! A small company: a bare repository that everybody pushes to, and the clones of two people.

use chrono::DateTime;
use redflag::deploy::{Version, WorkloadId, WorkloadKind, WorkloadRef};
use redflag::repository::RepositorySpec;
use redflag::rollback::client::Clients;
use redflag::rollback::request::{Choice, PlanRequest, Seen, Wanted};
use redflag::rollback::{Goal, Readiness, Refusal, Step};
use redflag::systems::git::{GitSpec, Reverts};
use redflag::systems::registry::perform::Performer;
use redflag::systems::registry::strategies::Strategy;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Long enough never to end a test that passes.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Company {
    folder: TempDir,
}

impl Company {
    /// Ana's clone has `main` at 1.8.3, pushed and tagged.
    pub(crate) fn new() -> Self {
        let company = Self { folder: tempfile::tempdir().unwrap() };
        git(company.folder.path(), &["init", "--quiet", "--bare", "--initial-branch=main", "remote.git"]);
        company.clone_for("ana");
        company.write("shop.py", "carts = 1\ntotals = 1\nnames = 1\n");
        company.write("README", "the shop\n");
        company.commit("first");
        company.deploy("1.8.3");
        company
    }

    fn clone_for(&self, person: &str) {
        let url = format!("file://{}", self.remote().display());
        git(self.folder.path(), &["clone", "--quiet", &url, person]);
        let folder = self.folder.path().join(person);
        let name = format!("{}{}", person[..1].to_uppercase(), &person[1..]);
        git(&folder, &["config", "user.name", &name]);
        git(&folder, &["config", "user.email", &format!("{person}@example.com")]);
        git(&folder, &["config", "commit.gpgSign", "false"]);
        git(&folder, &["symbolic-ref", "HEAD", "refs/heads/main"]);
    }

    /// Ana's clone holds only the newest commits, as that of a CI job does.
    pub(crate) fn shallow(&self, depth: usize) {
        fs::remove_dir_all(self.clone()).unwrap();
        let (url, depth) = (format!("file://{}", self.remote().display()), format!("--depth={depth}"));
        git(self.folder.path(), &["clone", "--quiet", &depth, "--branch=main", &url, "ana"]);
        git(&self.clone(), &["config", "user.name", "Ana"]);
        git(&self.clone(), &["config", "user.email", "ana@example.com"]);
    }

    /// Where everybody pushes to.
    pub(crate) fn remote(&self) -> PathBuf {
        self.folder.path().join("remote.git")
    }

    /// Ana's clone: the one that redflag is told of.
    pub(crate) fn clone(&self) -> PathBuf {
        self.folder.path().join("ana")
    }

    /// Git in Ana's clone.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        git(&self.clone(), arguments)
    }

    /// Git in the bare repository.
    pub(crate) fn at_remote(&self, arguments: &[&str]) -> String {
        git(&self.remote(), arguments)
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.clone().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn commit(&self, subject: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", subject]);
    }

    /// Tags what is committed with this version, and pushes both.
    pub(crate) fn deploy(&self, version: &str) {
        self.git(&["tag", version]);
        self.push();
    }

    pub(crate) fn push(&self) {
        self.git(&["push", "--quiet", "--tags", "origin", "main"]);
    }

    /// 1.9.0: two commits, of which the second one is at fault.
    pub(crate) fn deploy_1_9_0(&self) {
        self.write("shop.py", "carts = 2\ntotals = 1\nnames = 1\n");
        self.commit("faster carts");
        self.write("shop.py", "carts = 2\ntotals = 2\nnames = 1\n");
        self.commit("new totals");
        self.deploy("1.9.0");
    }

    /// Ben, from a clone of his own, pushes a change of a file.
    pub(crate) fn ben_pushes(&self, file: &str, text: &str, subject: &str) {
        if !self.folder.path().join("ben").exists() {
            self.clone_for("ben");
        }
        let folder = self.folder.path().join("ben");
        git(&folder, &["pull", "--quiet", "--ff-only", "origin", "main"]);
        fs::write(folder.join(file), text).unwrap();
        git(&folder, &["add", "--all"]);
        git(&folder, &["commit", "--quiet", "--message", subject]);
        git(&folder, &["push", "--quiet", "origin", "HEAD:main"]);
    }

    /// A hook of the remote: a shell script.
    pub(crate) fn remote_hook(&self, name: &str, script: &str) {
        hook(&self.remote().join("hooks"), name, script);
    }

    /// A hook of Ana's clone.
    pub(crate) fn own_hook(&self, name: &str, script: &str) {
        hook(&self.clone().join(".git/hooks"), name, script);
    }

    /// The text of a file at the tip of the remote's `main`.
    pub(crate) fn served(&self, file: &str) -> String {
        self.at_remote(&["show", &format!("main:{file}")])
    }

    /// The tip of the remote's `main`.
    pub(crate) fn tip(&self) -> String {
        self.at_remote(&["rev-parse", "main"]).trim().to_owned()
    }

    pub(crate) fn repository(&self) -> RepositorySpec {
        RepositorySpec {
            path: self.clone(),
            remote: "origin".to_owned(),
            tags: vec!["$version".to_owned(), "v$version".to_owned()],
            migrations: Vec::new(),
        }
    }

    pub(crate) fn strategy(&self) -> Strategy {
        with_git(self.reverts())
    }

    /// The same, but each preparation asks the remote again.
    pub(crate) fn strategy_that_fetches_each_time(&self) -> Strategy {
        with_git(self.reverts().fetch_each_time())
    }

    fn reverts(&self) -> Reverts {
        Reverts::new(&GitSpec { branch: "main".to_owned(), timeout: PATIENCE }, self.repository())
    }

    /// What Ana's clone knows of the remote's branches.
    pub(crate) fn tracked(&self) -> String {
        self.git(&["for-each-ref", "refs/remotes"])
    }

    /// All of Ana's clone that is hers: what is checked out, staged, stashed, and where each ref of hers points.
    pub(crate) fn fingerprint(&self) -> String {
        let calls: [&[&str]; 8] = [
            &["status", "--porcelain=v2", "--branch", "--ignored"],
            &["for-each-ref", "refs/heads", "refs/tags", "refs/stash"],
            &["stash", "list"],
            &["reflog", "show", "HEAD"],
            &["worktree", "list"],
            &["config", "--local", "--list"],
            &["diff", "HEAD"],
            &["ls-files", "--stage"],
        ];
        let mut text: String = calls.iter().map(|call| self.git(call)).collect();
        text.push_str(&fs::read_to_string(self.clone().join(".git/HEAD")).unwrap());
        text.push_str(if self.clone().join(".git/FETCH_HEAD").exists() { "FETCH_HEAD" } else { "" });
        text
    }
}

/// Who plans it, and pushes by the same clone.
pub(crate) fn with_git(reverts: Reverts) -> Strategy {
    let performer = Performer { clients: Clients::default().with(reverts.branches()), ..Performer::default() };
    Strategy { planner: Arc::new(reverts), performer }
}

fn hook(folder: &Path, name: &str, script: &str) {
    fs::create_dir_all(folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// Runs git and gives what it wrote.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").args(arguments).current_dir(folder).env("LC_ALL", "C").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn version(revision: i64, label: &str) -> Version {
    Version {
        images: vec![format!("registry/shop:{label}")],
        revision,
        hash: format!("hash-{label}"),
        ..Version::default()
    }
}

/// What the watch asks when `running` serves and `earlier` served before.
pub(crate) fn ask(running: &str, earlier: &str) -> PlanRequest {
    let (running, earlier) = (version(9, running), version(8, earlier));
    let deployed = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    PlanRequest {
        goal: Goal::RollBack,
        workload: WorkloadId(0),
        reference: WorkloadRef {
            kind: WorkloadKind::Deployment,
            namespace: "production".to_owned(),
            name: "shop".to_owned(),
        },
        service: "shop".to_owned(),
        environment: "production".to_owned(),
        wanted: Wanted {
            choice: Choice::Usual { served_before: Some(earlier.hash.clone()) },
            actor: "ana@laptop".to_owned(),
            reason: "error rate 2.4 %".to_owned(),
            seen: Some(Seen {
                uid: "uid-1".to_owned(),
                generation: 7,
                replicas: 3,
                served_before: Some(earlier.hash.clone()),
                rolled_back: None,
                revisions: vec![running.clone(), earlier],
                running,
                deployed,
            }),
            ..Wanted::default()
        },
    }
}

/// The step that is ready.
pub(crate) async fn step(strategy: &Strategy, ask: &PlanRequest) -> Arc<Step> {
    match strategy.planner.prepare(ask).await {
        Readiness::Ready(step) => step,
        other => panic!("{other:?}"),
    }
}

/// Why it is blocked.
pub(crate) async fn refusal(strategy: &Strategy, ask: &PlanRequest) -> Refusal {
    match strategy.planner.prepare(ask).await {
        Readiness::Blocked(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}
