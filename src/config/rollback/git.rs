//! The local clone, and how a deploy is reverted in it, checked.

use super::{path, run_time};
use crate::config::at::At;
use crate::config::problem::{Problem, Problems};
use crate::config::raw::rollback as raw;
use crate::config::texts;
use crate::config::variables::mentions;
use crate::rollback::spec::{GitSpec, RepositorySpec};
use std::time::Duration;

/// How long one call of git may take when nothing is said.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a version names its commit when nothing is said.
const TAGS: [&str; 2] = ["$version", "v$version"];

pub(super) fn repository(raw: &raw::Repository, problems: &mut Problems) -> Option<RepositorySpec> {
    let path = path(&raw.path, problems);
    let remote = match &raw.remote {
        Some(remote) => reference(remote, "a remote", "origin", problems),
        None => Some("origin".to_owned()),
    };
    let tags: Option<Vec<String>> = match &raw.tags {
        // Each is looked at, so that each can be complained of.
        Some(tags) => tags.iter().map(|written| tag(written, problems)).collect::<Vec<_>>().into_iter().collect(),
        None => Some(TAGS.map(ToOwned::to_owned).to_vec()),
    };
    let migrations = raw.migrations.iter().flatten().map(|written| pattern(written, problems)).collect::<Vec<_>>();
    let migrations: Option<Vec<String>> = migrations.into_iter().collect();
    Some(RepositorySpec { path: path?, remote: remote?, tags: tags?, migrations: migrations? })
}

pub(super) fn check(raw: &raw::Git, problems: &mut Problems) -> Option<GitSpec> {
    let branch = reference(&raw.branch, "a branch", "release/1.9", problems);
    let timeout = run_time(raw.timeout.as_ref(), PATIENCE, problems);
    Some(GitSpec { branch: branch?, timeout: timeout? })
}

/// A name as git takes it (git-check-ref-format), that can never be read as an option.
fn reference(written: &At<String>, whose: &str, like: &str, problems: &mut Problems) -> Option<String> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || "~^:?*[\\".contains(c);
    let fine =
        !written.is_empty() && !written.starts_with(['-', '/']) && !written.contains(odd) && !written.contains("..");
    if !fine {
        problems.push(
            Problem::new(&written.span, format!("`{}` cannot be the name of {whose}", written.value))
                .label(format!("expected a name as git takes it, such as {like}")),
        );
    }
    fine.then(|| written.value.clone())
}

fn tag(written: &At<String>, problems: &mut Problems) -> Option<String> {
    let text = texts::check(written, &["version"], problems)?;
    if mentions(&text, "version") {
        return Some(text);
    }
    problems.push(
        Problem::new(&written.span, "every version would name the same commit")
            .way_out("use $version in it: \"v$version\""),
    );
    None
}

fn pattern(written: &At<String>, problems: &mut Problems) -> Option<String> {
    let fine = !written.trim().is_empty() && !written.starts_with('/') && !written.starts_with("./");
    if !fine {
        problems.push(
            Problem::new(&written.span, "this is not a path in the repository")
                .label("expected one from its root on, such as \"db/migrate/**\""),
        );
    }
    fine.then(|| written.value.clone())
}
