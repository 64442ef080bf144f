//! What a rule says of a signal now ([`Finding`]), and what the whole watch says ([`Verdict`]).

mod alerts;
mod coverage;
mod detect;
mod doubt;
mod error_rate;
mod freshness;
mod issues;
mod latency;
mod likewise;
mod numbers;
mod objective;
mod probe;
pub mod recorded;
mod rollout;
mod saturation;
pub mod says;
mod server_errors;
mod stats;
mod stuck;
mod threshold;
mod track;
mod traffic;

pub use coverage::{Basis, Coverage, Stretch, Wanted};
pub use likewise::{Earlier, Elsewhere, Neighbour};
pub use says::Says;
pub use track::Track;

use crate::deploy::Time;
use crate::poll::{Alert, Issue};
use crate::rollout::Rollout;
use crate::setup::SourceInfo;
use crate::signal::{Kind, Reading, Sample, Signal, SignalId};
use crate::store::{Series, SourceState};
use chrono::TimeDelta;
use says::{Against, Claim, Lasting, Measured, Usual};
use serde::Serialize;

/// A baseline has so many bins at least, whatever was configured: two more than it takes to judge by it.
pub const BASELINE_BINS: i32 = 12;

/// How bad, or how unknown, a signal is. Ordered from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Within its limits, on enough evidence.
    #[serde(rename = "ok")]
    Clear,
    /// Too little evidence to tell.
    #[serde(rename = "not_enough_data")]
    Insufficient,
    /// The source answers and has nothing for it.
    NoData,
    /// The last thing known is too old.
    Stale,
    /// Beyond what it should stay within; not yet a reason to go back.
    Warning,
    /// Calls for a rollback.
    RedFlag,
}

impl Level {
    /// Every level, best first.
    pub const ALL: [Self; 6] =
        [Self::Clear, Self::Insufficient, Self::NoData, Self::Stale, Self::Warning, Self::RedFlag];

    /// The word on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Clear => "ok",
            Self::Insufficient => "not enough data",
            Self::NoData => "no data",
            Self::Stale => "stale",
            Self::Warning => "warning",
            Self::RedFlag => "RED FLAG",
        }
    }

    /// Whether it is one of the kinds of not knowing.
    pub const fn is_unknown(self) -> bool {
        matches!(self, Self::Insufficient | Self::NoData | Self::Stale)
    }
}

/// What a rule says of a signal now.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// How bad, or how unknown.
    pub level: Level,
    /// The value, the evidence, the limit and for how long; its `Display` is the sentence, and never empty.
    pub says: Says,
    /// Whether the signal changed with this deploy, beyond chance.
    pub blames_deploy: bool,
    /// Since when the level is what it is.
    pub since: Time,
    /// Whether a person has seen it.
    pub acknowledged: bool,
}

impl Finding {
    /// What it says, in words.
    pub fn sentence(&self) -> String {
        self.says.to_string()
    }
}

/// What the whole watch says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing is wrong so far, and the window is not over or not everything is known yet.
    Watching,
    /// The whole window passed, everything required is known and clear.
    Healthy,
    /// At least one warning.
    Degraded,
    /// At least one red flag.
    Faulty,
    /// The window is over and something required is unknown.
    Inconclusive,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 5] = [Self::Watching, Self::Healthy, Self::Degraded, Self::Faulty, Self::Inconclusive];

    /// The word on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Watching => "WATCHING",
            Self::Healthy => "HEALTHY",
            Self::Degraded => "DEGRADED",
            Self::Faulty => "FAULTY",
            Self::Inconclusive => "INCONCLUSIVE",
        }
    }
}

