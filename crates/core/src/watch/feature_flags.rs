//! Feature flags: read while they are shown, turned off once after a question, and read back until it is known.

mod answers;

use super::journal::Journal;
use super::silence::Silence;
use crate::deploy::{ServiceId, Time};
use crate::feature_flags::{Call, FeatureFlag, FlagId, FlagState, Listing, Order};
use crate::message::Effect;
use crate::rollback::Blocked;
use crate::setup::{FlagSystemId, Setup};
use chrono::TimeDelta;

/// How often flags are read while they are shown.
const READ_EVERY: TimeDelta = TimeDelta::seconds(15);
/// A state that is older than this is no news any more.
const STALE_AFTER: TimeDelta = TimeDelta::seconds(45);
/// How often a flag that was turned off is read back, at first.
const READ_BACK_EVERY: TimeDelta = TimeDelta::seconds(5);
/// A flag that is still on so long after it was turned off was not turned off.
const PATIENCE: TimeDelta = TimeDelta::seconds(30);

/// What is known of the systems of feature flags, and what is done with them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FeatureFlags {
    /// In the setup's order.
    known: Vec<Known>,
    panel: FeaturePanel,
    turns: Vec<TurnOff>,
}

/// What is known of one system of feature flags.
#[derive(Debug, Clone, Default, PartialEq)]
struct Known {
    listing: Listing,
    /// When it last told.
    read: Option<Time>,
    /// Why it did not tell when it was last asked.
    problem: Option<String>,
    /// When it was last asked.
    asked: Option<Time>,
    asking: bool,
}

/// Whether the flags are shown, and what is asked about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeaturePanel {
    /// They are not.
    Closed,
    /// They are, and are read again and again.
    Open,
    /// Whether to turn one off.
    Asking {
        /// Which.
        flag: FlagId,
        /// Since when: keys that come too soon are ignored.
        opened: Time,
    },
}

/// A flag that a person turns off, or turned off.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnOff {
    /// Which.
    pub flag: FlagId,
    /// When that was confirmed.
    pub confirmed: Time,
    /// What came of it so far.
    pub state: TurnOffState,
    /// When its state was last asked for.
    asked: Option<Time>,
    asking: bool,
}

/// How far the turning off of a flag is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnOffState {
    /// The request is on its way.
    Sent,
    /// The request was taken; the flag is read until it is off.
    Accepted,
    /// Nobody knows whether the request was taken, and why; the flag is read until it is known.
    Lost(String),
    /// It was read as off, then.
    Off(Time),
    /// The request was taken, and its system cannot be asked whether it is off: why.
    Unverified(String),
    /// Nobody knows, and nobody will: why.
    Unknown(String),
    /// It was read as on, long after it should have been off.
    StillOn,
    /// The request was refused; nothing was changed.
    Refused(Blocked),
}

impl TurnOffState {
    /// Whether what comes of it is still awaited.
    pub const fn is_in_progress(&self) -> bool {
        matches!(self, Self::Sent | Self::Accepted | Self::Lost(_))
    }
}

/// A flag as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct FlagRow<'a> {
    /// Which.
    pub id: FlagId,
    /// What was last told; `None` before anything was.
    pub state: Option<&'a FlagState>,
    /// How old that is.
    pub age: TimeDelta,
    /// Whether that is too old, or could not be read again, so that it may have changed since.
    pub is_stale: bool,
    /// Where a person can look at it.
    pub link: Option<&'a str>,
    /// What a person did about it in this watch.
    pub turn: Option<&'a TurnOff>,
}

impl FeatureFlags {
    pub(super) fn new(setup: &Setup) -> Self {
        let known = |features: &[String]| {
            let flag = |key: &String| FeatureFlag {
                key: key.clone(),
                state: FlagState::Unread("not queried yet".to_owned()),
                link: None,
            };
            Known {
                listing: Listing { flags: features.iter().map(flag).collect(), ..Listing::default() },
                ..Known::default()
            }
        };
        let known = setup.feature_flags.iter().map(|system| known(&system.features)).collect();
        Self { known, panel: FeaturePanel::Closed, turns: Vec::new() }
    }

