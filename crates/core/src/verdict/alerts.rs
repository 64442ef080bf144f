//! Other people's alert rules and monitors: one that began to fire after the deploy is a red flag.

use super::says::{AlertsSay, Calling};
use super::{Evidence, Judgement, Level};
use crate::poll::{Alert, AlertState};

pub(super) fn judge(evidence: &Evidence<'_>) -> Judgement {
    let ours = |alert: &&Alert| alert.signal == evidence.signal_id;
    let (muted, calling): (Vec<&Alert>, Vec<&Alert>) =
        evidence.alerts.iter().filter(ours).partition(|alert| alert.muted.is_some());
    let is_older =
        |alert: &&Alert| matches!((alert.since, evidence.deployed_at), (Some(since), Some(at)) if since < at);
    let (older, newer): (Vec<&Alert>, Vec<&Alert>) = calling.iter().partition(|alert| is_older(alert));
    let unread = || (evidence.unread > 0).then(|| Judgement::new(Level::NoData, AlertsSay::Unread(evidence.unread)));
    says(Level::RedFlag, Calling::SinceDeploy, &of(&newer, AlertState::Firing))
        .or_else(|| says(Level::Warning, Calling::Pending, &of(&calling, AlertState::Pending)))
        .or_else(|| says(Level::Warning, Calling::SinceBefore, &of(&older, AlertState::Firing)))
        .or_else(|| says(Level::Warning, Calling::Muted, &of(&muted, AlertState::Firing)))
        .or_else(|| {
            let blind = [of(&calling, AlertState::Unknown), of(&muted, AlertState::Unknown)].concat();
            says(Level::NoData, Calling::Blind, &blind)
        })
        .or_else(unread)
        .unwrap_or_else(|| Judgement::new(Level::Clear, AlertsSay::None))
}

fn of<'a>(alerts: &[&'a Alert], state: AlertState) -> Vec<&'a Alert> {
    alerts.iter().copied().filter(|alert| alert.state == state).collect()
}

/// What some alerts do; `None` where there are none. Until when they are muted is told where that is the point.
fn says(level: Level, what: Calling, alerts: &[&Alert]) -> Option<Judgement> {
    let until = |alert: &Alert| alert.muted.and_then(|muted| muted.until).filter(|_| what == Calling::Muted);
    let names: Vec<_> = alerts.iter().map(|alert| (alert.name.clone(), until(alert))).collect();
    (!names.is_empty()).then(|| Judgement::new(level, AlertsSay::Some { what, names }))
}
