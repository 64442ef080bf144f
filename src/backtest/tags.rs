//! Deploys by the tags of a repository: a team that tags what it releases has its deploys there.

use super::case::{Case, MOST, Origin};
use super::listed;
use crate::deploy::{Time, WorkloadRef};
use crate::repository::{GitError, Repository};
use chrono::DateTime;

/// The deploys whose tags are like the pattern (`v*`) and not older than `since`, by the time that each tag was made.
///
/// # Errors
/// What git says.
pub async fn find(
    repository: &Repository,
    pattern: &str,
    since: Time,
    workloads: &[WorkloadRef],
) -> Result<Vec<Case>, GitError> {
    let text = repository.tags(pattern, MOST).await?;
    Ok(read(&text, since, workloads))
}

/// Reads a line for each tag: when it was made, and its name.
fn read(text: &str, since: Time, workloads: &[WorkloadRef]) -> Vec<Case> {
    let tag = |line: &str| {
        let (at, name) = line.split_once(' ')?;
        let at = DateTime::parse_from_rfc3339(at).ok()?.to_utc();
        (at >= since).then(|| listed::case(at, Some(name.trim()), Origin::Tag, workloads))
    };
    text.lines().filter_map(tag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backtest::case::tests::workload;

    #[test]
    fn a_tag_is_a_deploy_of_its_name_at_its_time() {
        let text = "2026-02-03T15:02:00+01:00 v1.9.0\n2025-01-01T00:00:00Z v1.0.0\nnonsense\n";
        let since = DateTime::parse_from_rfc3339("2026-01-01T00:00:00Z").map(|at| at.to_utc()).unwrap_or_default();
        let cases = read(text, since, &[workload("app")]);
        assert_eq!(cases.iter().map(Case::label).collect::<Vec<_>>(), ["v1.9.0"]);
    }
}
