//! Warning events: which are worth a line in the timeline. Pure.

use super::objects::Event;
use crate::cluster::short;
use crate::deploy::Time;
use chrono::TimeDelta;
use std::collections::{HashMap, HashSet, VecDeque};

/// Events that happened this long before the watch began are still told.
const LOOK_BACK: TimeDelta = TimeDelta::minutes(5);
/// The same thing of the same workload is told once in this time.
const REPEAT: TimeDelta = TimeDelta::minutes(2);
/// Events that wait for the object they are about: its own watch may be behind.
const PENDING: usize = 64;
/// Different things remembered as told. A workload rarely has ten.
const REMEMBERED: usize = 512;

/// Sorts the events of a namespace.
#[derive(Debug)]
pub struct Sorter {
    since: Time,
    /// Stamps of events handed in already, by uid: a list that is read again repeats all of them.
    taken: HashMap<String, Time>,
    pending: VecDeque<Event>,
    told: HashMap<(usize, String), Time>,
}

/// A line for the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Whose, as the caller numbers workloads.
    pub workload: usize,
    /// When it last happened, as the cluster says.
    pub seen: Time,
    /// `BackOff: back-off restarting failed container (pod app-7d…)`.
    pub text: String,
}

impl Sorter {
    /// For a watch that begins now.
    pub fn new(now: Time) -> Self {
        Self { since: now - LOOK_BACK, taken: HashMap::new(), pending: VecDeque::new(), told: HashMap::new() }
    }

    /// Takes an event in, in any order.
    pub fn take(&mut self, event: Event) {
        let Some(seen) = event.seen().filter(|seen| *seen >= self.since) else { return };
        if event.r#type != "Warning" {
            return;
        }
        let uid = event.metadata.uid.clone().unwrap_or_default();
        if self.taken.len() >= REMEMBERED {
            self.taken.clear();
        }
        if self.taken.insert(uid, seen) == Some(seen) {
            return;
        }
        if self.pending.len() >= PENDING {
            self.pending.pop_front();
        }
        self.pending.push_back(event);
    }

    /// The lines that are due, oldest first. `whose` finds the workload of an object by its uid; events about
    /// objects that nobody knows yet stay for the next time, for as long as there is room.
    pub fn lines(&mut self, whose: impl Fn(&str) -> Option<usize>) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut events: Vec<Event> = Vec::new();
        let mut strangers = VecDeque::new();
        for event in self.pending.drain(..) {
            match whose(&event.involved_object.uid) {
                Some(_) => events.push(event),
                None => strangers.push_back(event),
            }
        }
        self.pending = strangers;
        events.sort_by_key(Event::seen);
        let mut in_this_batch = HashSet::new();
        for event in events.iter().rev() {
            let (Some(workload), Some(seen)) = (whose(&event.involved_object.uid), event.seen()) else { continue };
            let key = (workload, what(event));
            let told_lately = self.told.get(&key).is_some_and(|told| seen - *told < REPEAT);
            if told_lately || !in_this_batch.insert(key.clone()) {
                continue;
            }
            if self.told.len() >= REMEMBERED {
                self.told.clear();
            }
            self.told.insert(key, seen);
            lines.push(Line { workload, seen, text: text(event) });
        }
        lines.reverse();
        lines
    }
}

/// What happened, whichever pod it happened to. A controller that is refused tries again with another name, the
/// owner's with other letters after it; and the API server's clients mark what they have joined.
fn what(event: &Event) -> String {
    let object = &event.involved_object;
    let names = [object.uid.as_str(), object.name.as_str()];
    let is_a_name = |word: &&str| names.iter().any(|name| !name.is_empty() && word.contains(name));
    let message = event.message.trim_start_matches("(combined from similar events): ");
    let words: Vec<&str> = message.split_whitespace().filter(|word| !is_a_name(word)).collect();
    format!("{} {}", event.reason, short(&words.join(" ")))
}

fn text(event: &Event) -> String {
    let object = &event.involved_object;
    let times = if event.times() > 1 { format!(", {} times", event.times()) } else { String::new() };
    let kind = object.kind.to_lowercase();
    format!("{}: {} ({kind} {}{times})", event.reason, short(&event.message), object.name)
}

#[cfg(test)]
mod tests;
