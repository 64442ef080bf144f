//! What watches on other machines found of versions: a ConfigMap in the namespace, where a team wants that. Its lines are
//! those of the file, each with whose word it is.
//!
//! Whoever may write there may write anything: an entry that cannot be read is told and counts for nothing, and one that
//! can be read counts as the word of whom it names.

use super::{Line, PER_WORKLOAD, Whose};
use crate::cluster::{Cluster, Lost, Reply};
use crate::deploy::{Time, WorkloadRef};
use crate::rollback::destination::patch::{add, test};
use crate::rollback::version_history::{Known, Recalled};
use crate::text::clean;
use chrono::TimeDelta;
use json_patch::Patch as JsonPatch;
use kube::core::Request;
use kube::core::params::{GetParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Its name.
pub use crate::rollback::version_history::SHARED as NAME;
/// The one key of its data.
const KEY: &str = "versions.jsonl";
/// The most entries that are kept; the newest count.
const MOST: usize = 50;
/// The most of it that is read, in bytes: a ConfigMap may have four times as many.
const LARGEST: usize = 256 << 10;
/// An entry that is longer than this, in bytes, is not written, and is none when it is read.
const LONGEST: usize = 4 << 10;
/// The longest name of whoever watched, in characters.
const LONGEST_NAME: usize = 100;
/// Clocks of two machines may differ by so much.
const SKEW: TimeDelta = TimeDelta::minutes(5);
/// How often somebody may be quicker.
const TRIES: usize = 2;

/// The shared versions of an environment's workloads.
#[derive(Clone)]
pub struct Shared {
    cluster: Cluster,
    /// Whose word is written.
    actor: String,
}

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// For each workload, the oldest first.
    pub known: Vec<Vec<Recalled>>,
    /// What could not be read, and why, a sentence each.
    pub doubts: Vec<String>,
}

/// The object, as it was read.
struct Object {
    version: Value,
    text: String,
    has_data: bool,
}

impl Shared {
    /// Reads and writes as `actor`.
    pub fn new(cluster: Cluster, actor: &str) -> Self {
        Self { cluster, actor: actor.to_owned() }
    }

    /// What others found of these workloads. One request a namespace.
    pub async fn recall(&self, environment: &str, workloads: &[&WorkloadRef], now: Time) -> Told {
        let mut told = Told { known: vec![Vec::new(); workloads.len()], doubts: Vec::new() };
        let namespaces: BTreeSet<&str> = workloads.iter().map(|workload| workload.namespace.as_str()).collect();
        for namespace in namespaces {
            let text = match self.read(namespace).await {
                Ok(object) => object.map_or_else(String::new, |object| object.text),
                Err(why) => {
                    told.doubts.push(format!("shared versions not read: {why}"));
                    continue;
                }
            };
            let (lines, broken) = entries(&text, now);
            if broken > 0 {
                let entries = if broken == 1 { "1 entry".to_owned() } else { format!("{broken} entries") };
                told.doubts.push(format!("shared versions: {entries} of {NAME} in {namespace} cannot be read"));
            }
            let own: Vec<Line> = lines.into_iter().filter(|line| line.environment == environment).collect();
            for (known, workload) in told.known.iter_mut().zip(workloads) {
                if workload.namespace == namespace {
                    // The namespace is where it stands, whatever an entry says of it.
                    known.extend(super::of(workload, &own));
                }
            }
        }
        told
    }

