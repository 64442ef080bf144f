//! What the variables in a strategy's texts stand for: `$service`, `$to` and their like.

use crate::deploy::change::beside_the_name;
use crate::deploy::{Time, Version, WorkloadKind};
use crate::rollback::request::PlanRequest;
use crate::rollback::spec::VARIABLES;
use crate::rollback::{Blocked, Covered, Goal};
use crate::secret::ESCAPED;
use percent_encoding::utf8_percent_encode;
use std::borrow::Cow;
use std::sync::Arc;

/// Tells the commit of a version, where it is known.
pub(crate) type CommitOf = Arc<dyn Fn(&Version) -> Option<String> + Send + Sync>;

/// Their values for one rollback.
#[derive(Debug, Clone)]
pub(super) struct Values {
    pub(super) service: String,
    pub(super) environment: String,
    pub(super) namespace: String,
    pub(super) workload: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) from_commit: Option<String>,
    pub(super) to_commit: Option<String>,
    pub(super) actor: String,
    pub(super) reason: String,
    pub(super) id: String,
}

impl Values {
    /// What they stand for when this is rolled back. `commit_of` is whoever knows the commits of versions.
    ///
    /// # Errors
    /// Two versions that go by one name and are of one commit: whoever is asked for `$to` would deploy what runs.
    pub(super) fn new(
        request: &PlanRequest,
        covered: &Covered,
        id: String,
        commit_of: impl Fn(&Version) -> Option<String>,
    ) -> Result<Self, Blocked> {
        let (from, to) = (covered.from.label(), covered.to.label());
        let (from_commit, to_commit) = (commit_of(&covered.from), commit_of(&covered.to));
        if from == to && from_commit == to_commit {
            return Err(no_difference(covered));
        }
        let reason = match (request.goal, request.wanted.reason.as_str()) {
            // What speaks against the deploy does not speak for bringing it back.
            (Goal::Undo, _) => format!("the rollback to {from} is undone"),
            (Goal::RollBack, "") => format!("{from} is rolled back"),
            (Goal::RollBack, reason) => reason.to_owned(),
        };
        Ok(Self {
            service: request.service.clone(),
            environment: request.environment.clone(),
            namespace: request.reference.namespace.clone(),
            workload: request.reference.to_string(),
            from: from.to_owned(),
            to: to.to_owned(),
            from_commit,
            to_commit,
            actor: request.wanted.actor.clone(),
            reason,
            id,
        })
    }

    /// The text with `$name` and `${name}` filled in; `$$` is a dollar. A `$` before anything but a name
    /// stays what it is.
    ///
    /// # Errors
    /// An unknown variable, or a commit that nobody knows.
    pub(super) fn fill(&self, text: &str) -> Result<String, Blocked> {
        self.fill_with(text, Cow::Borrowed)
    }

    /// The same for a JSON text whose strings hold variables: values cannot end a string.
    pub(super) fn fill_json(&self, text: &str) -> Result<String, Blocked> {
        self.fill_with(text, |value| {
            let quoted = serde_json::Value::from(value).to_string();
            Cow::Owned(quoted[1..quoted.len() - 1].to_owned())
        })
    }

    /// The texts of name and value pairs.
    pub(super) fn fill_pairs(&self, pairs: &[(String, String)]) -> Result<Vec<(String, String)>, Blocked> {
        pairs.iter().map(|(name, value)| Ok((name.clone(), self.fill(value)?))).collect()
    }

    fn fill_with<'a>(&'a self, text: &str, escape: impl Fn(&'a str) -> Cow<'a, str>) -> Result<String, Blocked> {
        substitute(text, |name| self.value(name).map(&escape))
    }

