//! The local clone, and how a deploy is reverted in it, checked.

use super::{path, run_time};
use crate::config::at::At;
use crate::config::checked::{each, optional};
use crate::config::problem::{Problem, Problems};
use crate::config::schema::rollback as schema;
use crate::config::texts;
use crate::rollback::spec::{GitSpec, RepositorySpec};
use crate::template::Template;
use std::time::Duration;

/// How long one call of git may take when nothing is said.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// How a version names its commit when nothing is said.
const TAGS: [&str; 2] = ["$version", "v$version"];

pub(super) fn repository(raw: &schema::Repository, problems: &mut Problems) -> Option<RepositorySpec> {
    let path = path(&raw.path, problems);
    let remote = optional(raw.remote.as_ref(), |name| reference(name, "a remote", "origin", problems));
    let tags = optional(raw.tags.as_ref(), |tags| each(tags, |written| tag(written, problems)));
    let migrations = each(raw.migrations.iter().flatten(), |written| pattern(written, problems));
    let usual = || TAGS.map(ToOwned::to_owned).to_vec();
    Some(RepositorySpec {
        path: path?,
        remote: remote?.unwrap_or_else(|| "origin".to_owned()),
        tags: tags?.unwrap_or_else(usual),
        migrations: migrations?,
    })
}

pub(super) fn check(raw: &schema::Git, problems: &mut Problems) -> Option<GitSpec> {
    let branch = reference(&raw.branch, "a branch", "release/1.9", problems);
    let timeout = run_time(raw.timeout.as_ref(), DEFAULT_TIMEOUT, problems);
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
    if Template::ours(&text).mentions("version") {
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
