//! The loop: hears every watch of a cluster.

mod report;

use super::events::Sorter;
use super::feed::{Bounds, Feed, Trouble, listen, selected};
use super::group::{Family, Group, What};
use super::kept::Budget;
use super::objects;
use super::objects::{Entry, Pod, Workload};
use super::watched::{Watched, version};
use crate::clock::Clock;
use crate::cluster::spec::ClusterSpec;
use crate::cluster::{self, Cluster};
use crate::deploy::Time;
use crate::message::Message;
use crate::poll::SourceError;
use crate::signal::SourceId;
use chrono::TimeDelta;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Either, pending};
use futures_util::stream::{AbortHandle, BoxStream, SelectAll, StreamExt, abortable};
use kube::Resource;
use kube::api::{Api, ApiResource};
use kube::runtime::watcher::Event;
use std::collections::BTreeMap;
use tokio::sync::mpsc;

/// When nothing was told for this long, the server's liveness is checked.
const QUIET: TimeDelta = TimeDelta::seconds(10);
/// So much is heard at a time: a server that never stops must not keep everybody else from their turn.
const BATCH: usize = 500;
/// Of a namespace's warning events, so many are read through. None is kept but for what is told.
const MOST_EVENTS: usize = 10_000;
const EVENTS_PAGE: u32 = 500;

/// What a watch said, of whom, and of which generation of the watch.
struct Heard {
    from: FeedId,
    life: u32,
    news: Result<News, Trouble>,
}

enum News {
    Workload(Event<Workload>),
    Entry(Event<Entry>),
    Pod(Event<Pod>),
    Event(Event<objects::Event>),
}

impl News {
    /// Whether it ends a list: proof that the whole way to these objects works.
    fn ends_list(&self) -> bool {
        matches!(
            self,
            Self::Workload(Event::InitDone)
                | Self::Entry(Event::InitDone)
                | Self::Pod(Event::InitDone)
                | Self::Event(Event::InitDone)
        )
    }
}

/// The receiver of the messages is gone.
struct Closed;

/// What can fail, by place in its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum FeedId {
    /// The watch of a group.
    Group(usize),
    /// A workload's selector, which is none.
    Selector(usize),
    /// The events of a namespace.
    Events(usize),
}

/// The warning events of a namespace.
struct Warnings {
    namespace: String,
    sorter: Sorter,
    is_refused: bool,
}

/// A liveness check: which workload was read, and its resource version; empty where it does not exist.
type Liveness = (usize, Result<String, SourceError>);

pub(super) struct Streamer {
    source: SourceId,
    cluster: Cluster,
    clock: Clock,
    out: mpsc::Sender<Message>,
    watched: Vec<Watched>,
    groups: Vec<Group>,
    warnings: Vec<Warnings>,
    budget: Budget,
    heard: SelectAll<BoxStream<'static, Heard>>,
    /// Watches that fail, and why.
    failing: BTreeMap<FeedId, SourceError>,
    /// Why the last liveness check failed.
    liveness_error: Option<SourceError>,
    /// The last reported failure, until a recovery is reported.
    down: Option<SourceError>,
    liveness: Option<BoxFuture<'static, Liveness>>,
    next_pulse: usize,
    /// The liveness check succeeded and that is not reported yet.
    is_alive: bool,
    last_told: Time,
}

impl Streamer {
    /// Nothing is watched yet.
    pub(super) fn new(
        source: SourceId,
        spec: &ClusterSpec,
        cluster: Cluster,
        clock: Clock,
        out: mpsc::Sender<Message>,
    ) -> Self {
        let now = clock.now();
        let mut namespaces: Vec<&str> = spec.workloads.iter().map(|(_, of)| of.namespace.as_str()).collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        let warnings = namespaces.into_iter().map(|namespace| Warnings {
            namespace: namespace.to_owned(),
            sorter: Sorter::new(now),
            is_refused: false,
        });
        let watched =
            spec.workloads.iter().map(|(id, reference)| Watched::new(*id, reference.clone(), spec.container(*id)));
        Self {
            source,
            cluster,
            clock,
            out,
            watched: watched.collect(),
            groups: Group::all(spec),
            warnings: warnings.collect(),
            budget: Budget::of(spec.workloads.len()),
            heard: SelectAll::new(),
            failing: BTreeMap::new(),
            liveness_error: None,
            down: None,
            liveness: None,
            next_pulse: 0,
            is_alive: false,
            last_told: now,
        }
    }

    /// Watches until the receiver is gone.
    pub(super) async fn run(mut self) {
        for at in 0..self.groups.len() {
            if !self.groups[at].is_of_children() {
                self.watch(at);
            }
        }
        for index in 0..self.warnings.len() {
            self.watch_events(index);
        }
        loop {
            let liveness = match &mut self.liveness {
                Some(liveness) => Either::Left(liveness),
                None => Either::Right(pending()),
            };
            let quiet = self.clock.sleep_until(self.last_told + QUIET);
            tokio::select! {
                biased;
                () = self.out.closed() => return,
                Some(heard) = self.heard.next() => {
                    self.take(heard);
                    // Whatever has arrived by now belongs to the same digest.
                    let mut batch = 1;
                    while batch < BATCH && let Some(Some(heard)) = self.heard.next().now_or_never() {
                        self.take(heard);
                        batch += 1;
                    }
                    if batch == BATCH {
                        // Keys come first.
                        tokio::task::yield_now().await;
                    }
                }
                liveness = liveness => self.take_liveness(liveness),
                () = quiet => self.probe_liveness(),
            }
            self.watch_children();
            if self.tell().await.is_err() {
                return;
            }
        }
    }

