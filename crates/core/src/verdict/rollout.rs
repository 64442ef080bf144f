//! The rollout of one workload: Kubernetes' own words, and what `kubectl rollout status` does not look at.

use super::{Evidence, Judgement, Level};
use crate::rollout::Progress;

pub(super) fn judge(evidence: &Evidence<'_>) -> Judgement {
    let Some(rollout) = evidence.rollout else {
        return Judgement::new(Level::NoData, format!("{} has not told of it yet", evidence.source.name));
    };
    let worst = rollout.troubles.iter().min_by_key(|trouble| trouble.kind);
    if let Some(trouble) = worst.filter(|trouble| trouble.kind.is_red_flag()) {
        return Judgement::new(Level::RedFlag, trouble.sentence.clone());
    }
    match &rollout.progress {
        Progress::Failed(why) => return Judgement::new(Level::RedFlag, why.clone()),
        Progress::Gone => return Judgement::new(Level::NoData, "the workload is not there"),
        Progress::Waiting(_) | Progress::Complete => {}
    }
    if let Some(trouble) = worst {
        return Judgement::new(Level::Warning, trouble.sentence.clone());
    }
    let replicas = rollout.replicas;
    if rollout.progress == Progress::Complete && replicas.ready.min(replicas.desired) == 0 {
        let what = if replicas.desired == 0 { "0 pods are asked for" } else { "0 pods are ready" };
        return Judgement::new(Level::NoData, format!("{what}: nothing runs that could be judged"));
    }
    match &rollout.progress {
        Progress::Waiting(what) => Judgement::new(Level::Clear, format!("progressing: {what}")),
        _ => Judgement::new(Level::Clear, format!("{} of {} pods ready", replicas.ready, replicas.desired)),
    }
}
