//! The pure core: a watch is the fold of its messages. It never awaits, reads a clock or touches a socket.

use crate::deploy::{Deploy, Time, Window, WorkloadId};
use crate::message::{Effect, Message};
use crate::poll::{Alert, Issue};
use crate::rollback::{Readiness, Rollback};
use crate::rollout::Rollout;
use crate::setup::Setup;
use crate::signal::SignalId;
use crate::store::Store;
use crate::timeline::Timeline;
use crate::verdict::{Finding, Verdict};

/// One session over one deploy: everything that is known, and what is said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    setup: std::sync::Arc<Setup>,
    now: Time,
    revision: u64,
    store: Store,
    workloads: Vec<WorkloadState>,
    findings: Vec<Finding>,
    verdict: Verdict,
    issues: Vec<Issue>,
    alerts: Vec<Alert>,
    timeline: Timeline,
    rollback: Rollback,
}

/// What is known of one workload.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WorkloadState {
    /// As the cluster last told; `None` before it did.
    pub rollout: Option<Rollout>,
    /// The deploy that is watched.
    pub deploy: Option<Deploy>,
    /// Whether it could be taken back now.
    pub readiness: Readiness,
}

impl Watch {
    /// Begins a watch. Nothing is known yet; the first tick asks everybody.
    pub fn new(setup: Setup) -> Self {
        let findings = setup
            .signals
            .iter()
            .map(|_| Finding {
                level: crate::verdict::Level::NoData,
                sentence: "not asked yet".to_owned(),
                since: setup.started,
                acknowledged: false,
            })
            .collect();
        Self {
            now: setup.started,
            revision: 0,
            store: Store::new(&setup),
            workloads: setup.workloads.iter().map(|_| WorkloadState::default()).collect(),
            findings,
            verdict: Verdict::Watching,
            issues: Vec::new(),
            alerts: Vec::new(),
            timeline: Timeline::default(),
            rollback: Rollback::Idle,
            setup: std::sync::Arc::new(setup),
        }
    }

    /// Takes one message in; says what should be done.
    pub fn update(&mut self, message: Message) -> Vec<Effect> {
        let _ = message;
        Vec::new()
    }

    /// What is watched.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The time of the newest message.
    pub fn now(&self) -> Time {
        self.now
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

    /// What the whole says.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The window's clock: it opens when the last workload's rollout has ended.
    pub fn window(&self) -> Window {
        let mut opened = None;
        for state in &self.workloads {
            match state.deploy.as_ref().and_then(|deploy| deploy.finished) {
                Some(finished) => opened = opened.max(Some(finished)),
                None => return Window { opened: None, length: self.setup.window },
            }
        }
        Window { opened, length: self.setup.window }
    }

    /// Issues of this version, the most frequent first.
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }

    /// Alerts that are not quiet.
    pub fn alerts(&self) -> &[Alert] {
        &self.alerts
    }

    /// Everything that happened.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Where the rollback stands.
    pub fn rollback(&self) -> &Rollback {
        &self.rollback
    }
}
