//! What a step sends. Plain data: the plan says what, whoever performs it knows how.

use crate::deploy::{Time, WorkloadRef};
use crate::rollback::Goal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a step sends: everything there is to know of it but the credentials it is sent with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A JSON Patch (RFC 6902) of the workload: its `test` operations first, then the template.
    Patch(PinnedPatch),
    /// A patch of the workload after its Flux owner was told to leave it alone.
    Flux(FluxUndo),
    /// Argo Rollouts: an update is called off, or tried once more.
    Abort(Abort),
    /// Argo CD rolls an application back to an entry of its own history.
    ArgoCd(ArgoCdRollback),
    /// `helm rollback RELEASE REVISION`.
    Helm(HelmRollback),
    /// A job of a CI system.
    Ci(CiAction),
    /// `git revert` of some commits, and a push.
    Revert(Revert),
    /// A program and its arguments; never a shell.
    Command(Command),
}

/// Flux is told to leave a workload alone, then it is patched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FluxUndo {
    /// Who is suspended.
    pub owner: FluxOwner,
    /// What is done then.
    pub patch: PinnedPatch,
}

/// Argo Rollouts: pods and traffic go back to the stable version, the template stays the new one. Or undo: the
/// update that was called off is tried once more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Abort {
    /// `false` tries it once more.
    pub abort: bool,
    /// `status.abort` of the Rollout, after `test` operations that hold only while this update is in flight.
    pub patch: PinnedPatch,
    /// Where the status is written.
    pub subresource: Subresource,
}

/// Where the status of an object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subresource {
    /// Its subresource `status`.
    Status,
    /// The object itself, where the cluster's definition of it has no such subresource.
    None,
}

impl Subresource {
    /// The end of the object's address: `status`, or empty.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::None => "",
        }
    }
}

/// An application of Argo CD goes back to an entry of its own history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArgoCdRollback {
    /// The application.
    pub application: String,
    /// Its namespace, where it is not Argo CD's own.
    pub namespace: Option<String>,
    /// Its project.
    pub project: String,
    /// The number of the history's entry.
    pub id: i64,
    /// What that entry deployed: a commit or a chart's version, one for each of its sources.
    pub revisions: Vec<String>,
    /// The last entry of its history when the plan was made: a rollback makes a newer one.
    pub last: i64,
    /// When its last operation began, as the plan was made: ours begins at another time.
    pub last_operation: Option<String>,
    /// How auto-sync is paused, where it has to be first: Argo CD refuses otherwise.
    pub pause: Option<AutoSyncPause>,
}

/// A release of Helm goes back to one of its revisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelmRollback {
    /// The release.
    pub release: String,
    /// Its namespace.
    pub namespace: String,
    /// The revision it was at when the plan was made: a rollback makes a newer one.
    pub current: i64,
    /// The revision it goes back to: never left to helm, whose default may be a failed one.
    pub revision: i64,
}

/// `git revert` of some commits, tried already, as one commit on top of the branch, and a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revert {
    /// The branch that is deployed.
    pub branch: String,
    /// The commit at its tip when the plan was made: the push is refused when it moved.
    pub tip: String,
    /// The commits that are reverted, newest first, full hashes.
    pub commits: Vec<String>,
    /// What the branch holds then: the tree that the dry run came to.
    pub tree: String,
    /// The message of the commit.
    pub message: String,
    /// A text in the message that no other commit of the branch has: how it is found again.
    pub marker: String,
}

/// A program and its arguments; never a shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The plan in its environment, beside what it inherits by its allow-list.
    pub environment: Vec<(String, String)>,
}

/// How the auto-sync of an application is paused, and comes back as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AutoSyncPause {
    /// The merge patch (RFC 7386) that pauses it.
    pub off: Value,
    /// The command that brings it back, its other settings as they were.
    pub again: String,
    /// Whether its other settings (`prune`, `selfHeal`) stay on the application meanwhile.
    pub keeps_settings: bool,
}

/// A JSON Patch of one workload, pinned to what the plan was made for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PinnedPatch {
    /// The object that is patched: the workload itself, or what its `workloadRef` names.
    pub reference: WorkloadRef,
    /// Pinned: the patch tests it.
    pub uid: String,
    /// Pinned: the patch tests it.
    pub generation: i64,
    /// The operations: `test`s first, then what changes.
    pub document: json_patch::Patch,
}

