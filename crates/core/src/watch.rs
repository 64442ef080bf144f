//! The pure core: a watch is the fold of its messages. It never awaits, reads a clock or touches a socket.

mod alerting;
mod automatic;
mod deleting;
mod deploys;
mod following;
mod judging;
mod leasing;
mod pacing;
mod planning;
mod remembering;
mod stalling;
mod switches;
mod taking_back;
mod waking;

use crate::deploy::{Deploy, Time, Window, WorkloadId};
use crate::message::{Command, Effect, Message, StreamNews};
use crate::poll::{Alert, Issue};
use crate::rollback::automatic::Arming;
use crate::rollback::deletion::{Attempt, Question};
use crate::rollback::known::{Recalled, Standing};
use crate::rollback::lease::{Holder, Holding};
use crate::rollback::{Covered, Readiness, Rollback};
use crate::rollout::Rollout;
use crate::setup::Setup;
use crate::signal::{Signal, SignalId};
use crate::store::{Health, Store};
use crate::timeline::{Mark, Timeline};
use crate::verdict::{Finding, Level, Says, Track, Verdict};
use alerting::Alerts;
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::sync::Arc;
use switches::Switches;
pub use switches::{FeaturePanel, FlagRow, Turn, TurnState};

/// One session over one deploy: everything that is known, and what is said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    setup: Arc<Setup>,
    now: Time,
    revision: u64,
    store: Store,
    workloads: Vec<WorkloadState>,
    findings: Vec<Finding>,
    /// What each signal's rule has made of its bins so far.
    tracks: Vec<Track>,
    verdict: Verdict,
    issues: Vec<Issue>,
    alerts: Alerts,
    timeline: Timeline,
    rollback: Rollback,
    /// Signals that were red when the rollback was confirmed: they have to be known to be clear again.
    red_at_confirm: Vec<SignalId>,
    /// What ended before the plan that is open now.
    ended: Option<Box<Rollback>>,
    /// What was taken back in this watch and not taken forward again.
    taken_back: Vec<Covered>,
    /// The open question whether to delete pods that hold up what was taken back.
    deletion: Option<Question>,
    /// The pods whose deletion was asked of the cluster, by uid.
    deletions: BTreeMap<String, Attempt>,
    /// When lost answers and runs were last asked for.
    last_asked: Option<Time>,
    holding: Holding,
    /// Who else was last seen to take something back here, and when.
    somebody_else: Option<(Time, Holder)>,
    /// How far apart ticks are.
    tick: TimeDelta,
    /// Whether any message came yet: before the first one nobody paused.
    heard_any: bool,
    /// When the last pause ended in which nobody looked.
    woke: Option<Time>,
    /// As of when each source spoke last, well or not.
    heard: Vec<Option<Time>>,
    /// Whether the cluster told at the last tick.
    cluster_told: bool,
    /// When the newest stage was sent.
    sent: Option<Time>,
    /// Steps whose lost answer was looked for in vain: should they take effect all the same, that is told.
    given_up: Vec<WorkloadId>,
    lease_asked: Option<Time>,
    /// The oldest request of the lease that was not answered.
    lease_open: Option<Time>,
    /// Since when it is surely ours: the newest request that was answered with [`Holding::Ours`].
    lease_held: Option<Time>,
    /// When it could last not be had while nothing else kept others out, and why.
    lease_lost: Option<(Time, String)>,
    arming: Arming,
    /// What earlier watches found, for each workload.
    recalled: Vec<Vec<Recalled>>,
    /// What was remembered of a version in this watch, so that it is written once.
    remembered: Vec<(WorkloadId, String, Standing)>,
    switches: Switches,
}

/// What is known of one workload.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WorkloadState {
    /// As the cluster last told; `None` before it did.
    pub rollout: Option<Rollout>,
    /// The deploy that is watched.
    pub deploy: Option<Deploy>,
    /// When its rollout had stood still for so long that it is not waited for; `None` while it gets on, and once it ended.
    pub overdue: Option<Time>,
    /// Whether it could be taken back now.
    pub readiness: Readiness,
    /// Whether what was taken back could be taken forward again; only asked for after a rollback.
    pub forward: Readiness,
    /// When that was last asked for, and of which state.
    prepared: Option<(Time, deploys::PlanKey)>,
}

