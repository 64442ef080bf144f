//! What the `git` program may write: commits, changed migrations, its complaints. The script's needles are looked for
//! in the arguments, and the number is the exit status.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redflag::deploy::Version;
use redflag::fuzzing::alone_with;
use redflag::repository::RepositorySpec;
use redflag::repository::{Commit, GitError, Pushed, Repository};
use redflag::rollback::Blocked;
use redflag::rollback::migrations::Files;
use redflag_fuzz::{Script, hold_text, know_the_token};
use std::path::PathBuf;
use std::time::Duration;

fn hold_commits(commits: &Result<Vec<Commit>, GitError>, said: usize) {
    match commits {
        Ok(commits) => {
            assert!(commits.len() <= said, "{} commits of {said} bytes", commits.len());
            for commit in commits {
                hold_text("an author", &commit.author);
                hold_text("a subject", &commit.subject);
            }
        }
        Err(trouble) => hold_text("a trouble", &trouble.reason()),
    }
}

fn hold_blocked(blocked: &Blocked) {
    hold_text("a reason", &blocked.reason);
}

async fn look(said: usize) {
    let spec = RepositorySpec {
        path: PathBuf::from("/src/shop"),
        remote: "origin".to_owned(),
        tags: vec!["v$version".to_owned()],
        migrations: Vec::new(),
    };
    let repository = Repository::new(spec, Duration::from_secs(5));
    let version = Version {
        images: vec!["shop:1.9.0-g1a2b3c4".to_owned()],
        revision: 2,
        hash: "5d8d965c94".to_owned(),
        ..Version::default()
    };
    match repository.check().await {
        Ok(url) => assert!(!url.contains("://hush@"), "{url}"),
        Err(blocked) => hold_blocked(&blocked),
    }
    if let Err(blocked) = repository.commit_of(&version).await {
        hold_blocked(&blocked);
    }
    hold_commits(&repository.commits("1a2b3c4", "5e6f7a8").await, said);
    hold_commits(&repository.new_commits("1a2b3c4", "5e6f7a8").await, said);
    let marked = repository.with_trailer("5e6f7a8", "Redflag-Rollback").await;
    hold_commits(&marked.map(|marked| marked.into_iter().map(|(commit, _)| commit).collect()), said);
    let _ = repository.commits_touching("1a2b3c4", "5e6f7a8", "app").await;
    if let Some(filter) = repository.filter().await {
        hold_text("a filter", &filter);
    }
    match repository.migrations("1a2b3c4", "5e6f7a8").await {
        Ok(Files::Read { migrations, .. }) => assert!(migrations.len() <= said),
        Ok(_) => {}
        Err(trouble) => {
            hold_blocked(&repository.unreachable(&trouble));
            hold_blocked(&repository.unreadable(&trouble));
            hold_blocked(&repository.no_commit(&trouble).await);
        }
    }
    if let Pushed::Refused(text) | Pushed::Unknown(text) = repository.push("5e6f7a8", "main").await {
        hold_text("what the remote said", &text);
    }
}

fuzz_target!(|data: &[u8]| {
    know_the_token();
    alone_with(Script::read(data), look(data.len())).expect("a runtime");
});
