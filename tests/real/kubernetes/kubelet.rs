//! A fake scheduler and kubelet on a control plane without nodes: binds pods, sets their status, removes
//! those that are on their way out. Each step follows from what the pod says now, so nothing has to be remembered.

use crate::kubernetes::hands::Hands;
use crate::kubernetes::program::{CONTAINER, Program};
use chrono::Utc;
use futures_util::StreamExt;
use kube::api::{Api, DynamicObject};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Config, watcher};
use serde_json::{Value, json};

/// A crash loop is told after so many restarts and then stays as it is.
const RESTARTS: i64 = 3;

/// Looks after the pods of a namespace until it is dropped. `node` takes those that no node is named for.
pub(crate) async fn run(hands: Hands, node: String) {
    let resource = redflag::systems::kubernetes::objects::pod_resource();
    let pods = Api::<DynamicObject>::namespaced_with(hands.client.clone(), &hands.namespace, &resource);
    let mut pods = watcher(pods, Config::default()).default_backoff().applied_objects().boxed();
    while let Some(pod) = pods.next().await {
        // A watch that breaks restarts.
        let Ok(pod) = pod else { continue };
        let pod = serde_json::to_value(pod).unwrap();
        let name = pod["metadata"]["name"].as_str().unwrap();
        match step(&pod, &node) {
            Some(Step::Bind(node)) => hands.bind(name, &node).await,
            Some(Step::Say(status)) => {
                if status["containerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff" {
                    hands.warn(&pod, "BackOff", "Back-off restarting failed container app").await;
                }
                hands.set_pod_status(&pod, status).await;
            }
            Some(Step::Remove) => hands.remove_pod(&pod).await,
            None => {}
        }
    }
}

enum Step {
    Bind(String),
    Say(Value),
    Remove,
}

/// What comes next in a pod's life; `None` when it has got where it stays.
fn step(pod: &Value, node: &str) -> Option<Step> {
    if !pod["metadata"]["deletionTimestamp"].is_null() {
        return Some(Step::Remove);
    }
    if pod["spec"]["nodeName"].is_null() {
        return Some(Step::Bind(wanted_node(pod).unwrap_or(node).to_owned()));
    }
    let container = &pod["spec"]["containers"][0];
    let told = &pod["status"]["containerStatuses"][0];
    if told.is_null() {
        return Some(Step::Say(waiting("Pending", container, 0, "ContainerCreating", "")));
    }
    let reason = told["state"]["waiting"]["reason"].as_str();
    let restarts = told["restartCount"].as_i64().unwrap_or(0);
    let status = match (Program::of(container), reason) {
        (Program::Good | Program::Better, Some("ContainerCreating")) => running(container, true),
        (Program::Deaf, Some("ContainerCreating")) => running(container, false),
        (Program::Missing, Some("ContainerCreating")) => {
            waiting("Pending", container, 0, "ErrImagePull", "rpc error: not found")
        }
        (Program::Missing, Some("ErrImagePull")) => {
            waiting("Pending", container, 0, "ImagePullBackOff", "Back-off pulling image")
        }
        (Program::Crashing, Some(_)) if restarts < RESTARTS => {
            waiting("Running", container, restarts + 1, "CrashLoopBackOff", "back-off 10s restarting failed container")
        }
        _ => return None,
    };
    Some(Step::Say(status))
}

/// The node that a DaemonSet's controller names in the pod's affinity.
fn wanted_node(pod: &Value) -> Option<&str> {
    let terms = &pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    terms["nodeSelectorTerms"][0]["matchFields"][0]["values"][0].as_str()
}

fn waiting(phase: &str, container: &Value, restarts: i64, reason: &str, message: &str) -> Value {
    let state = json!({"waiting": {"reason": reason, "message": message}});
    let mut status = status(phase, container, false, &state);
    status["containerStatuses"][0]["restartCount"] = json!(restarts);
    if restarts > 0 {
        status["containerStatuses"][0]["lastState"] = json!({"terminated": {
            "exitCode": 1, "reason": "Error", "startedAt": now(), "finishedAt": now(),
        }});
    }
    status
}

fn running(container: &Value, ready: bool) -> Value {
    status("Running", container, ready, &json!({"running": {"startedAt": now()}}))
}

fn status(phase: &str, container: &Value, ready: bool, state: &Value) -> Value {
    let condition = |kind: &str, holds: bool| json!({"type": kind, "status": if holds { "True" } else { "False" }, "lastTransitionTime": now()});
    json!({
        "phase": phase,
        "startTime": now(),
        "conditions": [
            condition("PodScheduled", true), condition("Initialized", true),
            condition("ContainersReady", ready), condition("Ready", ready),
        ],
        "containerStatuses": [{
            "name": CONTAINER, "image": container["image"], "imageID": "", "ready": ready, "started": ready,
            "restartCount": 0, "state": state,
        }],
    })
}

fn now() -> String {
    Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
