//! Performs effects: each is a task whose result comes back as a message. Tasks end with this value.

use super::flags::{FlagAdapter, called, uncalled};
use super::recalling::recalled;
use crate::clock::Clock;
use crate::cluster::lease::Lease;
use crate::cluster::spec::ClusterSpec;
use crate::cluster::{self, Cluster, Facts};
use crate::deploy::WorkloadId;
use crate::feature_flags::provider::FlagProvider;
use crate::feature_flags::spec::FeatureFlagsSpec;
use crate::memory::{Memory, Shared, Told, Whose};
use crate::message::{Effect, Message, StreamNews};
use crate::poll::{Poll, PollRequest, SourceError};
use crate::rollback::client::unheard;
use crate::rollback::deletion::{Deleted, PodId};
use crate::rollback::lease::{Holding, LeaseCall};
use crate::rollback::version_history::Known;
use crate::rollback::workload;
use crate::rollback::{Answer, Blocked, Readiness, Refusal, Step};
use crate::setup::{FlagSystemId, Setup};
use crate::signal::SourceId;
use crate::systems::api::SourceSpec;
use crate::systems::api::strategy::RollbackSpec;
use crate::systems::api::{Early, Source};
use crate::systems::registry::perform::Performer;
use crate::systems::registry::strategies::{self, Strategy};
use chrono::TimeDelta;
use std::future::Future;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// How long releasing the lease may take at exit.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long to wait before a cluster that could not be reached is tried again.
const RECONNECT: TimeDelta = TimeDelta::seconds(5);

/// The specifications of all adapters: addresses and credentials.
pub struct AdapterSpecs {
    /// In the order of [`Setup::sources`].
    pub sources: Vec<SourceSpec>,
    /// The strategy.
    pub rollback: RollbackSpec,
    /// In the order of [`Setup::feature_flags`].
    pub feature_flags: Vec<FeatureFlagsSpec>,
}

/// The outside of a watch: its sources, its cluster, and the tasks that talk to them.
pub struct Outside {
    setup: Arc<Setup>,
    /// Effects that wait for credentials; `None` once those are there.
    held_back: Option<Vec<Effect>>,
    specs: Vec<SourceSpec>,
    sources: Vec<Adapter>,
    rollback: RollbackSpec,
    cluster: Arc<OnceLock<Cluster>>,
    strategy: Option<Strategy>,
    lease: Option<Arc<Lease>>,
    /// Under which name the lease is held; 0: one of its own.
    watch: u32,
    feature_flags: Vec<FlagAdapter>,
    memory: Option<Memory>,
    clock: Clock,
    out: mpsc::Sender<Message>,
    tasks: JoinSet<()>,
    awaited: usize,
}

/// A polled source's adapter; `None` until the first question, for building a TLS client is no work for start-up, and
/// while it cannot be built: what was in the way once (a limit of open files) need not be the next time.
type Adapter = Option<Arc<dyn Source>>;

/// What was built before, or what can be built now; a failure is not kept.
fn built<T: Clone, E>(kept: &mut Option<T>, build: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    if let Some(built) = kept {
        return Ok(built.clone());
    }
    Ok(kept.insert(build()?).clone())
}

impl Outside {
    /// Makes it; connects to nothing.
    pub fn new(
        setup: Arc<Setup>,
        specs: Vec<SourceSpec>,
        rollback: RollbackSpec,
        clock: Clock,
        out: mpsc::Sender<Message>,
    ) -> Self {
        let sources = specs.iter().map(|_| None).collect();
        let (cluster, tasks) = (Arc::default(), JoinSet::new());
        Self {
            setup,
            held_back: None,
            specs,
            sources,
            rollback,
            cluster,
            strategy: None,
            lease: None,
            watch: 0,
            feature_flags: Vec::new(),
            memory: None,
            clock,
            out,
            tasks,
            awaited: 0,
        }
    }

    /// The outside before its credentials are there: effects wait until they come (see [`super::PendingSecrets`]).
    pub fn unconfigured(setup: Arc<Setup>, clock: Clock, out: mpsc::Sender<Message>) -> Self {
        let outside = Self::new(setup, Vec::new(), RollbackSpec::default(), clock, out);
        Self { held_back: Some(Vec::new()), ..outside }
    }

    /// Sets the adapters' specifications and performs the effects that were held back.
    pub(super) fn configure(&mut self, specs: AdapterSpecs) {
        self.sources = specs.sources.iter().map(|_| None).collect();
        self.specs = specs.sources;
        self.rollback = specs.rollback;
        self.feature_flags = specs.feature_flags.into_iter().map(FlagAdapter::new).collect();
        let held_back = self.held_back.take().unwrap_or_default();
        self.connect();
        for effect in held_back {
            self.perform(effect);
        }
    }

