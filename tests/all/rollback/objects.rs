//! Objects as a real API server wrote them, and hands to bend them with.

use redflag::deploy::{WorkloadId, WorkloadKind, WorkloadRef};
use redflag::rollback::action::Action;
use redflag::rollback::preflight::{self, Looked, Objects, Surroundings};
use redflag::rollback::request::{Choice, PlanRequest, Wanted};
use redflag::rollback::{Goal, Refusal, Step};
use serde_json::{Value, json};

/// One workload's objects.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) reference: WorkloadRef,
    pub(crate) workload: Value,
    /// The items of the history's list.
    pub(crate) history: Vec<Value>,
    pub(crate) pods: Vec<Value>,
    /// What else is in the namespace.
    pub(crate) config_maps: Vec<Value>,
    pub(crate) secrets: Vec<Value>,
    pub(crate) autoscalers: Vec<Value>,
    pub(crate) quotas: Vec<Value>,
    /// The uid of the namespace `kube-system`.
    pub(crate) cluster: &'static str,
    /// Other workloads of the namespace, each with its history.
    pub(crate) neighbours: Vec<World>,
}

/// The lines of a tape.
pub(crate) fn tape(name: &str) -> Vec<Value> {
    let text = match name {
        "undo" => include_str!("../../../src/systems/kubernetes/recorded/undo/undo.jsonl"),
        "errors" => include_str!("../../../src/systems/kubernetes/recorded/undo/errors.jsonl"),
        "no-previous-revision" => {
            include_str!("../../../src/systems/kubernetes/recorded/undo/no-previous-revision.jsonl")
        }
        "statefulset" => include_str!("../../../src/systems/kubernetes/recorded/undo/statefulset.jsonl"),
        other => panic!("no tape {other}"),
    };
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// `deployment/web`, three pods: 1.8.3 is revision 1, 1.9.0 is revision 2 and runs.
pub(crate) fn web() -> World {
    let tape = tape("undo");
    World {
        reference: reference(WorkloadKind::Deployment, "web"),
        workload: tape[0]["response"]["body"].clone(),
        history: items(&tape[1]["response"]["body"]),
        ..nothing()
    }
}

/// `statefulset/db`, two pods: 1.0.0 is revision 1, 1.1.0 is revision 2 and runs.
pub(crate) fn db() -> World {
    let tape = tape("statefulset");
    World {
        reference: reference(WorkloadKind::StatefulSet, "db"),
        workload: tape[0]["event"]["object"].clone(),
        history: items(&tape[1]["response"]["body"]),
        ..nothing()
    }
}

/// `daemonset/agent` on four nodes: 3.0 is revision 1, 3.1 is revision 2 and runs.
pub(crate) fn agent() -> World {
    let template = |image: &str| json!({"metadata": {"labels": {"app": "agent"}}, "spec": {"containers": [{"name": "agent", "image": image}]}});
    let revision = |number: i64, hash: &str, image: &str| {
        let mut template = template(image);
        template["$patch"] = json!("replace");
        json!({
            "metadata": {
                "name": format!("agent-{hash}"),
                "labels": {"app": "agent", "controller-revision-hash": hash},
                "ownerReferences": [{"kind": "DaemonSet", "name": "agent", "uid": "agent-uid", "controller": true}],
            },
            "data": {"spec": {"template": template}},
            "revision": number,
        })
    };
    World {
        reference: reference(WorkloadKind::DaemonSet, "agent"),
        workload: json!({
            "metadata": {"name": "agent", "namespace": "production", "uid": "agent-uid", "generation": 2},
            "spec": {
                "selector": {"matchLabels": {"app": "agent"}},
                "template": template("company/agent:3.1"),
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
                "revisionHistoryLimit": 10,
            },
            "status": {"observedGeneration": 2, "desiredNumberScheduled": 4},
        }),
        history: vec![revision(1, "aaa", "company/agent:3.0"), revision(2, "bbb", "company/agent:3.1")],
        ..nothing()
    }
}

/// One of the Deployments of the tape about missing history: `one` or `nohist`.
pub(crate) fn without_history(name: &str) -> World {
    let lines = tape("no-previous-revision");
    let body = |end: &str| {
        let path = format!("/apis/apps/v1/namespaces/production/{end}");
        let line = lines.iter().rfind(|line| line["request"]["path"] == path.as_str()).unwrap();
        line["response"]["body"].clone()
    };
    World {
        reference: reference(WorkloadKind::Deployment, name),
        workload: body(&format!("deployments/{name}")),
        history: items(&body(&format!("replicasets?labelSelector=app%3D{name}"))),
        ..nothing()
    }
}

/// A namespace with nothing in it.
fn nothing() -> World {
    World {
        reference: reference(WorkloadKind::Deployment, "nothing"),
        workload: Value::Null,
        history: Vec::new(),
        pods: Vec::new(),
        config_maps: Vec::new(),
        secrets: Vec::new(),
        autoscalers: Vec::new(),
        quotas: Vec::new(),
        cluster: "the first cluster",
        neighbours: Vec::new(),
    }
}

pub(crate) fn reference(kind: WorkloadKind, name: &str) -> WorkloadRef {
    WorkloadRef { kind, namespace: "production".to_owned(), name: name.to_owned() }
}

/// `deployment/svc00` and so on, each with a history of its own and otherwise as [`web`]; the first has the others as its
/// neighbours.
pub(crate) fn crowd(size: usize) -> World {
    let one = |index: usize| {
        let (name, uid) = (format!("svc{index:02}"), format!("uid-{index:02}"));
        let mut world = web().with("/metadata/name", json!(name)).with("/metadata/uid", json!(uid));
        for entry in &mut world.history {
            set(entry, "/metadata/ownerReferences/0/name", json!(name));
            set(entry, "/metadata/ownerReferences/0/uid", json!(uid));
        }
        World { reference: reference(WorkloadKind::Deployment, &name), ..world }
    };
    World { neighbours: (1..size).map(one).collect(), ..one(0) }
}

fn items(list: &Value) -> Vec<Value> {
    list["items"].as_array().unwrap().clone()
}

impl World {
    /// Sets one field of the workload, by its JSON pointer; what is missing on the way is made.
    pub(crate) fn with(mut self, pointer: &str, value: Value) -> Self {
        set(&mut self.workload, pointer, value);
        self
    }

    /// Another `ReplicaSet` of this Deployment: the newest of those there are, with another number and image.
    pub(crate) fn and_revision(mut self, number: i64, hash: &str, image: &str) -> Self {
        let mut entry = self.history[0].clone();
        set(&mut entry, "/metadata/name", json!(format!("web-{hash}")));
        set(&mut entry, "/metadata/labels/pod-template-hash", json!(hash));
        set(&mut entry, "/metadata/annotations/deployment.kubernetes.io~1revision", json!(number.to_string()));
        set(&mut entry, "/spec/template/metadata/labels/pod-template-hash", json!(hash));
        set(&mut entry, "/spec/template/spec/containers/0/image", json!(image));
        self.history.push(entry);
        self
    }

    /// What a watch would ask of a strategy.
    pub(crate) fn ask(&self, wanted: Wanted) -> PlanRequest {
        PlanRequest {
            goal: Goal::RollBack,
            workload: WorkloadId(3),
            reference: self.reference.clone(),
            service: self.reference.name.clone(),
            environment: "production".to_owned(),
            wanted,
        }
    }

    /// The undo to wherever `choice` says, by the pure part alone.
    pub(crate) fn draft(&self, choice: Choice) -> Result<Step, Refusal> {
        self.draft_for(&self.ask(Wanted { choice, ..Wanted::default() }))
    }

    /// The undo that is asked for, by the pure part alone.
    pub(crate) fn draft_for(&self, ask: &PlanRequest) -> Result<Step, Refusal> {
        let found = |items: &[Value]| Looked::Found { items: items.to_vec(), all: true };
        let around = Surroundings {
            config_maps: found(&self.config_maps),
            secrets: found(&self.secrets),
            autoscalers: found(&self.autoscalers),
            quotas: found(&self.quotas),
            delete_pods: None,
        };
        self.draft_among(ask, &around)
    }

    /// The same, with these surroundings.
    pub(crate) fn draft_among(&self, ask: &PlanRequest, around: &Surroundings) -> Result<Step, Refusal> {
        let (workload, history, pods) = (&self.workload, &self.history[..], &self.pods[..]);
        preflight::draft("prod-eu", ask, Objects { workload, history, pods, around })
    }
}

/// The patch that a step would send.
pub(crate) fn document(step: &Step) -> Value {
    match &step.action {
        Action::Patch(patch) => serde_json::to_value(&patch.document).unwrap(),
        other => panic!("no patch: {other:?}"),
    }
}

/// Sets what is at a JSON pointer, and makes the objects on the way to it.
pub(crate) fn set(object: &mut Value, pointer: &str, value: Value) {
    let mut place = object;
    for key in pointer.split('/').skip(1) {
        let key = key.replace("~1", "/");
        place = match place {
            Value::Array(list) => &mut list[key.parse::<usize>().unwrap()],
            other => &mut other[key],
        };
    }
    *place = value;
}