    /// Begins the watch of a group, or restarts it.
    fn watch(&mut self, at: usize) {
        let group = &mut self.groups[at];
        group.end();
        let (from, life, what) = (FeedId::Group(at), group.life, group.what);
        let members = group.members.clone();
        let group = &self.groups[at];
        let config = group.selection(&self.watched);
        let (said, most) = group.extent(&self.watched);
        let is_wanted = group.wanted(&self.watched);
        let bounds = Bounds { what: said, most, budget: self.budget.clone(), is_kept: true, is_wanted };
        let namespace = group.namespace.clone();
        let place = Place { from, life, namespace: &namespace, config, bounds };
        let feed = match what {
            What::Workloads(kind) => self.begin(place, &objects::workload_resource(kind), News::Workload),
            What::History(kind) => self.begin(place, &objects::history_resource(kind), News::Entry),
            What::Pods => self.begin(place, &objects::pod_resource(), News::Pod),
        };
        if !self.groups[at].is_of_children() {
            for member in members {
                self.watched[member].is_read = false;
            }
        }
        self.groups[at].feed = Some(feed);
    }

    fn watch_events(&mut self, index: usize) {
        let namespace = self.warnings[index].namespace.clone();
        let config = selected(None, Some("type=Warning".to_owned())).page_size(EVENTS_PAGE);
        let what = format!("warning events in {namespace}");
        let bounds = Bounds {
            what,
            most: MOST_EVENTS,
            budget: self.budget.clone(),
            is_kept: false,
            is_wanted: Box::new(|_| true),
        };
        let place = Place { from: FeedId::Events(index), life: 0, namespace: &namespace, config, bounds };
        self.begin(place, &objects::event_resource(), News::Event);
    }

    /// Begins the watches of history and pods, unless those that run are the right ones: once all workloads of a group
    /// are known or known not to be had, so that one list serves all.
    fn watch_children(&mut self) {
        for at in 0..self.groups.len() {
            let group = &self.groups[at];
            let is_awaited = |member: &usize| !self.watched[*member].is_read && !self.is_failing(*member);
            if !group.is_of_children() || group.members.iter().any(is_awaited) {
                continue;
            }
            let families: Vec<Option<Family>> =
                group.members.iter().map(|member| self.watched[*member].family.clone()).collect();
            if families == group.families {
                continue;
            }
            if families.iter().any(Option::is_some) {
                self.watch(at);
            } else {
                self.groups[at].end();
                self.failing.remove(&FeedId::Group(at));
            }
            self.groups[at].families = families;
        }
    }

    /// Whether the watch that a workload itself is in fails.
    fn is_failing(&self, member: usize) -> bool {
        let mut own = self.groups.iter().enumerate().filter(|(_, group)| !group.is_of_children());
        own.any(|(at, group)| group.members.contains(&member) && self.failing.contains_key(&FeedId::Group(at)))
    }

