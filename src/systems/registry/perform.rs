//! Performing: what a step's [`Action`] says is done, once, and looked after. Who planned it does not matter.

use crate::cluster::Cluster;
use crate::deploy::Time;
use crate::rollback::action::{Abort, Action, CiAction, FluxUndo};
use crate::rollback::client::{Clients, unheard, unnamed};
use crate::rollback::{Answer, Blocked, Run, Step, workload};
use crate::systems::argocd::Server;
use crate::systems::command::Programs;
use crate::systems::git::Branches;
use crate::systems::github::GitHub;
use crate::systems::gitlab::GitLab;
use crate::systems::helm::Releases;
use crate::systems::jenkins::Jenkins;
use crate::systems::shared::ci::runs::{Jobs, Runs};
use crate::systems::shared::ci::trace::Trace;
use crate::systems::webhook::job::Webhook;
use crate::systems::{argo_rollouts, flux};
use futures_util::future::{BoxFuture, FutureExt};

/// What an environment's rollbacks are performed with: a client, with its credentials, for each system that its
/// configuration names.
#[derive(Clone, Default)]
pub struct Performer {
    /// The cluster of its workloads.
    pub cluster: Option<Cluster>,
    /// All others.
    pub clients: Clients,
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
            Action::Patch(patch) => workload::send_patch(self.cluster()?, step, patch).await,
            Action::Abort(abort) => argo_rollouts::send(self.cluster()?, step, abort).await,
            Action::Flux(undo) => flux::send(self.cluster()?, step, undo).await,
            Action::ArgoCd(rollback) => self.clients.get::<Server>("Argo CD")?.roll_back(rollback).await,
            Action::Helm(rollback) => self.clients.get::<Releases>("Helm")?.roll_back(step, rollback).await,
            Action::Ci(action) => self.runs()?.send(step, action, &self.clients).await,
            Action::Revert(revert) => self.clients.get::<Branches>("Git")?.push(revert).await,
            Action::Command(command) => self.clients.get::<Programs>("programs")?.run(step, command).await,
        })
    }

    async fn followed(&self, step: &Step, run: &Run) -> Result<Answer, Blocked> {
        Ok(match &step.action {
            Action::ArgoCd(rollback) => self.clients.get::<Server>("Argo CD")?.follow(rollback).await,
            Action::Ci(action) => self.runs()?.follow(step, action, run, &self.clients).await,
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
            Action::Patch(patch) => workload::read_back_patch(self.cluster()?, step, patch).await,
            Action::Abort(Abort { abort, patch, .. }) => {
                argo_rollouts::read_back(self.cluster()?, step, patch, *abort).await
            }
            Action::Flux(FluxUndo { owner, patch }) => flux::read_back(self.cluster()?, step, owner, patch).await,
            Action::ArgoCd(rollback) => self.clients.get::<Server>("Argo CD")?.read_back(rollback).await,
            Action::Helm(rollback) => self.clients.get::<Releases>("Helm")?.read_back(step, rollback).await,
            Action::Ci(action) => self.runs()?.read_back(step, action, &self.clients).await,
            Action::Revert(revert) => self.clients.get::<Branches>("Git")?.read_back(revert).await,
            Action::Command(_) => Answer::Unknown(format!("cannot ask {} what it did: check the pods", step.subject)),
        })
    }

    fn cluster(&self) -> Result<&Cluster, Blocked> {
        self.cluster.as_ref().ok_or_else(|| unnamed("the cluster"))
    }

    fn runs(&self) -> Result<&Runs, Blocked> {
        self.clients.get("the CI system")
    }
}

/// The CI system whose action it is.
impl Jobs for Clients {
    fn send<'a>(&'a self, action: &'a CiAction) -> BoxFuture<'a, Result<Answer, Blocked>> {
        async move {
            Ok(match action {
                CiAction::Dispatch(dispatch) => github(self)?.send(dispatch).await,
                CiAction::RetryJob(job) => gitlab(self)?.retry(job).await,
                CiAction::PlayJob(job) => gitlab(self)?.play(job).await,
                CiAction::Build(build) => jenkins(self)?.send(build).await,
                CiAction::Post(post) => webhook(self)?.send(post).await,
            })
        }
        .boxed()
    }

    fn follow<'a>(&'a self, action: &'a CiAction, id: &'a str, since: Time) -> BoxFuture<'a, Result<Answer, Blocked>> {
        async move {
            Ok(match action {
                CiAction::Dispatch(dispatch) => github(self)?.follow(dispatch, id, since).await,
                CiAction::RetryJob(job) | CiAction::PlayJob(job) => gitlab(self)?.follow(job, id).await,
                CiAction::Build(build) => jenkins(self)?.follow(build, id).await,
                CiAction::Post(post) => webhook(self)?.follow(post, id).await,
            })
        }
        .boxed()
    }

    fn read_back<'a>(&'a self, action: &'a CiAction) -> BoxFuture<'a, Result<Trace, Blocked>> {
        async move {
            Ok(match action {
                CiAction::Dispatch(dispatch) => github(self)?.read_back(dispatch).await,
                CiAction::RetryJob(job) => gitlab(self)?.find_retried(job).await,
                CiAction::PlayJob(job) => gitlab(self)?.find_played(job).await,
                CiAction::Build(build) => jenkins(self)?.read_back(build).await,
                CiAction::Post(post) => webhook(self)?.read_back(post).await,
            })
        }
        .boxed()
    }
}

fn github(clients: &Clients) -> Result<&GitHub, Blocked> {
    clients.get("GitHub")
}

fn gitlab(clients: &Clients) -> Result<&GitLab, Blocked> {
    clients.get("GitLab")
}

fn jenkins(clients: &Clients) -> Result<&Jenkins, Blocked> {
    clients.get("Jenkins")
}

fn webhook(clients: &Clients) -> Result<&Webhook, Blocked> {
    clients.get("a webhook")
}
