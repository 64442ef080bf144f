//! The loop: hears every watch of a cluster, and tells what changed.

use super::events::Sorter;
use super::feed::{Feed, listen, selected};
use super::objects;
use super::objects::{Entry, Pod, Workload};
use super::watched::{Children, Watched, version};
use crate::clock::Clock;
use crate::cluster::{self, Cluster};
use crate::deploy::Time;
use crate::message::{Message, StreamNews};
use crate::poll::SourceError;
use crate::signal::SourceId;
use crate::source::spec::ClusterSpec;
use chrono::TimeDelta;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Either, pending};
use futures_util::stream::{AbortHandle, BoxStream, SelectAll, StreamExt, abortable};
use kube::api::{Api, ApiResource};
use kube::core::Selector;
use kube::runtime::watcher::Event;
use std::collections::BTreeMap;
use tokio::sync::mpsc;

/// When nothing was told for this long, the server is asked for a sign of life.
const QUIET: TimeDelta = TimeDelta::seconds(10);

/// What a watch said, of whom, and in which of its lives.
struct Heard {
    from: FeedId,
    life: u32,
    news: Result<News, SourceError>,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum FeedId {
    Workload(usize),
    Entries(usize),
    Pods(usize),
    /// By namespace.
    Events(usize),
}

/// The warning events of a namespace.
struct Warnings {
    namespace: String,
    sorter: Sorter,
    is_refused: bool,
}

/// A sign of life: which workload was read, and its resource version; empty where it does not exist.
type Pulse = (usize, Result<String, SourceError>);

pub(super) struct Streamer {
    source: SourceId,
    cluster: Cluster,
    clock: Clock,
    out: mpsc::Sender<Message>,
    watched: Vec<Watched>,
    warnings: Vec<Warnings>,
    heard: SelectAll<BoxStream<'static, Heard>>,
    /// Watches that fail, and why.
    failing: BTreeMap<FeedId, SourceError>,
    /// Why the last sign of life did not come.
    lifeless: Option<SourceError>,
    /// What was told as down and not taken back.
    down: Option<SourceError>,
    pulse: Option<BoxFuture<'static, Pulse>>,
    next_pulse: usize,
    /// A sign of life came and is not told yet.
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
            warnings: warnings.collect(),
            heard: SelectAll::new(),
            failing: BTreeMap::new(),
            lifeless: None,
            down: None,
            pulse: None,
            next_pulse: 0,
            is_alive: false,
            last_told: now,
        }
    }

    /// Watches until the receiver is gone.
    pub(super) async fn run(mut self) {
        for index in 0..self.watched.len() {
            self.watch_workload(index);
        }
        for index in 0..self.warnings.len() {
            self.watch_events(index);
        }
        loop {
            let pulse = match &mut self.pulse {
                Some(pulse) => Either::Left(pulse),
                None => Either::Right(pending()),
            };
            let quiet = self.clock.sleep_until(self.last_told + QUIET);
            tokio::select! {
                biased;
                () = self.out.closed() => return,
                Some(heard) = self.heard.next() => {
                    self.take(heard);
                    // Whatever has arrived by now belongs to the same digest.
                    while let Some(Some(heard)) = self.heard.next().now_or_never() {
                        self.take(heard);
                    }
                }
                pulse = pulse => self.take_pulse(pulse),
                () = quiet => self.feel_pulse(),
            }
            if self.tell().await.is_err() {
                return;
            }
        }
    }

    fn watch_workload(&mut self, index: usize) {
        let watched = &mut self.watched[index];
        let only = selected(None, Some(format!("metadata.name={}", watched.reference.name)));
        let resource = objects::workload_resource(watched.reference.kind);
        let namespace = watched.reference.namespace.clone();
        let life = watched.life;
        let handle = self.begin(FeedId::Workload(index), life, &namespace, &resource, only, News::Workload);
        self.watched[index].own = Some(handle);
    }

    fn watch_events(&mut self, index: usize) {
        let namespace = self.warnings[index].namespace.clone();
        let warnings = selected(None, Some("type=Warning".to_owned()));
        self.begin(FeedId::Events(index), 0, &namespace, &objects::event_resource(), warnings, News::Event);
    }

    /// Begins the watches of a workload's history and pods, unless those that run are the right ones.
    fn watch_children(&mut self, index: usize) {
        let watched = &mut self.watched[index];
        let Some(workload) = watched.fold.workload() else {
            watched.end_children();
            self.failing.remove(&FeedId::Entries(index));
            self.failing.remove(&FeedId::Pods(index));
            return;
        };
        let uid = objects::uid(&workload.metadata).to_owned();
        let selector = match Selector::try_from(workload.spec.selector.clone()) {
            Ok(selector) => selector.to_string(),
            Err(error) => {
                let error = SourceError::BadAnswer(format!("selector of {}: {error}", watched.reference));
                self.failing.insert(FeedId::Pods(index), error);
                return;
            }
        };
        let of = (uid, selector);
        if watched.children.as_ref().is_some_and(|children| children.of == of) {
            return;
        }
        watched.end_children();
        let reference = watched.reference.clone();
        let life = watched.life;
        let labels = || selected(Some(of.1.clone()).filter(|labels| !labels.is_empty()), None);
        let history = objects::history_resource(reference.kind);
        let pods = objects::pod_resource();
        let handles = [
            self.begin(FeedId::Entries(index), life, &reference.namespace, &history, labels(), News::Entry),
            self.begin(FeedId::Pods(index), life, &reference.namespace, &pods, labels(), News::Pod),
        ];
        self.watched[index].children = Some(Children { of, handles });
    }

    fn begin<K>(
        &mut self,
        from: FeedId,
        life: u32,
        namespace: &str,
        resource: &ApiResource,
        config: kube::runtime::watcher::Config,
        news: fn(Event<K>) -> News,
    ) -> AbortHandle
    where
        K: kube::Resource<DynamicType = ApiResource, Scope = kube::core::DynamicResourceScope>
            + Clone
            + serde::de::DeserializeOwned
            + std::fmt::Debug
            + Send
            + 'static,
    {
        let api = Api::<K>::namespaced_with(self.cluster.client.clone(), namespace, resource);
        let feed = Feed { api, config, clock: self.clock.clone(), patience: self.cluster.timeout };
        let (heard, handle) = abortable(listen(feed));
        self.heard.push(heard.map(move |said| Heard { from, life, news: said.map(news) }).boxed());
        handle
    }

    fn take(&mut self, Heard { from, life, news }: Heard) {
        let index = match from {
            FeedId::Workload(index) | FeedId::Entries(index) | FeedId::Pods(index) => {
                let watched = &mut self.watched[index];
                if watched.life != life {
                    return;
                }
                watched.has_news = true;
                index
            }
            FeedId::Events(index) => index,
        };
        let now = self.clock.now();
        match news {
            Ok(news) => {
                if news.ends_list() {
                    self.failing.remove(&from);
                }
                match news {
                    News::Workload(event) => {
                        self.watched[index].fold.take_workload(event);
                        self.watch_children(index);
                    }
                    News::Entry(event) => self.watched[index].fold.take_entry(event),
                    News::Pod(event) => self.watched[index].fold.take_pod(event, now),
                    News::Event(Event::InitApply(event) | Event::Apply(event)) => {
                        self.warnings[index].sorter.take(event);
                    }
                    News::Event(_) => {}
                }
            }
            Err(error) => {
                self.failing.insert(from, error);
            }
        }
    }

    /// Asks for a sign of life.
    fn feel_pulse(&mut self) {
        // The wait begins anew whatever comes of it.
        self.last_told = self.clock.now();
        if self.pulse.is_some() || self.watched.is_empty() {
            return;
        }
        let index = self.next_pulse % self.watched.len();
        self.next_pulse = index + 1;
        let reference = &self.watched[index].reference;
        let resource = objects::workload_resource(reference.kind);
        let api = Api::<Workload>::namespaced_with(self.cluster.client.clone(), &reference.namespace, &resource);
        let name = reference.name.clone();
        let timeout = self.cluster.timeout;
        self.pulse = Some(
            async move {
                let read = cluster::call(timeout, api.get_opt(&name)).await;
                (index, read.map(|workload| workload.map(|w| version(&w.metadata).to_owned()).unwrap_or_default()))
            }
            .boxed(),
        );
    }

    fn take_pulse(&mut self, (index, pulse): Pulse) {
        self.pulse = None;
        match pulse {
            Err(error) => self.lifeless = Some(error),
            Ok(read) => {
                // Time alone changes a digest too: a loop that is over, a container that is stuck. But only while
                // the server answers, or its silence would pass for news.
                for watched in &mut self.watched {
                    watched.has_news = true;
                }
                if self.lifeless.take().is_some() {
                    // Connections from before the silence may be dead without knowing.
                    (0..self.watched.len()).for_each(|index| self.begin_anew(index));
                } else if self.watched[index].has_missed(&read) {
                    self.begin_anew(index);
                }
                self.is_alive = true;
            }
        }
    }

    /// Ends a workload's watches and begins them again. What is known stays until the new lists are complete.
    fn begin_anew(&mut self, index: usize) {
        self.watched[index].end();
        self.watch_workload(index);
    }

    /// Why the cluster counts as down, if it does. Warning events are a help, not a foundation.
    fn trouble(&self) -> Option<&SourceError> {
        let failing = self.failing.iter().find(|(feed, _)| !matches!(feed, FeedId::Events(_)));
        failing.map(|(_, error)| error).or(self.lifeless.as_ref())
    }

    async fn tell(&mut self) -> Result<(), Closed> {
        let now = self.clock.now();
        let mut said_anything = false;
        for index in 0..self.watched.len() {
            let watched = &mut self.watched[index];
            if !std::mem::take(&mut watched.has_news) || !watched.fold.is_complete() {
                continue;
            }
            let rollout = watched.fold.digest(now);
            if watched.told.as_ref() == Some(&rollout) {
                continue;
            }
            watched.told = Some(rollout.clone());
            let news = StreamNews::Rollout(watched.id, Box::new(rollout));
            self.send(now, news).await?;
            said_anything = true;
        }
        said_anything |= self.tell_warnings(now).await?;
        let trouble = self.trouble().cloned();
        match trouble {
            // Good news of one workload does not take back the bad of another.
            Some(error) if self.down.as_ref() != Some(&error) || said_anything => {
                self.send(now, StreamNews::Down(error.clone())).await?;
                self.down = Some(error);
            }
            Some(_) => {}
            None if !self.watched.iter().all(|watched| watched.fold.is_complete()) => {}
            None => {
                let is_back = self.down.take().is_some();
                if (std::mem::take(&mut self.is_alive) || is_back) && !said_anything {
                    self.send(now, StreamNews::Alive).await?;
                }
            }
        }
        Ok(())
    }

    async fn tell_warnings(&mut self, now: Time) -> Result<bool, Closed> {
        let mut due = Vec::new();
        for (index, warnings) in self.warnings.iter_mut().enumerate() {
            let here = |watched: &Watched| watched.reference.namespace == warnings.namespace;
            let first = self.watched.iter().find(|watched| here(watched)).map(|watched| watched.id);
            if !self.watched.iter().filter(|watched| here(watched)).all(|watched| watched.fold.is_complete()) {
                continue;
            }
            // Everything else can be read, so it is these alone that are missing.
            let refusal = self.failing.get(&FeedId::Events(index));
            if let (Some(error), Some(workload), false) = (refusal, first, warnings.is_refused) {
                warnings.is_refused = true;
                let text = format!("warning events of namespace {} are not shown: {error}", warnings.namespace);
                due.push(StreamNews::Event { workload, seen: now, text });
            }
            let whose = |uid: &str| self.watched.iter().position(|watched| watched.fold.owns(uid));
            due.extend(warnings.sorter.lines(whose).into_iter().map(|line| StreamNews::Event {
                workload: self.watched[line.workload].id,
                seen: line.seen,
                text: line.text,
            }));
        }
        let said_anything = !due.is_empty();
        for news in due {
            self.send(now, news).await?;
        }
        Ok(said_anything)
    }

    async fn send(&mut self, at: Time, news: StreamNews) -> Result<(), Closed> {
        self.last_told = at;
        let message = Message::Streamed { source: self.source, at, news };
        self.out.send(message).await.map_err(|_| Closed)
    }
}
