//! Sentry's issues, and the memory of those that were listed once.

use crate::deploy::Time;
use crate::net::http::clean;
use crate::poll::{Issue, Novelty};
use crate::signal::SignalId;
use chrono::DateTime;
use serde::Deserialize;
use std::collections::HashMap;

/// The most issues remembered of one signal; the errors pane shows far fewer.
const REMEMBERED: usize = 100;

/// One issue of a list. Every field but the id may be missing: `collapse` and old versions leave some out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Item {
    id: String,
    #[serde(default)]
    title: String,
    culprit: Option<String>,
    permalink: Option<String>,
    level: Option<String>,
    is_unhandled: Option<bool>,
    count: Option<Count>,
    user_count: Option<Count>,
    first_seen: Option<String>,
    last_seen: Option<String>,
}

/// A count that is a string in some fields and a number in others.
#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    Number(u64),
    Text(String),
}

impl Count {
    fn number(count: Option<&Self>) -> u64 {
        match count {
            Some(Self::Number(number)) => *number,
            Some(Self::Text(text)) => text.parse().unwrap_or(0),
            None => 0,
        }
    }
}

impl Item {
    /// As the errors pane shows it.
    pub(super) fn into_issue(self, signal: SignalId, novelty: Novelty) -> Issue {
        Issue {
            signal,
            title: clean(&self.title),
            culprit: self.culprit.map(|culprit| clean(&culprit)).filter(|culprit| !culprit.is_empty()),
            novelty,
            fatal: self.level.as_deref() == Some("fatal") || self.is_unhandled == Some(true),
            count: Count::number(self.count.as_ref()),
            users: Count::number(self.user_count.as_ref()),
            first_seen: moment(self.first_seen.as_deref()),
            last_seen: moment(self.last_seen.as_deref()),
            link: self.permalink.map(|link| clean(&link)),
            id: clean(&self.id),
        }
    }
}

fn moment(text: Option<&str>) -> Option<Time> {
    Some(DateTime::parse_from_rfc3339(text?).ok()?.to_utc())
}

/// Issues by signal, as last told, for the release that each signal watches now.
#[derive(Default)]
pub(super) struct Seen(HashMap<SignalId, (String, Vec<Issue>)>);

impl Seen {
    /// Takes a list in; gives everything that was ever listed for this release, as last told.
    pub(super) fn remember(&mut self, signal: SignalId, release: &str, fresh: Vec<Issue>) -> Vec<Issue> {
        let (of, known) = self.0.entry(signal).or_default();
        if of != release {
            release.clone_into(of);
            known.clear();
        }
        for issue in fresh {
            let room = known.len() < REMEMBERED;
            match known.iter_mut().find(|old| old.id == issue.id) {
                // One that is new in this version stays new, also after it was resolved and came back.
                Some(old) => *old = Issue { novelty: old.novelty, ..issue },
                None if room => known.push(issue),
                None => {}
            }
        }
        known.clone()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn issue(json: &str) -> Issue {
        serde_json::from_str::<Item>(json).unwrap().into_issue(SignalId(0), Novelty::New)
    }

    #[test]
    fn an_issue_is_read_whatever_is_left_out_of_it() {
        let bare = issue(r#"{"id":"7"}"#);
        assert_eq!((bare.count, bare.users, bare.fatal), (0, 0, false));
        let whole = issue(
            r#"{"id":"8","title":"TypeError:\u001b[2J x","count":"1204","userCount":31,"level":"error",
                "isUnhandled":true,"firstSeen":"2026-01-01T00:00:00.123456Z","permalink":"https://s/8"}"#,
        );
        assert_eq!((whole.count, whole.users, whole.fatal), (1204, 31, true));
        assert_eq!(whole.title, "TypeError: [2J x");
        assert!(whole.first_seen.is_some());
    }

    #[test]
    fn an_issue_that_the_index_forgets_is_still_known() {
        let mut seen = Seen::default();
        let ids = |issues: Vec<Issue>| issues.into_iter().map(|issue| issue.id).collect::<Vec<_>>();
        seen.remember(SignalId(0), "app@2", vec![issue(r#"{"id":"1"}"#)]);
        assert_eq!(ids(seen.remember(SignalId(0), "app@2", vec![issue(r#"{"id":"2"}"#)])), ["1", "2"]);
        assert_eq!(ids(seen.remember(SignalId(1), "app@2", vec![])), [""; 0]);
        assert_eq!(ids(seen.remember(SignalId(0), "app@3", vec![])), [""; 0]);
    }
}