    fn value(&self, name: &str) -> Result<&str, Blocked> {
        let unknown = |version: &str| Blocked {
            reason: format!("cannot find the commit of {version}, and ${name} stands for it"),
            way_out: "set this environment's repository, or use versions that end with their commit".to_owned(),
        };
        Ok(match name {
            "service" => &self.service,
            "environment" => &self.environment,
            "namespace" => &self.namespace,
            "workload" => &self.workload,
            "from" => &self.from,
            "to" => &self.to,
            "from_commit" => self.from_commit.as_deref().ok_or_else(|| unknown(&self.from))?,
            "to_commit" => self.to_commit.as_deref().ok_or_else(|| unknown(&self.to))?,
            "actor" => &self.actor,
            "reason" => &self.reason,
            "id" => &self.id,
            _ => {
                return Err(Blocked {
                    reason: format!("${name} is not a rollback variable"),
                    way_out: format!("use ${}; $$ is a literal dollar", VARIABLES.join(", $")),
                });
            }
        })
    }

    /// What makes the filled texts differ from those of another workload: the values of the variables in
    /// them, for a subject that is the same only where the request is. `(cart, to 1.8.3)`, or nothing.
    pub(super) fn distinction(&self, texts: &[&str]) -> String {
        let uses = |name: &str| texts.iter().any(|text| mentions(text, name));
        let parts: Vec<String> = [
            uses("service").then(|| self.service.clone()),
            uses("namespace").then(|| format!("in {}", self.namespace)),
            uses("workload").then(|| self.workload.clone()),
            (uses("from") || uses("from_commit")).then(|| format!("from {}", self.from)),
            (uses("to") || uses("to_commit")).then(|| format!("to {}", self.to)),
        ]
        .into_iter()
        .flatten()
        .collect();
        if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
    }
}

/// Why a rollback by name cannot go from a version to one of the same name, and what tells them apart.
fn no_difference(covered: &Covered) -> Blocked {
    let Covered { from, to, reference, .. } = covered;
    let (namespace, revision) = (&reference.namespace, to.revision);
    let undo = match reference.kind {
        WorkloadKind::Rollout => format!("kubectl argo rollouts undo {}", reference.name),
        _ => format!("kubectl rollout undo {reference}"),
    };
    let beside = beside_the_name(from, to).map(|beside| format!(" ({beside})")).unwrap_or_default();
    Blocked {
        reason: format!("$from and $to are both {}: it would deploy what is already running{beside}", to.label()),
        way_out: format!(
            "roll back in the cluster: {undo} -n {namespace} --to-revision={revision}; \
             if another container's image is the version, set `container`"
        ),
    }
}

/// The text with what `value` says in place of each `$name` and `${name}`, and a dollar in place of two.
pub(crate) fn substitute<'a>(
    text: &str,
    value: impl Fn(&str) -> Result<Cow<'a, str>, Blocked>,
) -> Result<String, Blocked> {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let length = match reference(rest) {
            Reference::Dollar(length) => {
                out.push('$');
                length
            }
            Reference::Variable(length, name) => {
                out.push_str(&value(name)?);
                length
            }
        };
        rest = &rest[length..];
    }
    out.push_str(rest);
    Ok(out)
}

/// A text that no other rollback has: `$id`.
pub(crate) fn fresh_id(now: Time) -> String {
    format!("redflag-{:x}-{:06x}", now.timestamp(), fastrand::u32(..1 << 24))
}

/// A value as it may stand in an address: it cannot change more than its own place there.
pub(crate) fn percent_encoded(value: &str) -> String {
    utf8_percent_encode(value, ESCAPED).to_string()
}

/// A word for a shell, quoted where it needs to be: for the line that people can type instead.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@=,+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Whether a text holds a variable.
pub(super) fn mentions(text: &str, variable: &str) -> bool {
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        rest = &rest[start..];
        let length = match reference(rest) {
            Reference::Variable(_, name) if name == variable => return true,
            Reference::Variable(length, _) | Reference::Dollar(length) => length,
        };
        rest = &rest[length..];
    }
    false
}

/// The commit that a version names itself: a hash of 7 to 40 digits as its whole tag or after its last
/// hyphen, as `git describe` writes it (`1.8.3-4-g0a1b2c3`).
pub(super) fn commit_in(version: &Version) -> Option<String> {
    let label = version.label();
    let last = label.rsplit('-').next().unwrap_or(label);
    let hash = last.strip_prefix('g').filter(|_| last != label).unwrap_or(last);
    let is_hash = (7..=40).contains(&hash.len())
        && hash.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
        // A date or a build number is not a commit.
        && hash.contains(|c: char| c.is_ascii_alphabetic());
    is_hash.then(|| hash.to_owned())
}

