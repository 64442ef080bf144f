//! Other people's alert rules and monitors: one that began to fire after the deploy is a red flag.

use super::{Evidence, Judgement, Level};
use crate::poll::{Alert, AlertState};
use crate::signal::grouped;

pub(super) fn judge(evidence: &Evidence<'_>) -> Judgement {
    let ours = |alert: &&Alert| alert.signal == evidence.signal_id;
    let (muted, calling): (Vec<&Alert>, Vec<&Alert>) =
        evidence.alerts.iter().filter(ours).partition(|alert| alert.muted.is_some());
    let of = |alerts: &[&Alert], state| -> Vec<String> {
        alerts.iter().filter(|alert| alert.state == state).map(|alert| alert.name.clone()).collect()
    };
    let is_older =
        |alert: &&Alert| matches!((alert.since, evidence.deployed_at), (Some(since), Some(at)) if since < at);
    let (older, newer): (Vec<&Alert>, Vec<&Alert>) = calling.iter().partition(|alert| is_older(alert));
    let says = |level, names: Vec<String>, what: &str| {
        (!names.is_empty()).then(|| Judgement::new(level, format!("{what}: {}", listed(names))))
    };
    let silenced: Vec<String> =
        muted.iter().filter(|alert| alert.state == AlertState::Firing).map(|alert| told(alert)).collect();
    let unread = (evidence.unread > 0).then(|| {
        let noun = if evidence.unread == 1 { "rule that matches was" } else { "rules that match were" };
        Judgement::new(Level::NoData, format!("{} {noun} not read", grouped(evidence.unread as f64)))
    });
    says(Level::RedFlag, of(&newer, AlertState::Firing), "firing since the deploy")
        .or_else(|| says(Level::Warning, of(&calling, AlertState::Pending), "about to fire"))
        .or_else(|| says(Level::Warning, of(&older, AlertState::Firing), "firing since before the deploy"))
        .or_else(|| says(Level::Warning, silenced, "firing, and muted"))
        .or_else(|| {
            let blind = [of(&calling, AlertState::Unknown), of(&muted, AlertState::Unknown)].concat();
            says(Level::NoData, blind, "cannot be evaluated, so guards nothing")
        })
        .or(unread)
        .unwrap_or_else(|| Judgement::new(Level::Clear, "none fires"))
}

/// A muted alert, with the end of that where it is known.
fn told(alert: &Alert) -> String {
    let until = alert.muted.and_then(|muted| muted.until);
    until.map_or_else(|| alert.name.clone(), |until| format!("{} until {} UTC", alert.name, until.format("%H:%M")))
}

fn listed(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(3);
    names.truncate(3);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}
