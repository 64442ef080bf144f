//! What Argo Rollouts says of a Rollout, in words for people (`utils/rollout/rolloututil.go` there): its phase counts
//! only once the newest spec was seen, and an aborted update has gone back to the stable version.

use super::objects::Workload;
use crate::cluster::short;
use crate::deploy::{Deploy, brief};
use crate::rollout::argo::Update;
use crate::rollout::{Progress, Replicas, Trouble, TroubleKind};

/// How far the update is.
pub(super) fn progress(workload: &Workload) -> Progress {
    let update = workload.update();
    let status = &workload.status.argo;
    if !workload.is_observed() {
        return waiting("Waiting for rollout spec update to be observed...");
    }
    if update.is_aborted() {
        return aborting(workload, update);
    }
    if update.is_unpausing() {
        return waiting("Waiting for the controller to continue after a pause...");
    }
    let said = short(&status.message);
    match status.phase.as_str() {
        "Healthy" => Progress::Complete,
        "Degraded" if said.is_empty() => Progress::Failed("Argo Rollouts reports it as degraded".to_owned()),
        "Degraded" => Progress::Failed(said),
        "Paused" => Progress::Waiting(format!("waits {}: {}", place(update), why_paused(workload, update))),
        "" => waiting("its controller reports no phase (Argo Rollouts 1.0 and newer do)"),
        _ if said.is_empty() => Progress::Waiting(format!("in progress {}", place(update))),
        _ => Progress::Waiting(format!("in progress {}: {said}", place(update))),
    }
}

/// Where pods alone divide the traffic, an abort is through when none of the new version is left; elsewhere when the
/// router says so. In both cases the stable version must be there whole.
fn aborting(workload: &Workload, update: Update<'_>) -> Progress {
    let counts = replicas(workload);
    let turned_away = update.routes_all_to_stable() || workload.status.updated_replicas == 0;
    if turned_away && counts.available >= counts.desired {
        return Progress::Complete;
    }
    let (available, desired) = (counts.available.min(counts.updated), counts.desired);
    Progress::Waiting(format!("aborted: returning to the stable version, {available} of {desired} pods available"))
}

/// The counts, of the version that an aborted update goes back to as well.
pub(super) fn replicas(workload: &Workload) -> Replicas {
    let update = workload.update();
    let status = &workload.status;
    let desired = workload.wanted_replicas();
    let updated =
        if update.is_aborted() { (status.replicas - status.updated_replicas).max(0) } else { status.updated_replicas };
    // What is kept without traffic belongs to nobody's count.
    let settled = (update.is_promoted() || update.is_aborted()) && update.routes_all_to_stable();
    let total = if settled { updated } else { status.replicas };
    let within = |count: i64| if settled { count.min(total) } else { count };
    Replicas {
        desired,
        updated,
        ready: within(status.ready_replicas),
        available: within(status.available_replicas),
        total,
    }
}

/// An update that was called off, by whom or whatever. `deploy` is the way back to the stable version.
pub(super) fn aborted(workload: &Workload, deploy: Option<&Deploy>) -> Option<Trouble> {
    let update = workload.update();
    if !update.is_aborted() {
        return None;
    }
    let stable = deploy.filter(|deploy| deploy.to.hash == update.status.stable_rs);
    let stable = stable.map_or("the stable version", |deploy| deploy.to.label());
    let traffic = match progress(workload) {
        Progress::Complete => format!("all traffic on {stable}"),
        _ => format!("returning to {stable}"),
    };
    let message = &update.status.message;
    let why = if message.is_empty() { String::new() } else { format!(" ({})", short(message)) };
    let sentence = format!("aborted: {traffic}; its template still names the new version{why}");
    Some(Trouble { kind: TroubleKind::Aborted, sentence })
}

/// `at step 2 of 5`.
fn place(update: Update<'_>) -> String {
    match update.step() {
        Some((step, of)) => format!("at step {step} of {of}"),
        None if update.spec.strategy.blue_green.is_some() => "before the switch".to_owned(),
        None => "after its steps".to_owned(),
    }
}

fn why_paused(workload: &Workload, update: Update<'_>) -> String {
    if workload.spec.paused {
        return "paused manually".to_owned();
    }
    let reasons: Vec<&str> = update.status.pause_conditions.iter().map(|pause| pause.reason.as_str()).collect();
    if reasons.iter().any(|reason| reason.starts_with("Inconclusive")) {
        return "its analysis was inconclusive, waiting for a manual decision".to_owned();
    }
    let pause = update.step().and_then(|(step, _)| update.steps()[step - 1].pause.as_ref());
    let seconds = || update.spec.strategy.blue_green.as_ref()?.auto_promotion_seconds;
    let length = pause.and_then(crate::rollout::argo::Pause::length);
    match length.or_else(|| chrono::TimeDelta::try_seconds(seconds()?)) {
        Some(length) => format!("paused for {}", brief(length)),
        None => "paused until promoted manually".to_owned(),
    }
}

fn waiting(text: &str) -> Progress {
    Progress::Waiting(text.to_owned())
}