/// What stands at a `$`, with its length in bytes.
enum Reference<'a> {
    /// A dollar.
    Dollar(usize),
    /// A variable.
    Variable(usize, &'a str),
}

fn reference(text: &str) -> Reference<'_> {
    let inner = &text[1..];
    if inner.starts_with('$') {
        return Reference::Dollar(2);
    }
    if let Some(braced) = inner.strip_prefix('{') {
        let length = name_length(braced);
        return if length > 0 && braced[length..].starts_with('}') {
            Reference::Variable(length + 3, &braced[..length])
        } else {
            Reference::Dollar(1)
        };
    }
    match name_length(inner) {
        0 => Reference::Dollar(1),
        length => Reference::Variable(length + 1, &inner[..length]),
    }
}

fn name_length(text: &str) -> usize {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn values() -> Values {
        Values {
            service: "cart".to_owned(),
            environment: "production".to_owned(),
            namespace: "shop".to_owned(),
            workload: "deployment/app".to_owned(),
            from: "1.9.0".to_owned(),
            to: "1.8.3".to_owned(),
            from_commit: None,
            to_commit: Some("0a1b2c3".to_owned()),
            actor: "ana@laptop".to_owned(),
            reason: "error rate 2.4 %\nsays \"app\"".to_owned(),
            id: "redflag-1".to_owned(),
        }
    }

    #[test]
    fn every_variable_is_filled_in() {
        let filled =
            values().fill("$service/${environment} $namespace $workload $from-$to $to_commit $actor $id").unwrap();
        assert_eq!(filled, "cart/production shop deployment/app 1.9.0-1.8.3 0a1b2c3 ana@laptop redflag-1");
    }

    #[test]
    fn two_dollars_are_one_and_a_dollar_alone_stays() {
        assert_eq!(values().fill("$$to costs 5 $ and $1 ${ $").unwrap(), "$to costs 5 $ and $1 ${ $");
    }

    #[test]
    fn what_is_not_known_is_named() {
        let unknown = values().fill("v$verison").unwrap_err();
        assert_eq!(unknown.reason, "$verison is not a rollback variable");
        assert!(unknown.way_out.starts_with("use $service, $environment"), "{}", unknown.way_out);
        let commit = values().fill("$from_commit").unwrap_err();
        assert_eq!(commit.reason, "cannot find the commit of 1.9.0, and $from_commit stands for it");
    }

    #[test]
    fn a_value_cannot_end_a_json_string() {
        let filled = values().fill_json(r#"{"why": "$reason", "to": "$to"}"#).unwrap();
        let body: serde_json::Value = serde_json::from_str(&filled).unwrap();
        assert_eq!(body["why"], "error rate 2.4 %\nsays \"app\"");
        assert_eq!(body["to"], "1.8.3");
    }

    #[test]
    fn requests_that_differ_have_subjects_that_differ() {
        assert_eq!(values().distinction(&["$service", "$to"]), " (cart, to 1.8.3)");
        assert_eq!(values().distinction(&["$to_commit", "$id"]), " (to 1.8.3)");
        assert_eq!(values().distinction(&["$$service", "$environment"]), "");
    }

    #[test]
    fn words_for_a_shell_are_quoted() {
        assert_eq!(quoted("version=1.8.3"), "version=1.8.3");
        assert_eq!(quoted("why=it's red"), r"'why=it'\''s red'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn a_version_may_name_its_commit() {
        let commit = |tag: &str| {
            commit_in(&Version {
                images: vec![format!("shop/app:{tag}")],
                revision: 1,
                hash: String::new(),
                ..Version::default()
            })
        };
        assert_eq!(commit("0a1b2c3").as_deref(), Some("0a1b2c3"));
        assert_eq!(commit("1.8.3-4-g0a1b2c3").as_deref(), Some("0a1b2c3"));
        assert_eq!(commit("main-0a1b2c3d").as_deref(), Some("0a1b2c3d"));
        for none in ["1.8.3", "20231114", "latest", "build-1234567", "g0a1b2c3"] {
            assert_eq!(commit(none), None, "{none}");
        }
    }
}