    /// Begins to stream from the clusters.
    pub fn connect(&mut self) {
        for (index, spec) in self.specs.iter().enumerate() {
            let SourceSpec::Streamed(spec) = spec else { continue };
            let (spec, shared) = (Arc::clone(spec), Arc::clone(&self.cluster));
            let (id, clock, out) = (SourceId(index as u16), self.clock.clone(), self.out.clone());
            let (memory, setup) = (self.memory.clone(), Arc::clone(&self.setup));
            self.tasks.spawn(async move {
                let cluster = connected(id, spec.cluster(), &clock, &out).await;
                // Only one cluster holds an environment's workloads; the first one in is it.
                let _ = shared.set(cluster.clone());
                let recall = async {
                    if memory.is_some() || setup.rollback.shared {
                        let Told { known, doubts } = recalled(memory, setup, &cluster, clock.now()).await;
                        // The loop may have ended; then nobody is left to tell.
                        let _ = out.send(Message::Recalled { at: clock.now(), known, doubts }).await;
                    }
                };
                let stream = spec.stream(id, cluster.clone(), clock.clone(), out.clone());
                tokio::join!(recall, stream);
            });
        }
    }

    /// Performs one effect; what comes of it arrives as a message.
    pub fn perform(&mut self, effect: Effect) {
        // The core asks each source once and then waits for its answer, so this stays short.
        if let Some(held_back) = &mut self.held_back {
            held_back.push(effect);
            return;
        }
        match effect {
            Effect::Poll { source, request } => {
                let adapter = self.adapter(source);
                let out = self.out.clone();
                self.answer(move |clock| async move {
                    let result = match adapter {
                        Ok(adapter) => polled(adapter.as_ref(), source, &request, &clock, &out).await,
                        Err(error) => Err(error),
                    };
                    Message::Polled { source, at: clock.now(), result }
                });
            }
            Effect::AskPast { source, ago, request } => {
                let adapter = self.adapter(source);
                self.answer(move |clock| async move {
                    let result = match adapter {
                        Ok(adapter) => adapter.past(&request).await,
                        Err(error) => Err(error),
                    };
                    Message::PastTold { source, at: clock.now(), ago, from: request.from, result }
                });
            }
            Effect::Prepare(ask) => {
                let strategy = self.strategy();
                self.answer(move |clock| async move {
                    let readiness = match strategy {
                        Ok(strategy) => strategy.planner.prepare(&ask).await,
                        Err(blocked) => Readiness::Blocked(Refusal::from(blocked)),
                    };
                    Message::Prepared { workload: ask.workload, goal: ask.goal, at: clock.now(), readiness }
                });
            }
            Effect::Send(step) => {
                // Without a strategy nothing was sent.
                self.perform_step(
                    step,
                    Answer::Refused,
                    |performer, step| async move { performer.perform(&step).await },
                );
            }
            Effect::Follow(step, run) => {
                self.perform_step(step, unheard, |performer, step| async move { performer.follow(&step, &run).await });
            }
            Effect::ReadBack(step) => {
                self.perform_step(step, unheard, |performer, step| async move { performer.read_back(&step).await });
            }
            Effect::DeletePods { workload, pods } => {
                let cluster = self.cluster.get().cloned();
                let of = self.setup.workload(workload).reference.clone();
                self.answer(move |clock| async move {
                    let answers = match cluster {
                        Some(cluster) => workload::delete_pods(&cluster, &of, pods).await,
                        None => pods.into_iter().map(refused_without_cluster).collect(),
                    };
                    Message::PodsDeleted { workload, at: clock.now(), answers }
                });
            }
            Effect::Lease(call) => {
                let lease = self.lease();
                self.answer(move |clock| async move {
                    let holding = match lease {
                        Ok(lease) => lease.call(&call).await,
                        Err(blocked) => Holding::Unavailable(blocked.reason),
                    };
                    Message::Leased { at: clock.now(), holding }
                });
            }
            Effect::FeatureFlags(system, call) => {
                let adapter = self.flag_system(system);
                self.answer(move |clock| async move {
                    let news = match adapter {
                        Ok(adapter) => called(adapter.as_ref(), call).await,
                        Err(why) => uncalled(call, why),
                    };
                    Message::FeatureFlags { system, at: clock.now(), news }
                });
            }
            Effect::Remember(workload, known, uid) => self.remember(workload, known, uid),
            // The frontend rings; nothing outside does.
            Effect::Bell => {}
        }
    }

