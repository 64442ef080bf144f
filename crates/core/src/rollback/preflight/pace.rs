//! How many pods a rollback replaces at a time, and so its ETA.

use crate::deploy::WorkloadKind;
use chrono::TimeDelta;
use serde_json::Value;

/// Assumed from a pod's creation to its readiness when nobody has seen one start: an image that is on the
/// node already (it ran there before), a start of some seconds and a readiness probe with its delay.
pub const GUESS: TimeDelta = TimeDelta::seconds(30);

/// How many pods change, and how many of them at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Pods that change.
    pub pods: i64,
    /// Pods that may be there on top.
    pub surge: i64,
    /// Pods that may be missing meanwhile.
    pub unavailable: i64,
    /// Seconds for which a new pod must be ready before it counts.
    min_ready: i64,
    /// What it waits for on the way, beside pods: the pauses of a canary.
    pauses: TimeDelta,
}

impl Pace {
    /// Reads it from the workload. Percentages round as the controllers do: a Deployment's and a canary's surge up
    /// and its unavailable down (both 0 means one unavailable), all of the other kinds' up.
    pub fn of(kind: WorkloadKind, workload: &Value) -> Self {
        let spec = &workload["spec"];
        let replicas = spec["replicas"].as_i64().unwrap_or(1).max(0);
        let rolling = match kind {
            WorkloadKind::Deployment => &spec["strategy"]["rollingUpdate"],
            WorkloadKind::Rollout => &spec["strategy"]["canary"],
            WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => &spec["updateStrategy"]["rollingUpdate"],
        };
        let (pods, surge, unavailable) = match kind {
            WorkloadKind::Deployment if is_recreated(workload) => (replicas, 0, replicas),
            // Blue-green: all of the new ones beside all of the old ones.
            WorkloadKind::Rollout if rolling.is_null() => (replicas, replicas, 0),
            WorkloadKind::Deployment | WorkloadKind::Rollout => {
                let quarter = Amount::Percent(25);
                let surge = Amount::read(&rolling["maxSurge"]).unwrap_or(quarter).up(replicas);
                let unavailable = Amount::read(&rolling["maxUnavailable"]).unwrap_or(quarter).down(replicas);
                (replicas, surge, if surge == 0 { unavailable.max(1) } else { unavailable })
            }
            WorkloadKind::StatefulSet => {
                let partition = rolling["partition"].as_i64().unwrap_or(0);
                let unavailable = Amount::read(&rolling["maxUnavailable"]).unwrap_or(Amount::Pods(1)).up(replicas);
                ((replicas - partition).max(0), 0, unavailable.max(1))
            }
            WorkloadKind::DaemonSet => {
                let nodes = workload["status"]["desiredNumberScheduled"].as_i64().unwrap_or(0);
                let surge = Amount::read(&rolling["maxSurge"]).unwrap_or(Amount::Pods(0)).up(nodes);
                let unavailable = Amount::read(&rolling["maxUnavailable"]).unwrap_or(Amount::Pods(1)).up(nodes);
                (nodes, surge, if surge == 0 { unavailable.max(1) } else { unavailable })
            }
        };
        let min_ready = spec["minReadySeconds"].as_i64().unwrap_or(0).max(0);
        Self { pods, surge, unavailable: unavailable.min(pods), min_ready, pauses: TimeDelta::zero() }
    }

    /// The same, with so many pods to start.
    #[must_use]
    pub fn only(self, pods: i64) -> Self {
        Self { pods, ..self }
    }

    /// The same, with pauses on the way.
    #[must_use]
    pub fn with_pauses(self, pauses: TimeDelta) -> Self {
        Self { pauses, ..self }
    }

    /// How long until all pods are ready: as many batches as it takes, each as long as one pod's start.
    /// `seen` is how long such pods took recently; [`GUESS`] without it. The end of old pods is not counted:
    /// most go in a second or two, and how long a stubborn one takes nobody knows beforehand.
    pub fn expected(self, seen: Option<TimeDelta>) -> TimeDelta {
        let pods = self.batch(seen).checked_mul(self.batches());
        pods.and_then(|pods| pods.checked_add(&self.pauses)).unwrap_or(TimeDelta::MAX)
    }