/// All a rule may look at.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The signal's own index: issues and alerts name it.
    pub signal_id: SignalId,
    /// The signal.
    pub signal: &'a Signal,
    /// Its readings and baseline.
    pub series: &'a Series,
    /// Its source's name and cadence.
    pub source: &'a SourceInfo,
    /// Its source's health and age.
    pub health: &'a SourceState,
    /// The workload that a rollout signal speaks of, as the cluster last told.
    pub rollout: Option<&'a Rollout>,
    /// When the deploy was made, where known.
    pub deployed_at: Option<Time>,
    /// From when on the new pods are no longer warming up, where known: caches fill and pools open first.
    pub settled: Option<Time>,
    /// All issues; a rule picks those of its signal.
    pub issues: &'a [Issue],
    /// All alerts; a rule picks those of its signal.
    pub alerts: &'a [Alert],
    /// How many alert rules or monitors of this signal were not read.
    pub unread: usize,
    /// The version that was rolled back and serves no more, where the signal speaks of it alone.
    pub rolled_back: Option<&'a str>,
    /// For how long before the deploy the same service is known by other signals to have had requests: what was not
    /// counted then did not happen.
    pub served: TimeDelta,
    /// The signal that tells of the requests to the same service, where there is one.
    pub requests: Option<Requests<'a>>,
    /// Whether the cluster tells of containers of the service that restarted or were killed; `None` where it tells nothing
    /// of them.
    pub restarts: Option<bool>,
    /// What it has to be known for; `None` before the window begins, and once it is another version's.
    pub window: Option<Wanted>,
    /// What was said of the signal before.
    pub before: Level,
    /// Now.
    pub now: Time,
}

/// The requests to a service, as one of its signals tells of them.
#[derive(Debug, Clone, Copy)]
pub struct Requests<'a> {
    /// Counts, and bare numbers where those are requests a second.
    pub series: &'a Series,
    /// The length of a bin, where bare numbers are requests a second.
    pub rate_over: Option<TimeDelta>,
}

impl Requests<'_> {
    /// How many there were since the deploy; `None` where nothing is told of them.
    fn since_deploy(&self) -> Option<f64> {
        let seconds = self.rate_over.map(|step| step.num_milliseconds() as f64 / 1000.0);
        let told = self.series.since_deploy().iter().filter_map(|reading| match reading.sample {
            Sample::Counts { requests, .. } => Some(requests),
            Sample::Value(rate) => Some(rate * seconds?),
            Sample::Empty | Sample::NotANumber | Sample::Impossible(_) => None,
        });
        told.filter(|requests| requests.is_finite() && *requests >= 0.0)
            .fold(None, |sum, one| Some(sum.unwrap_or(0.0) + one))
    }
}

impl<'a> Evidence<'a> {
    /// The readings of a signal, and nothing else that could be known.
    pub fn of(
        (signal_id, signal): (SignalId, &'a Signal),
        series: &'a Series,
        (source, health): (&'a SourceInfo, &'a SourceState),
        now: Time,
    ) -> Self {
        Self {
            signal_id,
            signal,
            series,
            source,
            health,
            rollout: None,
            deployed_at: None,
            settled: None,
            issues: &[],
            alerts: &[],
            unread: 0,
            rolled_back: None,
            served: TimeDelta::zero(),
            requests: None,
            restarts: None,
            window: None,
            before: Level::NoData,
            now,
        }
    }
}

impl Evidence<'_> {
    /// `41 % against 38 % before the deploy`, or that there is nothing to compare with.
    fn against_before(&self, value: f64) -> Measured {
        let usual = self
            .series
            .baseline()
            .map(|baseline| Usual { middle: baseline.median, range: Some((baseline.low, baseline.high)) });
        Measured {
            unit: self.signal.unit,
            value,
            counted: None,
            against: usual.map_or(Against::Nothing, Against::Before),
            in_percent: false,
            claim: Claim::Within { limit: None, kept: None },
            lasting: None,
            recovering: false,
        }
    }

    /// `640 ms, +60 % against 400 ms before the deploy`.
    fn compared(&self, value: f64) -> Measured {
        Measured { in_percent: true, ..self.against_before(value) }
    }

    /// Since when, and for how long by now.
    fn lasting(&self, since: Time) -> Lasting {
        Lasting::new(since, self.now)
    }
}

/// What a rule makes of the evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// How bad, or how unknown.
    pub level: Level,
    /// The value, the evidence, the limit and for how long; its `Display` is the sentence.
    pub says: Says,
    /// Whether the signal changed with this deploy, beyond chance: a limit that is merely broken blames nobody.
    pub blames_deploy: bool,
}

impl Judgement {
    fn new(level: Level, says: impl Into<Says>) -> Self {
        Self { level, says: says.into(), blames_deploy: false }
    }

    /// What it says, in words.
    pub fn sentence(&self) -> String {
        self.says.to_string()
    }

    fn of_this_deploy(self) -> Self {
        Self { blames_deploy: true, ..self }
    }
}

