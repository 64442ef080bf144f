//! The pure core: a watch is the fold of its messages. It never awaits, reads a clock or touches a socket.
//!
//! It is made of parts, each in a module of its own, that own their fields and see no other part's: what they go by
//! besides is given to them. What concerns several parts at once is put together here and in the modules that begin with
//! `impl Watch`.

mod alerting;
mod attention;
mod automatic;
mod automation;
mod deleting;
mod deletion;
mod deploys;
mod desk;
mod discovery;
mod feature_flags;
mod flags;
mod journal;
mod judging;
mod lease;
mod moments;
mod neighbours;
mod planning;
mod polling;
mod preparing;
mod recollection;
mod remembering;
mod resuming;
mod rhythm;
mod rolling_back;
mod silence;
mod waking;

use crate::deploy::{Time, Window, WorkloadId};
use crate::message::{Command, Effect, Message, StreamNews};
use crate::poll::{Alert, Issue};
use crate::rollback::Rollback;
use crate::rollback::automatic::Arming;
use crate::rollback::lease::Holding;
use crate::session::Leaving;
use crate::setup::Setup;
use crate::signal::{Signal, SignalId, SourceId};
use crate::store::Store;
use crate::timeline::{Mark, Timeline};
use crate::verdict::{Basis, Finding, Verdict};
use alerting::Alerts;
use attention::Attention;
use automation::Automation;
use deletion::Deletion;
use deploys::Deploys;
pub use deploys::{PUSH, WorkloadState};
use desk::Desk;
use feature_flags::FeatureFlags;
pub use feature_flags::{FeaturePanel, FlagRow, TurnOff, TurnOffState};
use journal::Journal;
use judging::{Ground, Judging};
use lease::Lease;
use moments::Moments;
use neighbours::Neighbours;
use polling::{Beside, Polling};
use recollection::Recollection;
use rhythm::{Answer, Rhythm};
use silence::Silence;
use std::sync::Arc;

/// One session over one deploy: everything that is known, and what is said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    setup: Arc<Setup>,
    now: Time,
    /// The timeline, and what changed.
    journal: Journal,
    /// Pauses in which nobody looked.
    attention: Attention,
    /// The sources, their readings and their health.
    polling: Polling,
    alerts: Alerts,
    /// The workloads, their rollouts, and whether they could be rolled back.
    deploys: Deploys,
    /// What is said of the signals and of the whole.
    judging: Judging,
    /// The rollback.
    desk: Desk,
    /// The keys that were struck of late.
    silence: Silence,
    lease: Lease,
    automation: Automation,
    /// Pods that block a rollback.
    deletion: Deletion,
    feature_flags: FeatureFlags,
    recollection: Recollection,
    /// What signals did on earlier days.
    rhythm: Rhythm,
    /// Which services can be held against which.
    neighbours: Neighbours,
    /// How it was left, until it is resumed.
    left: Option<Leaving>,
}

/// A signal's name, with its service where there are several.
fn name_of(setup: &Setup, id: SignalId) -> String {
    let signal = setup.signal(id);
    if setup.services.len() > 1 {
        format!("{} {}", setup.service(signal.service).name, signal.name)
    } else {
        signal.name.clone()
    }
}

impl Watch {
    /// Begins a watch. Nothing is known yet; the first tick asks everybody.
    pub fn new(setup: Setup) -> Self {
        Self {
            now: setup.started,
            journal: Journal::default(),
            attention: Attention::new(setup.sources.len()),
            polling: Polling::new(&setup),
            alerts: Alerts::default(),
            deploys: Deploys::new(setup.workloads.len()),
            judging: Judging::new(&setup),
            desk: Desk::default(),
            silence: Silence::default(),
            lease: Lease::default(),
            automation: Automation::default(),
            deletion: Deletion::default(),
            feature_flags: FeatureFlags::new(&setup),
            recollection: Recollection::default(),
            rhythm: Rhythm::new(&setup),
            neighbours: Neighbours::new(&setup),
            left: None,
            setup: Arc::new(setup),
        }
    }

