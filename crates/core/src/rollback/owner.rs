//! Who manages a workload, and would redeploy the new version after a rollback: told by
//! the marks that they leave on it.

mod marks;

pub use marks::{Habit, Other, Product};

use super::action::{FluxKind, FluxOwner};
use super::destination::text::one_line as clean;
use serde_json::Value;

/// The managers of fields by which Argo CD and Flux write what they keep.
const MANAGERS: [(&str, &str); 4] = [
    ("argocd-controller", "Argo CD"),
    ("argocd-application-controller", "Argo CD"),
    ("kustomize-controller", "Flux"),
    ("helm-controller", "Flux"),
];

/// Managers of fields behind which a person sits, or we do: nobody repeats by themselves what these wrote.
const BY_HAND: [&str; 3] = ["flux", "kubectl", "redflag"];

/// Who manages a workload. Where several have left a mark, the one that acts by itself counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A controller that made it: an operator's custom resource, a Rollout.
    Controller {
        /// Its kind, in lower case.
        kind: String,
        /// Its name.
        name: String,
    },
    /// Argo CD.
    ArgoCd(Application),
    /// Flux, by one of its own objects.
    Flux(FluxOwner),
    /// Another one that acts by itself, or may.
    Other(Other),
    /// Helm, which acts only when it is run.
    Helm {
        /// The release.
        release: String,
        /// Its namespace; `None` for the workload's own.
        namespace: Option<String>,
    },
    /// Nobody that has left a mark.
    Nobody,
}

/// An application of Argo CD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Its namespace, where it is not Argo CD's own.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl Application {
    /// Reads `name` or, as Argo CD's command line writes it, `namespace/name`.
    pub fn parse(text: &str) -> Self {
        match text.split_once('/') {
            Some((namespace, name)) => Self { namespace: Some(namespace.to_owned()), name: name.to_owned() },
            None => Self { namespace: None, name: text.to_owned() },
        }
    }
}

impl std::fmt::Display for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl FluxKind {
    /// As `flux` and `kubectl` write it: `kustomization`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kustomization => "kustomization",
            Self::HelmRelease => "helmrelease",
        }
    }

    /// Its API group.
    pub const fn group(self) -> &'static str {
        match self {
            Self::Kustomization => "kustomize.toolkit.fluxcd.io",
            Self::HelmRelease => "helm.toolkit.fluxcd.io",
        }
    }
}

impl std::fmt::Display for FluxOwner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind.as_str(), self.name)
    }
}

/// Who manages this workload.
pub fn of(workload: &Value) -> Owner {
    let found = controller(workload).or_else(|| argo_cd(workload)).or_else(|| flux(workload));
    found.or_else(|| other(workload)).or_else(|| helm(workload)).unwrap_or(Owner::Nobody)
}

fn other(workload: &Value) -> Option<Owner> {
    marks::all(workload, false).find(|other| other.product.habit != Habit::NextRun).map(Owner::Other)
}

/// Everybody else who has left a mark, also one that may be old: those first who act by themselves.
pub fn others(workload: &Value) -> Vec<Other> {
    marks::all(workload, true).collect()
}

/// Whose record may be behind a workload that nobody claims to control: a custom resource among its owners.
pub fn belongs_to(workload: &Value) -> Option<(String, String)> {
    let is_custom = |owner: &&Value| {
        let group = owner["apiVersion"].as_str().and_then(|version| version.split_once('/')).map(|(group, _)| group);
        // The API's own groups have no dot, or are Kubernetes' own.
        group.is_some_and(|group| group.contains('.') && !group.ends_with(".k8s.io"))
    };
    let owner = workload["metadata"]["ownerReferences"].as_array()?.iter().find(is_custom)?;
    Some((clean(owner["kind"].as_str()?).to_lowercase(), clean(owner["name"].as_str()?)))
}

