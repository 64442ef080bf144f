//! Feature flags: read while they are shown, turned off once after a question, and read back until it is known.

use super::Watch;
use crate::deploy::{ServiceId, Time, brief};
use crate::kill_switch::{Answer, Call, FeatureFlag, FlagId, FlagState, Listing, News, Order};
use crate::message::Effect;
use crate::rollback::Blocked;
use crate::setup::{Setup, SwitchId};
use chrono::TimeDelta;

/// How often flags are read while they are shown.
const READ_EVERY: TimeDelta = TimeDelta::seconds(15);
/// A state that is older than this is no news any more.
const STALE_AFTER: TimeDelta = TimeDelta::seconds(45);
/// How often a flag that was turned off is read back, at first.
const READ_BACK_EVERY: TimeDelta = TimeDelta::seconds(5);
/// A flag that is still on so long after it was turned off was not turned off.
const PATIENCE: TimeDelta = TimeDelta::seconds(30);

/// What is known of the kill switches, and what is done with them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Switches {
    /// In the setup's order.
    known: Vec<Known>,
    panel: FeaturePanel,
    turns: Vec<Turn>,
}

/// What is known of one kill switch.
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
pub struct Turn {
    /// Which.
    pub flag: FlagId,
    /// When that was confirmed.
    pub confirmed: Time,
    /// What came of it so far.
    pub state: TurnState,
    /// When its state was last asked for.
    asked: Option<Time>,
    asking: bool,
}

/// How far the turning off of a flag is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnState {
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

impl TurnState {
    /// Whether what comes of it is still awaited.
    pub const fn is_under_way(&self) -> bool {
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
    /// Whether that is too old, or could not be read anew, so that it may have changed since.
    pub is_stale: bool,
    /// Where a person can look at it.
    pub link: Option<&'a str>,
    /// What a person did about it in this watch.
    pub turn: Option<&'a Turn>,
}

impl Switches {
    pub(super) fn new(setup: &Setup) -> Self {
        let known = |features: &[String]| {
            let flag = |key: &String| FeatureFlag {
                key: key.clone(),
                state: FlagState::Unread("not asked yet".to_owned()),
                link: None,
            };
            Known {
                listing: Listing { flags: features.iter().map(flag).collect(), ..Listing::default() },
                ..Known::default()
            }
        };
        let known = setup.switches.iter().map(|switch| known(&switch.features)).collect();
        Self { known, panel: FeaturePanel::Closed, turns: Vec::new() }
    }

    fn flag_mut(&mut self, id: &FlagId) -> Option<&mut FeatureFlag> {
        let known = self.known.get_mut(usize::from(id.switch.0))?;
        known.listing.flags.iter_mut().find(|flag| flag.key == id.key)
    }

    /// The newest turn of a flag.
    fn turn(&self, id: &FlagId) -> Option<&Turn> {
        self.turns.iter().find(|turn| turn.flag == *id)
    }
}

impl Watch {
    /// Whether the feature flags are shown, and what is asked about them.
    pub fn feature_panel(&self) -> &FeaturePanel {
        &self.switches.panel
    }

    /// The flags of a service and those of the whole environment; without a service all of them. In the
    /// configuration's order, so that nothing moves when one is turned off.
    pub fn flags(&self, service: Option<ServiceId>) -> Vec<FlagRow<'_>> {
        let rows = self.scope(service).flat_map(|(switch, known)| {
            known.listing.flags.iter().map(move |flag| {
                let id = FlagId { switch, key: flag.key.clone() };
                let age = known.read.map_or_else(TimeDelta::zero, |read| self.now - read);
                FlagRow {
                    state: known.read.map(|_| &flag.state),
                    age,
                    is_stale: known.problem.is_some() || age > STALE_AFTER,
                    link: flag.link.as_deref(),
                    turn: self.switches.turn(&id),
                    id,
                }
            })
        });
        rows.collect()
    }

    /// What stands in the way of knowing all of these flags: one sentence each.
    pub fn flag_problems(&self, service: Option<ServiceId>) -> Vec<String> {
        let mut problems = Vec::new();
        for (switch, known) in self.scope(service) {
            let switch = self.setup.switch(switch);
            let name = switch.system.name();
            match &known.problem {
                Some(problem) => problems.push(problem.clone()),
                None if known.read.is_none() => problems.push(format!("{name} is being asked")),
                None if known.listing.flags.is_empty() => {
                    problems.push(format!("{name} has no flags for {}", switch.environment));
                }
                None if known.listing.unlisted > 0 => problems
                    .push(format!("{name} has {} more: name those that matter in features", known.listing.unlisted)),
                None => {}
            }
            // Said before the key, which is still there: rights may have been given since.
            problems
                .extend(known.listing.denied.as_ref().map(|denied| format!("{}; {}", denied.reason, denied.way_out)));
        }
        problems
    }