    /// Has something done about a step; `without` is the answer where there is nobody to do it.
    fn perform_step<T: Future<Output = Answer> + Send + 'static>(
        &mut self,
        step: Arc<Step>,
        without: fn(Blocked) -> Answer,
        order: impl FnOnce(Performer, Arc<Step>) -> T + Send + 'static,
    ) {
        let strategy = self.strategy();
        self.answer(move |clock| async move {
            let workload = step.workload();
            let answer = match strategy {
                Ok(strategy) => order(strategy.performer, step).await,
                Err(blocked) => without(blocked),
            };
            Message::Answered { workload, at: clock.now(), answer }
        });
    }

    fn answer<T: Future<Output = Message> + Send + 'static>(&mut self, ask: impl FnOnce(Clock) -> T) {
        let out = self.out.clone();
        let asked = ask(self.clock.clone());
        self.awaited += 1;
        self.tasks.spawn(async move {
            let message = asked.await;
            // The loop may have ended; then nobody is left to tell.
            let _ = out.send(message).await;
        });
    }

    fn adapter(&mut self, id: SourceId) -> Result<Arc<dyn Source>, SourceError> {
        let build = || match &self.specs[usize::from(id.0)] {
            SourceSpec::Polled(spec) => spec.build().map(Arc::from),
            SourceSpec::Streamed(_) => {
                Err(SourceError::BadQuery("this source streams and is never queried".to_owned()))
            }
        };
        built(&mut self.sources[usize::from(id.0)], build)
    }

    /// The environment's strategy, made when it is first needed and the cluster is there.
    fn strategy(&mut self) -> Result<Strategy, Blocked> {
        let cluster = self.cluster.get().ok_or_else(no_cluster)?;
        built(&mut self.strategy, || strategies::build(&self.rollback, cluster, &self.clock))
    }

    /// The environment's lease, in the namespace of its first workload.
    fn lease(&mut self) -> Result<Arc<Lease>, Blocked> {
        let cluster = self.cluster.get().ok_or_else(no_cluster)?;
        let setup = &self.setup;
        let lease = self.lease.get_or_insert_with(|| {
            let namespace = setup.workloads.first().map_or("default", |workload| &workload.reference.namespace);
            let (environment, actor) = (&setup.environment, &setup.rollback.actor);
            let lease = Lease::new(cluster.clone(), self.clock.clone(), namespace, environment, actor);
            Arc::new(if self.watch == 0 { lease } else { lease.named(self.watch) })
        });
        Ok(Arc::clone(lease))
    }

    fn flag_system(&mut self, id: FlagSystemId) -> Result<Arc<dyn FlagProvider>, String> {
        let Some(system) = self.feature_flags.get_mut(usize::from(id.0)) else {
            return Err("this system of feature flags is not connected".to_owned());
        };
        let FlagAdapter { spec, adapter } = system;
        built(adapter, || spec.build(&self.clock).map(Arc::from))
    }

    /// Releases the lease, if it was ever acquired, and waits a moment for the answer.
    pub async fn release_lease(&self) {
        if let Some(lease) = &self.lease {
            release(lease).await;
        }
    }

    /// Tells other machines what was found of a version, where that is wanted; what is read-only writes nothing there.
    fn share(&mut self, workload: WorkloadId, known: &Known, uid: &str) {
        let (rollback, Some(cluster)) = (&self.setup.rollback, self.cluster.get()) else { return };
        if !rollback.shared || self.setup.read_only {
            return;
        }
        let (shared, setup) = (Shared::new(cluster.clone(), &rollback.actor), Arc::clone(&self.setup));
        let (known, uid, name) =
            (known.clone(), uid.to_owned(), cluster.identity.uid().unwrap_or(&cluster.label).to_owned());
        self.tasks.spawn(async move {
            let whose = Whose { cluster: &name, workload: &setup.workload(workload).reference, uid: &uid };
            if let Err(why) = shared.add(&setup.environment, whose, &known).await {
                tracing::warn!(why, "the watch's result was not shared");
            }
        });
    }

    /// Stores what was found of a version, on a thread of its own: a disk may be slow.
    fn remember(&mut self, workload: WorkloadId, known: Known, uid: String) {
        self.share(workload, &known, &uid);
        let (Some(memory), Some(cluster)) = (self.memory.clone(), self.cluster.get()) else { return };
        let cluster = cluster.identity.uid().unwrap_or(&cluster.label).to_owned();
        let (environment, reference) =
            (self.setup.environment.clone(), self.setup.workload(workload).reference.clone());
        let write = move || {
            let whose = Whose { cluster: &cluster, workload: &reference, uid: &uid };
            if let Err(error) = memory.add(&environment, whose, &known) {
                tracing::warn!(path = %memory.path().display(), %error, "the watch's result was not saved");
            }
        };
        self.tasks.spawn(async move {
            // A panic there is the task's own and ends the program as every other does.
            if let Err(error) = tokio::task::spawn_blocking(write).await
                && error.is_panic()
            {
                std::panic::resume_unwind(error.into_panic());
            }
        });
    }

    /// Where what is found of versions is written; nowhere unless this is called.
    #[must_use]
    pub fn with_memory(mut self, memory: Option<Memory>) -> Self {
        self.memory = memory;
        self
    }

    /// The name under which the lease is held, of a watch that may be resumed by another process. What the watch before
    /// holds under its own is released.
    pub(super) fn set_watch(&mut self, id: u32) {
        self.watch = id;
        if let Some(lease) = self.lease.take() {
            self.tasks.spawn(async move { release(&lease).await });
        }
    }

    /// The systems of feature flags, in the order of [`Setup::feature_flags`]; none unless this is called.
    #[must_use]
    pub fn with_feature_flags(mut self, specs: Vec<FeatureFlagsSpec>) -> Self {
        self.feature_flags = specs.into_iter().map(FlagAdapter::new).collect();
        self
    }

    /// Notes that an awaited answer arrived.
    pub fn heard(&mut self, message: &Message) {
        match message {
            Message::Polled { .. }
            | Message::PastTold { .. }
            | Message::Prepared { .. }
            | Message::Answered { .. }
            | Message::PodsDeleted { .. }
            | Message::Leased { .. }
            | Message::FeatureFlags { .. } => self.awaited = self.awaited.saturating_sub(1),
            // Nobody asked for them, or the answer that they are a part of is still awaited.
            Message::Tick(_)
            | Message::PolledInPart { .. }
            | Message::Streamed { .. }
            | Message::Recalled { .. }
            | Message::Asked { .. }
            | Message::Unrecorded { .. }
            | Message::Left { .. }
            | Message::Resumed { .. }
            | Message::BegunAfresh { .. } => {}
        }
    }

    /// Whether any answer is on its way.
    pub fn awaits_answers(&self) -> bool {
        self.awaited > 0
    }

    /// Waits for a task to end. A task that panicked ends the program: its part would be silent for ever.
    /// Never returns while there is no task.
    pub async fn join_next(&mut self) -> io::Result<()> {
        match self.tasks.join_next().await {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) if error.is_cancelled() => Ok(()),
            Some(Err(error)) => Err(io::Error::other(format!("an internal task failed: {error}"))),
            None => std::future::pending().await,
        }
    }
}