/// Whether somebody who repeats by themselves what they wrote has written a field: `["spec", "suspend"]`, or anything
/// in it. `None` where the object does not say who wrote what.
pub fn writes(object: &Value, path: &[&str]) -> Option<bool> {
    let entries = object["metadata"]["managedFields"].as_array().filter(|entries| !entries.is_empty())?;
    let is_program = |entry: &&Value| {
        let manager = entry["manager"].as_str().unwrap_or_default();
        !BY_HAND.iter().any(|hand| manager == *hand || manager.starts_with(&format!("{hand}-")))
    };
    let holds = |entry: &Value| {
        let mut fields = &entry["fieldsV1"];
        for name in path {
            fields = &fields[format!("f:{name}")];
        }
        fields.is_object()
    };
    Some(entries.iter().filter(is_program).any(holds))
}

/// The managers of an object's fields.
fn writers(object: &Value) -> impl Iterator<Item = &str> {
    let entries = object["metadata"]["managedFields"].as_array().map(Vec::as_slice).unwrap_or_default();
    entries.iter().filter_map(|entry| entry["manager"].as_str())
}

/// The release of Helm that a workload belongs to, whoever else manages it.
pub fn helm(workload: &Value) -> Option<Owner> {
    let release = annotation(workload, "meta.helm.sh/release-name")?.to_owned();
    let namespace = annotation(workload, "meta.helm.sh/release-namespace").map(str::to_owned);
    Some(Owner::Helm { release, namespace })
}

/// Which of Argo CD and Flux has written a workload, by the managers of its fields. That alone may be an old mark.
pub fn manager(workload: &Value) -> Option<&'static str> {
    let wrote = |manager: &str| writers(workload).any(|name| name.eq_ignore_ascii_case(manager));
    MANAGERS.iter().find(|(manager, _)| wrote(manager)).map(|(_, owner)| *owner)
}

fn label<'a>(workload: &'a Value, key: &str) -> Option<&'a str> {
    workload["metadata"]["labels"][key].as_str()
}

fn annotation<'a>(workload: &'a Value, key: &str) -> Option<&'a str> {
    workload["metadata"]["annotations"][key].as_str()
}

fn controller(workload: &Value) -> Option<Owner> {
    let owners = workload["metadata"]["ownerReferences"].as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == true)?;
    Some(Owner::Controller {
        kind: clean(owner["kind"].as_str().unwrap_or("object")).to_lowercase(),
        name: clean(owner["name"].as_str().unwrap_or("?")),
    })
}

fn argo_cd(workload: &Value) -> Option<Owner> {
    // `app.kubernetes.io/instance` is Argo CD's older mark, but most Helm charts set it too.
    let shared = || label(workload, "app.kubernetes.io/instance").filter(|_| manager(workload) == Some("Argo CD"));
    let tracked = annotation(workload, "argocd.argoproj.io/tracking-id").and_then(|id| id.split(':').next());
    let name = tracked.or_else(|| label(workload, "argocd.argoproj.io/instance")).or_else(shared)?;
    // An application outside Argo CD's own namespace is `namespace_name` there.
    Some(Owner::ArgoCd(Application::parse(&name.replacen('_', "/", 1))))
}