    fn scope(&self, service: Option<ServiceId>) -> impl Iterator<Item = (SwitchId, &Known)> {
        let all = self.setup.switches.iter().zip(&self.switches.known).enumerate();
        all.filter(move |(_, (switch, _))| service.is_none() || switch.service.is_none() || switch.service == service)
            .map(|(index, (_, known))| (SwitchId(index as u16), known))
    }

    /// Whether a person may be asked about turning this flag off.
    ///
    /// # Errors
    /// Why not, in one sentence.
    pub fn may_turn_off(&self, id: &FlagId) -> Result<(), String> {
        let key = &id.key;
        if self.setup.read_only {
            return Err("read-only mode: nothing can be turned off from here".to_owned());
        }
        let row = self.flags(None).into_iter().find(|row| row.id == *id);
        let Some(row) = row else { return Err(format!("there is no feature flag {key}")) };
        if row.turn.is_some_and(|turn| turn.state.is_under_way()) {
            return Err(format!("{key} is being turned off already"));
        }
        if !row.is_stale && row.state.and_then(FlagState::is_on) == Some(false) {
            return Err(format!("{key} is off already"));
        }
        Ok(())
    }

    /// Whether the question about a flag takes the confirming key now.
    pub fn takes_turn_off(&self) -> bool {
        match &self.switches.panel {
            FeaturePanel::Asking { opened, .. } => {
                self.now - *opened >= self.setup.confirm_grace && !self.setup.read_only
            }
            FeaturePanel::Closed | FeaturePanel::Open => false,
        }
    }

    pub(super) fn show_features(&mut self, effects: &mut Vec<Effect>) {
        if self.switches.panel == FeaturePanel::Closed && !self.setup.switches.is_empty() {
            self.switches.panel = FeaturePanel::Open;
            self.follow_switches(effects);
        }
    }

    pub(super) fn ask_to_turn_off(&mut self, flag: FlagId) {
        if self.switches.panel != FeaturePanel::Closed && self.may_turn_off(&flag).is_ok() {
            self.switches.panel = FeaturePanel::Asking { flag, opened: self.now };
        }
    }

    /// Closes the question that is open, if any; the list stays.
    pub(super) fn close_question(&mut self) {
        if matches!(self.switches.panel, FeaturePanel::Asking { .. }) {
            self.switches.panel = FeaturePanel::Open;
        }
    }

    pub(super) fn close_features(&mut self) {
        self.switches.panel = match self.switches.panel {
            FeaturePanel::Asking { .. } => FeaturePanel::Open,
            FeaturePanel::Open | FeaturePanel::Closed => FeaturePanel::Closed,
        };
    }

    /// Sends the request, once. Whatever becomes of its answer, no second one follows by itself.
    pub(super) fn turn_off(&mut self, effects: &mut Vec<Effect>) {
        let FeaturePanel::Asking { flag, .. } = &self.switches.panel else { return };
        let flag = flag.clone();
        if !self.takes_turn_off() {
            return;
        }
        self.switches.panel = FeaturePanel::Open;
        // The flag may have been turned off by somebody else while the question was open.
        if self.may_turn_off(&flag).is_err() {
            return;
        }
        let order = Order {
            key: flag.key.clone(),
            actor: self.setup.rollback.actor.clone(),
            reason: self.red_sentences(),
            at: self.now,
        };
        let system = self.setup.switch(flag.switch).system.name();
        self.tell(format!("feature flag {}: {} turns it off, {system} is asked", flag.key, order.actor));
        self.switches.turns.retain(|turn| turn.flag != flag);
        effects.push(Effect::Switch(flag.switch, Call::TurnOff(order)));
        let turn = Turn { flag, confirmed: self.now, state: TurnState::Sent, asked: None, asking: false };
        self.switches.turns.push(turn);
    }

    /// Asks for what is due: all flags while they are shown, and those whose turning off is not settled.
    pub(super) fn follow_switches(&mut self, effects: &mut Vec<Effect>) {
        let now = self.now;
        let is_due = |asked: Option<Time>, every| asked.is_none_or(|asked| now - asked >= every || asked > now);
        let is_shown = self.switches.panel != FeaturePanel::Closed;
        for (index, known) in self.switches.known.iter_mut().enumerate() {
            if is_shown && !known.asking && is_due(known.asked, READ_EVERY) {
                (known.asking, known.asked) = (true, Some(now));
                effects.push(Effect::Switch(SwitchId(index as u16), Call::Read));
            }
        }
        for turn in &mut self.switches.turns {
            let is_awaited = matches!(turn.state, TurnState::Accepted | TurnState::Lost(_));
            // What could not be read for a while is asked for less often.
            let every = if now - turn.confirmed > PATIENCE { READ_EVERY } else { READ_BACK_EVERY };
            if is_awaited && !turn.asking && is_due(turn.asked, every) {
                (turn.asking, turn.asked) = (true, Some(now));
                effects.push(Effect::Switch(turn.flag.switch, Call::ReadBack(turn.flag.key.clone())));
            }
        }
    }

