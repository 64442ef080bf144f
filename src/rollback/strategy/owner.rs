//! The default: whoever keeps a workload takes it back by their own way, told by the marks that they leave on it.

use super::argo_rollouts::ArgoRollouts;
use super::argocd::ArgoCd;
use super::flux::Flux;
use super::helm::{Helm, NoStep};
use super::kubernetes;
use super::{Strategy, not_mine};
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::rollback::action::Action;
use crate::rollback::ask::Ask;
use crate::rollback::keeper::{self, Keeper};
use crate::rollback::spec::OwnerSpec;
use crate::rollback::target::argo::Standing;
use crate::rollback::{Answer, Blocked, Check, Readiness, Run, Step};
use futures_util::future::{BoxFuture, FutureExt, ready};
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
    /// The ways back of workloads in this cluster. Connects to nothing.
    ///
    /// # Errors
    /// When what is told of Argo CD cannot be used.
    pub fn new(spec: &OwnerSpec, cluster: Cluster, clock: &Clock) -> Result<Self, Blocked> {
        let argocd = spec.argocd.as_ref().map(|spec| ArgoCd::new(spec, cluster.clone())).transpose()?;
        Ok(Self {
            undo: ArgoRollouts::new(cluster.clone()),
            flux: Flux::new(cluster.clone()),
            helm: spec.helm.clone().map(|told| Helm::new(told, cluster.clone(), clock.clone())),
            argocd,
            cluster,
        })
    }

    async fn choose(&self, ask: &Ask) -> Readiness {
        let workload = match kubernetes::read_workload(&self.cluster, &ask.reference).await {
            Ok(workload) => workload,
            Err(blocked) => return Readiness::Blocked(blocked.into()),
        };
        if Standing::of(&workload).update().is_in_flight() {
            // Whoever keeps a Rollout keeps its template, which an abort leaves alone.
            return self.undo.prepare(ask).await;
        }
        match (keeper::of(&workload), &self.argocd) {
            (Keeper::Flux(_), _) => self.flux.prepare(ask).await,
            (Keeper::ArgoCd(_), Some(argocd)) => argocd.prepare(ask).await,
            (Keeper::Helm { .. }, _) => self.by_helm(ask).await,
            // Without Argo CD's server, and for what a controller makes, the undo blocks with their way as its way out.
            (Keeper::ArgoCd(_) | Keeper::Controller { .. } | Keeper::Other(_) | Keeper::Nobody, _) => {
                self.undo.prepare(ask).await
            }
        }
    }

    /// Helm acts only when it is run, so where it cannot be used an undo holds until the next upgrade.
    async fn by_helm(&self, ask: &Ask) -> Readiness {
        // After a rollback that failed, the pods alone are what can still be brought back.
        let check = match &self.helm {
            Some(helm) => match helm.attempt(ask, true).await {
                Ok(step) => return Readiness::Ready(Arc::new(step)),
                Err(NoStep::Blocked(refusal)) => return Readiness::Blocked(refusal),
                Err(NoStep::Failed(blocked)) => {
                    Check::typed("helm", format!("{}: the pods alone are undone", blocked.reason), blocked.way_out)
                }
                Err(NoStep::Unusable(blocked)) => without_helm(blocked),
            },
            None => without_helm(Blocked {
                reason: "helm finds clusters by a kubeconfig, and this one is known by its address alone".to_owned(),
                way_out: "name a kubeconfig and its context in the configuration".to_owned(),
            }),
        };
        match self.undo.prepare(ask).await {
            Readiness::Ready(step) => {
                let mut step = Arc::unwrap_or_clone(step);
                step.checks.push(check);
                Readiness::Ready(Arc::new(step))
            }
            other => other,
        }
    }

    /// The strategy that made this step.
    fn maker(&self, step: &Step) -> Option<&dyn Strategy> {
        match &step.action {
            Action::Patch(_) | Action::Abort { .. } => Some(&self.undo),
            Action::Flux { .. } => Some(&self.flux),
            Action::Helm { .. } => self.helm.as_ref().map(|helm| helm as &dyn Strategy),
            Action::ArgoCd { .. } => self.argocd.as_ref().map(|argocd| argocd as &dyn Strategy),
            Action::Ci(_) | Action::Revert { .. } | Action::Command { .. } => None,
        }
    }
}

impl Strategy for ByOwner {
    fn prepare<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Readiness> {
        self.choose(ask).boxed()
    }

    fn send<'a>(&'a self, step: &'a Step) -> BoxFuture<'a, Answer> {
        self.maker(step).map_or_else(|| ready(not_mine(step)).boxed(), |strategy| strategy.send(step))
    }

    fn follow<'a>(&'a self, step: &'a Step, run: &'a Run) -> BoxFuture<'a, Answer> {
        self.maker(step).map_or_else(|| ready(not_mine(step)).boxed(), |strategy| strategy.follow(step, run))
    }

    fn read_back<'a>(&'a self, step: &'a Step) -> BoxFuture<'a, Answer> {
        self.maker(step).map_or_else(|| ready(not_mine(step)).boxed(), |strategy| strategy.read_back(step))
    }
}

fn without_helm(unusable: Blocked) -> Check {
    Check::warning("helm", format!("undone without Helm: {}", unusable.reason), Some(unusable.way_out))
}
