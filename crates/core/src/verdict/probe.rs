//! The environment's own URL: it must answer, in time.

use super::{Evidence, Judgement, Level};
use crate::deploy::brief;
use crate::signal::Sample;

pub(super) fn judge(evidence: &Evidence<'_>) -> Judgement {
    let tries = evidence.series.since_deploy();
    let failed = tries.iter().rev().take_while(|reading| reading.sample == Sample::Empty).count();
    let unit = evidence.signal.unit;
    let hold = evidence.signal.limits.hold.max(1) as usize;
    if failed > 0 {
        let since = tries[tries.len() - failed].at;
        let why = evidence.series.trouble().map_or_else(String::new, |error| format!(": {error}"));
        let noun = if failed == 1 { "try" } else { "tries" };
        let sentence = format!("fails{why}; the last {failed} {noun}, for {}", brief(evidence.now - since));
        let red = failed >= hold || evidence.before == Level::RedFlag;
        return Judgement::new(if red { Level::RedFlag } else { Level::Warning }, sentence);
    }
    let Some(value) = tries.last().and_then(|reading| reading.sample.value()) else {
        return Judgement::new(Level::Insufficient, "not tried since the deploy");
    };
    let last: Vec<f64> = tries.iter().rev().take(hold).filter_map(|reading| reading.sample.value()).collect();
    let shown = format!("answers in {}", unit.format(value));
    match evidence.signal.limits.warning {
        Some(limit) if last.len() >= hold && last.iter().all(|&value| value > limit) => {
            Judgement::new(Level::Warning, format!("{shown}; above {}", unit.format(limit)))
        }
        _ if evidence.before == Level::RedFlag && last.len() < hold => {
            Judgement::new(Level::RedFlag, format!("{shown} again, after failing; one more to be sure"))
        }
        _ => Judgement::new(Level::Clear, shown),
    }
}