    /// What it waits for on the way, beside pods: the pauses of a canary.
    pub fn pauses(self) -> TimeDelta {
        self.pauses
    }

    /// How long one lot of pods takes: to start, and to be ready for as long as counts.
    pub fn batch(self, seen: Option<TimeDelta>) -> TimeDelta {
        seen.unwrap_or(GUESS) + TimeDelta::try_seconds(self.min_ready).unwrap_or_default()
    }

    /// How many times as many pods as may change at once have to become ready, one lot after the other.
    pub fn batches(self) -> i32 {
        let at_once = (self.surge + self.unavailable).max(1);
        i32::try_from((self.pods + at_once - 1) / at_once).unwrap_or(i32::MAX)
    }
}

/// Whether a Deployment ends all old pods before it starts new ones.
pub fn is_recreated(workload: &Value) -> bool {
    workload["spec"]["strategy"]["type"] == "Recreate"
}

/// Kubernetes' `IntOrString`: `2` or `"25%"`.
#[derive(Debug, Clone, Copy)]
enum Amount {
    Pods(i64),
    Percent(i64),
}

impl Amount {
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => number.as_i64().map(Self::Pods),
            Value::String(text) => text.strip_suffix('%')?.parse().ok().map(Self::Percent),
            _ => None,
        }
    }

    fn up(self, of: i64) -> i64 {
        match self {
            Self::Pods(pods) => pods,
            Self::Percent(percent) => (of.saturating_mul(percent)).saturating_add(99) / 100,
        }
    }

    fn down(self, of: i64) -> i64 {
        match self {
            Self::Pods(pods) => pods,
            Self::Percent(percent) => of.saturating_mul(percent) / 100,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment(replicas: i64, surge: &Value, unavailable: &Value) -> Pace {
        let rolling = json!({"maxSurge": surge, "maxUnavailable": unavailable});
        Pace::of(
            WorkloadKind::Deployment,
            &json!({"spec": {"replicas": replicas, "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}}),
        )
    }

    #[test]
    fn a_deployments_surge_rounds_up_and_its_unavailable_down() {
        let quarter = json!("25%");
        let pace = deployment(3, &quarter, &quarter);
        assert_eq!((pace.surge, pace.unavailable), (1, 0));
        let pace = deployment(12, &quarter, &quarter);
        assert_eq!((pace.surge, pace.unavailable), (3, 3));
        assert_eq!(deployment(3, &json!(0), &json!("10%")).unavailable, 1, "both zero would never move");
    }

    #[test]
    fn twelve_pods_six_at_a_time_take_two_batches() {
        let quarter = json!("25%");
        let pace = deployment(12, &quarter, &quarter);
        assert_eq!(pace.expected(Some(TimeDelta::seconds(35))), TimeDelta::seconds(70));
        assert_eq!(pace.expected(None), GUESS * 2);
        assert_eq!(deployment(0, &quarter, &quarter).expected(None), TimeDelta::zero());
    }

    #[test]
    fn recreation_is_one_wave() {
        let recreate = json!({"spec": {"replicas": 9, "minReadySeconds": 5, "strategy": {"type": "Recreate"}}});
        let pace = Pace::of(WorkloadKind::Deployment, &recreate);
        assert_eq!(pace.expected(Some(TimeDelta::seconds(10))), TimeDelta::seconds(15));
    }

    #[test]
    fn a_stateful_set_goes_one_by_one_down_to_its_partition() {
        let set = json!({"spec": {"replicas": 5, "updateStrategy": {"rollingUpdate": {"partition": 2}}}});
        let pace = Pace::of(WorkloadKind::StatefulSet, &set);
        assert_eq!(pace.pods, 3);
        assert_eq!(pace.expected(Some(TimeDelta::seconds(10))), TimeDelta::seconds(30));
    }

    #[test]
    fn a_daemon_set_goes_by_its_nodes() {
        let set = json!({"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "10%"}}},
                         "status": {"desiredNumberScheduled": 15}});
        let pace = Pace::of(WorkloadKind::DaemonSet, &set);
        assert_eq!((pace.pods, pace.unavailable), (15, 2));
        assert_eq!(pace.expected(Some(TimeDelta::seconds(10))), TimeDelta::seconds(80));
    }
}
