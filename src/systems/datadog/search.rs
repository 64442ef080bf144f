//! Which tags a monitor search names, so that another service's groups of the same monitor are told from ours.

use std::collections::HashMap;

/// The tags of a search, by key: `service:app env:production` names two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tags(HashMap<String, Vec<String>>);

impl Tags {
    /// Reads what is a plain tag of a search, written `service:app`, `tag:service:app` or `tag:"service:app"`. Whatever
    /// else a search may hold (`status:`, negations, texts) tells no group from another.
    pub(super) fn of(search: &str) -> Self {
        const NOT_TAGS: [&str; 8] = ["status", "type", "title", "muted", "notification", "priority", "creator", "id"];
        let mut tags: HashMap<String, Vec<String>> = HashMap::new();
        for term in search.split_whitespace().map(|term| term.trim_matches(['(', ')'])) {
            let term = term.strip_prefix("tag:").unwrap_or(term).replace('"', "");
            let Some((key, value)) = term.split_once(':').filter(|(key, _)| !key.starts_with('-')) else { continue };
            if !value.is_empty() && !NOT_TAGS.contains(&key) {
                tags.entry(key.to_owned()).or_default().push(value.to_owned());
            }
        }
        Self(tags)
    }

    /// Whether a group of a monitor (`service:app,host:a`) may be ours: no tag of it has another value than the search
    /// names.
    pub(super) fn may_be_ours(&self, group: &str) -> bool {
        group.split(',').all(|tag| match tag.trim().split_once(':') {
            Some((key, value)) => self.0.get(key).is_none_or(|wanted| wanted.iter().any(|wanted| wanted == value)),
            None => true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_services_group_is_not_ours() {
        for search in ["service:app env:production", "tag:\"service:app\" (env:production) status:alert text"] {
            let tags = Tags::of(search);
            assert!(tags.may_be_ours("service:app"));
            assert!(tags.may_be_ours("service:app,host:a"));
            assert!(tags.may_be_ours("host:a") && tags.may_be_ours("*"));
            assert!(!tags.may_be_ours("service:billing"), "{search}");
            assert!(!tags.may_be_ours("host:a,env:staging"));
        }
        assert!(Tags::of("-service:app pool").may_be_ours("service:app"));
        assert!(Tags::of("service:app OR service:cart").may_be_ours("service:cart"));
    }
}