/// The Flux object that manages a workload from Git.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FluxOwner {
    /// `Kustomization` or `HelmRelease`.
    pub kind: FluxKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Whether somebody had suspended it already when the plan was made.
    pub suspended: bool,
}

/// The kinds of Flux object that keep workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FluxKind {
    /// `kustomize.toolkit.fluxcd.io/v1`.
    Kustomization,
    /// `helm.toolkit.fluxcd.io/v2`.
    HelmRelease,
}

/// What is asked of a CI system. Texts are filled in: no variable is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CiAction {
    /// GitHub Actions: dispatch a workflow.
    Dispatch(Dispatch),
    /// GitLab: run the job of an earlier deployment again.
    RetryJob(GitLabJob),
    /// GitLab: start a manual job.
    PlayJob(GitLabJob),
    /// Jenkins: build a job.
    Build(Build),
    /// A webhook.
    Post(Post),
}

/// A dispatch of a workflow of GitHub Actions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispatch {
    /// `example/shop`.
    pub repository: String,
    /// `workflow_dispatch` of this file or id.
    pub workflow: String,
    /// The branch or tag it runs on.
    pub git_ref: String,
    /// Its inputs.
    pub inputs: Vec<(String, String)>,
    /// Whether the server is asked to name the run in its answer: an Enterprise Server may refuse that.
    pub names_run: bool,
    /// A text that no other run has: how the run is found again where the answer does not name it.
    pub marker: String,
    /// When this was computed: the run cannot have begun before.
    pub prepared: Time,
}

/// A build of a job of Jenkins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// `shop/rollback`, its folders with slashes.
    pub job: String,
    /// Its parameters.
    pub parameters: Vec<(String, String)>,
    /// Whether the job takes parameters: it is asked at another address then.
    pub takes_parameters: bool,
    /// A text among the parameters that no other build has, where one of them holds it.
    pub marker: Option<String>,
}

/// A request to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// The body, JSON.
    pub body: String,
    /// Sent as `Idempotency-Key`, so that a repeated request is known as such.
    pub idempotency_key: String,
}

/// One job of a GitLab pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitLabJob {
    /// Id or path of the project.
    pub project: String,
    /// The pipeline it belongs to.
    pub pipeline: u64,
    /// The job: one that is run again gets another number.
    pub id: u64,
    /// Its name, which it keeps.
    pub name: String,
    /// Its commit, for people.
    pub sha: String,
}

impl Action {
    /// Whether it changes this workload's spec, so that its `generation` grows. An abort changes the status alone,
    /// and some Rollouts take their template from another object.
    pub fn changes_spec(&self, of: &WorkloadRef) -> bool {
        match self {
            Self::Abort(_) => false,
            Self::Patch(patch) | Self::Flux(FluxUndo { patch, .. }) => patch.reference == *of,
            Self::ArgoCd(_) | Self::Helm(_) | Self::Ci(_) | Self::Revert(_) | Self::Command(_) => true,
        }
    }

    /// What people call it, in the timeline: what it sends is the same for both goals, but for an abort.
    pub const fn name(&self, goal: Goal) -> &'static str {
        match self {
            Self::Abort(Abort { abort: true, .. }) => "abort",
            Self::Abort(Abort { abort: false, .. }) => "retry",
            Self::Patch(_)
            | Self::Flux(_)
            | Self::ArgoCd(_)
            | Self::Helm(_)
            | Self::Ci(_)
            | Self::Revert(_)
            | Self::Command(_) => match goal {
                Goal::RollBack => "rollback",
                Goal::Undo => "undo of the rollback",
            },
        }
    }

    /// Whether what comes back is built again, so that neither its template nor its images are known beforehand.
    pub const fn rebuilds(&self) -> bool {
        match self {
            Self::Revert(_) => true,
            Self::Patch(_)
            | Self::Flux(_)
            | Self::Abort(_)
            | Self::ArgoCd(_)
            | Self::Helm(_)
            | Self::Ci(_)
            | Self::Command(_) => false,
        }
    }

    /// Whether the request itself refuses when the workload is no longer what the plan was made for. Without
    /// that, somebody else's rollback must be known not to be in progress before anything is sent.
    pub const fn is_guarded(&self) -> bool {
        match self {
            Self::Patch(_) | Self::Flux(_) | Self::Revert(_) | Self::Abort(_) => true,
            Self::ArgoCd(_) | Self::Helm(_) | Self::Ci(_) | Self::Command(_) => false,
        }
    }
}