/// Asks a source, and passes on each part of the answer while the rest is on its way.
async fn polled(
    adapter: &dyn Source,
    source: SourceId,
    request: &PollRequest,
    clock: &Clock,
    out: &mpsc::Sender<Message>,
) -> Result<Poll, SourceError> {
    let (early, mut parts) = Early::channel();
    let mut whole = adapter.poll_early(request, &early);
    loop {
        tokio::select! {
            // The whole repeats every part: none is missed when it is there first.
            biased;
            result = &mut whole => return result,
            Some(part) = parts.recv() => {
                // The loop may have ended; then nobody is left to tell.
                let _ = out.send(Message::PolledInPart { source, at: clock.now(), part }).await;
            }
        }
    }
}

/// Tries to connect until it works; says each time why it did not.
async fn connected(id: SourceId, spec: &ClusterSpec, clock: &Clock, out: &mpsc::Sender<Message>) -> Cluster {
    loop {
        match cluster::connect(spec).await {
            Ok(cluster) => {
                let facts = Facts::of(clock, spec.workloads.iter().map(|(_, of)| of));
                return Cluster { facts, ..cluster };
            }
            Err(error) => {
                let news = StreamNews::Down(error);
                if out.send(Message::Streamed { source: id, at: clock.now(), news }).await.is_err() {
                    // The loop has ended, and this task ends with it.
                    std::future::pending::<()>().await;
                }
                clock.sleep(RECONNECT).await;
            }
        }
    }
}

fn refused_without_cluster(pod: PodId) -> (PodId, Deleted) {
    (pod, Deleted::Refused(no_cluster()))
}

/// Releases a lease, and waits a moment for the answer.
async fn release(lease: &Lease) {
    // It expires by itself should this not arrive.
    let _ = tokio::time::timeout(RELEASE_TIMEOUT, lease.call(&LeaseCall::Release)).await;
}

fn no_cluster() -> Blocked {
    Blocked { reason: "no connection to the cluster".to_owned(), way_out: "redflag check shows why".to_owned() }
}
