//! What the file of a workflow says of its trigger, its inputs and its runs' names.

use crate::rollback::{Check, CheckKind};
use crate::template::Template;

/// Whether a dispatch fits it. Read as text, so it is a hint and never a reason to refuse.
pub(super) fn declares(file: &str, inputs: &[(String, String)]) -> Vec<Check> {
    let name = CheckKind::Trigger;
    if !file.contains("workflow_dispatch") {
        let way_out = "add `on: workflow_dispatch` to it on the default branch".to_owned();
        return vec![Check::warning(
            name,
            "its file has no workflow_dispatch: GitHub may refuse to run it",
            Some(way_out),
        )];
    }
    let is_there =
        |input: &str| file.lines().any(|line| line.trim_start().trim_start_matches(['"', '\'']).starts_with(input));
    let missing: Vec<&str> = inputs.iter().map(|(input, _)| input.as_str()).filter(|input| !is_there(input)).collect();
    if !missing.is_empty() {
        let way_out = "compare the inputs in this environment's rollback.ci with those in the workflow".to_owned();
        let sentence = format!("its file does not declare the inputs {}: GitHub may refuse them", missing.join(", "));
        return vec![Check::warning(name, sentence, Some(way_out))];
    }
    let mut checks = vec![Check::ok(name, "its file has workflow_dispatch and these inputs")];
    let mark = inputs.iter().find(|(_, value)| Template::ours(value).mentions("id")).map(|(input, _)| input);
    let is_shown = mark.is_some_and(|mark| {
        file.lines().any(|line| line.trim_start().starts_with("run-name:") && line.contains(&format!("inputs.{mark}")))
    });
    if !is_shown {
        let mark = mark.map_or("id", String::as_str);
        checks.push(Check::warning(
            CheckKind::RunName,
            "its runs do not identify the rollback: after a lost response it cannot be found",
            Some(format!("set `{mark} = \"$id\"` among the inputs, and in the workflow run-name: rollback ${{{{ inputs.{mark} }}}}")),
        ));
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollback::CheckOutcome;

    const FILE: &str = "name: rollback\nrun-name: back to ${{ inputs.version }} ${{ inputs.id }}\non:\n  \
                        workflow_dispatch:\n    inputs:\n      version:\n        required: true\n      id:\n";

    fn inputs(names: &[(&str, &str)]) -> Vec<(String, String)> {
        names.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_workflow_that_fits_has_nothing_to_warn_of() {
        let checks = declares(FILE, &inputs(&[("version", "$to"), ("id", "$id")]));
        assert!(checks.iter().all(|check| check.outcome == CheckOutcome::Ok), "{checks:?}");
    }

    #[test]
    fn what_a_dispatch_would_be_refused_for_is_seen_before() {
        let sentence = |file: &str, given: &[(&str, &str)]| declares(file, &inputs(given))[0].sentence.clone();
        assert_eq!(sentence("on: push", &[]), "its file has no workflow_dispatch: GitHub may refuse to run it");
        assert_eq!(
            sentence(FILE, &[("version", "$to"), ("tag", "$to")]),
            "its file does not declare the inputs tag: GitHub may refuse them"
        );
    }

    #[test]
    fn runs_that_cannot_be_told_apart_are_warned_of() {
        let checks = declares(FILE, &inputs(&[("version", "$to")]));
        assert_eq!(checks[1].name(), "run name");
        assert!(checks[1].way_out.as_ref().is_some_and(|way| way.contains("${{ inputs.id }}")), "{checks:?}");
    }
}
