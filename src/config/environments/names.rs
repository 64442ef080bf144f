//! Names in an environment: of workloads, namespaces, containers, services.

use crate::config::at::{At, Span};
use crate::config::problem::{Problem, Problems};
use crate::deploy::WorkloadKind;

/// Kind and name of `deployment/app`; also in kubectl's short and plural forms.
pub(super) fn reference<'a>(text: &'a str, span: &Span) -> Result<(WorkloadKind, &'a str), Problem> {
    let Some((kind, name)) = text.split_once('/') else {
        return Err(Problem::new(span, format!("`{text}` does not say what kind of workload it is")).way_out(format!(
            "write \"deployment/{text}\", \"statefulset/{text}\", \"daemonset/{text}\" or \"rollout/{text}\""
        )));
    };
    let found = WorkloadKind::ALL
        .into_iter()
        .find(|known| [known.as_str(), known.plural(), known.short()].contains(&kind.to_ascii_lowercase().as_str()));
    let Some(found) = found else {
        let kinds = WorkloadKind::ALL.map(WorkloadKind::as_str);
        return Err(Problem::new(span, format!("redflag does not watch workloads of the kind `{kind}`"))
            .names(kind, &kinds, "kinds"));
    };
    // Names of workloads are DNS subdomains: labels joined by dots.
    if name.len() > 253 || !name.split('.').all(is_label) {
        return Err(Problem::new(span, format!("`{name}` cannot be a workload's name"))
            .label("expected small letters, digits, - and ."));
    }
    Ok((found, name))
}

/// Whether Kubernetes takes this for a DNS label.
pub(super) fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 63
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// Names go into queries and on command lines, so they hold nothing that would need quoting there.
pub(super) fn plain_name(name: &At<String>, whose: &str, problems: &mut Problems) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let fine = !name.is_empty() && name.chars().all(plain) && !name.starts_with('-');
    if !fine {
        problems.push(
            Problem::new(&name.span, format!("`{}` cannot be the name of {whose}", name.value))
                .label("expected letters, digits, -, _ and ."),
        );
    }
    fine
}