fn flux(workload: &Value) -> Option<Owner> {
    [FluxKind::HelmRelease, FluxKind::Kustomization].into_iter().find_map(|kind| {
        let name = label(workload, &format!("{}/name", kind.group()))?.to_owned();
        let namespace = label(workload, &format!("{}/namespace", kind.group())).unwrap_or("flux-system").to_owned();
        Some(Owner::Flux(FluxOwner { kind, namespace, name, suspended: false }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kept(metadata: &Value) -> Owner {
        of(&json!({ "metadata": metadata }))
    }

    fn application(namespace: Option<&str>, name: &str) -> Owner {
        Owner::ArgoCd(Application { namespace: namespace.map(str::to_owned), name: name.to_owned() })
    }

    #[test]
    fn argo_cd_is_known_by_each_of_its_marks() {
        let tracking = |id: &str| json!({"annotations": {"argocd.argoproj.io/tracking-id": id}});
        assert_eq!(kept(&tracking("shop:apps/Deployment:ns/web")), application(None, "shop"));
        assert_eq!(kept(&tracking("team_shop:apps/Deployment:ns/web")), application(Some("team"), "shop"));
        assert_eq!(kept(&json!({"labels": {"argocd.argoproj.io/instance": "shop"}})), application(None, "shop"));
        let instance = json!({"app.kubernetes.io/instance": "shop"});
        let managers = json!([{"manager": "argocd-controller"}]);
        assert_eq!(kept(&json!({"labels": instance, "managedFields": managers})), application(None, "shop"));
        assert_eq!(kept(&json!({"labels": instance})), Owner::Nobody, "most Helm charts set it too");
    }

    #[test]
    fn an_application_is_read_as_it_is_written() {
        for text in ["shop", "team/shop"] {
            assert_eq!(Application::parse(text).to_string(), text);
        }
    }

    #[test]
    fn who_acts_by_itself_counts_before_who_is_run() {
        let mut metadata = json!({
            "annotations": {"meta.helm.sh/release-name": "shop"},
            "labels": {"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "retail"},
        });
        let owner = FluxOwner {
            kind: FluxKind::HelmRelease,
            namespace: "retail".to_owned(),
            name: "shop".to_owned(),
            suspended: false,
        };
        assert_eq!(kept(&metadata), Owner::Flux(owner));
        metadata["labels"] = Value::Null;
        assert_eq!(kept(&metadata), Owner::Helm { release: "shop".to_owned(), namespace: None });
        metadata["ownerReferences"] = json!([{"kind": "Postgres", "name": "orders", "controller": true}]);
        assert_eq!(kept(&metadata), Owner::Controller { kind: "postgres".to_owned(), name: "orders".to_owned() });
    }
    #[test]
    fn who_of_the_table_acts_by_itself_counts_before_helm_and_who_is_run_does_not() {
        let mut metadata = json!({
            "annotations": {"meta.helm.sh/release-name": "shop", "objectset.rio.cattle.io/id": "fleet-shop"},
        });
        let Owner::Other(other) = kept(&metadata) else { panic!() };
        assert_eq!((other.describe().as_str(), other.product.habit), ("Fleet (fleet-shop)", Habit::Perhaps));
        metadata["annotations"]["objectset.rio.cattle.io/id"] = Value::Null;
        metadata["managedFields"] = json!([{"manager": "Terraform"}]);
        assert_eq!(kept(&metadata), Owner::Helm { release: "shop".to_owned(), namespace: None });
    }

    #[test]
    fn a_custom_resource_among_the_owners_may_be_the_record() {
        let owned = |version: &str| {
            belongs_to(&json!({"metadata": {"ownerReferences": [
                {"apiVersion": version, "kind": "Shop", "name": "web"},
            ]}}))
        };
        assert_eq!(owned("shops.example.com/v1"), Some(("shop".to_owned(), "web".to_owned())));
        for own in ["v1", "apps/v1", "batch/v1", "networking.k8s.io/v1"] {
            assert_eq!(owned(own), None, "{own}");
        }
    }

    #[test]
    fn who_wrote_a_field_is_told_by_its_managers() {
        let wrote = |manager: &str, fields: Value| {
            writes(
                &json!({"metadata": {"managedFields": [{"manager": manager, "fieldsV1": fields}]}}),
                &["spec", "suspend"],
            )
        };
        let suspend = || json!({"f:spec": {"f:suspend": {}}});
        assert_eq!(wrote("kustomize-controller", suspend()), Some(true));
        assert_eq!(wrote("kustomize-controller", json!({"f:spec": {"f:path": {}}})), Some(false));
        for hand in ["flux", "kubectl-edit", "kubectl", "redflag"] {
            assert_eq!(wrote(hand, suspend()), Some(false), "{hand}");
        }
        assert_eq!(writes(&json!({"metadata": {}}), &["spec", "suspend"]), None);
    }
}
