//! Responses of the providers, and the outcome of a turned-off flag.

use super::{FeatureFlags, FeaturePanel, PATIENCE, TurnOffState};
use crate::deploy::{Time, brief};
use crate::feature_flags::{Answer, FlagId, FlagState, Listing, News};
use crate::message::Effect;
use crate::setup::{FlagSystemId, Setup};
use crate::watch::journal::Journal;

impl FeatureFlags {
    /// Takes in what a system said of its flags.
    pub(in crate::watch) fn take(
        &mut self,
        setup: &Setup,
        (system, news): (FlagSystemId, News),
        now: Time,
        journal: &mut Journal,
        effects: &mut Vec<Effect>,
    ) {
        match news {
            News::Read(result) => self.take_listing(setup, system, result, now, journal),
            News::Answered(key, answer) => self.take_answer(&FlagId { system, key }, answer, now, journal),
            News::ReadBack(key, state) => self.take_read_back(setup, &FlagId { system, key }, state, now, journal),
        }
        self.follow(now, effects);
    }

    fn take_listing(
        &mut self,
        setup: &Setup,
        system: FlagSystemId,
        result: Result<Listing, String>,
        now: Time,
        journal: &mut Journal,
    ) {
        let Some(known) = self.known.get_mut(usize::from(system.0)) else { return };
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
            let turned = self.turns.iter().find(|turn| turn.flag.system == system && turn.flag.key == flag.key);
            if turned.is_some_and(|turn| Some(turn.confirmed) >= known.asked)
                && let Some(older) = known.listing.flags.iter().find(|older| older.key == flag.key)
            {
                flag.state = older.state.clone();
            }
        }
        (known.listing, known.read, known.problem) = (listing, Some(now), None);
        let turns: Vec<FlagId> = self.turns.iter().map(|turn| turn.flag.clone()).collect();
        for id in turns.into_iter().filter(|id| id.system == system) {
            let state = self.flag_mut(&id).map(|flag| flag.state.clone());
            let is_late = self.turn(&id).is_some_and(|turn| turn.state == TurnOffState::StillOn);
            if let Some(state) = state.filter(|state| is_late && state.is_on() == Some(false)) {
                // It took longer than anybody should wait for it, but it happened.
                self.settle(setup, &id, &state, now, journal);
            }
        }
    }

    fn take_answer(&mut self, id: &FlagId, answer: Answer, now: Time, journal: &mut Journal) {
        let Some(turn) = self.turns.iter_mut().find(|turn| turn.flag == *id) else { return };
        if turn.state != TurnOffState::Sent {
            return;
        }
        match answer {
            Answer::Accepted => turn.state = TurnOffState::Accepted,
            Answer::Unknown(why) => {
                let text = format!("feature flag {}: the response was lost: {why}; reading its state", id.key);
                turn.state = TurnOffState::Lost(why);
                journal.tell(now, text);
            }
            Answer::Refused(blocked) => {
                let text = format!("feature flag {} not turned off: {}; {}", id.key, blocked.reason, blocked.way_out);
                turn.state = TurnOffState::Refused(blocked);
                journal.tell(now, text);
            }
        }
    }

    /// Nobody hears any more what comes of what was asked: whatever was to be turned off is read, and nothing waits for a
    /// key.
    pub(in crate::watch) fn lose_answers(&mut self, why: &str, now: Time, journal: &mut Journal) {
        self.panel = FeaturePanel::Closed;
        for known in &mut self.known {
            (known.asking, known.asked) = (false, None);
        }
        for turn in &mut self.turns {
            (turn.asking, turn.asked) = (false, None);
        }
        let sent = self.turns.iter().filter(|turn| turn.state == TurnOffState::Sent);
        let sent: Vec<FlagId> = sent.map(|turn| turn.flag.clone()).collect();
        for id in sent {
            self.take_answer(&id, Answer::Unknown(why.to_owned()), now, journal);
        }
    }

    fn take_read_back(&mut self, setup: &Setup, id: &FlagId, state: FlagState, now: Time, journal: &mut Journal) {
        if let Some(turn) = self.turns.iter_mut().find(|turn| turn.flag == *id) {
            turn.asking = false;
        }
        self.settle(setup, id, &state, now, journal);
        if let Some(flag) = self.flag_mut(id)
            && state.is_on().is_some()
        {
            flag.state = state;
        }
    }

    /// What a state says of a flag that was turned off.
    fn settle(&mut self, setup: &Setup, id: &FlagId, state: &FlagState, now: Time, journal: &mut Journal) {
        let actor = &setup.rollback.actor;
        let (key, system) = (&id.key, setup.flag_system(id.system).system.name());
        let Some(turn) = self.turns.iter_mut().find(|turn| turn.flag == *id) else { return };
        let after = brief(now - turn.confirmed);
        let (next, text) = match (state, &turn.state) {
            (FlagState::Told(standing), TurnOffState::Accepted | TurnOffState::Lost(_) | TurnOffState::StillOn)
                if !standing.on =>
            {
                let text = format!("feature flag {key} turned off by {actor}: {system} says off after {after}");
                (TurnOffState::Off(now), text)
            }
            (FlagState::Told(_), TurnOffState::Accepted | TurnOffState::Lost(_))
                if now - turn.confirmed >= PATIENCE =>
            {
                (TurnOffState::StillOn, format!("feature flag {key} not turned off: {system} says on after {after}"))
            }
            (FlagState::Untold(why), TurnOffState::Accepted) => (
                TurnOffState::Unverified(why.clone()),
                format!("feature flag {key} turned off by {actor}, not verified: {why}"),
            ),
            (FlagState::Untold(why), TurnOffState::Lost(lost)) => (
                TurnOffState::Unknown(format!("{lost}; {why}")),
                format!("feature flag {key}: unknown whether it is off: {lost}; {why}"),
            ),
            _ => return,
        };
        turn.state = next;
        journal.tell(now, text);
    }
}
