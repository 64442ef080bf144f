//! What the variables in a strategy's texts stand for: `$service`, `$to` and their like.

use crate::deploy::change::beside_the_name;
use crate::deploy::{Version, WorkloadKind};
use crate::rollback::request::PlanRequest;
use crate::rollback::{Blocked, Covered, Goal};
use crate::template::Template;
use std::borrow::Cow;
use std::sync::Arc;

/// What texts of a rollback may hold, in the order in which errors list them: the service, environment, namespace and
/// workload (`deployment/app`), both versions and, where a repository or the version itself tells them, their commits, who
/// asks and why, and an id, one for each rollback.
pub(crate) const VARIABLES: [&str; 11] = [
    "service",
    "environment",
    "namespace",
    "workload",
    "from",
    "to",
    "from_commit",
    "to_commit",
    "actor",
    "reason",
    "id",
];

/// Tells the commit of a version, where it is known.
pub type CommitOf = Arc<dyn Fn(&Version) -> Option<String> + Send + Sync>;

/// Their values for one rollback.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    pub(crate) service: String,
    pub(crate) environment: String,
    pub(crate) namespace: String,
    pub(crate) workload: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) from_commit: Option<String>,
    pub(crate) to_commit: Option<String>,
    pub(crate) actor: String,
    pub(crate) reason: String,
    pub(crate) id: String,
}

impl Values {
    /// What they stand for when this is rolled back. `commit_of` is whoever knows the commits of versions.
    ///
    /// # Errors
    /// Two versions that go by one name and are of one commit: whoever is asked for `$to` would deploy what runs.
    pub(crate) fn new(
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
    pub(crate) fn fill(&self, text: &str) -> Result<String, Blocked> {
        self.fill_with(text, Cow::Borrowed)
    }

    /// The same for a JSON text whose strings hold variables: values cannot end a string.
    pub(crate) fn fill_json(&self, text: &str) -> Result<String, Blocked> {
        self.fill_with(text, |value| {
            let quoted = serde_json::Value::from(value).to_string();
            Cow::Owned(quoted[1..quoted.len() - 1].to_owned())
        })
    }

    /// The texts of name and value pairs.
    pub(crate) fn fill_pairs(&self, pairs: &[(String, String)]) -> Result<Vec<(String, String)>, Blocked> {
        pairs.iter().map(|(name, value)| Ok((name.clone(), self.fill(value)?))).collect()
    }

    fn fill_with<'a>(&'a self, text: &str, escape: impl Fn(&'a str) -> Cow<'a, str>) -> Result<String, Blocked> {
        Template::ours(text).fill(|name| self.value(name).map(&escape))
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
    pub(crate) fn distinction(&self, texts: &[&str]) -> String {
        let uses = |name: &str| texts.iter().any(|text| Template::ours(text).mentions(name));
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

/// A word for a shell, quoted where it needs to be: for the line that people can type instead.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@=,+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The commit that a version names itself: a hash of 7 to 40 digits as its whole tag or after its last
/// hyphen, as `git describe` writes it (`1.8.3-4-g0a1b2c3`).
pub fn commit_in(version: &Version) -> Option<String> {
    let label = version.label();
    let last = label.rsplit('-').next().unwrap_or(label);
    let hash = last.strip_prefix('g').filter(|_| last != label).unwrap_or(last);
    let is_hash = (7..=40).contains(&hash.len())
        && hash.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
        // A date or a build number is not a commit.
        && hash.contains(|c: char| c.is_ascii_alphabetic());
    is_hash.then(|| hash.to_owned())
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
