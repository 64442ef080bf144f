//! A watch that goes on from its record in another process. What it knew stays; what was under way is lost, what waited for
//! a key waits no more, and everything that a change rests on is looked at again.

use super::Watch;
use super::discovery::is_another;
use super::silence::Silence;
use crate::deploy::{Time, WorkloadId};
use crate::message::Effect;
use crate::rollback::lease::LeaseCall;
use crate::rollback::{Answer, Rollback};
use crate::rollout::Rollout;
use crate::session::{Afresh, Leaving, Seat, Zone};
use crate::timeline::Mark;
use chrono::TimeDelta;
use std::sync::Arc;

/// Why an answer was not heard.
const LOST: &str = "redflag was not running";
/// A rollback that was under way so long ago is nobody's any more.
const LONGEST_AGO: TimeDelta = TimeDelta::hours(24);

impl Watch {
    /// Goes on from here at this time.
    pub(super) fn resume(&mut self, at: Time, seat: Seat, zone: Zone, effects: &mut Vec<Effect>) {
        let since = self.now.min(at);
        self.set_time(at);
        Arc::make_mut(&mut self.setup).rollback.actor = seat.who;
        let how = left(self.left.take().as_ref());
        self.journal.add(at, Mark::Unknown, format!("not watched {} ({how}); read back", zone.span(since, at)));

        self.attention.begin_again(at);
        self.silence = Silence::default();
        self.polling.forget_questions(&self.setup, at);
        self.rhythm.forget_questions();
        self.recollection.forget_remembered();
        self.deletion.lose_answers(LOST);
        self.feature_flags.lose_answers(LOST, at, &mut self.journal);
        self.deploys.forget_readiness();
        self.lose_rollback_answers(effects);
        for index in 0..self.deploys.all().len() {
            self.prepare_again(WorkloadId(index as u16), effects);
        }
        self.journal.changed();
    }

    /// A key that was struck then confirms nothing now; a request that was sent may have been taken.
    fn lose_rollback_answers(&mut self, effects: &mut Vec<Effect>) {
        // The process that had it is gone, and its lease is asked for under the same name.
        self.lease.forget();
        match self.desk.rollback() {
            Rollback::Planned { .. } => {
                self.dismiss(effects);
                self.tell("the plan was closed and will be recomputed");
            }
            Rollback::Countdown { plan, .. } => {
                let text = format!("auto-rollback to {} cancelled: {LOST}", plan.target());
                self.desk.call_off();
                self.tell(text);
            }
            rollback if rollback.is_in_progress() => {
                let what = super::lease::taken_for(rollback);
                self.lease.retake(LeaseCall::Take(what), self.now, effects);
                self.desk.ask_at_once();
                for workload in self.desk.unanswered() {
                    self.take_rollback_answer(workload, Answer::Unknown(LOST.to_owned()), effects);
                }
            }
            _ => {}
        }
    }

    /// Says why an earlier watch was not resumed.
    pub(super) fn tell_of_earlier(&mut self, at: Time, before: Time, why: &Afresh, zone: Zone) {
        let before = format!("the watch of {}", zone.minute(before, at));
        let text = match why {
            Afresh::Wanted => format!("begun afresh (--new), beside {before}"),
            Afresh::OtherSetup(part) => format!("begun afresh: {part} changed since {before}"),
            Afresh::OtherDeploy => format!("begun afresh: {before} was of another deploy"),
            Afresh::Over(how) => format!(
                "begun afresh: {before} was left before its end ({}), and its window is over",
                left(how.as_ref())
            ),
            Afresh::Unreadable(why) => format!("begun afresh: the record of {before} cannot be read: {why}"),
            Afresh::InUse(seat) => format!("begun afresh: {before} goes on in another process, {seat}"),
        };
        self.journal.add(at, Mark::Unknown, text);
        self.journal.changed();
    }

    /// How it was left, where it was and is not resumed yet; `None` too where it was killed.
    pub fn left(&self) -> Option<&Leaving> {
        self.left.as_ref()
    }

    /// Whether nothing is left to watch at this time: its window is over, and no rollback is in progress.
    pub fn has_ended(&self, now: Time) -> bool {
        if self.desk.rollback().is_in_progress() {
            return now - self.now > LONGEST_AGO;
        }
        let window = self.window();
        if window.opened.is_some() {
            return window.is_over(now);
        }
        let begun = self.deploys.newest().unwrap_or(self.setup.started);
        now - begun > self.setup.rollout_deadline + window.length
    }

    /// Whether what the cluster tells of a workload is another deploy than the one that is watched, so that what is
    /// known here says nothing of it. What a rollback of ours brought is not.
    pub fn is_of_another_deploy(&self, id: WorkloadId, rollout: &Rollout) -> bool {
        let known = self.deploys.of(id).deploy.as_ref();
        known.zip(rollout.deploy.as_ref()).is_some_and(|(known, told)| {
            let is_ours = self.desk.is_our_undo(id, &told.to) || self.desk.is_our_build(id, &told.to);
            is_another(known, told) && !is_ours
        })
    }
}

/// How a watch was left, in words.
fn left(how: Option<&Leaving>) -> String {
    how.map_or_else(|| "killed".to_owned(), Leaving::to_string)
}
