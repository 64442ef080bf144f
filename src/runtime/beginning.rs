//! How a watch begins: afresh, or where the process that had it left off.

use crate::clock::Clock;
use crate::deploy::{Time, WorkloadId};
use crate::message::{Message, StreamNews};
use crate::records::{Asker, Earlier, LeftOff, Recorder, Records};
use crate::session::{Afresh, Zone};
use crate::setup::Setup;
use crate::watch::Watch;
use chrono::{Local, TimeDelta};

/// What a runtime begins with.
pub struct Beginning {
    pub(super) watch: Watch,
    pub(super) recorder: Recorder,
    pub(super) tick: TimeDelta,
    /// What is taken in before anything else.
    pub(super) first: Option<Message>,
    /// Whether it has still to turn out that the deploy is the same.
    pub(super) trial: Option<Trial>,
    /// Where others ask for its keys.
    pub(super) asker: Option<Asker>,
}

/// Where and by whom records are kept.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The folder that they are kept in.
    pub records: Records,
    /// The program's version.
    pub program: String,
}

impl Recording {
    /// What there is of an earlier watch: nothing is resumed where one is wanted `afresh`, or where that cannot be known.
    pub fn earlier(&self, setup: &Setup, afresh: bool, clock: &Clock) -> Earlier {
        let earlier = self.records.earlier(setup, clock.now()).unwrap_or_else(|error| {
            tracing::warn!(%error, "earlier records could not be read");
            Earlier::Nothing
        });
        match earlier {
            Earlier::LeftOff(left) if afresh => {
                Earlier::Afresh { before: left.watch.setup().started, why: Afresh::Wanted }
            }
            Earlier::Held(follower) if afresh => {
                Earlier::Afresh { before: follower.watch().setup().started, why: Afresh::Wanted }
            }
            earlier => earlier,
        }
    }
}

/// A watch that was resumed, until the cluster has told of each of its workloads that it is of the same deploy.
pub(super) struct Trial {
    /// What a watch that begins now would begin with.
    setup: Setup,
    recording: Recording,
    before: Time,
    awaited: Vec<WorkloadId>,
}

/// How far apart ticks are: once a second as the watch counts it, ten times a second of real time at the most.
pub(super) fn tick(clock: &Clock) -> TimeDelta {
    TimeDelta::milliseconds((clock.speed() * 100.0).max(1000.0) as i64)
}

fn here() -> Zone {
    Zone(Local::now().offset().local_minus_utc())
}

impl Beginning {
    /// Afresh, with a record where one is kept; `earlier` is a watch that was not resumed: when it began, and why not.
    pub fn afresh(setup: Setup, recording: Option<&Recording>, earlier: Option<(Time, Afresh)>, clock: &Clock) -> Self {
        let tick = tick(clock);
        let mut watch = Watch::new(setup);
        watch.expect_ticks_every(tick);
        let recorder = recording.map_or_else(Recorder::off, |Recording { records, program }| {
            Recorder::begin(Some(records), program, tick, &watch)
        });
        let at = clock.now();
        let first = earlier.map(|(before, why)| Message::BegunAfresh { at, before, why, zone: here() });
        let asker = recording.and_then(|recording| recording.records.asker(recorder.id()));
        Self { watch, recorder, tick, first, trial: None, asker }
    }

    /// Goes on with an earlier watch. `setup` is what one that begins now would begin with.
    pub fn resumed(left: LeftOff, setup: Setup, recording: Recording, clock: &Clock) -> Self {
        let LeftOff { watch, tick, recorder } = left;
        let seat = recording.records.seat(&setup.rollback.actor);
        let first = Message::Resumed { at: clock.now(), seat, zone: here() };
        let asker = recording.records.asker(recorder.id());
        let awaited = (0..watch.workloads().len()).map(|index| WorkloadId(index as u16)).collect();
        let before = watch.setup().started;
        // What was being rolled back is followed to its end, whatever else was deployed since.
        let trial = (!watch.rollback().is_in_progress()).then_some(Trial { setup, recording, before, awaited });
        Self { watch, recorder, tick, first: Some(first), trial, asker }
    }

    /// The watch as it begins.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }
}

impl Trial {
    /// Whether a message tells that the deploy is another one.
    pub(super) fn fails(&mut self, message: &Message, watch: &Watch) -> bool {
        let Message::Streamed { news: StreamNews::Rollout(id, rollout), .. } = message else { return false };
        let is_first = self.awaited.contains(id);
        self.awaited.retain(|other| other != id);
        is_first && watch.is_of_another_deploy(*id, rollout)
    }

    /// Whether every workload was told of.
    pub(super) fn is_over(&self) -> bool {
        self.awaited.is_empty()
    }

    /// A watch of that other deploy.
    pub(super) fn afresh(self, clock: &Clock) -> Beginning {
        let setup = Setup { started: clock.now(), ..self.setup };
        Beginning::afresh(setup, Some(&self.recording), Some((self.before, Afresh::OtherDeploy)), clock)
    }
}
