//! What leads to what, as a table: the first rule that finds its cause names it, and what it explains is told after it.

use crate::poll::{Issue, Novelty};
use crate::rollout::TroubleKind;
use crate::signal::{Kind, SignalId};
use crate::verdict::Level;
use crate::verdict::says::{Claim, RolloutSays, Says};
use crate::watch::Watch;

/// What something comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Cause {
    /// The new pods cannot work.
    Pods {
        /// How they fail.
        kind: TroubleKind,
        /// The pods, the reason, the message.
        sentence: String,
    },
    /// The rollout does not get to its end.
    Rollout {
        /// What it waits for, or why it failed.
        sentence: String,
    },
    /// Its database pool is used up.
    Pool,
    /// It uses more and more memory.
    Memory,
    /// An issue that this version brought.
    Issue {
        /// `TypeError: cart.total is None`.
        title: String,
        /// Where in the code, as the tracker guesses.
        culprit: Option<String>,
    },
    /// No cause is seen behind the number itself.
    Signal(Kind),
}

/// The kinds of [`Cause`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CauseKind {
    /// [`Cause::Pods`].
    Pods,
    /// [`Cause::Rollout`].
    Rollout,
    /// [`Cause::Pool`].
    Pool,
    /// [`Cause::Memory`].
    Memory,
    /// [`Cause::Issue`].
    Issue,
    /// [`Cause::Signal`].
    Signal(Kind),
}

impl Cause {
    /// Of which kind it is.
    pub const fn kind(&self) -> CauseKind {
        match self {
            Self::Pods { .. } => CauseKind::Pods,
            Self::Rollout { .. } => CauseKind::Rollout,
            Self::Pool => CauseKind::Pool,
            Self::Memory => CauseKind::Memory,
            Self::Issue { .. } => CauseKind::Issue,
            Self::Signal(kind) => CauseKind::Signal(*kind),
        }
    }
}

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// What it looks for.
    pub cause: CauseKind,
    /// The kinds of signals that are bad because of it.
    pub explains: &'static [Kind],
}

/// What users see of a version that does not work.
const ALL_BUT_POOL: &[Kind] = &[
    Kind::Rollout,
    Kind::ErrorRate,
    Kind::ServerErrors,
    Kind::Latency,
    Kind::Traffic,
    Kind::NewIssues,
    Kind::CrashFree,
    Kind::Alerts,
    Kind::Probe,
    Kind::Memory,
    Kind::Cpu,
];
const WAITING: &[Kind] = &[
    Kind::ErrorRate,
    Kind::ServerErrors,
    Kind::Latency,
    Kind::Traffic,
    Kind::NewIssues,
    Kind::CrashFree,
    Kind::Alerts,
    Kind::Probe,
    Kind::Cpu,
    Kind::Memory,
];
const FAILING: &[Kind] =
    &[Kind::ErrorRate, Kind::ServerErrors, Kind::CrashFree, Kind::NewIssues, Kind::Alerts, Kind::Probe, Kind::Latency];
const SLOW: &[Kind] = &[Kind::Alerts, Kind::Cpu, Kind::Connections, Kind::Traffic];

/// Which cause is named where several could be: the earlier one leads to the later ones, and not the other way round.
pub const PRECEDENCE: [Rule; 16] = [
    Rule { cause: CauseKind::Pods, explains: ALL_BUT_POOL },
    Rule { cause: CauseKind::Rollout, explains: ALL_BUT_POOL },
    Rule { cause: CauseKind::Pool, explains: WAITING },
    Rule { cause: CauseKind::Memory, explains: ALL_BUT_POOL },
    Rule { cause: CauseKind::Issue, explains: FAILING },
    Rule { cause: CauseKind::Signal(Kind::ErrorRate), explains: FAILING },
    Rule { cause: CauseKind::Signal(Kind::ServerErrors), explains: FAILING },
    Rule { cause: CauseKind::Signal(Kind::Probe), explains: &[Kind::Alerts, Kind::Traffic] },
    Rule { cause: CauseKind::Signal(Kind::CrashFree), explains: &[Kind::Alerts, Kind::NewIssues] },
    Rule { cause: CauseKind::Signal(Kind::Latency), explains: SLOW },
    Rule { cause: CauseKind::Signal(Kind::Traffic), explains: &[Kind::Alerts] },
    Rule { cause: CauseKind::Signal(Kind::NewIssues), explains: &[Kind::Alerts] },
    Rule { cause: CauseKind::Signal(Kind::Connections), explains: &[Kind::Alerts] },
    Rule { cause: CauseKind::Signal(Kind::Memory), explains: &[Kind::Alerts] },
    Rule { cause: CauseKind::Signal(Kind::Cpu), explains: &[Kind::Alerts] },
    Rule { cause: CauseKind::Signal(Kind::Alerts), explains: &[] },
];

/// An issue that makes up a tenth of all failures is likely behind them.
const LEAST_SHARE: f64 = 10.0;

