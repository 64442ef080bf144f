//! What keeps a service as Git has it, where the scenario has it: an application of the company's Argo CD.

use crate::deploy::Time;
use chrono::TimeDelta;
use serde_json::{Value, json};

/// The annotation by which Argo CD knows its own.
pub(crate) const TRACKING: &str = "argocd.argoproj.io/tracking-id";
/// How long a synchronization takes.
const SYNC: TimeDelta = TimeDelta::seconds(4);
/// How soon a change manually is put back.
const HEAL: TimeDelta = TimeDelta::seconds(3);

/// What Argo CD keeps of its one application.
#[derive(Debug)]
pub(crate) struct Application {
    /// Its name; the service's as well.
    pub(crate) name: String,
    /// `spec.syncPolicy.automated`, as it was patched.
    pub(crate) automated: Value,
    /// What Git has.
    pub(crate) in_git: String,
    /// Deployed versions, oldest first, the last one being what it wants to be live.
    pub(crate) history: Vec<Entry>,
    pub(crate) operation: Option<Operation>,
    /// Since when what is live is not what it wants.
    drifted: Option<Time>,
}

/// A version that was deployed.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: i64,
    pub(crate) version: String,
    pub(crate) at: Time,
}

/// A synchronization that somebody asked for: a rollback.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) version: String,
    pub(crate) begun: Time,
    pub(crate) done: bool,
}

impl Application {
    /// An application that has deployed these versions, oldest first, days apart.
    pub(crate) fn new(name: &str, versions: &[String], now: Time) -> Self {
        let ages = (0..).map(|back| TimeDelta::hours(52 + 170 * back));
        let mut history: Vec<Entry> = versions
            .iter()
            .rev()
            .zip(ages)
            .map(|(version, age)| Entry { id: 0, version: version.clone(), at: now - age })
            .collect();
        history.reverse();
        for (entry, id) in history.iter_mut().zip(1..) {
            entry.id = id;
        }
        Self {
            name: name.to_owned(),
            automated: json!({"prune": true, "selfHeal": true}),
            in_git: versions.last().cloned().unwrap_or_default(),
            history,
            operation: None,
            drifted: None,
        }
    }

    /// Somebody merged a new version.
    pub(crate) fn merge(&mut self, version: &str, now: Time) {
        version.clone_into(&mut self.in_git);
        self.note(version, now);
    }

    /// Whether it synchronizes by itself: present without `enabled` it does.
    pub(crate) fn auto_syncs(&self) -> bool {
        self.automated.is_object() && self.automated["enabled"] != false
    }

    fn note(&mut self, version: &str, now: Time) {
        let id = self.history.last().map_or(1, |entry| entry.id + 1);
        self.history.push(Entry { id, version: version.to_owned(), at: now });
    }

    /// What is done now, given the version that is live: the version to deploy, if any.
    pub(crate) fn step(&mut self, live: &str, now: Time) -> Option<String> {
        if let Some(operation) = self.operation.as_mut().filter(|operation| !operation.done) {
            if now - operation.begun < SYNC {
                return None;
            }
            operation.done = true;
            let version = operation.version.clone();
            self.note(&version, now);
            return Some(version);
        }
        if !self.auto_syncs() || live == self.in_git {
            self.drifted = None;
            return None;
        }
        let drifted = *self.drifted.get_or_insert(now);
        (now - drifted >= HEAL).then(|| self.in_git.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn at(second: i64) -> Time {
        DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap_or_default()
    }

    #[test]
    fn a_manual_change_is_put_back_within_seconds_while_it_synchronizes_automatically() {
        let mut app = Application::new("app", &["1.8.3".to_owned(), "1.9.0".to_owned()], at(0));
        assert_eq!(app.step("1.9.0", at(1)), None);
        assert_eq!(app.step("1.8.3", at(2)), None);
        assert_eq!(app.step("1.8.3", at(5)).as_deref(), Some("1.9.0"));
        app.automated["enabled"] = json!(false);
        assert_eq!(app.step("1.8.3", at(60)), None);
    }
}
