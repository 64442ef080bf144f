//! Texts with variables that are filled in when they are used: an unknown one is refused, and `$$` is a dollar.

use super::at::At;
use super::problem::{Problem, Problems};
use super::variables::references;
use crate::rollback::spec::VARIABLES;

/// The variables of a rollback, and the run id that a webhook's answer names.
pub(super) fn of_a_run() -> Vec<&'static str> {
    VARIABLES.into_iter().chain(["run"]).collect()
}

/// The variables of a flag that is turned off.
pub(super) const OF_A_FLAG: [&str; 2] = ["feature", "environment"];

/// A text that is not empty and holds only variables that are known where it is used.
pub(super) fn check(written: &At<String>, known: &[&str], problems: &mut Problems) -> Option<String> {
    if written.trim().is_empty() {
        problems.push(Problem::new(&written.span, "this string is empty"));
        return None;
    }
    let unknown = references(written).into_iter().find(|name| !known.contains(name));
    let Some(unknown) = unknown else { return Some(written.value.clone()) };
    let (unknown, known) = (format!("${unknown}"), known.iter().map(|name| format!("${name}")).collect::<Vec<_>>());
    let problem = Problem::new(&written.span, format!("unknown variable `{unknown}`"));
    problems.push(problem.names(&unknown, &known, "variables ($$ is a dollar)"));
    None
}