    pub(super) fn take_switch_news(&mut self, switch: SwitchId, news: News, effects: &mut Vec<Effect>) {
        match news {
            News::Read(result) => self.take_listing(switch, result),
            News::Answered(key, answer) => self.take_turn_answer(&FlagId { switch, key }, answer),
            News::ReadBack(key, state) => self.take_read_back(&FlagId { switch, key }, state),
        }
        self.follow_switches(effects);
    }

    fn take_listing(&mut self, switch: SwitchId, result: Result<Listing, String>) {
        let Some(known) = self.switches.known.get_mut(usize::from(switch.0)) else { return };
        known.asking = false;
        let mut listing = match result {
            Ok(listing) => listing,
            Err(problem) => {
                known.problem = Some(problem);
                return;
            }
        };
        for flag in &mut listing.flags {
            // What was read before a flag was turned off says nothing of it any more.
            let turned =
                self.switches.turns.iter().find(|turn| turn.flag.switch == switch && turn.flag.key == flag.key);
            if turned.is_some_and(|turn| Some(turn.confirmed) >= known.asked)
                && let Some(older) = known.listing.flags.iter().find(|older| older.key == flag.key)
            {
                flag.state = older.state.clone();
            }
        }
        (known.listing, known.read, known.problem) = (listing, Some(self.now), None);
        let turns: Vec<FlagId> = self.switches.turns.iter().map(|turn| turn.flag.clone()).collect();
        for id in turns.into_iter().filter(|id| id.switch == switch) {
            let state = self.switches.flag_mut(&id).map(|flag| flag.state.clone());
            let is_late = self.switches.turn(&id).is_some_and(|turn| turn.state == TurnState::StillOn);
            if let Some(state) = state.filter(|state| is_late && state.is_on() == Some(false)) {
                // It took longer than anybody should wait for it, but it happened.
                self.settle(&id, &state);
            }
        }
    }

    fn take_turn_answer(&mut self, id: &FlagId, answer: Answer) {
        let Some(turn) = self.switches.turns.iter_mut().find(|turn| turn.flag == *id) else { return };
        if turn.state != TurnState::Sent {
            return;
        }
        match answer {
            Answer::Accepted => turn.state = TurnState::Accepted,
            Answer::Unknown(why) => {
                let text = format!("feature flag {}: the answer was lost: {why}; its state is read", id.key);
                turn.state = TurnState::Lost(why);
                self.tell(text);
            }
            Answer::Refused(blocked) => {
                let text = format!("feature flag {} not turned off: {}; {}", id.key, blocked.reason, blocked.way_out);
                turn.state = TurnState::Refused(blocked);
                self.tell(text);
            }
        }
    }

    fn take_read_back(&mut self, id: &FlagId, state: FlagState) {
        if let Some(turn) = self.switches.turns.iter_mut().find(|turn| turn.flag == *id) {
            turn.asking = false;
        }
        self.settle(id, &state);
        if let Some(flag) = self.switches.flag_mut(id)
            && state.is_on().is_some()
        {
            flag.state = state;
        }
    }

    /// What a state says of a flag that was turned off.
    fn settle(&mut self, id: &FlagId, state: &FlagState) {
        let (now, actor) = (self.now, self.setup.rollback.actor.clone());
        let (key, system) = (&id.key, self.setup.switch(id.switch).system.name());
        let Some(turn) = self.switches.turns.iter_mut().find(|turn| turn.flag == *id) else { return };
        let after = brief(now - turn.confirmed);
        let (next, text) = match (state, &turn.state) {
            (FlagState::Told(standing), TurnState::Accepted | TurnState::Lost(_) | TurnState::StillOn)
                if !standing.on =>
            {
                let text = format!("feature flag {key} turned off by {actor}: {system} says off after {after}");
                (TurnState::Off(now), text)
            }
            (FlagState::Told(_), TurnState::Accepted | TurnState::Lost(_)) if now - turn.confirmed >= PATIENCE => {
                (TurnState::StillOn, format!("feature flag {key} not turned off: {system} says on after {after}"))
            }
            (FlagState::Untold(why), TurnState::Accepted) => (
                TurnState::Unverified(why.clone()),
                format!("feature flag {key} turned off by {actor}, not verified: {why}"),
            ),
            (FlagState::Untold(why), TurnState::Lost(lost)) => (
                TurnState::Unknown(format!("{lost}; {why}")),
                format!("feature flag {key}: nobody knows whether it is off: {lost}; {why}"),
            ),
            _ => return,
        };
        turn.state = next;
        self.tell(text);
    }
}
