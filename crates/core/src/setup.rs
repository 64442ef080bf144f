//! Vocabulary: the fixed part of a watch. Configuration creates it, the core never changes it.

use crate::deploy::{ServiceId, Time, WorkloadId, WorkloadRef};
use crate::rollback::version_history::Known;
use crate::signal::{Signal, SignalId, SourceId};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// What is watched, from what, for how long, and what may be done about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// The environment's name.
    pub environment: String,
    /// Its services; at least one.
    pub services: Vec<Service>,
    /// Its workloads; at least one.
    pub workloads: Vec<Workload>,
    /// Its signals; those of [`crate::signal::Kind::Rollout`] are made for each workload.
    pub signals: Vec<Signal>,
    /// The sources that the signals need, and the cluster.
    pub sources: Vec<SourceInfo>,
    /// The length of the window.
    pub window: TimeDelta,
    /// How much of the window each required signal must have been known for, in percent.
    pub coverage: u8,
    /// How long a rollout, or a rollback, may stand still: then it is warned of, and the window opens.
    pub rollout_deadline: TimeDelta,
    /// How much of the time before the deploy is the baseline.
    pub baseline: TimeDelta,
    /// What a person must do to confirm a rollback.
    pub confirm: Confirm,
    /// Keys struck this soon after the plan opened are ignored: 300 ms of a person's time.
    pub confirm_grace: TimeDelta,
    /// Whether any change of the outside is refused.
    pub read_only: bool,
    /// How far a rollback may go by itself, and how it is done.
    pub rollback: RollbackPolicy,
    /// Where feature flags can be turned off without one.
    pub feature_flags: Vec<FlagSystemInfo>,
    /// What the command line says of the deploy, over what is found.
    pub told: Told,
    /// When the watch began.
    pub started: Time,
}

impl Setup {
    /// A signal by its index.
    pub fn signal(&self, id: SignalId) -> &Signal {
        &self.signals[usize::from(id.0)]
    }

    /// A source by its index.
    pub fn source(&self, id: SourceId) -> &SourceInfo {
        &self.sources[usize::from(id.0)]
    }

    /// A workload by its index.
    pub fn workload(&self, id: WorkloadId) -> &Workload {
        &self.workloads[usize::from(id.0)]
    }

    /// A service by its index.
    pub fn service(&self, id: ServiceId) -> &Service {
        &self.services[usize::from(id.0)]
    }

    /// A system of feature flags by its index.
    pub fn flag_system(&self, id: FlagSystemId) -> &FlagSystemInfo {
        &self.feature_flags[usize::from(id.0)]
    }
}

/// A part of the company that has a name, signals and usually a workload of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// What `$service` stands for.
    pub name: String,
    /// The services that it calls: a rollback rolls it back before them.
    pub depends_on: Vec<ServiceId>,
}

/// A watched workload and the service it serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// Kind, namespace and name.
    pub reference: WorkloadRef,
    /// Whose it is.
    pub service: ServiceId,
    /// Its main container, where the configuration names it.
    pub container: Option<String>,
}

/// What the core must know of a source to pace it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceInfo {
    /// Its name in the configuration.
    pub name: String,
    /// How it delivers.
    pub delivery: Delivery,
    /// How long after which it counts as silent: its cadence, or a stream's longest pause.
    pub interval: TimeDelta,
}

/// How readings reach us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Asked at each interval.
    Polled,
    /// Tells by itself (Kubernetes watches).
    Streamed,
}

/// What a person must do to confirm a rollback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirm {
    /// Nothing: the rollback key does it.
    None,
    /// A second, different key.
    Key,
    /// The environment's name, typed.
    Type,
}

/// How far a rollback may go by itself, and what it heeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackPolicy {
    /// The name of the strategy, for the screen: `kubernetes`.
    pub strategy: String,
    /// How far it may go without a person.
    pub automatic: Automatic,
    /// How long a countdown runs before it acts.
    pub countdown: TimeDelta,
    /// How long the flags must have been clear before a rollback counts as verified.
    pub clear_for: TimeDelta,
    /// Who is at the keys, for whoever else looks: `ana@laptop`.
    pub actor: String,
    /// What earlier watches found, for each workload.
    pub known: Vec<Vec<Known>>,
    /// Whether what a watch finds of versions is shared with those on other machines.
    #[serde(default)]
    pub shared: bool,
}

impl Default for RollbackPolicy {
    fn default() -> Self {
        Self {
            strategy: "kubernetes".to_owned(),
            automatic: Automatic::Off,
            countdown: TimeDelta::seconds(60),
            clear_for: TimeDelta::zero(),
            actor: "redflag".to_owned(),
            known: Vec::new(),
            shared: false,
        }
    }
}

/// How far a rollback may go without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Automatic {
    /// Not at all.
    #[default]
    Off,
    /// It says what it would have done, and when.
    Shadow,
    /// It counts down, with a key to stop it and a key to go at once.
    Countdown,
    /// It acts at once.
    On,
}

/// Index of a system of feature flags in [`Setup::feature_flags`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FlagSystemId(pub u16);

/// Feature flags of one system that a person may turn off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagSystemInfo {
    /// What keeps them.
    pub system: FlagSystem,
    /// The system's own name of the environment.
    pub environment: String,
    /// The flags, by their keys; empty: whichever the system names.
    pub features: Vec<String>,
    /// The service that they belong to; `None`: to the whole environment.
    pub service: Option<ServiceId>,
}

/// What keeps feature flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlagSystem {
    /// Unleash.
    Unleash,
    /// LaunchDarkly.
    LaunchDarkly,
    /// An address of the team's own.
    Webhook,
}

impl FlagSystem {
    /// What people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unleash => "Unleash",
            Self::LaunchDarkly => "LaunchDarkly",
            Self::Webhook => "webhook",
        }
    }
}

/// What the command line says of the deploy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// `--deployed-at`.
    pub deployed_at: Option<Time>,
    /// `--from`.
    pub from: Option<String>,
    /// `--to`.
    pub to: Option<String>,
    /// The revision a rollback should go to, where a person chose one.
    pub rollback_to: Option<i64>,
}
