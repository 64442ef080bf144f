//! The marks that others than Argo CD, Flux and Helm leave on what they keep: a table, each line with where its mark
//! is told. Who is not in it is known by an owner reference, or not at all.

use super::{annotation, clean, label, writers};
use crate::template::Template;
use serde_json::Value;
use std::borrow::Cow;

/// How soon somebody writes their own record over a workload again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// A controller corrects what differs from its record.
    AtOnce,
    /// A controller does so only if it is set to, or at its next change.
    Perhaps,
    /// A program does so when somebody runs it.
    NextRun,
}

/// A tool that manages workloads from a record of its own.
#[derive(Debug, PartialEq, Eq)]
pub struct Product {
    /// What people call it.
    pub name: &'static str,
    /// How soon it would redeploy the new version.
    pub habit: Habit,
    /// What to do there; `$record` is [`Other::record`].
    pub way_out: &'static str,
    /// Any of them is enough.
    marks: &'static [Mark],
    /// Where it names its record.
    record: Option<Mark>,
}

/// Somebody of the table who has left a mark on an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// The product whose mark it is.
    pub product: &'static Product,
    /// The name of the record that it manages the object from, where the mark tells.
    pub record: Option<String>,
}

/// One thing that is written on an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// A label with this key, whatever its value.
    Label(&'static str),
    /// An annotation with this key, whatever its value.
    Annotation(&'static str),
    /// A label with this key and value.
    LabelIs(&'static str, &'static str),
    /// An annotation with this key and value.
    AnnotationIs(&'static str, &'static str),
    /// An annotation with this key whose value begins so.
    AnnotationBegins(&'static str, &'static str),
    /// An owner reference of this kind; its name is the mark's value.
    OwnerKind(&'static str),
    /// A manager of fields whose name begins so, in whatever case. Alone it may be an old mark.
    Manager(&'static str),
}

use Mark::{Annotation, AnnotationBegins, AnnotationIs, Label, LabelIs, Manager, OwnerKind};

/// Those who act by themselves come first: where several have left a mark, they count.
const PRODUCTS: [Product; 21] = [
    // GoogleContainerTools/kpt-config-sync, pkg/metadata/annotations.go: `configmanagement.gke.io/managed: enabled`,
    // `configsync.gke.io/manager` names the RootSync or RepoSync. Its remediator corrects drift.
    Product {
        name: "Config Sync",
        habit: Habit::AtOnce,
        way_out: "revert the commit, or first set configmanagement.gke.io/managed: disabled on it in the repository",
        marks: &[AnnotationIs("configmanagement.gke.io/managed", "enabled")],
        record: Some(Annotation("configsync.gke.io/manager")),
    },
    // operator-framework/operator-lifecycle-manager, pkg/lib/ownerutil/util.go: `olm.owner`; the owner reference is
    // no controller's.
    Product {
        name: "OLM",
        habit: Habit::AtOnce,
        way_out: "roll back in its ClusterServiceVersion $record, or approve the earlier one",
        marks: &[LabelIs("olm.owner.kind", "ClusterServiceVersion"), OwnerKind("ClusterServiceVersion")],
        record: Some(Label("olm.owner")),
    },
    // kubernetes/kubernetes, cluster/addons/addon-manager/README.md.
    Product {
        name: "the addon manager",
        habit: Habit::AtOnce,
        way_out: "change its manifest on the control plane, or its label addonmanager.kubernetes.io/mode to \
                  EnsureExists",
        marks: &[LabelIs("addonmanager.kubernetes.io/mode", "Reconcile")],
        record: None,
    },
    // open-cluster-management.io/ocm, pkg/work/spoke: applied resources belong to an AppliedManifestWork.
    Product {
        name: "Open Cluster Management",
        habit: Habit::AtOnce,
        way_out: "roll back in its ManifestWork on the hub ($record)",
        marks: &[OwnerKind("AppliedManifestWork"), Manager("work-agent")],
        record: Some(OwnerKind("AppliedManifestWork")),
    },
    // kubevela/kubevela, pkg/oam/labels.go: `app.oam.dev/name`; state is kept every five minutes.
    Product {
        name: "KubeVela",
        habit: Habit::AtOnce,
        way_out: "roll back there: vela workflow rollback $record",
        marks: &[Label("app.oam.dev/app-revision-hash"), Annotation("app.oam.dev/last-applied-configuration")],
        record: Some(Label("app.oam.dev/name")),
    },
    // projectsveltos/libsveltos, api/v1beta1: OwnerName.
    Product {
        name: "Sveltos",
        habit: Habit::Perhaps,
        way_out: "roll back in its profile $record; with syncMode ContinuousWithDriftDetection it corrects \
                  drift",
        marks: &[Annotation("projectsveltos.io/owner-name")],
        record: Some(Annotation("projectsveltos.io/owner-name")),
    },
    // crossplane/crossplane-runtime, pkg/meta and apis/…/composite labels; provider-kubernetes applies by itself.
    Product {
        name: "Crossplane",
        habit: Habit::AtOnce,
        way_out: "roll back in its composite resource $record, or pause it: kubectl annotate it with \
                  crossplane.io/paused=true",
        marks: &[Label("crossplane.io/composite"), Annotation("crossplane.io/composition-resource-name")],
        record: Some(Label("crossplane.io/composite")),
    },
    // rancher/fleet, internal/helmdeployer: the set's id begins with the label prefix, `fleet`. It corrects drift
    // where `correctDrift.enabled` is set, and else writes at the next change of the bundle.
    Product {
        name: "Fleet",
        habit: Habit::Perhaps,
        way_out: "revert the commit, or pause it first: set spec.paused of its GitRepo or Bundle ($record)",
        marks: &[AnnotationBegins("objectset.rio.cattle.io/id", "fleet-"), Manager("fleetagent")],
        record: Some(Annotation("objectset.rio.cattle.io/id")),
    },
    // rancher/wrangler, pkg/apply: the object that an apply was made for; k3s writes its addons so.
    Product {
        name: "Rancher",
        habit: Habit::Perhaps,
        way_out: "roll back in $record, which its owner annotations name (objectset.rio.cattle.io/owner-gvk)",
        marks: &[Annotation("objectset.rio.cattle.io/owner-gvk"), Annotation("objectset.rio.cattle.io/id")],
        record: Some(Annotation("objectset.rio.cattle.io/owner-name")),
    },
    // carvel-dev/kapp, pkg/kapp/app: `kapp.k14s.io/app` is on all that an app holds. Run by kapp-controller, an App
    // is applied again every thirty seconds or more.
    Product {
        name: "kapp",
        habit: Habit::Perhaps,
        way_out: "if kapp-controller runs it, pause the App first: kctrl app pause; otherwise its next deploy starts \
                  from \
                  the new version",
        marks: &[Label("kapp.k14s.io/app"), Manager("kapp-controller")],
        record: Some(Label("kapp.k14s.io/app")),
    },
    // kluctl/kluctl, docs: the field manager is `kluctl`; its controller applies at an interval.
    Product {
        name: "Kluctl",
        habit: Habit::Perhaps,
        way_out: "revert the commit, or suspend its KluctlDeployment first: kluctl gitops suspend",
        marks: &[Manager("kluctl")],
        record: None,
    },
    // fluxcd/flux (version 1), pkg/cluster/kubernetes: garbage collection marks; it syncs every five minutes.
    Product {
        name: "Flux version 1",
        habit: Habit::AtOnce,
        way_out: "revert the commit, or lock the workload first: fluxctl lock",
        marks: &[Label("fluxcd.io/sync-gc-mark"), Annotation("fluxcd.io/sync-checksum")],
        record: None,
    },
    // fluxcd/helm-operator: `helm.fluxcd.io/antecedent`.
    Product {
        name: "the Helm operator",
        habit: Habit::AtOnce,
        way_out: "roll back in its HelmRelease $record",
        marks: &[Annotation("helm.fluxcd.io/antecedent")],
        record: Some(Annotation("helm.fluxcd.io/antecedent")),
    },
    // AWS documentation, “Determine fields you can customize for Amazon EKS add-ons”: the manager is `eks`.
    Product {
        name: "EKS add-ons",
        habit: Habit::Perhaps,
        way_out: "choose the earlier version of the add-on: aws eks update-addon",
        marks: &[Manager("eks")],
        record: None,
    },
    // kubernetes-sigs/cli-utils, pkg/inventory: `config.k8s.io/owning-inventory`; kpt live apply runs when it is run.
    Product {
        name: "kpt",
        habit: Habit::NextRun,
        way_out: "roll back in the package, then: kpt live apply",
        marks: &[Annotation("config.k8s.io/owning-inventory")],
        record: None,
    },
    // hashicorp/terraform-provider-kubernetes: the manager is `Terraform`, or `HashiCorp` after its user agent.
    Product {
        name: "Terraform",
        habit: Habit::NextRun,
        way_out: "roll back in its configuration, then: terraform apply",
        marks: &[Manager("terraform"), Manager("HashiCorp"), LabelIs("app.kubernetes.io/managed-by", "Terraform")],
        record: None,
    },
    // pulumi/pulumi-kubernetes, docs “Field managers”: `pulumi-kubernetes-` and a hash.
    Product {
        name: "Pulumi",
        habit: Habit::NextRun,
        way_out: "roll back in its program, then: pulumi up",
        marks: &[Manager("pulumi"), LabelIs("app.kubernetes.io/managed-by", "pulumi")],
        record: None,
    },
    // spinnaker/clouddriver: `moniker.spinnaker.io/application`.
    Product {
        name: "Spinnaker",
        habit: Habit::NextRun,
        way_out: "roll it back there: Undo Rollout, in its application $record",
        marks: &[Annotation("moniker.spinnaker.io/application"), LabelIs("app.kubernetes.io/managed-by", "spinnaker")],
        record: Some(Annotation("moniker.spinnaker.io/application")),
    },
    // Google Cloud documentation, “Labels and annotations” of Cloud Deploy.
    Product {
        name: "Cloud Deploy",
        habit: Habit::NextRun,
        way_out: "roll it back there: gcloud deploy targets rollback",
        marks: &[LabelIs("app.kubernetes.io/managed-by", "google-cloud-deploy")],
        record: None,
    },
    // werf/werf: `project.werf.io/name`, beside Helm's own marks.
    Product {
        name: "werf",
        habit: Habit::NextRun,
        way_out: "deploy the earlier version: werf converge",
        marks: &[Annotation("project.werf.io/name")],
        record: Some(Annotation("project.werf.io/name")),
    },
    // GoogleContainerTools/skaffold: `skaffold.dev/run-id`; skaffold dev watches the files.
    Product {
        name: "Skaffold",
        habit: Habit::NextRun,
        way_out: "stop skaffold dev if it is running; otherwise its next run starts from the new version",
        marks: &[Label("skaffold.dev/run-id")],
        record: None,
    },
];

impl Mark {
    /// What is written there, where the object has it.
    fn value(self, object: &Value) -> Option<&str> {
        match self {
            Label(key) => label(object, key),
            Annotation(key) => annotation(object, key),
            LabelIs(key, wanted) => label(object, key).filter(|value| *value == wanted),
            AnnotationIs(key, wanted) => annotation(object, key).filter(|value| *value == wanted),
            AnnotationBegins(key, start) => annotation(object, key).filter(|value| value.starts_with(start)),
            OwnerKind(kind) => {
                let owners = object["metadata"]["ownerReferences"].as_array()?;
                owners.iter().find(|owner| owner["kind"] == kind)?["name"].as_str()
            }
            Manager(start) => writers(object).find(|name| begins(name, start)),
        }
    }
}

/// Whether a name is this one or goes on after it with a sign: `eks` and `pulumi-kubernetes-1a2b`, but not `eksctl`.
fn begins(name: &str, start: &str) -> bool {
    let Some((head, rest)) = name.split_at_checked(start.len()) else { return false };
    head.eq_ignore_ascii_case(start) && !rest.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// All of the table who have left a mark on an object, those first who act by themselves. `managers` counts also those
/// who have only written fields of it at some time.
pub(super) fn all(object: &Value, managers: bool) -> impl Iterator<Item = Other> {
    PRODUCTS.iter().filter_map(move |product| {
        let counts = |mark: &&Mark| managers || !matches!(mark, Manager(_)) || product.habit == Habit::NextRun;
        product.marks.iter().filter(counts).find_map(|mark| mark.value(object))?;
        let record = product.record.and_then(|mark| mark.value(object)).map(clean).filter(|name| !name.is_empty());
        Some(Other { product, record })
    })
}

impl Other {
    /// `Fleet`, or `Fleet (fleet-shop)`.
    pub fn describe(&self) -> String {
        let name = self.product.name;
        self.record.as_ref().map_or_else(|| name.to_owned(), |record| format!("{name} ({record})"))
    }

    /// What to do there.
    pub fn way_out(&self) -> String {
        let record = self.record.as_deref().unwrap_or("that it belongs to");
        Template::ours(self.product.way_out).fill_known(|name| (name == "record").then_some(Cow::Borrowed(record)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn known(metadata: &Value) -> Vec<String> {
        all(&json!({ "metadata": metadata }), true).map(|other| other.describe()).collect()
    }

    #[test]
    fn each_owner_is_known_by_its_mark() {
        let one = |place: &str, key: &str, value: &str| {
            let mut metadata = json!({});
            metadata[place][key] = json!(value);
            known(&metadata).join(", ")
        };
        let annotation = |key, value| one("annotations", key, value);
        let label = |key, value| one("labels", key, value);
        assert_eq!(annotation("objectset.rio.cattle.io/id", "fleet-shop-main"), "Fleet (fleet-shop-main), Rancher");
        assert_eq!(annotation("objectset.rio.cattle.io/owner-gvk", "k3s.cattle.io/v1, Kind=Addon"), "Rancher");
        assert_eq!(label("kapp.k14s.io/app", "1557433075084066000"), "kapp (1557433075084066000)");
        assert_eq!(annotation("configmanagement.gke.io/managed", "enabled"), "Config Sync");
        assert_eq!(annotation("configmanagement.gke.io/managed", "disabled"), "");
        assert_eq!(annotation("configsync.gke.io/manager", ":root"), "", "it alone stays when managing ends");
        assert_eq!(label("olm.owner.kind", "ClusterServiceVersion"), "OLM");
        assert_eq!(label("addonmanager.kubernetes.io/mode", "Reconcile"), "the addon manager");
        assert_eq!(label("addonmanager.kubernetes.io/mode", "EnsureExists"), "");
        assert_eq!(label("crossplane.io/composite", "shop-x7k2"), "Crossplane (shop-x7k2)");
        assert_eq!(annotation("projectsveltos.io/owner-name", "to-production"), "Sveltos (to-production)");
        assert_eq!(annotation("config.k8s.io/owning-inventory", "a-1"), "kpt");
        assert_eq!(annotation("moniker.spinnaker.io/application", "shop"), "Spinnaker (shop)");
        assert_eq!(label("app.kubernetes.io/managed-by", "google-cloud-deploy"), "Cloud Deploy");
        assert_eq!(label("app.kubernetes.io/managed-by", "Helm"), "");
        let owned = json!({"ownerReferences": [{"kind": "AppliedManifestWork", "name": "hub-shop"}]});
        assert_eq!(known(&owned), ["Open Cluster Management (hub-shop)"]);
    }

    #[test]
    fn a_manager_is_known_by_the_whole_beginning_of_its_name() {
        let wrote = |manager: &str| known(&json!({"managedFields": [{ "manager": manager }]})).join(", ");
        assert_eq!(wrote("HashiCorp"), "Terraform");
        assert_eq!(wrote("Terraform"), "Terraform");
        assert_eq!(wrote("pulumi-kubernetes-6c2ce1a1"), "Pulumi");
        assert_eq!(wrote("eks"), "EKS add-ons");
        assert_eq!(wrote("eksctl"), "");
        assert_eq!(wrote("kubectl-client-side-apply"), "");
    }

    #[test]
    fn a_mark_of_a_manager_alone_may_be_old_where_the_owner_acts_by_itself() {
        let wrote = |manager: &str| json!({"metadata": {"managedFields": [{ "manager": manager }]}});
        assert_eq!(all(&wrote("kapp-controller"), false).count(), 0);
        assert_eq!(all(&wrote("Terraform"), false).count(), 1);
    }

    #[test]
    fn every_way_out_reads_with_and_without_the_record() {
        for product in &PRODUCTS {
            for record in [None, Some("shop".to_owned())] {
                let other = Other { product, record };
                assert!(!other.way_out().contains('$'), "{}", other.way_out());
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_written_on_an_object_is_read(key in ".{0,40}", value in ".{0,40}", start in "[a-z]{0,6}") {
            let object = json!({"metadata": {"labels": {&key: &value}, "annotations": {"objectset.rio.cattle.io/id": &value},
                "managedFields": [{"manager": &value}, {}, 7], "ownerReferences": [{"kind": &value}, "x"]}});
            for other in all(&object, true) {
                let is_clean = !other.describe().chars().any(char::is_control);
                proptest::prop_assert!(is_clean && !other.way_out().is_empty());
            }
            let _ = begins(&value, &start);
        }
    }
}
