//! What a finding says, as data: the number that was judged, what it was held against, what is claimed of it and since
//! when; or why nothing is known. [`Says`] made into a string is the sentence, made last and read by people only.

mod words;

use super::Coverage;
use crate::deploy::Time;
use crate::poll::SourceError;
use crate::rollout::Trouble;
use crate::signal::{Impossible, Unit};
use chrono::TimeDelta;

/// What is said of a signal.
#[derive(Debug, Clone, PartialEq)]
pub enum Says {
    /// Nobody was asked yet.
    NotAsked,
    /// Nothing is known of it now.
    Unknown(Unknown),
    /// Something is known, and too little to judge.
    TooFew(TooFew),
    /// A number, what it is held against and what that makes of it.
    Measured(Measured),
    /// Other people's alert rules.
    Alerts(AlertsSay),
    /// The issues of the new version.
    Issues(IssuesSay),
    /// The environment's own URL.
    Probe(ProbeSays),
    /// The rollout of a workload.
    Rollout(RolloutSays),
    /// What is said, of too little of the window.
    Patchy {
        /// For how much of the window it was known.
        coverage: Coverage,
        /// The longest time on end for which it was not, where that is too long.
        hole: Option<TimeDelta>,
        /// Whether the window is over, so that nothing more can come.
        over: bool,
        /// What is said now.
        now: Box<Self>,
    },
}

impl Says {
    /// Why nothing is known, whatever was known last: the same for all that share the reason.
    pub fn why_unknown(&self) -> Option<&Why> {
        match self {
            Self::Unknown(unknown) => Some(&unknown.why),
            _ => None,
        }
    }

    /// The number that was judged, where it was one.
    pub fn measured(&self) -> Option<&Measured> {
        match self {
            Self::Measured(measured) => Some(measured),
            Self::Patchy { now, .. } => now.measured(),
            _ => None,
        }
    }
}

impl From<Unknown> for Says {
    fn from(says: Unknown) -> Self {
        Self::Unknown(says)
    }
}

impl From<TooFew> for Says {
    fn from(says: TooFew) -> Self {
        Self::TooFew(says)
    }
}

impl From<Measured> for Says {
    fn from(says: Measured) -> Self {
        Self::Measured(says)
    }
}

impl From<AlertsSay> for Says {
    fn from(says: AlertsSay) -> Self {
        Self::Alerts(says)
    }
}

impl From<IssuesSay> for Says {
    fn from(says: IssuesSay) -> Self {
        Self::Issues(says)
    }
}

impl From<ProbeSays> for Says {
    fn from(says: ProbeSays) -> Self {
        Self::Probe(says)
    }
}

impl From<RolloutSays> for Says {
    fn from(says: RolloutSays) -> Self {
        Self::Rollout(says)
    }
}

/// A number in a unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantity {
    /// The number.
    pub value: f64,
    /// What it is in.
    pub unit: Unit,
}

/// Since when something is so, and for how long by now: as exactly as it is told, so that what reads the same is the
/// same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lasting {
    /// The first bin of it.
    pub since: Time,
    /// Until now.
    pub long: TimeDelta,
}

impl Lasting {
    /// From then until now.
    pub(super) fn new(since: Time, now: Time) -> Self {
        Self { since, long: told(now - since) }
    }
}

/// A span as exactly as it is told: to the second below two minutes, to the minute beyond.
pub(super) fn told(span: TimeDelta) -> TimeDelta {
    let seconds = span.num_seconds().max(0);
    TimeDelta::seconds(if seconds < 120 { seconds } else { seconds / 60 * 60 })
}

/// Events among what they happened among: failed requests among all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counted {
    /// How many.
    pub events: f64,
    /// Among how many.
    pub all: f64,
}

/// Why nothing is known of a signal, and what was known last.
#[derive(Debug, Clone, PartialEq)]
pub struct Unknown {
    /// Why.
    pub why: Why,
    /// What was known last; `None` where nothing ever was or where it says nothing.
    pub last: Option<Quantity>,
}