    /// Adds a finding, and leaves the oldest out that are too many. Somebody who is quicker is answered by doing it once more.
    ///
    /// # Errors
    /// Why it could not be written, a sentence.
    pub async fn add(&self, environment: &str, whose: Whose<'_>, known: &Known) -> Result<(), String> {
        let namespace = &whose.workload.namespace;
        let line = Line { by: Some(self.actor.clone()), ..Line::of(environment, whose, known) };
        let line = serde_json::to_string(&line).map_err(|error| error.to_string())?;
        if line.len() > LONGEST {
            return Err(format!("the entry has more than {LONGEST} bytes"));
        }
        let mut last = None;
        for _ in 0..TRIES {
            last = match self.read(namespace).await? {
                None => self.create(namespace, &format!("{line}\n")).await?,
                Some(object) => self.replace(namespace, &object, &with(&object.text, &line)).await?,
            };
            if last.is_none() {
                return Ok(());
            }
        }
        // One that is immutable refuses as one does that has moved on, and goes on refusing.
        let of_others = || format!("somebody else keeps writing {NAME}");
        Err(last
            .filter(|reply| reply.status != 409)
            .map_or_else(of_others, |reply| refused("write", namespace, &reply)))
    }

    async fn read(&self, namespace: &str) -> Result<Option<Object>, String> {
        let request = configmaps(namespace).get(NAME, &GetParams::default());
        let reply = self.ask(request.map_err(|error| error.to_string())?).await?;
        if reply.status == 404 {
            return Ok(None);
        }
        if !reply.is_success() {
            return Err(refused("read", namespace, &reply));
        }
        let object = reply.body;
        let text = object["data"][KEY].as_str().unwrap_or_default();
        if text.len() > LARGEST {
            return Err(format!("{NAME} in {namespace} has more than {} KiB", LARGEST >> 10));
        }
        Ok(Some(Object {
            version: object["metadata"]["resourceVersion"].clone(),
            text: text.to_owned(),
            has_data: object["data"].is_object(),
        }))
    }

    /// Gives the refusal where somebody was quicker; without a namespace there is nobody.
    async fn create(&self, namespace: &str, text: &str) -> Result<Option<Reply>, String> {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": NAME, "namespace": namespace,
                         "labels": {"app.kubernetes.io/managed-by": "redflag"}},
            "data": {KEY: text},
        });
        let request = configmaps(namespace).create(&PostParams::default(), object.to_string().into_bytes());
        match self.change(namespace, request.map_err(|error| error.to_string())?).await? {
            Some(reply) if reply.status == 404 => Err(refused("write", namespace, &reply)),
            refusal => Ok(refusal),
        }
    }

    /// Gives the refusal where the object may have moved on.
    async fn replace(&self, namespace: &str, read: &Object, text: &str) -> Result<Option<Reply>, String> {
        let set = if read.has_data { add(["data", KEY], text) } else { add(["data"], json!({KEY: text})) };
        // Whoever else writes moves its version, and only one of the two succeeds.
        let document = JsonPatch(vec![test(["metadata", "resourceVersion"], read.version.clone()), set]);
        let params = PatchParams { field_manager: Some("redflag".to_owned()), ..PatchParams::default() };
        let request = configmaps(namespace).patch(NAME, &params, &Patch::<()>::Json(document));
        self.change(namespace, request.map_err(|error| error.to_string())?).await
    }

    async fn change(&self, namespace: &str, request: http::Request<Vec<u8>>) -> Result<Option<Reply>, String> {
        let reply = self.ask(request).await?;
        match reply.status {
            200..300 => Ok(None),
            404 | 409 | 422 => Ok(Some(reply)),
            _ => Err(refused("write", namespace, &reply)),
        }
    }

    async fn ask(&self, request: http::Request<Vec<u8>>) -> Result<Reply, String> {
        self.cluster.ask(request).await.map_err(Lost::reason)
    }
}

fn configmaps(namespace: &str) -> Request {
    Request::new(format!("/api/v1/namespaces/{namespace}/configmaps"))
}

/// The entries of a text, and how many of its lines are none. An entry without a name, or of a moment that is still to come,
/// is nobody's word.
fn entries(text: &str, now: Time) -> (Vec<Line>, usize) {
    let mut broken = 0;
    let mut entries = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let entry = (line.len() <= LONGEST).then(|| serde_json::from_str::<Line>(line).ok()).flatten();
        match entry.and_then(|entry| checked(entry, now)) {
            Some(entry) => entries.push(entry),
            None => broken += 1,
        }
    }
    // The newest are the last ones.
    entries.drain(..entries.len().saturating_sub(PER_WORKLOAD));
    (entries, broken)
}