    fn flag_mut(&mut self, id: &FlagId) -> Option<&mut FeatureFlag> {
        let known = self.known.get_mut(usize::from(id.system.0))?;
        known.listing.flags.iter_mut().find(|flag| flag.key == id.key)
    }

    /// The newest turn of a flag.
    fn turn(&self, id: &FlagId) -> Option<&TurnOff> {
        self.turns.iter().find(|turn| turn.flag == *id)
    }

    /// Whether the feature flags are shown, and what is asked about them.
    pub(super) fn panel(&self) -> &FeaturePanel {
        &self.panel
    }

    /// The flags of a service and those of the whole environment; without a service all of them. In the
    /// configuration's order, so that nothing moves when one is turned off.
    pub(super) fn flags(&self, setup: &Setup, service: Option<ServiceId>, now: Time) -> Vec<FlagRow<'_>> {
        let rows = self.scope(setup, service).flat_map(|(system, known)| {
            known.listing.flags.iter().map(move |flag| {
                let id = FlagId { system, key: flag.key.clone() };
                let age = known.read.map_or_else(TimeDelta::zero, |read| now - read);
                FlagRow {
                    state: known.read.map(|_| &flag.state),
                    age,
                    is_stale: known.problem.is_some() || age > STALE_AFTER,
                    link: flag.link.as_deref(),
                    turn: self.turn(&id),
                    id,
                }
            })
        });
        rows.collect()
    }

    /// What keeps redflag from knowing all of these flags: one sentence each.
    pub(super) fn problems(&self, setup: &Setup, service: Option<ServiceId>) -> Vec<String> {
        let mut problems = Vec::new();
        for (system, known) in self.scope(setup, service) {
            let system = setup.flag_system(system);
            let name = system.system.name();
            match &known.problem {
                Some(problem) => problems.push(problem.clone()),
                None if known.read.is_none() => problems.push(format!("querying {name}")),
                None if known.listing.flags.is_empty() => {
                    problems.push(format!("{name} has no flags for {}", system.environment));
                }
                None if known.listing.unlisted > 0 => problems
                    .push(format!("{name} has {} more: list the ones that matter in features", known.listing.unlisted)),
                None => {}
            }
            // Said before the key, which is still there: rights may have been given since.
            problems
                .extend(known.listing.denied.as_ref().map(|denied| format!("{}; {}", denied.reason, denied.way_out)));
        }
        problems
    }

    fn scope<'a>(
        &'a self,
        setup: &Setup,
        service: Option<ServiceId>,
    ) -> impl Iterator<Item = (FlagSystemId, &'a Known)> {
        let all = setup.feature_flags.iter().zip(&self.known).enumerate();
        all.filter(move |(_, (system, _))| service.is_none() || system.service.is_none() || system.service == service)
            .map(|(index, (_, known))| (FlagSystemId(index as u16), known))
    }

    /// Whether a person may be asked about turning this flag off.
    ///
    /// # Errors
    /// Why not, in one sentence.
    pub(super) fn may_turn_off(&self, setup: &Setup, id: &FlagId, now: Time) -> Result<(), String> {
        let key = &id.key;
        if setup.read_only {
            return Err("read-only mode: flags cannot be turned off".to_owned());
        }
        let row = self.flags(setup, None, now).into_iter().find(|row| row.id == *id);
        let Some(row) = row else { return Err(format!("no feature flag {key}")) };
        if row.turn.is_some_and(|turn| turn.state.is_in_progress()) {
            return Err(format!("{key} is already being turned off"));
        }
        if !row.is_stale && row.state.and_then(FlagState::is_on) == Some(false) {
            return Err(format!("{key} is already off"));
        }
        Ok(())
    }

    /// Whether the question about a flag takes the confirming key now.
    pub(super) fn takes_turn_off(&self, setup: &Setup, silence: &Silence, now: Time) -> bool {
        match &self.panel {
            FeaturePanel::Asking { opened, .. } => silence.is_over(setup, *opened, now) && !setup.read_only,
            FeaturePanel::Closed | FeaturePanel::Open => false,
        }
    }

    /// Shows the flags, where there are any, and reads them from now on.
    pub(super) fn show(&mut self, now: Time, effects: &mut Vec<Effect>) {
        if self.panel == FeaturePanel::Closed && !self.known.is_empty() {
            self.panel = FeaturePanel::Open;
            self.follow(now, effects);
        }
    }

    /// Asks whether to turn a flag off, where that may be.
    pub(super) fn ask_to_turn_off(&mut self, setup: &Setup, flag: FlagId, now: Time) {
        if self.panel != FeaturePanel::Closed && self.may_turn_off(setup, &flag, now).is_ok() {
            self.panel = FeaturePanel::Asking { flag, opened: now };
        }
    }

    /// Closes the question that is open, if any; the list stays.
    pub(super) fn close_question(&mut self) {
        if matches!(self.panel, FeaturePanel::Asking { .. }) {
            self.panel = FeaturePanel::Open;
        }
    }

    /// Closes the question that is open, else the list.
    pub(super) fn close(&mut self) {
        self.panel = match self.panel {
            FeaturePanel::Asking { .. } => FeaturePanel::Open,
            FeaturePanel::Open | FeaturePanel::Closed => FeaturePanel::Closed,
        };
    }

    /// Sends the request for the flag that is asked about, once. Whatever becomes of its answer, no second one follows by itself.
    pub(super) fn turn_off(
        &mut self,
        setup: &Setup,
        reason: String,
        now: Time,
        journal: &mut Journal,
        effects: &mut Vec<Effect>,
    ) {
        let FeaturePanel::Asking { flag, .. } = &self.panel else { return };
        let flag = flag.clone();
        self.panel = FeaturePanel::Open;
        // The flag may have been turned off by somebody else while the question was open.
        if self.may_turn_off(setup, &flag, now).is_err() {
            return;
        }
        let order = Order { key: flag.key.clone(), actor: setup.rollback.actor.clone(), reason, at: now };
        let system = setup.flag_system(flag.system).system.name();
        journal.tell(now, format!("feature flag {}: {} turns it off in {system}", flag.key, order.actor));
        self.turns.retain(|turn| turn.flag != flag);
        effects.push(Effect::FeatureFlags(flag.system, Call::TurnOff(order)));
        let turn = TurnOff { flag, confirmed: now, state: TurnOffState::Sent, asked: None, asking: false };
        self.turns.push(turn);
    }

    /// Asks for what is due: all flags while they are shown, and those whose turning off is not settled.
    pub(super) fn follow(&mut self, now: Time, effects: &mut Vec<Effect>) {
        let is_due = |asked: Option<Time>, every| asked.is_none_or(|asked| now - asked >= every || asked > now);
        let is_shown = self.panel != FeaturePanel::Closed;
        for (index, known) in self.known.iter_mut().enumerate() {
            if is_shown && !known.asking && is_due(known.asked, READ_EVERY) {
                (known.asking, known.asked) = (true, Some(now));
                effects.push(Effect::FeatureFlags(FlagSystemId(index as u16), Call::Read));
            }
        }
        for turn in &mut self.turns {
            let is_awaited = matches!(turn.state, TurnOffState::Accepted | TurnOffState::Lost(_));
            // What could not be read for a while is asked for less often.
            let every = if now - turn.confirmed > PATIENCE { READ_EVERY } else { READ_BACK_EVERY };
            if is_awaited && !turn.asking && is_due(turn.asked, every) {
                (turn.asking, turn.asked) = (true, Some(now));
                effects.push(Effect::FeatureFlags(turn.flag.system, Call::ReadBack(turn.flag.key.clone())));
            }
        }
    }
}
