//! Every input ([`Message`]) and every output ([`Effect`]) of the core.

use crate::deploy::{Time, WorkloadId};
use crate::feature_flags::{Call, FlagId, News};
use crate::poll::{Ago, Poll, PollRequest, SourceError};
use crate::rollback::deletion::{Deleted, PodId};
use crate::rollback::lease::{Holding, LeaseCall};
use crate::rollback::request::PlanRequest;
use crate::rollback::version_history::{Known, Recalled};
use crate::rollback::{Answer, Goal, Readiness, Run, Step};
use crate::rollout::Rollout;
use crate::session::{Afresh, Leaving, Seat, Zone};
use crate::setup::FlagSystemId;
use crate::signal::{SignalId, SourceId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Something that happened. Each carries its own time: the core never asks a clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Time went on.
    Tick(Time),
    /// A polled source answered, or did not.
    Polled {
        /// The source that was asked.
        source: SourceId,
        /// When the answer arrived.
        at: Time,
        /// The answer.
        result: Result<Poll, SourceError>,
    },
    /// A polled source told a part of its answer before it has the whole; the rest follows as
    /// [`Message::Polled`], which repeats it.
    PolledInPart {
        /// The source that is being asked.
        source: SourceId,
        /// When the part arrived.
        at: Time,
        /// The readings of some of its signals.
        part: Poll,
    },
    /// A source told, or did not, what some of its signals did at the same time of an earlier day.
    PastTold {
        /// The source that was asked.
        source: SourceId,
        /// When the answer arrived.
        at: Time,
        /// How long ago.
        ago: Ago,
        /// From when on it was asked.
        from: Time,
        /// The answer: readings alone, with the stamps that they had then.
        result: Result<Poll, SourceError>,
    },
    /// A streamed source said something.
    Streamed {
        /// The source that streams.
        source: SourceId,
        /// When it arrived.
        at: Time,
        /// What it told.
        news: StreamNews,
    },
    /// Whether a rollback of this workload would work was recomputed.
    Prepared {
        /// The workload that it was computed for.
        workload: WorkloadId,
        /// Which way.
        goal: Goal,
        /// When that was done.
        at: Time,
        /// The result.
        readiness: Readiness,
    },
    /// One step of the running rollback was answered, followed, or read back.
    Answered {
        /// The workload that names the step.
        workload: WorkloadId,
        /// When the answer came.
        at: Time,
        /// The answer.
        answer: Answer,
    },
    /// Pods that held a rollback up were to be deleted.
    PodsDeleted {
        /// Whose pods.
        workload: WorkloadId,
        /// When the last answer came.
        at: Time,
        /// What came of each.
        answers: Vec<(PodId, Deleted)>,
    },
    /// The lease was asked for, kept, given back, or lost.
    Leased {
        /// When the answer came.
        at: Time,
        /// Whose it is now.
        holding: Holding,
    },
    /// What earlier watches found of the workloads' versions in this cluster was read.
    Recalled {
        /// When it was read.
        at: Time,
        /// The findings, for each workload.
        known: Vec<Vec<Recalled>>,
        /// What of them could not be read, a sentence each.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        doubts: Vec<String>,
    },
    /// A system of feature flags said something.
    FeatureFlags {
        /// The system that keeps the flags.
        system: FlagSystemId,
        /// When the answer came.
        at: Time,
        /// What it said.
        news: News,
    },
    /// A person (or a command line) wants something.
    Asked {
        /// When the key was struck.
        at: Time,
        /// What is wanted.
        command: Command,
    },
    /// The record of this watch could not be written, and is not any more.
    Unrecorded {
        /// From when on.
        at: Time,
        /// What the system says.
        why: String,
    },
    /// The watch was left; nothing follows but [`Message::Resumed`].
    Left {
        /// When its process ended it.
        at: Time,
        /// By a key, a signal, or somebody else who has its keys now.
        how: Leaving,
    },
    /// The watch goes on from its record, in another process: whatever was under way is lost, and nobody looked meanwhile.
    Resumed {
        /// From when on somebody looks again.
        at: Time,
        /// Who is at the keys now.
        seat: Seat,
        /// By which clock the gap is told.
        zone: Zone,
    },
    /// The watch was begun though there is the record of an earlier one, which might have been resumed.
    BegunAfresh {
        /// When this one began.
        at: Time,
        /// When the earlier one began.
        before: Time,
        /// Why it was not resumed.
        why: Afresh,
        /// By which clock that is told.
        zone: Zone,
    },
}

