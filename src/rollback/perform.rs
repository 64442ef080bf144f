//! Performing: what a step's [`Action`] says is done, once, and looked after. Who planned it does not matter.

use super::action::{Abort, Action, FluxUndo};
use super::client::{client, unheard};
use super::strategy::argocd::Server;
use super::strategy::ci::Runs;
use super::strategy::command::Programs;
use super::strategy::git::Branches;
use super::strategy::helm::Releases;
use super::strategy::{argo_rollouts, flux, kubernetes};
use super::{Answer, Blocked, Run, Step};
use crate::cluster::Cluster;
use std::sync::Arc;

/// What an environment's rollbacks are performed with: a client, with its credentials, for each system that its
/// configuration names.
#[derive(Clone, Default)]
pub struct Performer {
    /// The cluster of its workloads.
    pub cluster: Option<Cluster>,
    /// Argo CD's API server.
    pub argocd: Option<Arc<Server>>,
    /// The `helm` on the path.
    pub helm: Option<Arc<Releases>>,
    /// Its CI system.
    pub ci: Option<Arc<Runs>>,
    /// The clone that is pushed from.
    pub git: Option<Arc<Branches>>,
    /// What programs are run with.
    pub programs: Option<Arc<Programs>>,
}

impl Performer {
    /// One that can reach this cluster and nothing else.
    pub fn of_cluster(cluster: Cluster) -> Self {
        Self { cluster: Some(cluster), ..Self::default() }
    }

    /// Does it: once, with nothing looked up before it, and never a second try.
    ///
    /// [`Answer::Refused`] is only for what certainly changed nothing; in doubt it is [`Answer::Unknown`].
    pub async fn perform(&self, step: &Step) -> Answer {
        // Without a client nothing was sent.
        self.performed(step).await.unwrap_or_else(Answer::Refused)
    }

    /// How a run goes on that [`Performer::perform`] has started. Changes nothing.
    pub async fn follow(&self, step: &Step, run: &Run) -> Answer {
        self.followed(step, run).await.unwrap_or_else(unheard)
    }

    /// Whether a step took effect whose answer was lost. Changes nothing.
    pub async fn read_back(&self, step: &Step) -> Answer {
        self.found(step).await.unwrap_or_else(unheard)
    }

    async fn performed(&self, step: &Step) -> Result<Answer, Blocked> {
        Ok(match &step.action {
            Action::Patch(patch) => kubernetes::send_patch(self.cluster()?, step, patch).await,
            Action::Abort(abort) => argo_rollouts::send(self.cluster()?, step, abort).await,
            Action::Flux(undo) => flux::send(self.cluster()?, step, undo).await,
            Action::ArgoCd(rollback) => client(self.argocd.as_ref(), "Argo CD")?.roll_back(rollback).await,
            Action::Helm(rollback) => client(self.helm.as_ref(), "Helm")?.roll_back(step, rollback).await,
            Action::Ci(action) => client(self.ci.as_ref(), "the CI system")?.send(step, action).await,
            Action::Revert(revert) => client(self.git.as_ref(), "Git")?.push(revert).await,
            Action::Command(command) => client(self.programs.as_ref(), "programs")?.run(step, command).await,
        })
    }

    async fn followed(&self, step: &Step, run: &Run) -> Result<Answer, Blocked> {
        Ok(match &step.action {
            Action::ArgoCd(rollback) => client(self.argocd.as_ref(), "Argo CD")?.follow(rollback).await,
            Action::Ci(action) => client(self.ci.as_ref(), "the CI system")?.follow(step, action, run).await,
            // They have no run: a patch is done when it was answered, helm and a program when they have ended, and
            // what deploys a branch is not ours to ask. What they do is seen in the pods.
            Action::Patch(_)
            | Action::Abort(_)
            | Action::Flux(_)
            | Action::Helm(_)
            | Action::Revert(_)
            | Action::Command(_) => Answer::Accepted,
        })
    }

    async fn found(&self, step: &Step) -> Result<Answer, Blocked> {
        Ok(match &step.action {
            Action::Patch(patch) => kubernetes::read_back_patch(self.cluster()?, step, patch).await,
            Action::Abort(Abort { abort, patch, .. }) => {
                argo_rollouts::read_back(self.cluster()?, step, patch, *abort).await
            }
            Action::Flux(FluxUndo { owner, patch }) => flux::read_back(self.cluster()?, step, owner, patch).await,
            Action::ArgoCd(rollback) => client(self.argocd.as_ref(), "Argo CD")?.read_back(rollback).await,
            Action::Helm(rollback) => client(self.helm.as_ref(), "Helm")?.read_back(step, rollback).await,
            Action::Ci(action) => client(self.ci.as_ref(), "the CI system")?.read_back(step, action).await,
            Action::Revert(revert) => client(self.git.as_ref(), "Git")?.read_back(revert).await,
            Action::Command(_) => Answer::Unknown(format!("cannot ask {} what it did: check the pods", step.subject)),
        })
    }

    fn cluster(&self) -> Result<&Cluster, Blocked> {
        client(self.cluster.as_ref(), "the cluster")
    }
}
