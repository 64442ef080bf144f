//! The default: a workload is rolled back through whoever manages it, told by the marks that they leave on it.

use crate::cluster::Cluster;
use crate::rollback::client::Clients;
use crate::rollback::destination::argo::UpdateStatus;
use crate::rollback::owner::{self, Owner};
use crate::rollback::planner::Planner;
use crate::rollback::request::PlanRequest;
use crate::rollback::workload;
use crate::rollback::{Blocked, Check, CheckKind, Readiness};
use crate::settings::checked::optional;
use crate::settings::resolve::Resolver;
use crate::systems::api::strategy::{Connected, StrategySpec, Surroundings};
use crate::systems::argo_rollouts::ArgoRollouts;
use crate::systems::argocd::{self, ArgoCd, ArgoCdSpec};
use crate::systems::declaration::strategy::{InCluster, RollbackSettings, StrategyKind};
use crate::systems::flux::Flux;
use crate::systems::helm::{self, Helm, HelmSpec, NoStep, Releases};
use futures_util::future::{BoxFuture, FutureExt};
use std::sync::Arc;

/// The declaration of the strategy for the configuration.
pub(super) static STRATEGY: StrategyKind = StrategyKind {
    name: "owner",
    about: "Whatever owns the workload rolls it back: Kubernetes, unless Argo Rollouts, Argo CD, Helm or Flux keep it.",
    tables: &[&argocd::config::TABLE, &helm::config::TABLE],
    needs: &[],
    check: |written, problems| {
        let argocd = argocd::config::check(written, problems);
        let helm = helm::config::check(written, problems);
        Some(Box::new(Settings { argocd: argocd?, helm: helm? }))
    },
};

/// The tables of whoever may own a workload, checked.
#[derive(Debug)]
struct Settings {
    argocd: Option<argocd::config::Settings>,
    helm: helm::config::Settings,
}

impl RollbackSettings for Settings {
    fn resolve(&self, place: &InCluster<'_>, resolver: &mut Resolver<'_>) -> Option<Arc<dyn StrategySpec>> {
        let argocd = optional(self.argocd.as_ref(), |argocd| argocd.spec(resolver))?;
        Some(Arc::new(OwnerSpec { argocd, helm: self.helm.spec(place, resolver) }))
    }
}

/// What the owners' own ways need.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OwnerSpec {
    /// An Argo CD server; without one, what Argo CD manages is blocked, with its own rollback as the way out.
    pub argocd: Option<ArgoCdSpec>,
    /// The program; `None` where the cluster is found by its address: helm goes by kubeconfigs, and would act on
    /// whatever cluster the usual one names.
    pub helm: Option<HelmSpec>,
}

impl StrategySpec for OwnerSpec {
    fn connect(&self, to: &Surroundings<'_>) -> Result<Connected, Blocked> {
        let mut clients = Clients::default();
        let mut argocd = None;
        if let Some(told) = &self.argocd {
            let server = argocd::connect(told)?;
            argocd = Some(ArgoCd::new(told, Arc::clone(&server), to.cluster.clone()));
            clients = clients.with(server);
        }
        let mut helm = None;
        if let Some(told) = &self.helm {
            let releases = Arc::new(Releases::new(told.clone()));
            helm = Some(Helm::new(Arc::clone(&releases), to.cluster.clone(), to.clock.clone()));
            clients = clients.with(releases);
        }
        let planner = ByOwner::new(to.cluster.clone(), argocd, helm);
        Ok(Connected { clients, ..Connected::by_the_cluster(planner) })
    }
}

/// Each workload by its owner's way.
pub struct ByOwner {
    undo: ArgoRollouts,
    flux: Flux,
    /// `None` where the cluster is known by its address alone: helm would act on another one.
    helm: Option<Helm>,
    argocd: Option<ArgoCd>,
    cluster: Cluster,
}

impl ByOwner {
    /// The ways back of workloads in this cluster.
    pub fn new(cluster: Cluster, argocd: Option<ArgoCd>, helm: Option<Helm>) -> Self {
        let (undo, flux) = (ArgoRollouts::new(cluster.clone()), Flux::new(cluster.clone()));
        Self { undo, flux, helm, argocd, cluster }
    }

    async fn choose(&self, request: &PlanRequest) -> Readiness {
        let workload = match workload::read_workload(&self.cluster, &request.reference).await {
            Ok(workload) => workload,
            Err(blocked) => return Readiness::Blocked(blocked.into()),
        };
        if UpdateStatus::of(&workload).update().is_in_flight() {
            // Whoever manages a Rollout manages its template, which an abort leaves alone.
            return self.undo.prepare(request).await;
        }
        match (owner::of(&workload), &self.argocd) {
            (Owner::Flux(_), _) => self.flux.prepare(request).await,
            (Owner::ArgoCd(_), Some(argocd)) => argocd.prepare(request).await,
            (Owner::Helm { .. }, _) => self.by_helm(request).await,
            // Without Argo CD's server, and for what a controller makes, the undo blocks with their way as its way out.
            (Owner::ArgoCd(_) | Owner::Controller { .. } | Owner::Other(_) | Owner::Nobody, _) => {
                self.undo.prepare(request).await
            }
        }
    }

    /// Helm acts only when it is run, so where it cannot be used an undo holds until the next upgrade.
    async fn by_helm(&self, request: &PlanRequest) -> Readiness {
        // After a rollback that failed, the pods alone are what can still be brought back.
        let check = match &self.helm {
            Some(helm) => match helm.attempt(request, true).await {
                Ok(step) => return Readiness::Ready(Arc::new(step)),
                Err(NoStep::Blocked(refusal)) => return Readiness::Blocked(refusal),
                Err(NoStep::Failed(blocked)) => Check::typed(
                    CheckKind::Helm,
                    format!("{}: only the pods are rolled back", blocked.reason),
                    blocked.way_out,
                ),
                Err(NoStep::Unusable(blocked)) => without_helm(blocked),
            },
            None => without_helm(Blocked {
                reason: "helm needs a kubeconfig, and this cluster is configured by its address only".to_owned(),
                way_out: "set a kubeconfig and its context in the configuration".to_owned(),
            }),
        };
        match self.undo.prepare(request).await {
            Readiness::Ready(step) => {
                let mut step = Arc::unwrap_or_clone(step);
                step.checks.push(check);
                Readiness::Ready(Arc::new(step))
            }
            other => other,
        }
    }
}

impl Planner for ByOwner {
    fn prepare<'a>(&'a self, request: &'a PlanRequest) -> BoxFuture<'a, Readiness> {
        self.choose(request).boxed()
    }
}

fn without_helm(unusable: Blocked) -> Check {
    Check::warning(CheckKind::Helm, format!("rolled back without Helm: {}", unusable.reason), Some(unusable.way_out))
}