/// Why nothing is known of a signal.
#[derive(Debug, Clone, PartialEq)]
pub enum Why {
    /// The record ends with the deploy.
    NothingRecorded,
    /// The version that it speaks of serves no more.
    TakenBack {
        /// The version.
        version: String,
    },
    /// Its source never answered anything.
    NeverAnswered {
        /// The source.
        source: String,
        /// What went wrong, where something did.
        error: Option<SourceError>,
    },
    /// Its source answers no more.
    Silent {
        /// The source.
        source: String,
        /// For how long.
        long: TimeDelta,
        /// What goes wrong, where something does.
        error: Option<SourceError>,
    },
    /// Its own query was never answered.
    NotAnswered {
        /// The source.
        source: String,
    },
    /// Its own query is answered no more.
    Unanswered {
        /// The source.
        source: String,
        /// For how long.
        long: TimeDelta,
    },
    /// Its own query is refused.
    Refused {
        /// The source.
        source: String,
        /// What it says.
        error: SourceError,
    },
    /// Its query is answered with nothing.
    Nothing {
        /// The source.
        source: String,
    },
    /// Its query is answered with nothing new.
    NothingNewer {
        /// The source.
        source: String,
        /// For how long.
        long: TimeDelta,
    },
    /// Its newest reading is stamped in the future.
    Ahead {
        /// By how much.
        by: TimeDelta,
    },
    /// Its newest reading cannot be.
    Impossible {
        /// The source.
        source: String,
        /// What it says.
        what: Impossible,
        /// What its readings are in.
        unit: Unit,
    },
    /// It repeats the very same number, and moved before.
    Stuck {
        /// The source.
        source: String,
        /// For how long.
        long: TimeDelta,
    },
}

/// Too little to judge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TooFew {
    /// Readings since the deploy.
    Readings {
        /// How many there are.
        have: u32,
        /// How many it takes.
        want: u32,
    },
    /// Requests since the deploy, or since a flag went down.
    Requests {
        /// How many failed of how many.
        counted: Counted,
        /// Whether they are counted since it calmed down, not since the deploy.
        calmed: bool,
        /// How many more it takes.
        more: f64,
        /// How long that takes at this pace; `None` where there is none.
        eta: Option<TimeDelta>,
    },
    /// No requests at all, for so long.
    Idle {
        /// For how long.
        long: TimeDelta,
    },
}

/// A number that was judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// The unit of all values here.
    pub unit: Unit,
    /// The number.
    pub value: f64,
    /// The events behind it, where it is a rate of them.
    pub counted: Option<Counted>,
    /// What it is held against.
    pub against: Against,
    /// Whether the change is told in percent, too.
    pub in_percent: bool,
    /// What is claimed of it.
    pub claim: Claim,
    /// Since when that is so; `None` where it was never otherwise, or is not known.
    pub lasting: Option<Lasting>,
    /// Whether the newest readings speak of its end: some more of them, and it is over.
    pub recovering: bool,
}

impl Measured {
    /// The same with another claim.
    pub(super) fn claims(self, claim: Claim) -> Self {
        Self { claim, ..self }
    }

    /// The same, about to be over or not.
    pub(super) fn recovers(self, recovering: bool) -> Self {
        Self { recovering, ..self }
    }

    /// The same, since then.
    pub(super) fn lasts(self, lasting: Lasting) -> Self {
        Self { lasting: Some(lasting), ..self }
    }

    /// By how many percent it changed; `None` where nothing is known to hold it against.
    pub fn change(&self) -> Option<f64> {
        let before = self.against.middle().filter(|before| *before > 0.0)?;
        Some(100.0 * (self.value / before - 1.0))
    }
}

/// What a number is held against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Against {
    /// Nothing is known from before.
    Nothing,
    /// What was usual before the deploy.
    Before(Usual),
    /// The version before, at the same time.
    VersionBefore(f64),
}

impl Against {
    /// The one number of it.
    pub fn middle(self) -> Option<f64> {
        match self {
            Self::Nothing => None,
            Self::Before(usual) => Some(usual.middle),
            Self::VersionBefore(value) => Some(value),
        }
    }
}

/// What was usual before the deploy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    /// The middle value, or the rate of all.
    pub middle: f64,
    /// From where to where nine of ten values lay, where that is known.
    pub range: Option<(f64, f64)>,
}

/// What is claimed of a number, by the rule that found it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Claim {
    /// Nothing speaks against it.
    Within {
        /// Its limit, where it has one.
        limit: Option<f64>,
        /// What keeps it clear, where the number alone would not.
        kept: Option<Kept>,
    },
    /// It has no limit, and stays where it was.
    NoLimit,
    /// It should stay flat, and does.
    Flat,
    /// There is neither a limit nor anything from before.
    NothingToHoldAgainst,
    /// There is too little from before the deploy to judge it by.
    ShortPast {
        /// So many readings from before there are.
        have: usize,
        /// So many it takes.
        want: usize,
    },
    /// There are too few requests behind it.
    Thin {
        /// So many there were since the deploy, or are expected in that time.
        requests: f64,
        /// So many it takes.
        want: f64,
    },
    /// It is bad, and the new pods are still warming up.
    WarmingUp,
    /// Nothing is known from before. Next to none are fine; more are neither fine nor too many.
    WithoutPast {
        /// Whether there are next to none.
        next_to_none: bool,
    },
    /// Nothing is known from before, and there are more than next to none beyond chance.
    MoreThanNone,
    /// It is beyond a limit.
    Beyond {
        /// The limit.
        limit: f64,
        /// On which side of it the bad values lie.
        side: Side,
        /// Whether it was so before the deploy.
        as_before: bool,
        /// What the version before fails at in the same bins, where that is as bad.
        so_is_version_before: Option<(f64, Counted)>,
    },
    /// A pool is used up.
    Exhausted {
        /// From here on it counts as that.
        limit: f64,
    },
    /// It is nearly full, and had room before.
    Filled {
        /// From here on it counts as that.
        limit: f64,
    },
    /// It only grows.
    Climbs {
        /// By so much a minute.
        pace: f64,
        /// When it is full at this pace, where that is in sight.
        full_in: Option<TimeDelta>,
    },
    /// It fell away in the middle of the window.
    Fell {
        /// From there.
        from: f64,
        /// Whether the cluster tells of containers that restarted.
        restarts: bool,
    },
    /// It changed beyond chance.
    Changed {
        /// How.
        how: Change,
        /// The red limit of it, in percent, where there is one that says something of it.
        limit: Option<f64>,
        /// Whether that limit is passed.
        passed: bool,
        /// What keeps it from being red, where it is passed.
        yet: Option<Yet>,
    },
}

