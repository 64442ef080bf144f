//! Words: how Argo Rollouts tells where an update stands, in the spec and status of a Rollout
//! (`argoproj.io/v1alpha1`; `pkg/apis/rollouts/v1alpha1/types.go` and `utils/rollout/rolloututil.go` there).

use crate::deploy::Time;
use chrono::TimeDelta;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;

/// Where the controller notes which generation of the referenced workload it has to roll out.
const WORKLOAD_GENERATION: &str = "rollout.argoproj.io/workload-generation";

/// The part of a Rollout's spec that only it has. For any other kind of workload all of it is missing.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Spec {
    /// How a new version comes in.
    pub strategy: Strategy,
    /// The workload whose template it takes instead of one of its own.
    pub workload_ref: Option<ObjectRef>,
    /// Rollbacks that skip the steps.
    pub rollback_window: Option<RollbackWindow>,
}

/// How a new version comes in: one of the two.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Strategy {
    /// Step by step, beside the previous version.
    pub canary: Option<Canary>,
    /// All at once, when it is there whole.
    pub blue_green: Option<BlueGreen>,
}

/// Step by step.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Canary {
    /// The steps.
    pub steps: Vec<Step>,
    /// A service mesh or an ingress divides the traffic; without one the number of pods does.
    pub traffic_routing: Option<IgnoredAny>,
}

/// One step of a canary.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Step {
    /// It waits; every other kind of step goes on by itself.
    pub pause: Option<Pause>,
}

/// A pause.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Pause {
    /// For how long: seconds, or a Go duration; until a person promotes it where it is missing.
    pub duration: Option<Value>,
}

/// All at once.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BlueGreen {
    /// `false`: a person switches.
    pub auto_promotion_enabled: Option<bool>,
    /// When it switches by itself anyway.
    pub auto_promotion_seconds: Option<i64>,
}

/// The workload whose template a Rollout takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ObjectRef {
    /// `apps/v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// Rollbacks that skip the steps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RollbackWindow {
    /// So many revisions back, counted from the stable one.
    pub revisions: i64,
}

/// The part of a Rollout's status that only it has.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Status {
    /// `Healthy`, `Degraded`, `Progressing` or `Paused`; empty before Argo Rollouts 1.0.
    pub phase: String,
    /// Why.
    pub message: String,
    /// Whether the update is aborted.
    pub abort: bool,
    /// Since when.
    pub aborted_at: Option<Time>,
    /// Whether the controller holds it at a step.
    pub controller_pause: bool,
    /// Why it does.
    pub pause_conditions: Vec<PauseCondition>,
    /// The hash of the version in the template.
    pub current_pod_hash: String,
    /// The hash of the version that was promoted last; empty until the first one was.
    #[serde(rename = "stableRS")]
    pub stable_rs: String,
    /// The step that it is at, from zero; the number of steps when it has done all.
    pub current_step_index: Option<usize>,
    /// Which generation of the referenced workload was seen; a number in a string.
    pub workload_observed_generation: String,
    /// Where a blue-green update stands.
    pub blue_green: BlueGreenStatus,
    /// Where a canary stands.
    pub canary: CanaryStatus,
}

/// Why an update is held.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PauseCondition {
    /// `CanaryPauseStep`, `BlueGreenPause`, `InconclusiveAnalysisRun` or `InconclusiveExperiment`.
    pub reason: String,
}

/// Where a blue-green update stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BlueGreenStatus {
    /// The hash of the version that the active service leads to.
    pub active_selector: String,
}

/// Where a canary stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CanaryStatus {
    /// How the traffic is divided; only with a mesh or an ingress.
    pub weights: Option<Weights>,
}

/// How the traffic is divided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Weights {
    /// The canary's part.
    pub canary: Weight,
}

/// One part of the traffic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Weight {
    /// In per cent, unless the router counts otherwise.
    pub weight: i64,
}

/// Spec and status together: where an update stands.
#[derive(Debug, Clone, Copy)]
pub struct Update<'a> {
    /// Whether the controller has seen the newest spec; until then the status speaks of another.
    pub is_observed: bool,
    /// What is asked for.
    pub spec: &'a Spec,
    /// What there is.
    pub status: &'a Status,
}

impl Update<'_> {
    /// Whether the version in the template is the one that was promoted: no update is in flight.
    pub fn is_promoted(self) -> bool {
        self.is_observed && self.has_stable() && self.status.stable_rs == self.status.current_pod_hash
    }

    /// Whether a new version is on its way, or was until it was aborted.
    pub fn is_in_flight(self) -> bool {
        self.is_observed && self.has_stable() && self.status.stable_rs != self.status.current_pod_hash
    }

    /// Whether an update was called off: the stable version serves, the template still names the new one. On a
    /// promoted Rollout `abort` means nothing; the controller takes it away again.
    pub fn is_aborted(self) -> bool {
        self.is_in_flight() && self.status.abort
    }

    /// Whether somebody let it go on and the controller has not reacted yet: its `phase` still says `Paused`.
    pub fn is_unpausing(self) -> bool {
        self.status.controller_pause && self.status.pause_conditions.is_empty()
    }

    /// The hash of the version that is rolled out, or of the one that an abort goes back to.
    pub fn wanted_hash(&self) -> &str {
        if self.is_aborted() { &self.status.stable_rs } else { &self.status.current_pod_hash }
    }

    /// Whether pods of this version are kept without traffic, for a quick way back: after a blue-green switch, or
    /// where a mesh or an ingress has turned all traffic away from them.
    pub fn is_idle(self, hash: &str) -> bool {
        let settled = self.is_promoted() || self.is_aborted();
        settled && hash != self.status.stable_rs && self.routes_all_to_stable()
    }

    /// Whether all traffic is known to go to the stable version, whatever other pods there are.
    pub fn routes_all_to_stable(self) -> bool {
        match &self.spec.strategy {
            Strategy { blue_green: Some(_), .. } => self.status.blue_green.active_selector == self.status.stable_rs,
            Strategy { canary: Some(Canary { traffic_routing: Some(_), .. }), .. } => {
                self.status.canary.weights.as_ref().is_some_and(|weights| weights.canary.weight == 0)
            }
            Strategy { .. } => false,
        }
    }

    /// At which step of how many it is, counted from one; `None` without steps, and after the last.
    pub fn step(self) -> Option<(usize, usize)> {
        let of = self.steps().len();
        let index = self.status.current_step_index.filter(|index| *index < of)?;
        Some((index + 1, of))
    }

    /// The steps of a canary.
    pub fn steps(&self) -> &[Step] {
        self.spec.strategy.canary.as_ref().map_or(&[], |canary| canary.steps.as_slice())
    }

    fn has_stable(self) -> bool {
        !self.status.stable_rs.is_empty()
    }
}

