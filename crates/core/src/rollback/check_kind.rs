//! The kinds of preflight checks.

use serde::{Deserialize, Serialize};

/// What a check is about. Whatever depends on a check finds it by this, and never by what it is called on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// Which annotations the undo's patch changes.
    Annotations,
    /// Whether Argo CD's auto-sync is paused first.
    AutoSync,
    /// Whether an autoscaler changes the number of pods meanwhile.
    Autoscaler,
    /// What stands on the branch that is pushed to.
    Branch,
    /// Whether a build of Jenkins shows which rollback it is.
    BuildName,
    /// Whether there is room for the pods that come beside those that go.
    Capacity,
    /// Whether it is the cluster that it was.
    Cluster,
    /// Whose commits are reverted, and whether they are all of this service.
    Commits,
    /// Whether the ConfigMaps and Secrets that the previous version reads are there, and as they were.
    Configuration,
    /// Which cluster a program goes to that finds it by itself.
    Context,
    /// Whether the workload is being deleted.
    Deletion,
    /// Which earlier deployment of GitLab's runs again.
    Deployment,
    /// Whether nothing serves for a while.
    Downtime,
    /// What came of trying it without doing it.
    DryRun,
    /// How long a pipeline takes that builds what was pushed.
    Duration,
    /// Why a release is rolled back without Helm.
    Helm,
    /// What earlier versions there are to go back to.
    History,
    /// Whether there is an identity to pin the request to.
    Identity,
    /// Whether the old image is pulled as it was.
    Image,
    /// Whether the job is there and can be built.
    Job,
    /// What the version that is rolled back changed in a database, and whether the old one can live with it.
    Migration,
    /// What the next apply of the same files would do to the undo's patch.
    NextApply,
    /// Whether the workload's owner is in the midst of an operation.
    Operation,
    /// Whether a broken pod blocks the others.
    Order,
    /// What else goes back with the record that is gone back to.
    Others,
    /// Whether an owner manages the workload, and would redeploy the new version.
    Owner,
    /// Whether the job takes the parameters that it is given.
    Parameters,
    /// Whether the workload's rollouts are paused.
    Paused,
    /// Whether we may.
    Permission,
    /// Whether the pods of the version that is gone back to are still there.
    Pods,
    /// Whether it can be asked how it goes on.
    Progress,
    /// Whether the project lets an earlier deployment run again.
    Project,
    /// Whether somebody has put an old revision back already, or is about to.
    AlreadyRolledBack,
    /// Whether the workload could be read.
    Reading,
    /// Whether Flux is in the midst of bringing the new version.
    Reconciliation,
    /// Whether Helm's last rollback of the release failed.
    Release,
    /// Whether Helm has the revision that is gone back to.
    Revision,
    /// Whether a rollout of the workload is in progress.
    Rollout,
    /// Whether a run of GitHub's shows which rollback it is.
    RunName,
    /// How many steps and pauses of Argo Rollouts it takes.
    Steps,
    /// What is known of the version that is gone back to.
    Target,
    /// Whether what is gone back to differs from what runs.
    Template,
    /// How long it takes.
    Time,
    /// Whether the revert applies.
    Revert,
    /// Whether the workflow can be dispatched with these inputs.
    Trigger,
    /// Whether a run, a build or a deployment of somebody else is in progress in the system that is asked.
    InProgress,
    /// Which record of an owner brought the version that is gone back to.
    Version,
    /// What is known of a webhook before it is asked.
    Webhook,
    /// Whether the workflow is there and active.
    Workflow,
}

impl CheckKind {
    /// All of them.
    pub const ALL: [Self; 49] = [
        Self::Annotations,
        Self::AutoSync,
        Self::Autoscaler,
        Self::Branch,
        Self::BuildName,
        Self::Capacity,
        Self::Cluster,
        Self::Commits,
        Self::Configuration,
        Self::Context,
        Self::Deletion,
        Self::Deployment,
        Self::Downtime,
        Self::DryRun,
        Self::Duration,
        Self::Helm,
        Self::History,
        Self::Identity,
        Self::Image,
        Self::Job,
        Self::Migration,
        Self::NextApply,
        Self::Operation,
        Self::Order,
        Self::Others,
        Self::Owner,
        Self::Parameters,
        Self::Paused,
        Self::Permission,
        Self::Pods,
        Self::Progress,
        Self::Project,
        Self::AlreadyRolledBack,
        Self::Reading,
        Self::Reconciliation,
        Self::Release,
        Self::Revision,
        Self::Rollout,
        Self::RunName,
        Self::Steps,
        Self::Target,
        Self::Template,
        Self::Time,
        Self::Revert,
        Self::Trigger,
        Self::InProgress,
        Self::Version,
        Self::Webhook,
        Self::Workflow,
    ];

    /// Its name on the screen: a word or two.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Annotations => "annotations",
            Self::AutoSync => "auto-sync",
            Self::Autoscaler => "autoscaler",
            Self::Branch => "branch",
            Self::BuildName => "build name",
            Self::Capacity => "capacity",
            Self::Cluster => "cluster",
            Self::Commits => "commits",
            Self::Configuration => "configuration",
            Self::Context => "context",
            Self::Deletion => "deletion",
            Self::Deployment => "deployment",
            Self::Downtime => "downtime",
            Self::DryRun => "dry run",
            Self::Duration => "duration",
            Self::Helm => "helm",
            Self::History => "history",
            Self::Identity => "identity",
            Self::Image => "image",
            Self::Job => "job",
            Self::Migration => "migration",
            Self::NextApply => "next apply",
            Self::Operation => "operation",
            Self::Order => "order",
            Self::Others => "others",
            Self::Owner => "owner",
            Self::Parameters => "parameters",
            Self::Paused => "paused",
            Self::Permission => "permission",
            Self::Pods => "pods",
            Self::Progress => "progress",
            Self::Project => "project",
            Self::AlreadyRolledBack => "rollback",
            Self::Reading => "reading",
            Self::Reconciliation => "reconciliation",
            Self::Release => "release",
            Self::Revision => "revision",
            Self::Rollout => "rollout",
            Self::RunName => "run name",
            Self::Steps => "steps",
            Self::Target => "target",
            Self::Template => "template",
            Self::Time => "time",
            Self::Revert => "revert",
            Self::Trigger => "trigger",
            Self::InProgress => "in progress",
            Self::Version => "version",
            Self::Webhook => "webhook",
            Self::Workflow => "workflow",
        }
    }

    /// Whether it says if somebody else is rolling back: one that comes out well says that nobody is, as far as the
    /// system it was asked of knows.
    pub const fn is_about_others(self) -> bool {
        matches!(self, Self::AlreadyRolledBack | Self::InProgress | Self::Operation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_is_in_the_list_and_has_a_name_of_its_own() {
        for (place, kind) in CheckKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
        }
        let names: BTreeSet<&str> = CheckKind::ALL.into_iter().map(CheckKind::name).collect();
        assert_eq!(names.len(), CheckKind::ALL.len());
    }
}