impl Message {
    /// When it happened.
    pub const fn at(&self) -> Time {
        match self {
            Self::Tick(at)
            | Self::Polled { at, .. }
            | Self::PolledInPart { at, .. }
            | Self::PastTold { at, .. }
            | Self::Streamed { at, .. }
            | Self::Prepared { at, .. }
            | Self::Answered { at, .. }
            | Self::PodsDeleted { at, .. }
            | Self::Leased { at, .. }
            | Self::Recalled { at, .. }
            | Self::FeatureFlags { at, .. }
            | Self::Asked { at, .. }
            | Self::Unrecorded { at, .. }
            | Self::Left { at, .. }
            | Self::Resumed { at, .. }
            | Self::BegunAfresh { at, .. } => *at,
        }
    }
}

/// What a stream tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamNews {
    /// A workload as it is now.
    Rollout(WorkloadId, Box<Rollout>),
    /// A warning event of the cluster, for the timeline.
    Event {
        /// The workload that it is about.
        workload: WorkloadId,
        /// When it last happened, as the cluster says.
        seen: Time,
        /// `BackOff: back-off restarting failed container (pod app-7d…)`.
        text: String,
    },
    /// It answers, though nothing changed.
    Alive,
    /// It does not answer.
    Down(SourceError),
}

/// What people may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Show what a rollback of these workloads would do, and freeze it. Empty: all that were deployed.
    OpenPlan {
        /// Which way. [`Goal::Undo`] takes the last rollback back, and heeds its scope alone.
        goal: Goal,
        /// The workloads.
        scope: Vec<WorkloadId>,
    },
    /// Do what the open plan says. `typed` is what was typed, where the environment asks for it.
    Confirm {
        /// The environment's name, typed.
        typed: Option<String>,
    },
    /// Ask whether to delete the pods that hold up what was rolled back of these workloads, and freeze which ones
    /// those are. Empty: all workloads.
    AskToDeletePods {
        /// The workloads.
        scope: Vec<WorkloadId>,
    },
    /// Yes: delete the pods that are asked about.
    DeletePods,
    /// Close the question or the plan, stop the countdown, or close the report of an ended rollback. Nothing happens.
    Dismiss,
    /// Show the feature flags, and keep reading them while they are shown.
    ShowFeatures,
    /// Ask whether to turn this feature flag off.
    AskToTurnOff(FlagId),
    /// Turn off the feature flag that is asked about.
    TurnOff,
    /// Close that question, else the feature flags. Nothing happens.
    CloseFeatures,
    /// A person has seen this flag.
    Acknowledge(SignalId),
    /// A key was struck that wants nothing else. What waits for a confirming key waits for a moment without any.
    Touch,
    /// Write this into the timeline.
    Note(String),
}

/// Something that the core wants done. Each result comes back as a [`Message`].
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask a source; comes back as [`Message::Polled`].
    Poll {
        /// The source to ask.
        source: SourceId,
        /// What to ask it for.
        request: PollRequest,
    },
    /// Ask a source for the readings of an earlier day; comes back as [`Message::PastTold`].
    AskPast {
        /// The source to ask.
        source: SourceId,
        /// How long ago.
        ago: Ago,
        /// What to ask it for: the signals in [`PollRequest::since`] and no others.
        request: PollRequest,
    },
    /// Work out whether a rollback would succeed; comes back as [`Message::Prepared`].
    Prepare(Box<PlanRequest>),
    /// Send this step, once; comes back as [`Message::Answered`].
    Send(Arc<Step>),
    /// Ask how the run that carries this step out goes on; comes back as [`Message::Answered`].
    Follow(Arc<Step>, Run),
    /// Read whether this step took effect; comes back as [`Message::Answered`].
    ReadBack(Arc<Step>),
    /// Delete these pods, each once; comes back as [`Message::PodsDeleted`].
    DeletePods {
        /// Whose pods.
        workload: WorkloadId,
        /// The pods, each by its name and uid.
        pods: Vec<PodId>,
    },
    /// Take, keep or give back the lease of this environment; comes back as [`Message::Leased`].
    Lease(LeaseCall),
    /// Do this about a system of feature flags; comes back as [`Message::FeatureFlags`].
    FeatureFlags(FlagSystemId, Call),
    /// Remember this of a version of this workload, whose uid is told too, for later watches.
    Remember(WorkloadId, Known, String),
    /// Ring the terminal's bell.
    Bell,
}

impl Effect {
    /// Whether it changes anything that others see: a workload, a run, pods, a flag. What led to it has to be kept
    /// before it is done.
    pub const fn changes_the_outside(&self) -> bool {
        match self {
            Self::Send(_) | Self::DeletePods { .. } | Self::FeatureFlags(_, Call::TurnOff(_)) => true,
            Self::Poll { .. }
            | Self::AskPast { .. }
            | Self::Prepare(_)
            | Self::Follow(..)
            | Self::ReadBack(_)
            | Self::Lease(_)
            | Self::FeatureFlags(_, Call::Read | Call::ReadBack(_))
            | Self::Remember(..)
            | Self::Bell => false,
        }
    }
}
