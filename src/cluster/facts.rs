//! Shares the answers to questions that are asked of a cluster several times: the preflight of all workloads
//! asks the same for each of them.
//!
//! An answer serves whoever asks within two seconds of the question, and nobody any more once the watch has reported
//! anything new ([`Facts::forget`]): a plan is never older than what made it necessary. What is sent, and what is read
//! back of it, is never answered from here.

use super::Cluster;
use super::reply::{Lost, Reply};
use crate::clock::Clock;
use crate::deploy::{Time, WorkloadKind, WorkloadRef};
use chrono::TimeDelta;
use futures_util::future::{BoxFuture, FutureExt, Shared};
use http::Request;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So long after a question its answer serves others.
const FRESH: TimeDelta = TimeDelta::seconds(2);
/// And so long it is kept; whoever wants it later asks again.
const KEPT: Duration = Duration::from_secs(2);
/// A list that was refused or is too long is not asked for again for so long.
const REFUSED: TimeDelta = TimeDelta::minutes(10);
/// From this many workloads of a kind in a namespace they are read by one list; fewer by their names.
const LIST_THRESHOLD: usize = 2;

type Answer = Shared<BoxFuture<'static, Result<Arc<Reply>, Lost>>>;

/// The answers of a watch's cluster. Cheap to clone; without a watch nothing is shared.
#[derive(Clone, Default)]
pub struct Facts(Option<Arc<Inner>>);

struct Inner {
    clock: Clock,
    /// Kinds and namespaces with more workloads of the watch than one.
    shared_kinds: BTreeSet<(WorkloadKind, String)>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By the question.
    known: BTreeMap<String, (Time, Answer)>,
    /// Lists that cannot be had, and since when.
    refused: BTreeMap<String, Time>,
}

impl Facts {
    /// Those of a watch of these workloads.
    pub fn of<'a>(clock: &Clock, workloads: impl IntoIterator<Item = &'a WorkloadRef>) -> Self {
        let mut counts: BTreeMap<(WorkloadKind, String), usize> = BTreeMap::new();
        for of in workloads {
            *counts.entry((of.kind, of.namespace.clone())).or_default() += 1;
        }
        let shared_kinds = counts.into_iter().filter(|(_, count)| *count >= LIST_THRESHOLD).map(|(of, _)| of).collect();
        Self(Some(Arc::new(Inner { clock: clock.clone(), shared_kinds, state: Mutex::default() })))
    }

    /// Forgets every answer: something has changed.
    pub fn forget(&self) {
        if let Some(inner) = &self.0 {
            inner.state().known.clear();
        }
    }

    /// Whether the watch has several workloads of this one's kind in its namespace.
    pub(crate) fn has_siblings(&self, of: &WorkloadRef) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.shared_kinds.contains(&(of.kind, of.namespace.clone())))
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to this question, asked again where none is fresh.
    fn answer(self: &Arc<Self>, cluster: &Cluster, question: String, request: Request<Vec<u8>>) -> Answer {
        let now = self.clock.now();
        let is_fresh = |asked: Time| (TimeDelta::zero()..=FRESH).contains(&(now - asked));
        let mut state = self.state();
        state.known.retain(|_, (asked, _)| is_fresh(*asked));
        if let Some((_, answer)) = state.known.get(&question) {
            return answer.clone();
        }
        let asking = cluster.clone();
        let answer = async move { asking.ask(request).await.map(Arc::new) }.boxed().shared();
        state.known.insert(question.clone(), (now, answer.clone()));
        let (inner, driven) = (Arc::downgrade(self), answer.clone());
        // It goes on though whoever asked first goes away, and is not kept until the next round.
        tokio::spawn(async move {
            let _told = driven.await;
            tokio::time::sleep(KEPT).await;
            if let Some(inner) = inner.upgrade() {
                let mut state = inner.state();
                if state.known.get(&question).is_some_and(|(asked, _)| *asked == now) {
                    state.known.remove(&question);
                }
            }
        });
        answer
    }
}

impl Cluster {
    /// Makes a request that changes nothing, or takes the answer that somebody else has just got to it.
    pub(crate) async fn ask_together(&self, request: Request<Vec<u8>>) -> Result<Arc<Reply>, Lost> {
        let Some(inner) = &self.facts.0 else { return self.ask(request).await.map(Arc::new) };
        let answer = inner.answer(self, question(&request), request);
        answer.await
    }

    /// A whole list that serves many; `None` where it cannot be had: it is refused, or longer than one page. Then it is
    /// left alone for a while.
    pub(crate) async fn list_together(&self, request: Request<Vec<u8>>) -> Option<Arc<Reply>> {
        let inner = self.facts.0.as_ref()?;
        let question = question(&request);
        let now = inner.clock.now();
        {
            let mut state = inner.state();
            state.refused.retain(|_, since| (TimeDelta::zero()..REFUSED).contains(&(now - *since)));
            if state.refused.contains_key(&question) {
                return None;
            }
        }
        let answer = inner.answer(self, question.clone(), request);
        // A connection that breaks says nothing of the list.
        let reply = answer.await.ok()?;
        let goes_on = reply.body["metadata"]["continue"].as_str().is_some_and(|rest| !rest.is_empty());
        if reply.is_success() && reply.body["items"].is_array() && !goes_on {
            return Some(reply);
        }
        if matches!(reply.status, 200..300 | 403 | 404 | 405) {
            inner.state().refused.insert(question, now);
        }
        None
    }
}

/// What is asked, by all that tells two requests apart.
fn question(request: &Request<Vec<u8>>) -> String {
    let accept = request.headers().get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default();
    format!("{} {} {accept} {}", request.method(), request.uri(), String::from_utf8_lossy(request.body()))
}