impl Claim {
    /// The limit that the number is told beside.
    fn limit(&self) -> Option<f64> {
        match *self {
            Self::Within { limit, .. } => limit,
            Self::Beyond { limit, .. } | Self::Exhausted { limit } | Self::Filled { limit } => Some(limit),
            _ => None,
        }
    }
}

/// What keeps a number clear that is beyond a limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kept {
    /// So few readings in a row are, of those that it takes.
    Readings {
        /// So many are.
        have: u32,
        /// So many it takes.
        want: u32,
    },
    /// It rose by less than this.
    ByLessThan(f64),
    /// Chance brings as much.
    Chance,
}

/// On which side of a limit the bad values lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// More is worse.
    Above,
    /// Less is worse.
    Below,
}

/// How a number changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A latency rose.
    Slower,
    /// A latency fell far.
    Faster,
    /// It rose.
    Up,
    /// It fell.
    Down,
    /// Fewer requests.
    Fewer,
    /// More failures.
    Increasing,
}

/// Why a limit that is passed is no red flag.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Yet {
    /// There is not enough evidence to go back for.
    NotSure,
    /// The rise is smaller than this.
    ByLessThan(f64),
}

/// What other people's alert rules say.
#[derive(Debug, Clone, PartialEq)]
pub enum AlertsSay {
    /// None fires.
    None,
    /// Some do, or cannot.
    Some {
        /// What they do.
        what: Calling,
        /// Their names, and until when those that are muted are.
        names: Vec<(String, Option<Time>)>,
    },
    /// So many rules were not read.
    Unread(usize),
}

/// What alert rules do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calling {
    /// They began to fire after the deploy.
    SinceDeploy,
    /// They are about to.
    Pending,
    /// They fired before the deploy already.
    SinceBefore,
    /// They fire, and somebody has muted them.
    Muted,
    /// They cannot be evaluated.
    Blind,
}

/// What is said of the new version's issues.
#[derive(Debug, Clone, PartialEq)]
pub enum IssuesSay {
    /// There is none.
    None,
    /// Nobody has counted any yet.
    Uncounted,
    /// Some are counted, and none is listed.
    Unlisted {
        /// How often they come.
        rate: Quantity,
    },
    /// There are some.
    Some {
        /// How many.
        issues: usize,
        /// How often they come.
        rate: Quantity,
        /// The worst one's title.
        worst: String,
        /// How often that one came.
        times: u64,
        /// The limit that their rate passed, where it did.
        above: Option<f64>,
    },
}

/// What is said of the environment's own URL.
#[derive(Debug, Clone, PartialEq)]
pub enum ProbeSays {
    /// It was not tried since the deploy.
    NotTried,
    /// It fails.
    Fails {
        /// Why.
        error: Option<SourceError>,
        /// How many tries in a row.
        tries: usize,
        /// For how long.
        lasting: Lasting,
    },
    /// It answers.
    Answers {
        /// In what time.
        time: Quantity,
        /// The limit that it is above, where it is.
        above: Option<f64>,
        /// Whether one more answer is waited for, after it failed.
        again: bool,
    },
}

/// What is said of a workload's rollout.
#[derive(Debug, Clone, PartialEq)]
pub enum RolloutSays {
    /// Nobody has told of it yet.
    Untold {
        /// Who should.
        source: String,
    },
    /// Something is wrong.
    Trouble(Trouble),
    /// It failed.
    Failed(String),
    /// The workload is not there.
    Gone,
    /// Nothing runs.
    Empty {
        /// How many pods are asked for.
        desired: i64,
    },
    /// It goes on.
    Waiting(String),
    /// It is through.
    Ready {
        /// So many pods are ready.
        ready: i64,
        /// Of so many.
        desired: i64,
    },
}