    fn begin<K>(&mut self, place: Place<'_>, resource: &ApiResource, news: fn(Event<K>) -> News) -> AbortHandle
    where
        K: Resource<DynamicType = ApiResource, Scope = kube::core::DynamicResourceScope>
            + Clone
            + serde::de::DeserializeOwned
            + std::fmt::Debug
            + Send
            + 'static,
    {
        let Place { from, life, namespace, config, bounds } = place;
        let api = Api::<K>::namespaced_with(self.cluster.client.clone(), namespace, resource);
        let feed = Feed { api, config, clock: self.clock.clone(), page_timeout: self.cluster.timeout, bounds };
        let (heard, handle) = abortable(listen(feed));
        self.heard.push(heard.map(move |said| Heard { from, life, news: said.map(news) }).boxed());
        handle
    }

    fn take(&mut self, Heard { from, life, news }: Heard) {
        match from {
            FeedId::Group(at) if self.groups[at].life != life => return,
            FeedId::Group(at) => {
                for member in &self.groups[at].members {
                    self.watched[*member].has_news |= news.is_err();
                }
            }
            FeedId::Events(_) | FeedId::Selector(_) => {}
        }
        match (news, from) {
            (Ok(news), _) => {
                if news.ends_list() {
                    self.failing.remove(&from);
                }
                match (news, from) {
                    (News::Workload(event), FeedId::Group(at)) => self.take_workload(at, &event),
                    (News::Entry(event), FeedId::Group(at)) => {
                        self.route(at, &event, |watched, event, _| watched.fold.take_entry(event));
                    }
                    (News::Pod(event), FeedId::Group(at)) => {
                        self.route(at, &event, |watched, event, now| watched.fold.take_pod(event, now));
                    }
                    (News::Event(Event::InitApply(event) | Event::Apply(event)), FeedId::Events(index)) => {
                        self.warnings[index].sorter.take(event);
                    }
                    _ => {}
                }
            }
            // A role may allow single names, and a namespace hold more than is read: then each is watched by itself.
            (Err(Trouble::TooMuch(_) | Trouble::Failed(SourceError::Forbidden(_))), FeedId::Group(at))
                if self.groups[at].is_wide() =>
            {
                self.split(at);
            }
            (Err(trouble), _) => {
                self.failing.insert(from, trouble.error());
            }
        }
    }

    fn take_workload(&mut self, at: usize, event: &Event<Workload>) {
        let ends_list = matches!(event, Event::InitDone);
        let touched = self.route(at, event, |watched, event, _| watched.fold.take_workload(event));
        for index in touched {
            let watched = &mut self.watched[index];
            watched.is_read |= ends_list;
            match watched.meet() {
                Ok(()) => drop(self.failing.remove(&FeedId::Selector(index))),
                Err(error) => drop(self.failing.insert(FeedId::Selector(index), error)),
            }
        }
    }

    /// Hands what a group's watch said to those of its members that it is about; returns them.
    fn route<K: Resource + Clone>(
        &mut self,
        at: usize,
        event: &Event<K>,
        take: impl Fn(&mut Watched, Event<K>, Time),
    ) -> Vec<usize> {
        let now = self.clock.now();
        let mut touched = Vec::new();
        for index in self.groups[at].members.clone() {
            let group = &self.groups[at];
            let watched = &mut self.watched[index];
            let event = match event {
                Event::Init | Event::InitDone => event.clone(),
                Event::InitApply(object) | Event::Apply(object) | Event::Delete(object)
                    if group.is_of(watched, object.meta()) =>
                {
                    event.clone()
                }
                // It has other labels now: a watch by its selector would say that it is gone.
                Event::Apply(object) | Event::Delete(object) if watched.fold.owns(objects::uid(object.meta())) => {
                    Event::Delete(object.clone())
                }
                Event::InitApply(_) | Event::Apply(_) | Event::Delete(_) => continue,
            };
            watched.has_news = true;
            take(watched, event, now);
            touched.push(index);
        }
        touched
    }

    fn split(&mut self, at: usize) {
        let parts = self.groups[at].split();
        self.failing.remove(&FeedId::Group(at));
        for part in parts {
            self.groups.push(part);
            if !self.groups[at].is_of_children() {
                self.watch(self.groups.len() - 1);
            }
        }
    }

    /// Starts a liveness check.
    fn probe_liveness(&mut self) {
        // The timer restarts whatever the result.
        self.last_told = self.clock.now();
        if self.liveness.is_some() || self.watched.is_empty() {
            return;
        }
        let index = self.next_pulse % self.watched.len();
        self.next_pulse = index + 1;
        let reference = &self.watched[index].reference;
        let resource = objects::workload_resource(reference.kind);
        let api = Api::<Workload>::namespaced_with(self.cluster.client.clone(), &reference.namespace, &resource);
        let name = reference.name.clone();
        let timeout = self.cluster.timeout;
        self.liveness = Some(
            async move {
                let read = cluster::call(timeout, api.get_opt(&name)).await;
                (index, read.map(|workload| workload.map(|w| version(&w.metadata).to_owned()).unwrap_or_default()))
            }
            .boxed(),
        );
    }

    fn take_liveness(&mut self, (index, liveness): Liveness) {
        self.liveness = None;
        match liveness {
            Err(error) => self.liveness_error = Some(error),
            Ok(read) => {
                // Time alone changes a digest too: a loop that is over, a container that is stuck. But only while
                // the server answers, or its silence would pass for news.
                for watched in &mut self.watched {
                    watched.has_news = true;
                }
                if self.liveness_error.take().is_some() {
                    // Connections from before the silence may be dead without knowing.
                    self.restart_watches(|_| true);
                } else if self.watched[index].has_missed(&read) {
                    self.restart_watches(|group| group.members.contains(&index));
                }
                self.is_alive = true;
            }
        }
    }

    /// Ends watches and begins them again. What is known stays until the new lists are complete.
    fn restart_watches(&mut self, is_meant: impl Fn(&Group) -> bool) {
        for at in 0..self.groups.len() {
            if !is_meant(&self.groups[at]) || self.groups[at].members.is_empty() {
                continue;
            }
            for index in self.groups[at].members.clone() {
                self.watched[index].behind_at = None;
            }
            if self.groups[at].is_of_children() {
                // They follow when the workloads have been read.
                self.groups[at].end();
            } else {
                self.watch(at);
            }
        }
    }
}

/// What it takes to begin a watch, but for the kind of its objects.
struct Place<'a> {
    from: FeedId,
    life: u32,
    namespace: &'a str,
    config: kube::runtime::watcher::Config,
    bounds: Bounds,
}
