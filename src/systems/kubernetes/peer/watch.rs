//! Watches: newline-delimited changes, bookmarks, and 410 for those who come too late.

use super::selector::Selector;
use crate::simulated::cluster::etcd::{Resource, Verb};
use crate::simulated::cluster::status::Refusal;
use crate::simulated::faults::{Fault, Peer};
use crate::simulated::state::Simulation;
use axum::body::Body;
use axum::http::{Response, header};
use axum::response::IntoResponse;
use futures_util::stream;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How often a watch that asked for bookmarks gets one. Real time: it is the client's patience that matters.
const BOOKMARK: Duration = Duration::from_secs(60);
/// How long a watch lives that does not say.
const LIFE: u64 = 1800;

/// An open watch.
struct Watch {
    state: Arc<Simulation>,
    resource: Resource,
    /// What is wanted; nothing at all in a namespace that is not ours.
    selector: Option<Selector>,
    /// Everything up to this version was told.
    seen: u64,
    news: watch::Receiver<u64>,
    faults: watch::Receiver<()>,
    bookmarks: bool,
    ends: Instant,
    bookmark_at: Instant,
    /// Told first.
    greeting: String,
    over: bool,
}

/// Answers a watch request.
pub(super) fn open(
    state: &Arc<Simulation>,
    resource: Resource,
    selector: Option<Selector>,
    query: &BTreeMap<String, String>,
) -> Result<Response<Body>, Refusal> {
    let text = |name: &str| query.get(name).map_or("", String::as_str);
    let number = |name: &str| match text(name) {
        "" => Ok(None),
        given => {
            given.parse::<u64>().map(Some).map_err(|_| Refusal::bad_request(&format!("invalid {name}: \"{given}\"")))
        }
    };
    let version = number("resourceVersion")?.filter(|version| *version > 0);
    let life = number("timeoutSeconds")?.filter(|seconds| *seconds > 0).unwrap_or(LIFE);
    let bookmarks = text("allowWatchBookmarks") == "true";
    let initial = text("sendInitialEvents") == "true";
    let mut watch = Watch {
        // Subscribed before the first look, so that no change falls between the two.
        news: state.news(),
        faults: state.board.changes(),
        state: state.clone(),
        resource,
        selector,
        seen: 0,
        bookmarks,
        ends: Instant::now() + Duration::from_secs(life),
        bookmark_at: Instant::now() + BOOKMARK,
        greeting: String::new(),
        over: false,
    };
    watch.begin(version.filter(|_| !initial), initial && bookmarks);
    let lines = stream::unfold(watch, |mut watch| async move {
        let told = watch.next().await?;
        Some((Ok::<_, Infallible>(told), watch))
    });
    Ok(([(header::CONTENT_TYPE, "application/json")], Body::from_stream(lines)).into_response())
}

impl Watch {
    /// From a version on, or with everything there is first.
    fn begin(&mut self, version: Option<u64>, marked: bool) {
        let state = self.state.clone();
        state.with(|world, _| {
            let etcd = &world.cluster.etcd;
            match version {
                Some(version) if etcd.since(version).is_none() => {
                    let refusal = Refusal::expired(version, etcd.version());
                    self.greeting = line("ERROR", &refusal.body.to_string());
                    self.over = true;
                }
                Some(version) => self.seen = version,
                None => {
                    self.seen = etcd.version();
                    let there = etcd.list(self.resource).filter(|json| self.wants(json));
                    let lines: String = there.map(|json| line(Verb::Added.as_str(), json)).collect();
                    self.greeting = lines;
                }
            }
        });
        if marked && !self.over {
            self.greeting.push_str(&self.bookmark(true));
        }
    }

    fn wants(&self, json: &str) -> bool {
        self.selector.as_ref().is_some_and(|selector| selector.matches(json))
    }

    /// The next lines; `None` when the watch is over.
    async fn next(&mut self) -> Option<String> {
        loop {
            if !self.greeting.is_empty() {
                return Some(std::mem::take(&mut self.greeting));
            }
            if self.over {
                return None;
            }
            let fault = self.state.fault(Peer::Kubernetes, "GET", "");
            if fault.is_some_and(|fault| fault != Fault::Hang) {
                return None;
            }
            if fault.is_none() {
                self.greeting = self.news();
                if !self.greeting.is_empty() {
                    continue;
                }
            }
            let wake = if self.bookmarks { self.ends.min(self.bookmark_at) } else { self.ends };
            tokio::select! {
                _ = self.news.changed() => {}
                _ = self.faults.changed() => {}
                () = self.state.closed() => return None,
                () = tokio::time::sleep_until(wake) => {
                    if self.bookmarks {
                        self.bookmark_at = Instant::now() + BOOKMARK;
                        self.greeting = self.bookmark(false);
                    }
                    self.over = Instant::now() >= self.ends;
                }
            }
        }
    }

    /// Lines for what changed since the last look.
    fn news(&mut self) -> String {
        let state = self.state.clone();
        let mut lines = String::new();
        state.with(|world, _| {
            let etcd = &world.cluster.etcd;
            let Some(changes) = etcd.since(self.seen) else {
                lines = line("ERROR", &Refusal::expired(self.seen, etcd.version()).body.to_string());
                self.over = true;
                return;
            };
            for change in changes.filter(|change| change.resource == self.resource && self.wants(&change.json)) {
                lines.push_str(&line(change.verb.as_str(), &change.json));
            }
            // A version from the future is waited for.
            self.seen = self.seen.max(etcd.version());
        });
        lines
    }

    fn bookmark(&self, initial: bool) -> String {
        let mut metadata = json!({"resourceVersion": self.seen.to_string(), "creationTimestamp": Value::Null});
        if initial {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object =
            json!({"kind": self.resource.kind(), "apiVersion": self.resource.api_version(), "metadata": metadata});
        line("BOOKMARK", &object.to_string())
    }
}

fn line(kind: &str, object: &str) -> String {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
}