    /// Takes one message in; says what should be done.
    pub fn update(&mut self, message: Message) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Message::Resumed { at, seat, zone } = message {
            self.resume(at, seat, zone, &mut effects);
            return effects;
        }
        self.pass_time(message.at(), &mut effects);
        match message {
            Message::Tick(_) => {
                self.note_stalls();
                self.judge_where(|_, _| true, &mut effects);
                self.follow_rollback(&mut effects);
                self.follow_automation(&mut effects);
                self.remember(&mut effects);
                self.polling.ask_who_is_due(&self.setup, &self.deploys, self.now, &mut effects);
                self.ask_for_the_past(&mut effects);
                self.refresh_readiness(&mut effects);
                self.feature_flags.follow(self.now, &mut effects);
            }
            Message::Polled { source, at, result } => {
                self.attention.hear(source, self.polling.asked_at(source, at));
                if let Some(beside) = self.polling.take_answer(&self.setup, source, at, result) {
                    self.take_beside(source, beside);
                }
                self.judge_where(|_, signal| signal.source == source, &mut effects);
                self.journal.changed();
            }
            Message::PolledInPart { source, at, part } => {
                let told: Vec<SignalId> = part.points.iter().map(|(id, _)| *id).collect();
                self.polling.take_part(&self.setup, source, at, part);
                self.judge_where(|id, _| told.contains(&id), &mut effects);
                self.journal.changed();
            }
            Message::PastTold { source, ago, from, result, .. } => {
                self.take_past(Answer { source, ago, from, result }, &mut effects);
            }
            Message::Streamed { source, at, news } => self.take_stream_news(source, at, news, &mut effects),
            Message::Prepared { workload, goal, readiness, .. } => {
                self.take_readiness(workload, goal, readiness);
            }
            Message::Leased { holding, .. } => {
                self.take_holding(holding);
                self.journal.changed();
            }
            Message::Answered { workload, answer, .. } => {
                self.take_rollback_answer(workload, answer, &mut effects);
                self.journal.changed();
            }
            Message::PodsDeleted { answers, .. } => {
                self.take_deleted(answers);
            }
            Message::Recalled { known, doubts, .. } => self.take_recalled(known, doubts, &mut effects),
            Message::FeatureFlags { system, news, .. } => {
                let now = self.now;
                self.feature_flags.take(&self.setup, (system, news), now, &mut self.journal, &mut effects);
                self.journal.changed();
            }
            Message::Asked { command, .. } => {
                self.obey(command, &mut effects);
                self.journal.changed();
            }
            Message::Unrecorded { at, why } => {
                self.journal.add(at, Mark::Unknown, format!("not recorded from here on: {why}"));
                self.journal.changed();
            }
            Message::Left { how, .. } => self.left = Some(how),
            Message::BegunAfresh { at, before, why, zone } => self.tell_of_earlier(at, before, &why, zone),
            // Taken in before time went on.
            Message::Resumed { .. } => {}
        }
        effects
    }

    fn take_stream_news(&mut self, source: SourceId, at: Time, news: StreamNews, effects: &mut Vec<Effect>) {
        self.attention.hear(source, at);
        let turned = self.polling.streamed(source, at, &news);
        let is_news = news != StreamNews::Alive;
        let told = match news {
            StreamNews::Rollout(id, rollout) => {
                self.follow_rollout(id, *rollout, effects);
                Some(id)
            }
            StreamNews::Event { workload, seen, text } => {
                let service = self.setup.workload(workload).service;
                self.journal.add_about(service, seen, Mark::Event, text);
                None
            }
            StreamNews::Alive | StreamNews::Down(_) => None,
        };
        if is_news || turned {
            self.journal.changed();
            // Of nine hundred workloads one has news; the others' turn is the next tick at the latest.
            let concerned = |signal: &Signal| turned || told.is_none() || signal.workload == told;
            self.judge_where(|_, signal| signal.source == source && concerned(signal), effects);
            self.follow_rollback(effects);
        }
    }

    /// Takes in what an answer tells beside readings.
    fn take_beside(&mut self, source: SourceId, beside: Beside) {
        let Beside { told, issues, alerts, unread } = beside;
        if let Some(issues) = issues {
            self.judging.take_issues(&self.setup, source, issues, self.now, &mut self.journal);
        }
        if let Some(alerts) = alerts {
            let moments = Moments::of_services(&self.setup, self.deploys.all());
            let deployed = |id| moments.of(self.setup.signal(id)).map(|deploy| deploy.at);
            self.alerts.take(&self.setup, source, &told, (alerts, unread), deployed);
        }
    }

    /// Judges the signals that `concerned` picks, then the whole.
    fn judge_where(&mut self, concerned: impl Fn(SignalId, &Signal) -> bool, effects: &mut Vec<Effect>) {
        let ground = Ground {
            setup: &self.setup,
            now: self.now,
            store: self.polling.store(),
            alerts: &self.alerts,
            workloads: self.deploys.all(),
            window: self.deploys.window(self.setup.window),
            done: self.desk.rollback().execution(),
            rhythm: &self.rhythm,
            neighbours: &self.neighbours,
        };
        if self.judging.judge_where(ground, concerned, &mut self.journal) {
            effects.push(Effect::Bell);
        }
    }

    /// Time goes on with each message. A clock that is set back takes every age with it: otherwise a source could fall
    /// silent for an hour and look fresh.
    fn set_time(&mut self, now: Time) {
        if now < self.now {
            self.polling.set_back(self.now - now, now);
        }
        self.now = now;
    }

    /// Writes down something of a rollback or a feature flag.
    fn tell(&mut self, text: impl Into<String>) {
        self.journal.tell(self.now, text);
    }

    fn obey(&mut self, command: Command, effects: &mut Vec<Effect>) {
        self.hear(&command);
        match command {
            Command::OpenPlan { goal, scope } => self.open_plan(goal, &scope, effects),
            Command::Confirm { typed } => self.confirm_plan(typed.as_deref(), effects),
            Command::AskToDeletePods { scope } => self.ask_to_delete_pods(&scope),
            Command::DeletePods => self.delete_pods(effects),
            Command::Dismiss => {
                if !self.deletion.dismiss() {
                    self.dismiss(effects);
                }
            }
            Command::ShowFeatures => self.feature_flags.show(self.now, effects),
            Command::AskToTurnOff(flag) => self.feature_flags.ask_to_turn_off(&self.setup, flag, self.now),
            Command::TurnOff => self.turn_off(effects),
            Command::CloseFeatures => self.feature_flags.close(),
            Command::Acknowledge(id) => {
                if self.judging.acknowledge(id) {
                    let text = format!("acknowledged: {}", name_of(&self.setup, id));
                    self.journal.add(self.now, Mark::Note, text);
                }
            }
            Command::Touch => {}
            Command::Note(text) => {
                if !text.trim().is_empty() {
                    self.journal.add(self.now, Mark::Note, text.trim());
                }
            }
        }
    }

    /// Notes the key behind a command. One that confirms and is not taken has to be let go before it is.
    fn hear(&mut self, command: &Command) {
        let confirms = matches!(command, Command::Confirm { .. } | Command::DeletePods | Command::TurnOff);
        match self.opened() {
            Some(opened) if confirms && !self.silence.is_over(&self.setup, opened, self.now) => {
                self.silence.refuse(self.now);
            }
            // A key that comes at its time is no reason to wait longer.
            Some(_) if confirms => {}
            _ => self.silence.strike(self.now),
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

    /// Since when something waits for a confirming key.
    fn opened(&self) -> Option<Time> {
        match (self.desk.rollback(), self.feature_panel(), self.deletion.question()) {
            (Rollback::Planned { opened, .. }, ..) | (_, FeaturePanel::Asking { opened, .. }, _) => Some(*opened),
            (.., Some(question)) => Some(question.opened),
            (Rollback::Countdown { began, .. }, ..) => Some(*began),
            _ => None,
        }
    }

    /// When something becomes visible by time alone before the next second does: what was opened takes keys.
    pub fn wakes_at(&self) -> Option<Time> {
        Some(self.silence.ends(&self.setup, self.opened()?, self.now)).filter(|at| *at > self.now)
    }

    /// Grows with each change that anybody could see; equal numbers mean an equal picture but for ages.
    pub fn revision(&self) -> u64 {
        self.journal.revision()
    }

    /// The readings and the sources' health.
    pub fn store(&self) -> &Store {
        self.polling.store()
    }

    /// What is known of a workload.
    pub fn workload(&self, id: WorkloadId) -> &WorkloadState {
        self.deploys.of(id)
    }

    /// By service, whether any of its workloads was deployed in this push.
    pub fn deployed_services(&self) -> Vec<bool> {
        Deploys::are_deployed(&self.setup, self.deploys.all())
    }

    /// What is known of every workload, in the setup's order.
    pub fn workloads(&self) -> &[WorkloadState] {
        self.deploys.all()
    }

    /// What is said of a signal.
    pub fn finding(&self, id: SignalId) -> &Finding {
        &self.judging.findings()[usize::from(id.0)]
    }

    /// What is said of every signal, in the setup's order.
    pub fn findings(&self) -> &[Finding] {
        self.judging.findings()
    }

    /// The rollback; under a plan that is open, the one that ended before it.
    pub fn last_executed(&self) -> &Rollback {
        self.desk.last_executed()
    }

    /// What the whole says.
    pub fn verdict(&self) -> Verdict {
        self.judging.verdict()
    }

    /// The window's clock: it opens when the last workload's rollout has ended, or has stood still for too long.
    pub fn window(&self) -> Window {
        self.deploys.window(self.setup.window)
    }

    /// Issues of this version, the most frequent first.
    pub fn issues(&self) -> &[Issue] {
        self.judging.issues()
    }

    /// Alerts that are not quiet.
    pub fn alerts(&self) -> &[Alert] {
        self.alerts.not_quiet()
    }

    /// Everything that happened.
    pub fn timeline(&self) -> &Timeline {
        self.journal.timeline()
    }

    /// Where the rollback stands.
    pub fn rollback(&self) -> &Rollback {
        self.desk.rollback()
    }

    /// Whose the rollback of this environment is at the moment.
    pub fn holding(&self) -> &Holding {
        self.lease.holding()
    }

    /// How near the automation is to acting.
    pub fn arming(&self) -> &Arming {
        self.automation.arming()
    }

    /// What the verdict rests on.
    pub fn basis(&self) -> Basis {
        self.judging.basis(&self.setup)
    }

    /// The required signals of which nothing is known, each with why.
    pub fn unknown_flags(&self) -> Vec<String> {
        self.judging.unknown_flags(&self.setup, self.desk.rollback().execution())
    }
}