impl Watch {
    /// Begins a watch. Nothing is known yet; the first tick asks everybody.
    pub fn new(setup: Setup) -> Self {
        let unknown = Finding {
            level: Level::NoData,
            says: Says::NotAsked,
            blames_deploy: false,
            since: setup.started,
            acknowledged: false,
        };
        Self {
            now: setup.started,
            revision: 0,
            store: Store::new(&setup),
            workloads: setup.workloads.iter().map(|_| WorkloadState::default()).collect(),
            findings: setup.signals.iter().map(|_| unknown.clone()).collect(),
            tracks: setup.signals.iter().map(|_| Track::default()).collect(),
            verdict: Verdict::Watching,
            issues: Vec::new(),
            alerts: Alerts::default(),
            timeline: Timeline::default(),
            rollback: Rollback::Idle,
            red_at_confirm: Vec::new(),
            ended: None,
            taken_back: Vec::new(),
            deletion: None,
            deletions: BTreeMap::new(),
            last_asked: None,
            holding: Holding::Nobody,
            somebody_else: None,
            tick: TimeDelta::seconds(1),
            heard_any: false,
            woke: None,
            heard: vec![None; setup.sources.len()],
            cluster_told: true,
            sent: None,
            given_up: Vec::new(),
            lease_asked: None,
            lease_open: None,
            lease_held: None,
            lease_lost: None,
            arming: Arming::default(),
            recalled: Vec::new(),
            remembered: Vec::new(),
            switches: Switches::new(&setup),
            setup: Arc::new(setup),
        }
    }