fn checked(entry: Line, now: Time) -> Option<Line> {
    let by: String = clean(entry.by.as_deref()?).trim().chars().take(LONGEST_NAME).collect();
    let is_whole = !by.is_empty() && !entry.hash.is_empty() && entry.uid.as_ref().is_some_and(|uid| !uid.is_empty());
    (is_whole && entry.at <= now + SKEW).then_some(Line { by: Some(by), ..entry })
}

/// The text with one more line, and without the oldest that are too many or too long together.
fn with(text: &str, line: &str) -> String {
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.push(line);
    let mut room = LARGEST;
    let fits = |line: &&&str| match room.checked_sub(line.len() + 1) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    };
    let kept = lines.iter().rev().take(MOST).take_while(fits).count();
    let mut text = lines[lines.len() - kept..].join("\n");
    text.push('\n');
    text
}

fn refused(what: &str, namespace: &str, reply: &Reply) -> String {
    match reply.status {
        403 => format!("you may not {what} the ConfigMap {NAME} in {namespace}; docs/rollback.md has the role"),
        status => format!("the API server answered {status}: {}", reply.said()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::deploy::WorkloadKind;
    use crate::rollback::version_history::VersionStatus;
    use chrono::DateTime;
    use proptest::prelude::*;

    fn at(second: i64) -> Time {
        DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap()
    }

    fn line(by: Option<&str>, second: i64) -> String {
        let workload =
            WorkloadRef { kind: WorkloadKind::Deployment, namespace: "shop".to_owned(), name: "app".to_owned() };
        let whose = Whose { cluster: "c", workload: &workload, uid: "u" };
        let standing = VersionStatus::Good;
        let known = Known { hash: "h".to_owned(), images: Vec::new(), standing, at: at(second), by: None };
        let line = Line { by: by.map(str::to_owned), ..Line::of("production", whose, &known) };
        serde_json::to_string(&line).unwrap()
    }

    #[test]
    fn what_is_forged_or_broken_is_counted_and_is_nobodys_word() {
        let whole = line(Some("ana\u{1b}[2J"), 0);
        let lines = [
            whole.clone(),
            line(None, 0),
            line(Some(" "), 0),
            line(Some("bob"), 3600),
            "{\"half".to_owned(),
            whole.replace("\"hash\":\"h\"", "\"hash\":\"\""),
            format!("{}{}", whole, " ".repeat(LONGEST)),
        ];
        let (found, broken) = entries(&lines.join("\n"), at(0));
        assert_eq!((found.len(), broken), (1, 6));
        assert!(found[0].by.as_deref().is_some_and(|by| by.starts_with("ana") && !by.contains('\u{1b}')), "{found:?}");
    }

    #[test]
    fn the_newest_are_kept_within_their_bounds() {
        let mut text = String::new();
        for second in 0..80 {
            text = with(&text, &line(Some("ana"), second));
        }
        let (found, broken) = entries(&text, at(0));
        assert_eq!((found.len(), broken, found[0].at), (MOST, 0, at(30)));
        let long = "x".repeat(200 << 10);
        assert_eq!(with(&format!("{long}\n{long}\n"), "new"), format!("{long}\nnew\n"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_written_within_bounds(text in "\\PC{0,300}(\n\\PC{0,80}){0,70}") {
            let (found, _) = entries(&text, at(0));
            prop_assert!(found.iter().all(|line| line.by.as_ref().is_some_and(|by| !by.is_empty())));
            let written = with(&text, "new");
            prop_assert!(written.lines().count() <= MOST && written.ends_with("new\n"));
        }
    }
}
