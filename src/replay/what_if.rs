//! What if: the same readings, judged by the limits of another configuration. Pure: two setups and a record in, what would
//! have been different out.

use crate::deploy::Time;
use crate::hindsight::{Flag, Hindsight};
use crate::message::Message;
use crate::poll::Poll;
use crate::rollback::Goal;
use crate::setup::{Automatic, Setup};
use crate::signal::{Kind, Signal, SignalId};
use crate::verdict::Verdict;
use redflag_core::record::Record;

/// The same record, judged twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// By the limits that it was recorded with.
    pub recorded: Course,
    /// By the other ones.
    pub other: Course,
    /// The signals that both have, in the record's order.
    pub signals: Vec<Matched>,
    /// The signals that cannot be compared, those of the record first.
    pub unmatched: Vec<Unmatched>,
    /// When somebody rolled back: from then on the readings are those of what was rolled back to, by whichever limits.
    pub rolled_back: Option<Time>,
}

/// What one way of judging came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Course {
    /// When anything was a warning or a red flag for the first time.
    pub flagged: Option<Time>,
    /// When anything was red for the first time.
    pub red: Option<Time>,
    /// When the automation would have begun, had it been allowed to; `None` where it may not, or not all conditions of it
    /// ever held.
    pub automatic: Option<Time>,
    /// How far the automation may go.
    pub mode: Automatic,
    /// The verdict at the end of the record.
    pub verdict: Verdict,
}

/// One signal, judged twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// Its name, with its service where there are several.
    pub name: String,
    /// When it was a warning or a red flag for the first time: by the recorded limits, and by the others.
    pub flagged: Changed<Option<Time>>,
    /// When it was red for the first time.
    pub red: Changed<Option<Time>>,
}

/// A fact by the recorded limits and by the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed<T> {
    /// By those that it was recorded with.
    pub recorded: T,
    /// By the others.
    pub other: T,
}

impl<T: PartialEq> Changed<T> {
    /// Whether both say the same.
    pub fn is_same(&self) -> bool {
        self.recorded == self.other
    }
}

impl Matched {
    /// Whether both ways of judging say the same of it.
    pub fn is_same(&self) -> bool {
        self.flagged.is_same() && self.red.is_same()
    }
}

/// A signal that cannot be compared, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmatched {
    /// The other configuration has none of this name: it is left out there.
    OnlyRecorded(String),
    /// The record has none of this name: nobody read it then.
    OnlyOther(String),
    /// The name is the same, what it measures is not: the record's kind, and the other's.
    OtherMeaning(String, Kind, Kind),
}

/// Judges a record by the limits of another setup, and says what would have been different.
pub fn compare(record: &Record, other: &Setup) -> Comparison {
    let setup = &record.header.setup;
    let (counterparts, unmatched) = match_signals(setup, other);
    let mut played = record.clone();
    // The automation only looks: whether it would have acted is asked, and acting needs an outside.
    played.header.setup.rollback.automatic = Automatic::Shadow;
    let was = Hindsight::of(&played);
    judge_by(&mut played, other, &counterparts);
    let would = Hindsight::of(&played);
    let signals = counterparts.iter().enumerate().filter(|(_, counterpart)| counterpart.is_some());
    let signals = signals.map(|(place, _)| {
        let id = SignalId(place as u16);
        let first = |in_it: &Hindsight, is: fn(&Flag) -> bool| {
            in_it.flags.iter().find(|flag| flag.signal == id && is(flag)).map(|flag| flag.rose)
        };
        let both = |is: fn(&Flag) -> bool| Changed { recorded: first(&was, is), other: first(&would, is) };
        Matched { name: full_name(setup, setup.signal(id)), flagged: both(|_| true), red: both(Flag::is_red) }
    });
    let back = was.rollbacks.iter().find(|done| done.goal == Goal::RollBack);
    Comparison {
        signals: signals.collect(),
        unmatched,
        rolled_back: back.map(|done| done.confirmed),
        recorded: Course::of(&was, setup.rollback.automatic),
        other: Course::of(&would, other.rollback.automatic),
    }
}

