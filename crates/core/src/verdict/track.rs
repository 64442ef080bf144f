//! What a signal's rule has made of its bins so far: each bin is taken in once, and sentences are formed only
//! when there is something new to say.

use super::coverage::Coverage;
use super::doubt::Known;
use super::error_rate::ErrorRate;
use super::latency::Latency;
use super::likewise::Weighed;
use super::objective::Budget;
use super::saturation::Saturation;
use super::server_errors::ServerErrors;
use super::threshold::Threshold;
use super::traffic::Traffic;
use super::{Evidence, Judgement, Level, Rule};
use super::{alerts, issues, probe, rollout};
use crate::deploy::Time;
use crate::signal::{Kind, Reading, Sample};

/// The state of one signal's rule. Bounded: a sorted baseline of at most 512 numbers and as many jumps for each
/// direction that is looked at, and some tens of numbers more.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Track {
    rule: Option<AnyRule>,
    /// What the rule was begun with; another history means that it has to restart.
    history: (u64, Option<Time>),
    /// The newest bin that the rule took in.
    judged: Option<Time>,
    said: Option<(Time, Judgement)>,
    /// What is known of the readings as such.
    known: Option<Known>,
    /// What its objective's budget rests on; apart, for few have one.
    budget: Option<Box<Budget>>,
    /// Whether the same happened where there was no such deploy, while there is a flag.
    pub(super) weighed: Option<Weighed>,
}

/// A rule of each kind that judges a series; apart, for a tick passes over all of them and looks into few.
#[derive(Debug, Clone, PartialEq)]
enum AnyRule {
    ErrorRate(Box<ErrorRate>),
    Latency(Box<Latency>),
    Saturation(Box<Saturation>),
    ServerErrors(Box<ServerErrors>),
    Threshold(Box<Threshold>),
    Traffic(Box<Traffic>),
}

impl AnyRule {
    /// `None` for the kinds that are judged by what is told of them, not by a series.
    fn begin(evidence: &Evidence<'_>) -> Option<Self> {
        Some(match evidence.signal.kind {
            Kind::ErrorRate if has_counts(evidence) => Self::ErrorRate(Box::new(ErrorRate::begin(evidence))),
            Kind::Latency => Self::Latency(Box::new(Latency::begin(evidence))),
            Kind::Cpu | Kind::Memory | Kind::Connections => Self::Saturation(Box::new(Saturation::begin(evidence))),
            Kind::ServerErrors => Self::ServerErrors(Box::new(ServerErrors::begin(evidence))),
            Kind::Traffic => Self::Traffic(Box::new(Traffic::begin(evidence))),
            // A bare ratio: nothing tells thin traffic from health.
            Kind::ErrorRate | Kind::CrashFree | Kind::Custom => Self::Threshold(Box::new(Threshold::begin(evidence))),
            Kind::Rollout | Kind::NewIssues | Kind::Alerts | Kind::Probe => return None,
        })
    }

    fn as_rule(&self) -> &dyn Rule {
        match self {
            Self::ErrorRate(rule) => rule.as_ref(),
            Self::Latency(rule) => rule.as_ref(),
            Self::Saturation(rule) => rule.as_ref(),
            Self::ServerErrors(rule) => rule.as_ref(),
            Self::Threshold(rule) => rule.as_ref(),
            Self::Traffic(rule) => rule.as_ref(),
        }
    }

    fn as_rule_mut(&mut self) -> &mut dyn Rule {
        match self {
            Self::ErrorRate(rule) => rule.as_mut(),
            Self::Latency(rule) => rule.as_mut(),
            Self::Saturation(rule) => rule.as_mut(),
            Self::ServerErrors(rule) => rule.as_mut(),
            Self::Threshold(rule) => rule.as_mut(),
            Self::Traffic(rule) => rule.as_mut(),
        }
    }
}

fn has_counts(evidence: &Evidence<'_>) -> bool {
    evidence.series.readings().iter().any(tells_counts)
}

fn tells_counts(reading: &Reading) -> bool {
    matches!(reading.sample, Sample::Counts { .. })
}

impl Track {
    /// What is said of evidence that is known to be fresh: what the signal's rule says, unless something speaks against
    /// believing it.
    pub(super) fn judge(&mut self, evidence: &Evidence<'_>) -> Judgement {
        let known = Known::of(evidence, self.known);
        let by_rule = self.by_rule(evidence);
        self.budget = Budget::of(evidence, self.budget.take());
        let by_rule = match &self.budget {
            Some(budget) => budget.weigh(evidence, by_rule),
            None => by_rule,
        };
        let judgement = known.weigh(evidence, by_rule);
        self.known = Some(known);
        judgement
    }

    /// For how long of the window so far the signal was known, as it was judged last.
    pub fn coverage(&self) -> Option<Coverage> {
        self.known.and_then(|known| known.coverage)
    }

    /// What the signal's rule says, whatever speaks against it.
    pub(super) fn by_rule(&mut self, evidence: &Evidence<'_>) -> Judgement {
        let changed = self.catch_up(evidence);
        let Some(rule) = &self.rule else { return by_word(evidence) };
        if let Some((at, said)) = &self.said {
            // Only a flag says for how long, in whole seconds.
            let same_second = at.timestamp() == evidence.now.timestamp();
            if !changed && (same_second || said.level < Level::Warning) {
                return said.clone();
            }
        }
        let judgement = rule.as_rule().judge(evidence);
        self.said = Some((evidence.now, judgement.clone()));
        judgement
    }

    /// Takes in what came since the last time. A late reading, another deploy or another baseline begins the
    /// rule again, so that it always stands where the same bins in order would have brought it.
    fn catch_up(&mut self, evidence: &Evidence<'_>) -> bool {
        let newest = evidence.series.last().map(|reading| reading.at);
        let history = (evidence.series.history(), evidence.settled);
        if self.rule.is_some() && self.history == history && newest <= self.judged {
            return false;
        }
        let bins = evidence.series.since_deploy();
        let mut unseen = self.judged.map_or(0, |judged| bins.partition_point(|reading| reading.at <= judged));
        // A source may begin to tell counts after some bins of nothing.
        let counts_come = matches!(self.rule, Some(AnyRule::Threshold(_)))
            && evidence.signal.kind == Kind::ErrorRate
            && bins[unseen..].iter().any(tells_counts);
        if self.rule.is_none() || self.history != history || counts_come {
            *self = Self { rule: AnyRule::begin(evidence), history, ..Self::default() };
            unseen = 0;
        }
        let Some(rule) = &mut self.rule else { return true };
        for bin in &bins[unseen..] {
            rule.as_rule_mut().take(bin, evidence.series.beside(bin.at));
        }
        self.judged = newest;
        true
    }
}

/// The kinds that are judged by what is told of them.
fn by_word(evidence: &Evidence<'_>) -> Judgement {
    match evidence.signal.kind {
        Kind::Rollout => rollout::judge(evidence),
        Kind::NewIssues => issues::judge(evidence),
        Kind::Alerts => alerts::judge(evidence),
        _ => probe::judge(evidence),
    }
}
