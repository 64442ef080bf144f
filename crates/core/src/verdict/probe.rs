//! The environment's own URL: it must answer, in time.

use super::says::{ProbeSays, Quantity};
use super::{Evidence, Judgement, Level};
use crate::signal::Sample;

pub(super) fn judge(evidence: &Evidence<'_>) -> Judgement {
    let tries = evidence.series.since_deploy();
    let failed = tries.iter().rev().take_while(|reading| reading.sample == Sample::Empty).count();
    let unit = evidence.signal.unit;
    let hold = evidence.signal.limits.hold.max(1) as usize;
    if failed > 0 {
        let since = tries[tries.len() - failed].at;
        let error = evidence.series.trouble().cloned();
        let says = ProbeSays::Fails { error, tries: failed, lasting: evidence.lasting(since) };
        let red = failed >= hold || evidence.before == Level::RedFlag;
        return Judgement::new(if red { Level::RedFlag } else { Level::Warning }, says);
    }
    let Some(value) = tries.last().and_then(|reading| reading.sample.value()) else {
        return Judgement::new(Level::Insufficient, ProbeSays::NotTried);
    };
    let last: Vec<f64> = tries.iter().rev().take(hold).filter_map(|reading| reading.sample.value()).collect();
    let time = Quantity { value, unit };
    let answers = |level, above, again| Judgement::new(level, ProbeSays::Answers { time, above, again });
    match evidence.signal.limits.warning {
        Some(limit) if last.len() >= hold && last.iter().all(|&value| value > limit) => {
            answers(Level::Warning, Some(limit), false)
        }
        _ if evidence.before == Level::RedFlag && last.len() < hold => answers(Level::RedFlag, None, true),
        _ => answers(Level::Clear, None, false),
    }
}