impl Course {
    fn of(hindsight: &Hindsight, mode: Automatic) -> Self {
        Self {
            flagged: hindsight.flags.first().map(|flag| flag.rose),
            red: hindsight.first_red().map(|flag| flag.rose),
            automatic: hindsight.armed.filter(|_| mode != Automatic::Off),
            mode,
            verdict: hindsight.watch.verdict(),
        }
    }
}

/// For each signal of the record the one of the other setup that it is; and those that have none.
fn match_signals<'a>(setup: &Setup, other: &'a Setup) -> (Vec<Option<&'a Signal>>, Vec<Unmatched>) {
    let mut unmatched = Vec::new();
    let counterparts = setup.signals.iter().map(|signal| {
        let name = full_name(setup, signal);
        match counterpart(setup, signal, other) {
            None => {
                unmatched.push(Unmatched::OnlyRecorded(name));
                None
            }
            Some(found) if (found.kind, found.unit) != (signal.kind, signal.unit) => {
                unmatched.push(Unmatched::OtherMeaning(name, signal.kind, found.kind));
                None
            }
            found => found,
        }
    });
    let counterparts = counterparts.collect();
    let is_new = |signal: &&Signal| counterpart(other, signal, setup).is_none();
    unmatched.extend(other.signals.iter().filter(is_new).map(|it| Unmatched::OnlyOther(full_name(other, it))));
    (counterparts, unmatched)
}

/// The signal of another setup with the same name in the service of the same name, of the same workload where it is of one.
fn counterpart<'a>(setup: &Setup, signal: &Signal, other: &'a Setup) -> Option<&'a Signal> {
    let workload = |setup: &Setup, signal: &Signal| signal.workload.map(|id| setup.workload(id).reference.clone());
    other.signals.iter().find(|found| {
        found.name == signal.name
            && other.service(found.service).name == setup.service(signal.service).name
            && workload(other, found) == workload(setup, signal)
    })
}

fn full_name(setup: &Setup, signal: &Signal) -> String {
    if setup.services.len() > 1 {
        format!("{} {}", setup.service(signal.service).name, signal.name)
    } else {
        signal.name.clone()
    }
}

/// Gives the record the other setup's limits. What was asked of the sources stays as it was: how far back, how often.
fn judge_by(record: &mut Record, other: &Setup, counterparts: &[Option<&Signal>]) {
    let setup = &mut record.header.setup;
    setup.window = other.window;
    setup.coverage = other.coverage;
    setup.rollout_deadline = other.rollout_deadline;
    setup.rollback.clear_for = other.rollback.clear_for;
    for (signal, counterpart) in setup.signals.iter_mut().zip(counterparts) {
        match counterpart {
            Some(found) => {
                signal.limits = found.limits;
                signal.objective = found.objective;
                signal.required = found.required;
            }
            None => signal.required = false,
        }
    }
    let is_kept = |id: SignalId| counterparts.get(usize::from(id.0)).is_none_or(Option::is_some);
    for message in &mut record.messages {
        match message {
            Message::Polled { result: Ok(poll), .. } | Message::PastTold { result: Ok(poll), .. } => {
                leave_out(poll, is_kept);
            }
            Message::PolledInPart { part, .. } => leave_out(part, is_kept),
            _ => {}
        }
    }
}

/// An answer without what it says of the signals that are not kept: nothing is known of them then, and nothing is flagged.
fn leave_out(poll: &mut Poll, is_kept: impl Fn(SignalId) -> bool) {
    poll.points.retain(|(id, _)| is_kept(*id));
    poll.older.retain(|(id, _)| is_kept(*id));
    poll.failed.retain(|(id, _)| is_kept(*id));
    poll.unread.retain(|(id, _)| is_kept(*id));
    if let Some(issues) = &mut poll.issues {
        issues.retain(|issue| is_kept(issue.signal));
    }
    if let Some(alerts) = &mut poll.alerts {
        alerts.retain(|alert| is_kept(alert.signal));
    }
}
