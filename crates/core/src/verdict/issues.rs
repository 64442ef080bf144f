//! New issues: none is clear; a fatal or regressed one above the set rate is a red flag.

use super::{Evidence, Judgement, Level};
use crate::poll::{Issue, Novelty};
use crate::signal::grouped;

/// So many calm bins in a row take the flag down: an issue that comes every few minutes is not over in between.
const CALM: usize = 6;

pub(super) fn judge(evidence: &Evidence<'_>) -> Judgement {
    let issues: Vec<&Issue> = evidence.issues.iter().filter(|issue| issue.signal == evidence.signal_id).collect();
    let unit = evidence.signal.unit;
    let rate = evidence.series.last_value().map(|(_, value)| value);
    let Some(worst) = issues.iter().max_by_key(|issue| (is_grave(issue), issue.count)) else {
        return match rate {
            // None by the list and none by the count: only then there are none.
            Some(0.0) => Judgement::new(Level::Clear, "none in this version"),
            Some(rate) => {
                let sentence = format!("{}, of issues that are not listed", unit.format(rate));
                Judgement::new(Level::Insufficient, sentence)
            }
            None => Judgement::new(Level::Insufficient, "nobody has counted any yet"),
        };
    };
    let rate = rate.unwrap_or(0.0);
    let limit = evidence.signal.limits.red_flag.unwrap_or(f64::INFINITY);
    let values = evidence.series.since_deploy().iter().rev().filter_map(|reading| reading.sample.value());
    let still = evidence.before == Level::RedFlag && values.take(CALM).any(|value| value > limit);
    let noun = if issues.len() == 1 { "issue" } else { "issues" };
    let times = grouped(worst.count as f64);
    let sentence = format!("{} new {noun}, {}; {times}× “{}”", issues.len(), unit.format(rate), worst.title);
    if is_grave(worst) && (rate > limit || still) {
        return Judgement::new(Level::RedFlag, format!("{sentence}; above {}", unit.format(limit)));
    }
    Judgement::new(Level::Warning, sentence)
}

fn is_grave(issue: &Issue) -> bool {
    issue.fatal || issue.novelty == Novelty::Regressed
}
