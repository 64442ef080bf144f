//! An application of Argo CD as its API gives it: its history, its auto-sync, its operation.

use crate::deploy::Time;
use crate::net::http::clean;
use crate::rollback::action::AutoSyncPause;
use crate::rollback::external_history::Record;
use crate::rollback::owner::{self, Owner};
use crate::rollback::variables::quoted;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

/// An application.
pub(super) struct Application(pub(super) Value);

/// One entry of its history: a synchronization that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its number.
    pub(super) id: i64,
    /// When it had ended.
    pub(super) deployed: Option<Time>,
    /// When it had begun, or the earliest that it can have.
    pub(super) began: Option<Time>,
    /// What it deployed: a commit or a chart's version, one for each source.
    pub(super) revisions: Vec<String>,
    /// Who began it; `None` for Argo CD itself.
    pub(super) by: Option<String>,
    /// Its source or sources, as they were.
    sources: Value,
}

/// How far the operation of a rollback has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing is seen of it.
    NotBegun,
    /// It is asked for, or in progress; in Argo CD's words.
    Running(String),
    /// It succeeded.
    Succeeded,
    /// It has ended badly; in Argo CD's words.
    Failed(String),
    /// Another operation came after the plan was made; which.
    Overtaken(String),
}

/// What a rollback is known by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aim<'a> {
    pub(super) revisions: &'a [String],
    pub(super) last: i64,
    pub(super) last_operation: Option<&'a str>,
}

impl Application {
    /// Its own namespace.
    pub(super) fn namespace(&self) -> Option<&str> {
        self.0["metadata"]["namespace"].as_str()
    }

    /// Its project; Argo CD's own word for none is `default`.
    pub(super) fn project(&self) -> &str {
        self.0["spec"]["project"].as_str().filter(|project| !project.is_empty()).unwrap_or("default")
    }

    /// Its history, oldest first.
    pub(super) fn history(&self) -> Vec<Entry> {
        let items = self.0["status"]["history"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut entries: Vec<Entry> = items.iter().filter_map(entry).collect();
        entries.sort_by_key(|entry| entry.id);
        let mut before = None;
        for entry in &mut entries {
            entry.began = entry.began.or_else(|| Some(likely_beginning(before, entry.deployed?)));
            before = entry.deployed;
        }
        entries
    }

    /// The history as records, and behind it the last operation, if it failed: it may have brought a version.
    pub(super) fn records(&self) -> Vec<Record> {
        let entries = self.history();
        let record = |entry: &Entry| Some(Record { number: entry.id, began: entry.began?, is_good: true });
        let mut records: Vec<Record> = entries.iter().filter_map(record).collect();
        let state = &self.0["status"]["operationState"];
        let failed = time(&state["startedAt"]).filter(|_| state["phase"] != "Succeeded" && !is_dry(state));
        if let Some(began) = failed
            && records.last().is_none_or(|last| last.began < began)
        {
            records.push(Record { number: -1, began, is_good: false });
        }
        records
    }

    /// Whether it synchronizes by itself. Present without `enabled` it does.
    pub(super) fn auto_syncs(&self) -> bool {
        let automated = &self.0["spec"]["syncPolicy"]["automated"];
        automated.is_object() && automated["enabled"] != false
    }

    /// How its auto-sync is paused; `None` where it is off. A server that knows `enabled` (3.1 and
    /// newer) keeps `prune` and `selfHeal` meanwhile; an older one forgets a field that it does not know, so all of it
    /// is taken away, and the way back writes all of it again.
    pub(super) fn pause(&self, name: &str, knows_enabled: bool) -> Option<AutoSyncPause> {
        let automated = &self.0["spec"]["syncPolicy"]["automated"];
        if !self.auto_syncs() {
            return None;
        }
        let patch = |automated: Value| json!({"spec": {"syncPolicy": {"automated": automated}}});
        let (off, on) = if knows_enabled {
            (json!({"enabled": false}), json!({"enabled": automated["enabled"]}))
        } else {
            (Value::Null, automated.clone())
        };
        let again = format!("argocd app patch {name} --type merge --patch {}", quoted(&clean(&patch(on).to_string())));
        Some(AutoSyncPause { off: patch(off), again, keeps_settings: knows_enabled })
    }

    /// Who makes the application itself, and would switch auto-sync on again.
    pub(super) fn made_by(&self) -> Option<String> {
        let metadata = &self.0["metadata"];
        let owners = metadata["ownerReferences"].as_array().map(Vec::as_slice).unwrap_or_default();
        let owner = owners.iter().find_map(|owner| {
            Some(format!("{} {}", owner["kind"].as_str()?, owner["name"].as_str()?)).map(|text| clean(&text))
        });
        let parent = || {
            let tracked = metadata["annotations"]["argocd.argoproj.io/tracking-id"].as_str()?.split(':').next()?;
            Some(format!("application {}", clean(tracked)))
        };
        let older = || {
            let instance = metadata["labels"]["app.kubernetes.io/instance"].as_str()?;
            Some(format!("application {}", clean(instance)))
        };
        // Others may keep it as well: a Kustomization of Flux, say.
        let kept = || match owner::of(&self.0) {
            Owner::Flux(owner) => Some(owner.to_string()),
            Owner::Other(other) => Some(other.describe()),
            Owner::Controller { .. } | Owner::ArgoCd(_) | Owner::Helm { .. } | Owner::Nobody => None,
        };
        owner.or_else(parent).or_else(kept).or_else(older)
    }

    /// The operation that is asked for or in progress: who began it, and when.
    pub(super) fn in_progress(&self) -> Option<String> {
        let (asked, state) = (&self.0["operation"], &self.0["status"]["operationState"]);
        let running = matches!(state["phase"].as_str(), Some("Running" | "Terminating"));
        if !asked.is_object() && !running {
            return None;
        }
        let operation = if asked.is_object() { asked } else { &state["operation"] };
        let since = time(&state["startedAt"]).filter(|_| running);
        let since = since.map_or_else(String::new, |at| format!(" since {}", at.format("%H:%M:%S UTC")));
        Some(format!(
            "by {}{since}",
            initiator(&operation["initiatedBy"]).unwrap_or_else(|| "Argo CD itself".to_owned())
        ))
    }

    /// When the last operation began, as Argo CD writes it.
    pub(super) fn last_operation(&self) -> Option<&str> {
        self.0["status"]["operationState"]["startedAt"].as_str()
    }

    /// How far the rollback has come that is known by this.
    pub(super) fn progress(&self, aim: Aim<'_>) -> Progress {
        let is_ours =
            |operation: &Value| operation["sync"]["dryRun"] != true && revisions(&operation["sync"]) == aim.revisions;
        let (asked, state) = (&self.0["operation"], &self.0["status"]["operationState"]);
        let done = || self.history().last().is_some_and(|last| last.id > aim.last && last.revisions == aim.revisions);
        let is_new = state.is_object() && state["startedAt"].as_str() != aim.last_operation;
        let message = || clean(state["message"].as_str().unwrap_or_default());
        if is_new && is_ours(&state["operation"]) {
            return match state["phase"].as_str() {
                Some("Succeeded") => Progress::Succeeded,
                Some("Failed" | "Error") => Progress::Failed(message()),
                Some("Terminating") => Progress::Running("being terminated".to_owned()),
                _ => Progress::Running(match message() {
                    message if message.is_empty() => "running".to_owned(),
                    message => format!("running: {message}"),
                }),
            };
        }
        if asked.is_object() && is_ours(asked) {
            return Progress::Running("queued".to_owned());
        }
        if done() {
            return Progress::Succeeded;
        }
        if is_new || asked.is_object() {
            let operation = if asked.is_object() { asked } else { &state["operation"] };
            let by = initiator(&operation["initiatedBy"]).unwrap_or_else(|| "Argo CD itself".to_owned());
            let to = short(&revisions(&operation["sync"]));
            return Progress::Overtaken(format!("another operation to {to} was started by {by}"));
        }
        Progress::NotBegun
    }
}

impl Entry {
    /// Whether it says itself that it is this version: among its revisions, or anywhere in its source, as images
    /// and parameters are.
    pub(super) fn names(&self, version: &str) -> bool {
        let plain = |text: &str| text.trim_start_matches('v').to_owned();
        let wanted = plain(version);
        let tag = format!(":{version}");
        self.revisions.iter().any(|revision| plain(revision) == wanted)
            || any_text(&self.sources, &|text| plain(text) == wanted || text.ends_with(&tag))
    }

