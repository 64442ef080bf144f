//! The player: where in a record it is, how fast it goes on, and the watch as it was then.

use crate::deploy::Time;
use crate::hindsight::Hindsight;
use crate::timeline::Mark;
use crate::watch::Watch;
use chrono::TimeDelta;
use redflag_core::record::Record;
use std::rc::Rc;
use std::time::Duration;

/// So many stills of the watch are kept: whoever jumps back begins at the one before.
const STILLS: usize = 32;

/// How many times as fast as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Speed(usize);

impl Speed {
    /// Those that there are.
    const TIMES: [u32; 7] = [1, 2, 5, 10, 20, 30, 60];
    /// Half an hour in three minutes.
    pub const USUAL: Self = Self(3);

    /// As a number: 1 to 60.
    pub const fn times(self) -> u32 {
        Self::TIMES[self.0]
    }

    fn faster(self) -> Self {
        Self((self.0 + 1).min(Self::TIMES.len() - 1))
    }

    const fn slower(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

/// What can be done to a player.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Stops it, or goes on; at the end it begins again.
    Pause,
    /// The next speed up.
    Faster,
    /// The next speed down.
    Slower,
    /// Ten seconds on.
    AheadTen,
    /// Ten seconds back.
    BackTen,
    /// A minute on.
    AheadMinute,
    /// A minute back.
    BackMinute,
    /// To the next moment at which a flag rose.
    NextFlag,
    /// To the last moment before at which a flag rose.
    PreviousFlag,
}

/// A moment worth a mark on the ruler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Landmark {
    /// Its place on the ruler.
    pub at: Time,
    /// What happened: the deploy, a warning, a red flag, a rollback that was confirmed.
    pub mark: Mark,
}

/// What is to be seen of a player.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Playing {
    /// Where it begins.
    pub begins: Time,
    /// Where it ends.
    pub ends: Time,
    /// Where it is.
    pub at: Time,
    /// How fast it goes on.
    pub speed: Speed,
    /// Whether it stands still.
    pub paused: bool,
    /// What happened when, in no order.
    pub landmarks: Rc<[Landmark]>,
}

/// A record that is played.
#[derive(Debug)]
pub struct Player {
    record: Record,
    /// When each message is due: never before the one ahead of it, for a clock may have been set back.
    due: Vec<Time>,
    begins: Time,
    at: Time,
    watch: Watch,
    /// How many messages the watch has taken in.
    taken: usize,
    /// The watch as it was after so many messages: the first after none, the last after all.
    stills: Vec<(usize, Watch)>,
    speed: Speed,
    paused: bool,
    landmarks: Rc<[Landmark]>,
}

impl Player {
    /// Begins a record, at its first moment. Takes it in once, to know what happened when.
    pub fn new(record: Record) -> Self {
        let begin = record.header.begin();
        let begins = begin.now();
        let mut last = begins;
        let due = record.messages.iter().map(|message| {
            last = last.max(message.at());
            last
        });
        let due: Vec<Time> = due.collect();
        let every = (record.messages.len() / STILLS).max(STILLS);
        let mut stills = vec![(0, begin.clone())];
        let hindsight = Hindsight::looking(&record, |taken, watch| {
            if taken.is_multiple_of(every) {
                stills.push((taken, watch.clone()));
            }
        });
        let landmarks = landmarks(&hindsight, begins);
        stills.push((record.messages.len(), hindsight.watch));
        Self {
            record,
            due,
            begins,
            at: begins,
            watch: begin,
            taken: 0,
            stills,
            speed: Speed::USUAL,
            paused: false,
            landmarks,
        }
    }

    /// The watch as it was then.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// The watch as it was at the end of the record.
    pub fn at_the_end(&self) -> &Watch {
        self.stills.last().map_or(&self.watch, |(_, watch)| watch)
    }

    /// What is to be seen of it. The place is told to the second: what nobody sees changes nothing.
    pub fn playing(&self) -> Playing {
        Playing {
            begins: self.begins,
            ends: self.ends(),
            at: Time::from_timestamp(self.at.timestamp(), 0).unwrap_or(self.at),
            speed: self.speed,
            paused: !self.goes_on(),
            landmarks: Rc::clone(&self.landmarks),
        }
    }