/// A custom signal, and a rollout that merely warns, stand for themselves.
const ITSELF: Rule = Rule { cause: CauseKind::Signal(Kind::Custom), explains: &[] };

/// The first cause of the table that is found among the bad signals, with the signal that shows it.
pub(super) fn first(watch: &Watch, bad: &[SignalId], level: Level) -> Option<(Rule, SignalId, Cause)> {
    let found = PRECEDENCE.iter().find_map(|rule| {
        let (lead, cause) = bad.iter().find_map(|id| found(watch, rule.cause, *id, bad, level).map(|it| (*id, it)))?;
        Some((*rule, lead, cause))
    });
    found.or_else(|| {
        let lead = bad.iter().copied().find(|id| watch.finding(*id).level == level)?;
        Some((ITSELF, lead, Cause::Signal(watch.setup().signal(lead).kind)))
    })
}

/// What a bad signal shows of a kind of cause.
fn found(watch: &Watch, wanted: CauseKind, id: SignalId, bad: &[SignalId], level: Level) -> Option<Cause> {
    let (signal, finding) = (watch.setup().signal(id), watch.finding(id));
    let is_worst = finding.level == level;
    match (wanted, signal.kind) {
        (CauseKind::Pods, Kind::Rollout) if is_worst => match &finding.says {
            Says::Rollout(RolloutSays::Trouble(trouble)) if trouble.kind < TroubleKind::DeadlineExceeded => {
                Some(Cause::Pods { kind: trouble.kind, sentence: trouble.sentence.clone() })
            }
            _ => None,
        },
        (CauseKind::Rollout, Kind::Rollout) if is_worst => Some(Cause::Rollout { sentence: finding.says.to_string() }),
        // It leads to errors before it is red itself.
        (CauseKind::Pool, Kind::Connections) => match finding.says.measured()?.claim {
            Claim::Exhausted { .. } | Claim::Filled { .. } => Some(Cause::Pool),
            _ => None,
        },
        (CauseKind::Memory, Kind::Memory) if is_worst => match finding.says.measured()?.claim {
            Claim::Climbs { .. } => Some(Cause::Memory),
            _ => None,
        },
        (CauseKind::Issue, Kind::NewIssues) => {
            // What is red has to be something that an issue leads to, in the same service.
            let explains = |other: &&SignalId| {
                let other_signal = watch.setup().signal(**other);
                watch.finding(**other).level == level
                    && other_signal.service == signal.service
                    && FAILING.contains(&other_signal.kind)
            };
            bad.iter().find(explains)?;
            // A few of something new are not what thousands of requests fail of.
            let failed = bad.iter().filter_map(|other| watch.finding(*other).says.measured()?.counted);
            let failed = failed.map(|counted| counted.events).fold(0.0, f64::max);
            let is_likely = |issue: &&Issue| {
                issue.fatal || issue.novelty == Novelty::Regressed || issue.count as f64 * LEAST_SHARE >= failed
            };
            let issues = watch.issues().iter().filter(|issue| issue.signal == id).filter(is_likely);
            let worst = issues.max_by_key(|issue| (issue.fatal, issue.count))?;
            Some(Cause::Issue { title: worst.title.clone(), culprit: worst.culprit.clone() })
        }
        (CauseKind::Signal(kind), of) if kind == of && is_worst => Some(Cause::Signal(kind)),
        _ => None,
    }
}

/// Of a cause that has no number of its own, the signal that tells how bad it is: errors before anything else.
pub(super) fn most_telling(watch: &Watch, lead: SignalId, consequences: &[SignalId]) -> SignalId {
    const TELLING: [Kind; 5] = [Kind::ErrorRate, Kind::ServerErrors, Kind::CrashFree, Kind::Latency, Kind::Probe];
    if !matches!(watch.setup().signal(lead).kind, Kind::Rollout | Kind::NewIssues | Kind::Alerts) {
        return lead;
    }
    let of = |kind: Kind| consequences.iter().copied().find(|id| watch.setup().signal(*id).kind == kind);
    TELLING.into_iter().find_map(of).unwrap_or(lead)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rule_explains_what_comes_before_it_in_the_table() {
        for (place, rule) in PRECEDENCE.iter().enumerate() {
            for earlier in PRECEDENCE[..place].iter().filter(|earlier| earlier.cause != rule.cause) {
                if let (CauseKind::Signal(one), CauseKind::Signal(other)) = (rule.cause, earlier.cause) {
                    let both = rule.explains.contains(&other) && !earlier.explains.contains(&one);
                    assert!(!both, "{:?} explains {:?}, which is looked for first", rule.cause, earlier.cause);
                }
            }
        }
    }

    #[test]
    fn every_kind_that_can_be_bad_has_a_rule() {
        for kind in Kind::ALL {
            let named = PRECEDENCE.iter().any(|rule| rule.cause == CauseKind::Signal(kind));
            assert_eq!(named, !matches!(kind, Kind::Rollout | Kind::Custom), "{kind:?}");
        }
    }
}
