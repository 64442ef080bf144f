//! What the log file says of a watch: failures and actions, and at debug level every answer. No request, header or
//! template is ever written: that is where secrets are.

use crate::feature_flags::{self, Call, News};
use crate::message::{Effect, Message, StreamNews};
use crate::rollback::{Answer, Readiness};
use crate::setup::Setup;
use tracing::{debug, info, warn};

/// Before a message is taken in.
pub(super) fn message(message: &Message, setup: &Setup) {
    match message {
        Message::Tick(_) | Message::Streamed { news: StreamNews::Alive, .. } => {}
        Message::Polled { source, result: Ok(poll), .. } => {
            let source = &setup.source(*source).name;
            debug!(source, signals = poll.points.len(), failed = poll.failed.len(), "answered");
            for (signal, error) in &poll.failed {
                warn!(source, signal = setup.signal(*signal).name, %error, "query failed");
            }
        }
        Message::Polled { source, result: Err(error), .. }
        | Message::Streamed { source, news: StreamNews::Down(error), .. } => {
            warn!(source = setup.source(*source).name, %error, "does not answer");
        }
        Message::PastTold { source, ago, result: Ok(poll), .. } => {
            let source = &setup.source(*source).name;
            debug!(
                source,
                ?ago,
                signals = poll.points.len(),
                failed = poll.failed.len(),
                "answered about an earlier day"
            );
        }
        Message::PastTold { source, ago, result: Err(error), .. } => {
            info!(source = setup.source(*source).name, ?ago, %error, "does not answer about an earlier day");
        }
        Message::PolledInPart { source, part, .. } => {
            debug!(source = setup.source(*source).name, signals = part.points.len(), "partial answer");
        }
        Message::Streamed { news: StreamNews::Rollout(workload, rollout), .. } => {
            let workload = &setup.workload(*workload).reference;
            debug!(%workload, generation = rollout.generation, progress = ?rollout.progress, "rollout");
        }
        Message::Streamed { news: StreamNews::Event { text, .. }, .. } => debug!(text, "event"),
        Message::Prepared { workload, readiness, .. } => {
            let workload = &setup.workload(*workload).reference;
            match readiness {
                Readiness::Ready(step) => debug!(%workload, to = step.target(), "a rollback would work"),
                Readiness::Blocked(blocked) => info!(%workload, reason = blocked.reason, "a rollback is blocked"),
                Readiness::Preparing => {}
            }
        }
        Message::Answered { workload, answer, .. } => {
            let workload = &setup.workload(*workload).reference;
            match answer {
                Answer::Accepted => info!(%workload, "rollback accepted"),
                Answer::Running(run) => info!(%workload, id = run.id, state = run.state, "rollback in progress"),
                Answer::Failed(blocked) => warn!(%workload, reason = blocked.reason, "rollback failed"),
                Answer::ChangedUnderUs(what) => warn!(%workload, what, "rollback not done: something changed"),
                Answer::Refused(blocked) => warn!(%workload, reason = blocked.reason, "rollback refused"),
                Answer::Unknown(why) => warn!(%workload, why, "rollback: the response was lost"),
            }
        }
        Message::PodsDeleted { workload, answers, .. } => {
            let workload = &setup.workload(*workload).reference;
            for (pod, deleted) in answers {
                info!(%workload, pod = pod.name, uid = pod.uid, answer = deleted.told(), "pod deletion");
            }
        }
        Message::Unrecorded { why, .. } => warn!(why, "the watch is not recorded any more"),
        Message::Left { how, .. } => info!(%how, "left"),
        Message::Resumed { seat, .. } => info!(%seat, "resumed from its record"),
        Message::BegunAfresh { before, why, .. } => info!(%before, ?why, "an earlier watch is not resumed"),
        Message::Recalled { known, doubts, .. } => {
            let findings: usize = known.iter().map(Vec::len).sum();
            debug!(findings, "earlier watches read");
            for doubt in doubts {
                warn!(doubt, "earlier watches");
            }
        }
        Message::FeatureFlags { system, news, .. } => {
            let system = setup.flag_system(*system).system.name();
            match news {
                News::Read(Ok(listing)) => debug!(system, flags = listing.flags.len(), "feature flags"),
                News::Read(Err(why)) => warn!(system, why, "cannot read feature flags"),
                News::Answered(key, feature_flags::Answer::Accepted) => info!(system, key, "turn-off accepted"),
                News::Answered(key, feature_flags::Answer::Refused(blocked)) => {
                    warn!(system, key, reason = blocked.reason, "turn-off refused");
                }
                News::Answered(key, feature_flags::Answer::Unknown(why)) => {
                    warn!(system, key, why, "turn-off: the response was lost");
                }
                News::ReadBack(key, state) => debug!(system, key, ?state, "read back"),
            }
        }
        Message::Leased { holding, .. } => debug!(?holding, "lease"),
        Message::Asked { command, .. } => info!(?command, "asked"),
    }
}

/// Before an effect is performed.
pub(super) fn effect(effect: &Effect) {
    match effect {
        Effect::Send(step) => {
            for covered in &step.covers {
                let (uid, generation) = (&covered.uid, covered.generation);
                info!(subject = step.subject, workload = %covered.reference, uid, generation, to = step.target(), "sending the rollback");
            }
        }
        Effect::ReadBack(step) => info!(subject = step.subject, "reading back whether the rollback took effect"),
        Effect::Follow(step, run) => debug!(subject = step.subject, id = run.id, "asking for progress"),
        Effect::DeletePods { pods, .. } => {
            for pod in pods {
                info!(pod = pod.name, uid = pod.uid, "deleting a pod that blocks a rollback");
            }
        }
        Effect::Lease(call) => debug!(?call, "lease"),
        Effect::FeatureFlags(_, Call::TurnOff(order)) => {
            info!(key = order.key, actor = order.actor, "turning a feature flag off");
        }
        Effect::FeatureFlags(_, Call::ReadBack(key)) => debug!(key, "reading back a feature flag"),
        Effect::FeatureFlags(_, Call::Read) => debug!("reading feature flags"),
        Effect::Poll { .. } | Effect::AskPast { .. } | Effect::Prepare(_) | Effect::Remember(..) | Effect::Bell => {}
    }
}
