//! The default: a workload is rolled back through whoever manages it, told by the marks that they leave on it.

use super::argo_rollouts::ArgoRollouts;
use super::argocd::ArgoCd;
use super::flux::Flux;
use super::helm::{Helm, NoStep};
use super::kubernetes;
use crate::cluster::Cluster;
use crate::rollback::destination::argo::UpdateStatus;
use crate::rollback::owner::{self, Owner};
use crate::rollback::planner::Planner;
use crate::rollback::request::PlanRequest;
use crate::rollback::{Blocked, Check, CheckKind, Readiness};
use futures_util::future::{BoxFuture, FutureExt};
use std::sync::Arc;

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
        let workload = match kubernetes::read_workload(&self.cluster, &request.reference).await {
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
