//! Other people's alert rules and monitors: one that began to fire after the deploy is a red flag.

use super::{Evidence, Judgement, Level};
use crate::poll::{Alert, AlertState};

pub(super) fn judge(evidence: &Evidence<'_>) -> Judgement {
    let of = |state: AlertState| -> Vec<&Alert> {
        evidence.alerts.iter().filter(|alert| alert.signal == evidence.signal_id && alert.state == state).collect()
    };
    let is_older = |alert: &Alert| matches!((alert.since, evidence.deployed_at), (Some(since), Some(at)) if since < at);
    let (older, firing): (Vec<&Alert>, Vec<&Alert>) =
        of(AlertState::Firing).into_iter().partition(|alert| is_older(alert));
    let pending = of(AlertState::Pending);
    let blind = of(AlertState::Unknown);
    if !firing.is_empty() {
        return Judgement::new(Level::RedFlag, format!("firing since the deploy: {}", names(&firing)));
    }
    if !pending.is_empty() {
        return Judgement::new(Level::Warning, format!("about to fire: {}", names(&pending)));
    }
    if !older.is_empty() {
        return Judgement::new(Level::Warning, format!("firing since before the deploy: {}", names(&older)));
    }
    if !blind.is_empty() {
        return Judgement::new(Level::NoData, format!("cannot be evaluated, so guards nothing: {}", names(&blind)));
    }
    Judgement::new(Level::Clear, "none fires")
}

fn names(alerts: &[&Alert]) -> String {
    let mut text: Vec<&str> = alerts.iter().take(3).map(|alert| alert.name.as_str()).collect();
    let more = alerts.len().saturating_sub(text.len());
    let rest = format!("{more} more");
    if more > 0 {
        text.push(&rest);
    }
    text.join(", ")
}
