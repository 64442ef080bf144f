//! Texts with variables that are filled in when they are used: an unknown one is refused, and `$$` is a dollar.

use super::address;
use super::at::At;
use super::problem::{Problem, Problems};
use crate::rollback::variables::VARIABLES;
use crate::template::Template;

/// The variables of a rollback, and the run id that a webhook's answer names.
pub(crate) fn of_a_run() -> Vec<&'static str> {
    VARIABLES.into_iter().chain(["run"]).collect()
}

/// The variables of a flag that is turned off.
pub(crate) const OF_A_FLAG: [&str; 2] = ["feature", "environment"];

/// A text that is not empty and holds only variables that are known where it is used.
pub(crate) fn check(written: &At<String>, known: &[&str], problems: &mut Problems) -> Option<String> {
    if written.trim().is_empty() {
        problems.push(Problem::new(&written.span, "this string is empty"));
        return None;
    }
    let unknown = Template::ours(written).variables().find(|name| !known.contains(name));
    let Some(unknown) = unknown else { return Some(written.value.clone()) };
    let (unknown, known) = (format!("${unknown}"), known.iter().map(|name| format!("${name}")).collect::<Vec<_>>());
    let problem = Problem::new(&written.span, format!("unknown variable `{unknown}`"));
    problems.push(problem.names(&unknown, &known, "variables ($$ is a dollar)"));
    None
}

/// An address with the variables of a flag in it.
pub(crate) fn flag_address(written: &At<String>, problems: &mut Problems) -> Option<String> {
    let known = check(written, &OF_A_FLAG, problems);
    address::check_as_written(written, problems).filter(|_| known.is_some())
}

/// A name as git takes it (git-check-ref-format), that can never be read as an option.
pub(crate) fn git_name(written: &At<String>, whose: &str, like: &str, problems: &mut Problems) -> Option<String> {
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