    /// Takes one message in; says what should be done.
    pub fn update(&mut self, message: Message) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.pass_time(message.at(), &mut effects);
        match message {
            Message::Tick(_) => {
                self.note_stalls();
                self.judge_where(|_, _| true, &mut effects);
                self.follow_rollback(&mut effects);
                self.follow_automatism(&mut effects);
                self.remember(&mut effects);
                self.ask_who_is_due(&mut effects);
                self.refresh_readiness(&mut effects);
                self.follow_switches(&mut effects);
            }
            Message::Polled { source, at, result } => {
                self.hear(source, self.store.source(source).asked_at.unwrap_or(at));
                self.take_answer(source, at, result);
                self.judge_where(|_, signal| signal.source == source, &mut effects);
                self.revision += 1;
            }
            Message::PolledInPart { source, at, part } => {
                let told: Vec<SignalId> = part.points.iter().map(|(id, _)| *id).collect();
                self.take_part(source, at, part);
                self.judge_where(|id, _| told.contains(&id), &mut effects);
                self.revision += 1;
            }
            Message::Streamed { source, at, news } => {
                self.hear(source, at);
                let told = match &news {
                    StreamNews::Rollout(id, _) => Some(*id),
                    StreamNews::Event { .. } | StreamNews::Alive | StreamNews::Down(_) => None,
                };
                let alive = news == StreamNews::Alive;
                let was = std::mem::discriminant(&self.store.source(source).health);
                match &news {
                    StreamNews::Down(error) => self.store.source_mut(source).fail(at, error.clone()),
                    _ => self.store.source_mut(source).succeed(at, Health::Up),
                }
                match news {
                    StreamNews::Rollout(id, rollout) => self.follow_rollout(id, *rollout, &mut effects),
                    StreamNews::Event { seen, text, .. } => self.timeline.add(seen, Mark::Event, text),
                    StreamNews::Alive | StreamNews::Down(_) => {}
                }
                let turned = was != std::mem::discriminant(&self.store.source(source).health);
                if !alive || turned {
                    self.revision += 1;
                    // Of nine hundred workloads one has news; the others' turn is the next tick at the latest.
                    let concerned = |signal: &Signal| turned || told.is_none() || signal.workload == told;
                    self.judge_where(|_, signal| signal.source == source && concerned(signal), &mut effects);
                    self.follow_rollback(&mut effects);
                }
            }
            Message::Prepared { workload, goal, readiness, .. } => {
                self.take_readiness(workload, goal, readiness);
            }
            Message::Leased { holding, .. } => {
                self.take_holding(holding);
                self.revision += 1;
            }
            Message::Answered { workload, answer, .. } => {
                self.take_rollback_answer(workload, answer, &mut effects);
                self.revision += 1;
            }
            Message::PodsDeleted { answers, .. } => {
                self.take_deleted(answers);
            }
            Message::Recalled { known, .. } => self.take_recalled(known, &mut effects),
            Message::Switched { switch, news, .. } => {
                self.take_switch_news(switch, news, &mut effects);
                self.revision += 1;
            }
            Message::Asked { command, .. } => {
                self.obey(command, &mut effects);
                self.revision += 1;
            }
        }
        effects
    }

    /// Time goes on with each message. A clock that is set back takes every age with it: otherwise a source could fall
    /// silent for an hour and look fresh.
    fn set_time(&mut self, now: Time) {
        if now < self.now {
            self.store.set_back(self.now - now, now);
        }
        self.now = now;
    }

    fn obey(&mut self, command: Command, effects: &mut Vec<Effect>) {
        match command {
            Command::OpenPlan { goal, scope } => self.open_plan(goal, &scope, effects),
            Command::Confirm { typed } => self.confirm_plan(typed.as_deref(), effects),
            Command::AskToDeletePods { scope } => self.ask_to_delete_pods(&scope),
            Command::DeletePods => self.delete_pods(effects),
            Command::Dismiss if self.deletion.is_some() => self.deletion = None,
            Command::Dismiss => self.dismiss(effects),
            Command::ShowFeatures => self.show_features(effects),
            Command::AskToTurnOff(flag) => self.ask_to_turn_off(flag),
            Command::TurnOff => self.turn_off(effects),
            Command::CloseFeatures => self.close_features(),
            Command::Acknowledge(id) => {
                let flag = self.findings.get_mut(usize::from(id.0));
                if let Some(flag) = flag.filter(|flag| !flag.acknowledged && flag.level >= Level::Warning) {
                    flag.acknowledged = true;
                    let text = format!("acknowledged: {}", self.name_of(id));
                    self.timeline.add(self.now, Mark::Note, text);
                }
            }
            Command::Note(text) => {
                if !text.trim().is_empty() {
                    self.timeline.add(self.now, Mark::Note, text.trim());
                }
            }
        }
    }

    /// What is watched.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The same, for whoever outlives a borrow.
    pub fn shared_setup(&self) -> Arc<Setup> {
        Arc::clone(&self.setup)
    }

    /// The time of the newest message.
    pub fn now(&self) -> Time {
        self.now
    }

    /// When something becomes visible by time alone before the next second does: what was opened takes keys.
    pub fn wakes_at(&self) -> Option<Time> {
        let opened = match (&self.rollback, self.feature_panel(), &self.deletion) {
            (Rollback::Planned { opened, .. }, ..) | (_, FeaturePanel::Asking { opened, .. }, _) => *opened,
            (.., Some(question)) => question.opened,
            _ => return None,
        };
        Some(opened + self.setup.confirm_grace).filter(|at| *at > self.now)
    }

    /// Grows with each change that anybody could see; equal numbers mean an equal picture but for ages.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The readings and the sources' health.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What is known of a workload.
    pub fn workload(&self, id: WorkloadId) -> &WorkloadState {
        &self.workloads[usize::from(id.0)]
    }

    /// What is known of every workload, in the setup's order.
    pub fn workloads(&self) -> &[WorkloadState] {
        &self.workloads
    }

    /// What is said of a signal.
    pub fn finding(&self, id: SignalId) -> &Finding {
        &self.findings[usize::from(id.0)]
    }

    /// What is said of every signal, in the setup's order.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The rollback; under a plan that is open, the one that ended before it.
    pub fn last_undertaken(&self) -> &Rollback {
        match (&self.rollback, &self.ended) {
            (Rollback::Planned { .. }, Some(ended)) => ended,
            (rollback, _) => rollback,
        }
    }

    /// What the whole says.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The window's clock: it opens when the last workload's rollout has ended, or has stood still for too long.
    pub fn window(&self) -> Window {
        let finished = self.workloads.iter().map(|state| state.deploy.as_ref()?.finished.or(state.overdue));
        // `None` anywhere means that the window is not open yet.
        let opened = finished.collect::<Option<Vec<Time>>>().and_then(|times| times.into_iter().max());
        Window { opened, length: self.setup.window }
    }

    /// Issues of this version, the most frequent first.
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }

    /// Alerts that are not quiet.
    pub fn alerts(&self) -> &[Alert] {
        self.alerts.not_quiet()
    }

    /// Everything that happened.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Where the rollback stands.
    pub fn rollback(&self) -> &Rollback {
        &self.rollback
    }

    /// Whose the rollback of this environment is at the moment.
    pub fn holding(&self) -> &Holding {
        &self.holding
    }

    /// How near the automatism is to acting.
    pub fn arming(&self) -> &Arming {
        &self.arming
    }
}
