//! New issues: none is clear; a fatal or regressed one above the set rate is a red flag.

use super::says::{IssuesSay, Quantity};
use super::{Evidence, Judgement, Level};
use crate::poll::{Issue, Novelty};

/// So many calm bins in a row take the flag down: an issue that comes every few minutes is not over in between.
const CALM: usize = 6;

pub(super) fn judge(evidence: &Evidence<'_>) -> Judgement {
    let issues: Vec<&Issue> = evidence.issues.iter().filter(|issue| issue.signal == evidence.signal_id).collect();
    let unit = evidence.signal.unit;
    let rate = evidence.series.last_value().map(|(_, value)| value);
    let Some(worst) = issues.iter().max_by_key(|issue| (is_grave(issue), issue.count)) else {
        return match rate {
            // None by the list and none by the count: only then there are none.
            Some(0.0) => Judgement::new(Level::Clear, IssuesSay::None),
            Some(value) => Judgement::new(Level::Insufficient, IssuesSay::Unlisted { rate: Quantity { value, unit } }),
            None => Judgement::new(Level::Insufficient, IssuesSay::Uncounted),
        };
    };
    let rate = rate.unwrap_or(0.0);
    let limit = evidence.signal.limits.red_flag.unwrap_or(f64::INFINITY);
    let values = evidence.series.since_deploy().iter().rev().filter_map(|reading| reading.sample.value());
    let still = evidence.before == Level::RedFlag && values.take(CALM).any(|value| value > limit);
    let red = is_grave(worst) && (rate > limit || still);
    let says = IssuesSay::Some {
        issues: issues.len(),
        rate: Quantity { value: rate, unit },
        worst: worst.title.clone(),
        times: worst.count,
        above: red.then_some(limit),
    };
    Judgement::new(if red { Level::RedFlag } else { Level::Warning }, says)
}

fn is_grave(issue: &Issue) -> bool {
    issue.fatal || issue.novelty == Novelty::Regressed
}