/// A way to judge one kind of series. It takes in each bin once, in order of time.
trait Rule {
    /// Takes in the next bin since the deploy, and what the version before did in it where that is known.
    fn take(&mut self, reading: &Reading, beside: Option<Sample>);

    /// Judges what was taken in; the evidence is known to be fresh.
    fn judge(&self, evidence: &Evidence<'_>) -> Judgement;
}

/// Judges one signal: whether anything is known comes first, the kind's own rule second, and what speaks against
/// believing it last.
pub fn judge(evidence: &Evidence<'_>, track: &mut Track) -> Judgement {
    freshness::unknown(evidence).unwrap_or_else(|| track.judge(evidence))
}

/// The same, unless the same happened where there was no such deploy: then nobody is blamed for it.
pub fn judge_beside<'a>(
    evidence: &Evidence<'_>,
    elsewhere: impl FnOnce() -> Elsewhere<'a>,
    track: &mut Track,
) -> Judgement {
    let judgement = judge(evidence, track);
    if judgement.level < Level::Warning { judgement } else { likewise::weigh(evidence, &elsewhere(), track, judgement) }
}

/// One signal as the verdict sees it.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// The signal.
    pub signal: &'a Signal,
    /// What is said of it.
    pub finding: &'a Finding,
    /// For how much of the window it was known; `None` while that is not known either.
    pub coverage: Option<Coverage>,
}

/// What the whole watch says. Never `Healthy` while anything required is unknown, or was for too much of the window:
/// that is the one promise everything else leans on.
pub fn whole<'a>(judged: impl Iterator<Item = Judged<'a>>, window_is_over: bool) -> Verdict {
    let mut worst = Level::Clear;
    let (mut unknown, mut awaited) = (false, false);
    // Nothing that is required known, now and of the window, is nothing known.
    let (mut known, mut known_of_window) = (false, false);
    for Judged { signal, finding, coverage } in judged {
        if finding.level.is_unknown() {
            unknown |= signal.required;
            continue;
        }
        worst = worst.max(finding.level);
        if signal.required {
            known = true;
            // What is still clear without enough of the window waits for what comes late.
            awaited |= coverage.is_none_or(|coverage| !coverage.is_enough());
            known_of_window |= coverage.is_some_and(|coverage| coverage.is_enough() && coverage.says_anything());
        }
    }
    match (worst, window_is_over) {
        (Level::RedFlag, _) => Verdict::Faulty,
        (Level::Warning, _) => Verdict::Degraded,
        (_, false) => Verdict::Watching,
        (_, true) if unknown || !known => Verdict::Inconclusive,
        (_, true) if awaited => Verdict::Watching,
        (_, true) if !known_of_window => Verdict::Inconclusive,
        (_, true) => Verdict::Healthy,
    }
}

/// What the verdict rests on: the required signals that are known, and for how much of the window they were.
pub fn basis<'a>(judged: impl Iterator<Item = Judged<'a>>) -> Basis {
    let mut basis = Basis { required: 0, known: 0, least: None };
    for Judged { finding, coverage, .. } in judged.filter(|judged| judged.signal.required) {
        basis.add(!finding.level.is_unknown(), coverage);
    }
    basis
}

/// Whether flags are known to be clear: nothing is red, whatever `was_red` before is known again, and so is every
/// required signal, thin traffic apart; at least one of them. Those that are `gone` speak of a version that serves no
/// more. What is merely not known any more has not cleared.
pub fn are_clear<'a>(
    judged: impl Iterator<Item = (SignalId, Judged<'a>)>,
    was_red: &[SignalId],
    gone: impl Fn(SignalId) -> bool,
) -> bool {
    let (mut known, mut speaks) = (false, false);
    for (id, Judged { signal, finding, .. }) in judged {
        let is_known = match finding.level {
            Level::RedFlag => return false,
            Level::Clear | Level::Warning => true,
            Level::Insufficient | Level::NoData | Level::Stale => false,
        };
        if gone(id) {
            continue;
        }
        // The rollout tells of pods, not of flags.
        speaks |= signal.required && signal.kind != Kind::Rollout;
        let thin = finding.level == Level::Insufficient && !was_red.contains(&id);
        if !is_known && !thin && (signal.required || was_red.contains(&id)) {
            return false;
        }
        known |= is_known && signal.kind != Kind::Rollout;
    }
    known || !speaks
}
