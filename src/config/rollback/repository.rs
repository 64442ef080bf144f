//! The local clone of what is deployed, checked.

use crate::config::at::At;
use crate::config::checked::{each, optional};
use crate::config::problem::{Problem, Problems};
use crate::config::schema::rollback as schema;
use crate::repository::RepositorySpec;
use crate::settings::program::path;
use crate::settings::texts;
use crate::template::Template;

/// How a version names its commit when nothing is said.
const TAGS: [&str; 2] = ["$version", "v$version"];

pub(super) fn check(raw: &schema::Repository, problems: &mut Problems) -> Option<RepositorySpec> {
    let path = path(&raw.path, problems);
    let remote = optional(raw.remote.as_ref(), |name| texts::git_name(name, "a remote", "origin", problems));
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