impl Pause {
    /// How long it waits; `None` where a person has to promote it.
    pub fn length(&self) -> Option<TimeDelta> {
        match self.duration.as_ref()? {
            Value::Number(seconds) => TimeDelta::try_seconds(seconds.as_i64()?),
            Value::String(text) => go_duration(text),
            _ => None,
        }
    }
}

/// Reads `300`, `90s`, `10m` or `1h30m`: what the controller takes (Go's `time.ParseDuration`, without fractions).
fn go_duration(text: &str) -> Option<TimeDelta> {
    if let Ok(seconds) = text.parse() {
        return TimeDelta::try_seconds(seconds);
    }
    let (mut all, mut rest) = (TimeDelta::zero(), text);
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let number: i64 = number.parse().ok()?;
        let span = match unit {
            "ms" => TimeDelta::try_milliseconds(number),
            "s" => TimeDelta::try_seconds(number),
            "m" => TimeDelta::try_minutes(number),
            "h" => TimeDelta::try_hours(number),
            _ => None,
        };
        all = all.checked_add(&span?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(all)
}

/// Reads `observedGeneration`: a number for Kubernetes' own workloads, a number in a string for a Rollout. Argo
/// Rollouts before 0.10 wrote a hash there, which says nothing and so stands in nobody's way.
///
/// # Errors
/// When it is neither a number nor a string.
pub fn observed_generation<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(i64),
        Text(String),
    }
    Ok(match Written::deserialize(from)? {
        Written::Number(number) => number,
        Written::Text(text) => text.parse().unwrap_or(i64::MAX),
    })
}

/// Whether the newest template of the referenced workload was seen; true where none is referenced.
pub fn has_seen_workload(annotations: Option<&BTreeMap<String, String>>, status: &Status) -> bool {
    let due = annotations.and_then(|annotations| annotations.get(WORKLOAD_GENERATION));
    due.is_none_or(|due| status.workload_observed_generation.is_empty() || status.workload_observed_generation == *due)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn pause(duration: &Value) -> Option<TimeDelta> {
        serde_json::from_value::<Pause>(json!({ "duration": duration })).unwrap().length()
    }

    #[test]
    fn a_pause_is_as_long_as_it_says_or_until_a_person_comes() {
        assert_eq!(pause(&json!(300)), Some(TimeDelta::seconds(300)));
        assert_eq!(pause(&json!("300")), Some(TimeDelta::seconds(300)));
        assert_eq!(pause(&json!("1h30m")), Some(TimeDelta::minutes(90)));
        assert_eq!(pause(&json!("10x")), None);
        assert_eq!(pause(&json!("")), None);
        assert_eq!(serde_json::from_value::<Pause>(json!({})).unwrap().length(), None);
    }

    #[test]
    fn an_abort_counts_only_while_an_update_is_in_flight() {
        let spec = Spec::default();
        let status = |stable: &str| -> Status {
            serde_json::from_value(json!({"abort": true, "currentPodHash": "new", "stableRS": stable})).unwrap()
        };
        let (in_flight, promoted, first) = (status("old"), status("new"), status(""));
        let update = |status| Update { is_observed: true, spec: &spec, status };
        assert!(update(&in_flight).is_aborted());
        assert_eq!(update(&in_flight).wanted_hash(), "old");
        assert!(!update(&promoted).is_aborted() && update(&promoted).is_promoted());
        assert!(!update(&first).is_aborted() && !update(&first).is_promoted());
        let early = Update { is_observed: false, spec: &spec, status: &in_flight };
        assert!(!early.is_aborted() && !early.is_in_flight());
    }

    #[test]
    fn pods_without_traffic_are_known_by_the_router_and_never_guessed() {
        let status = json!({"abort": true, "currentPodHash": "new", "stableRS": "old",
                            "blueGreen": {"activeSelector": "old"}, "canary": {"weights": {"canary": {"weight": 0}}}});
        let status: Status = serde_json::from_value(status).unwrap();
        let is_idle = |strategy: Value| {
            let spec: Spec = serde_json::from_value(json!({ "strategy": strategy })).unwrap();
            Update { is_observed: true, spec: &spec, status: &status }.is_idle("new")
        };
        assert!(is_idle(json!({"blueGreen": {"activeService": "app"}})));
        assert!(is_idle(json!({"canary": {"trafficRouting": {"nginx": {}}}})));
        assert!(!is_idle(json!({"canary": {"steps": [{"setWeight": 20}]}})));
    }
}
