//! What the build script finds out about the commit, run by itself in folders of every kind.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The compiled script, and a folder to run it in.
struct Script {
    folder: TempDir,
    program: PathBuf,
}

impl Script {
    fn compiled() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join(format!("build-script{}", std::env::consts::EXE_SUFFIX));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("build.rs");
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let compiled = Command::new(rustc).args(["--edition=2024", "-o"]).arg(&program).arg(source).status().unwrap();
        assert!(compiled.success());
        Self { folder, program }
    }

    fn path(&self, below: &str) -> PathBuf {
        let path = self.folder.path().join(below);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// The lines that Cargo acts on.
    fn says(&self, folder: &Path, variables: &[(&str, &str)]) -> Vec<String> {
        let mut command = Command::new(&self.program);
        command.current_dir(folder).env_remove("SOURCE_DATE_EPOCH").env("PROFILE", "release");
        // A temporary folder may itself be inside a repository.
        command.env("GIT_CEILING_DIRECTORIES", self.folder.path()).envs(variables.iter().copied());
        let output = command.output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().lines().map(ToOwned::to_owned).collect()
    }
}

/// Of what it says, what the program is told.
fn told(says: &[String]) -> Vec<&str> {
    says.iter().filter_map(|line| line.strip_prefix("cargo::rustc-env=")).collect()
}

fn git(folder: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> String {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .envs([("GIT_AUTHOR_NAME", "a"), ("GIT_AUTHOR_EMAIL", "a@example.com")])
        .envs([("GIT_COMMITTER_NAME", "a"), ("GIT_COMMITTER_EMAIL", "a@example.com")])
        .envs([("GIT_COMMITTER_DATE", "1764300000 +0200"), ("GIT_CONFIG_GLOBAL", ""), ("GIT_CONFIG_NOSYSTEM", "1")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_release_is_told_its_commit_and_everything_else_builds_without() {
    let script = Script::compiled();

    let bare = script.path("unpacked");
    assert_eq!(told(&script.says(&bare, &[])), [""; 0], "no repository");
    assert_eq!(told(&script.says(&bare, &[("PATH", "")])), [""; 0], "no git");
    let epoch = [("SOURCE_DATE_EPOCH", "1700000000")];
    assert_eq!(told(&script.says(&bare, &epoch)), ["REDFLAG_COMMITTED=1700000000"]);

    let checkout = script.path("checkout");
    git(&checkout, ["init", "--quiet"]);
    assert_eq!(told(&script.says(&checkout, &[])), [""; 0], "no commit yet");
    git(&checkout, ["commit", "--quiet", "--allow-empty", "--message", "one"]);
    let commit = format!("REDFLAG_COMMIT={}", git(&checkout, ["rev-parse", "HEAD"]));
    assert_eq!(told(&script.says(&checkout, &[])), [commit.as_str(), "REDFLAG_COMMITTED=1764300000"]);
    assert_eq!(told(&script.says(&checkout, &epoch)), [commit.as_str(), "REDFLAG_COMMITTED=1700000000"]);
    let development = script.says(&checkout, &[("PROFILE", "debug")]);
    assert_eq!(development, ["cargo::rerun-if-changed=build.rs"], "a commit recompiles nothing");

    let within = script.path("checkout/vendor/redflag");
    assert_eq!(told(&script.says(&within, &[])), [""; 0], "another repository's commit is not ours");

    let packaged = script.path("checkout/packaged");
    let sha1 = "0123456789abcdef0123456789abcdef01234567";
    let from = format!("{{\n  \"git\": {{\n    \"sha1\": \"{sha1}\"\n  }},\n  \"path_in_vcs\": \"\"\n}}");
    fs::write(packaged.join(".cargo_vcs_info.json"), from).unwrap();
    assert_eq!(told(&script.says(&packaged, &[])), [format!("REDFLAG_COMMIT={sha1}")]);
}

#[test]
fn it_runs_again_when_the_commit_changes_and_only_then() {
    let script = Script::compiled();
    let checkout = script.path("checkout");
    git(&checkout, ["init", "--quiet"]);
    git(&checkout, ["commit", "--quiet", "--allow-empty", "--message", "one"]);
    let watched = |says: Vec<String>| -> Vec<PathBuf> {
        let files = says.iter().filter_map(|line| line.strip_prefix("cargo::rerun-if-changed="));
        files.filter(|file| *file != "build.rs").map(|file| checkout.join(file)).collect()
    };
    let files = watched(script.says(&checkout, &[]));
    assert!(!files.is_empty() && files.iter().all(|file| file.exists()), "{files:?}");
    let texts = || files.iter().map(|file| fs::read(file).unwrap()).collect::<Vec<_>>();
    let before = texts();
    fs::write(checkout.join("main.rs"), "").unwrap();
    git(&checkout, ["add", "main.rs"]);
    assert_eq!(texts(), before);
    git(&checkout, ["commit", "--quiet", "--message", "two"]);
    assert_ne!(texts(), before);
}
