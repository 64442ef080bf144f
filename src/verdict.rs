//! What a rule says of a signal now ([`Finding`]), and what the whole watch says ([`Verdict`]).

mod alerts;
mod error_rate;
mod freshness;
mod issues;
mod latency;
mod probe;
mod rollout;
mod saturation;
mod server_errors;
mod span;
mod stats;
mod threshold;
mod traffic;

use crate::deploy::Time;
use crate::poll::{Alert, Issue};
use crate::rollout::Rollout;
use crate::setup::SourceInfo;
use crate::signal::{Kind, Signal, SignalId};
use crate::store::{Series, SourceState};

/// How bad, or how unknown, a signal is. Ordered from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Within its limits, on enough evidence.
    Clear,
    /// Too little evidence to tell.
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
            Self::Clear => "clear",
            Self::Insufficient => "insufficient",
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
    /// The value, the evidence, the limit and for how long. Never empty.
    pub sentence: String,
    /// Since when the level is what it is.
    pub since: Time,
    /// Whether a person has seen it.
    pub acknowledged: bool,
}

/// What the whole watch says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// All issues; a rule picks those of its signal.
    pub issues: &'a [Issue],
    /// All alerts; a rule picks those of its signal.
    pub alerts: &'a [Alert],
    /// The version that was taken back and serves no more, where the signal speaks of it alone.
    pub taken_back: Option<&'a str>,
    /// What was said of the signal before.
    pub before: Level,
    /// Now.
    pub now: Time,
}

impl Evidence<'_> {
    /// ` against 38 % before the deploy`, or that there is nothing to compare with.
    fn baseline_words(&self) -> String {
        match self.series.baseline() {
            Some(baseline) => format!(" against {} before the deploy", self.signal.unit.format(baseline.median)),
            None => ", without a baseline".to_owned(),
        }
    }

    /// What to add when the baseline was beyond the limit already.
    fn as_before(&self, limit: f64) -> &'static str {
        if self.series.baseline().is_some_and(|baseline| baseline.median > limit) {
            ", as before the deploy"
        } else {
            ""
        }
    }
}

/// What a rule makes of the evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// How bad, or how unknown.
    pub level: Level,
    /// The value, the evidence, the limit and for how long.
    pub sentence: String,
}

impl Judgement {
    fn new(level: Level, sentence: impl Into<String>) -> Self {
        Self { level, sentence: sentence.into() }
    }
}

/// A way to judge one kind of signal. It owns its sentence.
pub trait Rule {
    /// Judges evidence that is known to be fresh.
    fn judge(&self, evidence: &Evidence<'_>) -> Judgement;
}

/// Judges one signal: whether anything is known comes first, the kind's own rule second.
pub fn judge(evidence: &Evidence<'_>) -> Judgement {
    freshness::unknown(evidence).unwrap_or_else(|| rule(evidence.signal.kind).judge(evidence))
}

fn rule(kind: Kind) -> &'static dyn Rule {
    match kind {
        Kind::ErrorRate => &error_rate::ErrorRate,
        Kind::Latency => &latency::Latency,
        Kind::Traffic => &traffic::Traffic,
        Kind::ServerErrors => &server_errors::ServerErrors,
        Kind::Memory | Kind::Connections => &saturation::Saturation { grows: true },
        Kind::Cpu => &saturation::Saturation { grows: false },
        Kind::Rollout => &rollout::RolloutRule,
        Kind::NewIssues => &issues::NewIssues,
        Kind::Alerts => &alerts::Alerts,
        Kind::Probe => &probe::Probe,
        Kind::CrashFree | Kind::Custom => &threshold::Threshold,
    }
}

/// What the whole watch says. Never `Healthy` while anything required is unknown: that is the one promise
/// everything else leans on.
pub fn whole<'a>(findings: impl Iterator<Item = (&'a Signal, &'a Finding)>, window_is_over: bool) -> Verdict {
    let mut worst = Level::Clear;
    // Nothing that is required known is nothing known.
    let (mut unknown, mut known) = (false, false);
    for (signal, finding) in findings {
        if finding.level.is_unknown() {
            unknown |= signal.required;
        } else {
            worst = worst.max(finding.level);
            known |= signal.required;
        }
    }
    match (worst, window_is_over) {
        (Level::RedFlag, _) => Verdict::Faulty,
        (Level::Warning, _) => Verdict::Degraded,
        (_, false) => Verdict::Watching,
        (_, true) if unknown || !known => Verdict::Inconclusive,
        (_, true) => Verdict::Healthy,
    }
}
