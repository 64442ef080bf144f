//! The rollout of one workload: Kubernetes' own words, and what `kubectl rollout status` does not look at.

use super::says::RolloutSays;
use super::{Evidence, Judgement, Level};
use crate::rollout::Progress;

pub(super) fn judge(evidence: &Evidence<'_>) -> Judgement {
    let Some(rollout) = evidence.rollout else {
        return Judgement::new(Level::NoData, RolloutSays::Untold { source: evidence.source.name.clone() });
    };
    let worst = rollout.troubles.iter().min_by_key(|trouble| trouble.kind);
    if let Some(trouble) = worst.filter(|trouble| trouble.kind.is_red_flag()) {
        return Judgement::new(Level::RedFlag, RolloutSays::Trouble(trouble.clone()));
    }
    match &rollout.progress {
        Progress::Failed(why) => return Judgement::new(Level::RedFlag, RolloutSays::Failed(why.clone())),
        Progress::Gone => return Judgement::new(Level::NoData, RolloutSays::Gone),
        Progress::Waiting(_) | Progress::Complete => {}
    }
    if let Some(trouble) = worst {
        return Judgement::new(Level::Warning, RolloutSays::Trouble(trouble.clone()));
    }
    let replicas = rollout.replicas;
    if rollout.progress == Progress::Complete && replicas.ready.min(replicas.desired) == 0 {
        return Judgement::new(Level::NoData, RolloutSays::Empty { desired: replicas.desired });
    }
    match &rollout.progress {
        Progress::Waiting(what) => Judgement::new(Level::Clear, RolloutSays::Waiting(what.clone())),
        _ => Judgement::new(Level::Clear, RolloutSays::Ready { ready: replicas.ready, desired: replicas.desired }),
    }
}