    /// Whether time passes in it: it was not paused, and has not ended.
    pub fn goes_on(&self) -> bool {
        !self.paused && self.at < self.ends()
    }

    fn ends(&self) -> Time {
        self.due.last().copied().unwrap_or(self.begins)
    }

    /// Lets so much of the viewer's time pass.
    pub fn pass(&mut self, real: Duration) {
        if self.goes_on() {
            let real = TimeDelta::from_std(real).unwrap_or(TimeDelta::zero());
            let on = real.checked_mul(i32::try_from(self.speed.times()).unwrap_or(1));
            self.go_on(on.unwrap_or(TimeDelta::zero()));
        }
    }

    /// Goes so far on, or back.
    fn go_on(&mut self, by: TimeDelta) {
        let edge = if by < TimeDelta::zero() { self.begins } else { self.ends() };
        self.jump(self.at.checked_add_signed(by).unwrap_or(edge));
    }

    /// Goes to a moment, or to the nearest that there is.
    pub fn jump(&mut self, to: Time) {
        self.at = to.clamp(self.begins, self.ends());
        let due = self.due.partition_point(|due| *due <= self.at);
        // Forward, too, where the next still saves the way.
        let ahead = self.stills.iter().any(|(taken, _)| (self.taken + 1..=due).contains(taken));
        if due < self.taken || ahead {
            let still = self.stills.iter().rev().find(|(taken, _)| *taken <= due);
            if let Some((taken, watch)) = still {
                (self.taken, self.watch) = (*taken, watch.clone());
            }
        }
        for message in &self.record.messages[self.taken..due] {
            // What it wanted done then was done then.
            self.watch.update(message.clone());
        }
        self.taken = due;
    }

    /// Does what a key asks for; says why not, where that cannot be done.
    pub fn obey(&mut self, transport: Transport) -> Option<&'static str> {
        match transport {
            Transport::Pause if self.at >= self.ends() => {
                self.paused = false;
                self.jump(self.begins);
            }
            Transport::Pause => self.paused = !self.paused,
            Transport::Faster => self.speed = self.speed.faster(),
            Transport::Slower => self.speed = self.speed.slower(),
            Transport::AheadTen => self.go_on(TimeDelta::seconds(10)),
            Transport::BackTen => self.go_on(TimeDelta::seconds(-10)),
            Transport::AheadMinute => self.go_on(TimeDelta::minutes(1)),
            Transport::BackMinute => self.go_on(TimeDelta::minutes(-1)),
            Transport::NextFlag => match self.flags().filter(|at| *at > self.at).min() {
                Some(at) => self.jump(at),
                None => return Some("no flag after this"),
            },
            Transport::PreviousFlag => match self.flags().filter(|at| *at < self.at).max() {
                Some(at) => self.jump(at),
                None => return Some("no flag before this"),
            },
        }
        None
    }

    fn flags(&self) -> impl Iterator<Item = Time> + '_ {
        let is_flag = |landmark: &&Landmark| matches!(landmark.mark, Mark::RedFlag | Mark::Warning);
        self.landmarks.iter().filter(is_flag).map(|landmark| landmark.at)
    }
}

fn landmarks(hindsight: &Hindsight, begins: Time) -> Rc<[Landmark]> {
    let of = |mark: Mark| move |at: Time| Landmark { at: at.max(begins), mark };
    let deploys = hindsight.watch.workloads().iter().filter_map(|state| Some(state.deploy.as_ref()?.at));
    let flags = hindsight.flags.iter().map(|flag| {
        let mark = if flag.is_red() { Mark::RedFlag } else { Mark::Warning };
        of(mark)(flag.rose)
    });
    let rollbacks = hindsight.rollbacks.iter().map(|done| done.confirmed);
    deploys.map(of(Mark::Deploy)).chain(flags).chain(rollbacks.map(of(Mark::Rollback))).collect()
}