    /// `3f2a1bc, deployed 2026-11-23 02:09 UTC by ana`.
    pub(super) fn describe(&self) -> String {
        let at = self.deployed.map(|at| format!(", deployed {}", at.format("%Y-%m-%d %H:%M UTC"))).unwrap_or_default();
        let by = self.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        format!("{}{at}{by}", short(&self.revisions))
    }
}

/// When a synchronization of which only the end is known had begun: servers before 2.0 write nothing else. They take
/// seconds; and what came well after the one before is not that one's.
fn likely_beginning(before: Option<Time>, ended: Time) -> Time {
    let earliest = ended - TimeDelta::seconds(30);
    before.map_or(earliest, |before| earliest.max(before + TimeDelta::seconds(6))).min(ended)
}

fn entry(item: &Value) -> Option<Entry> {
    Some(Entry {
        id: item["id"].as_i64()?,
        deployed: time(&item["deployedAt"]),
        began: time(&item["deployStartedAt"]),
        revisions: revisions(item),
        by: initiator(&item["initiatedBy"]),
        sources: Value::Array(vec![item["source"].clone(), item["sources"].clone()]),
    })
}

/// The revision of each source, of a history's entry or of a synchronization.
fn revisions(of: &Value) -> Vec<String> {
    let many = of["revisions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let many: Vec<String> = many.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if many.is_empty() { of["revision"].as_str().map(str::to_owned).into_iter().collect() } else { many }
}

/// Revisions for people: a commit's first seven digits, anything else whole.
pub(super) fn short(revisions: &[String]) -> String {
    let short = |revision: &String| {
        let is_commit = revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
        clean(if is_commit { &revision[..7] } else { revision })
    };
    let all: Vec<String> = revisions.iter().map(short).collect();
    if all.is_empty() { "an unnamed revision".to_owned() } else { all.join(" + ") }
}

fn initiator(by: &Value) -> Option<String> {
    by["username"].as_str().filter(|name| !name.is_empty()).map(clean)
}

fn is_dry(state: &Value) -> bool {
    state["operation"]["sync"]["dryRun"] == true
}

fn time(value: &Value) -> Option<Time> {
    DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|time| time.with_timezone(&Utc))
}

fn any_text(value: &Value, wanted: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => wanted(text),
        Value::Array(items) => items.iter().any(|item| any_text(item, wanted)),
        Value::Object(fields) => fields.values().any(|field| any_text(field, wanted)),
        _ => false,
    }
}
