//! The `helm` on the path: a release's history, its rollback, and what came of it.

use super::HelmSpec;
use super::history::{self, Revision, Status};
use crate::net::http::clean;
use crate::program::{Failure, Inherits, Output, Program};
use crate::rollback::action::HelmRollback;
use crate::rollback::{Answer, Blocked, Covered, Step};
use std::ffi::OsString;
use std::time::Duration;

/// What helm is given of its time for each operation of its own, such as a hook, is shorter than ours by this
/// much: it should give up by itself and say why.
const OURS: Duration = Duration::from_secs(5);

/// Helm, and how it is run.
pub struct Releases {
    spec: HelmSpec,
}

/// A release, as helm is told of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Release<'a> {
    pub(super) name: &'a str,
    pub(super) namespace: &'a str,
}

impl Releases {
    /// The releases that this helm knows. Runs nothing yet.
    pub fn new(spec: HelmSpec) -> Self {
        Self { spec }
    }

    pub(super) fn spec(&self) -> &HelmSpec {
        &self.spec
    }

    pub(super) async fn history(&self, release: Release<'_>) -> Result<Vec<Revision>, Blocked> {
        let output = self.run(release, &["history", release.name, "-o", "json", "--max", "20"]).await;
        let output = output.map_err(|failure| unstarted(&failure))?;
        if !output.status.success() {
            return Err(release.unreadable(&output.said()));
        }
        let listed = output.whole().map_err(|error| release.unreadable(&error.to_string()))?;
        history::read(listed).map_err(|reason| release.unreadable(&reason))
    }

    pub(super) async fn run(&self, release: Release<'_>, arguments: &[&str]) -> Result<Output, Failure> {
        let mut argv = vec![self.spec.program.clone().into_os_string()];
        argv.extend(arguments.iter().map(OsString::from));
        argv.extend(["--namespace", release.namespace].map(OsString::from));
        if let Some(path) = &self.spec.kubeconfig {
            argv.extend([OsString::from("--kubeconfig"), path.clone().into_os_string()]);
        }
        if let Some(context) = &self.spec.context {
            argv.extend(["--kube-context", context].map(OsString::from));
        }
        // Clusters are signed in to by whatever the person's environment holds.
        let inherits = Inherits::Everything;
        Program { argv: &argv, inherits, environment: &[], folder: None, timeout: self.spec.timeout }.run().await
    }

    /// Does it: one run, with nothing looked up before it and never a second one.
    pub(crate) async fn roll_back(&self, step: &Step, action: &HelmRollback) -> Answer {
        let (release, revision) = (Release::of(action), action.revision);
        let number = revision.to_string();
        let limit = format!("{}s", self.spec.timeout.saturating_sub(OURS).as_secs().max(1));
        let output = self.run(release, &["rollback", release.name, &number, "--timeout", &limit]).await;
        match output {
            Ok(output) if output.status.success() => Answer::Accepted,
            Ok(output) => release.refused(&output.said(), step),
            Err(failure) if failure.did_nothing() => Answer::Refused(unstarted(&failure)),
            Err(failure) => Answer::Unknown(failure.to_string()),
        }
    }

    /// Whether it took effect: looks for a record that is newer than the plan and says that it is this rollback.
    pub(crate) async fn read_back(&self, step: &Step, action: &HelmRollback) -> Answer {
        let (release, current, revision) = (Release::of(action), action.current, action.revision);
        let revisions = match self.history(release).await {
            Ok(revisions) => revisions,
            Err(blocked) => return Answer::Unknown(blocked.reason),
        };
        let newer = || revisions.iter().rev().filter(|entry| entry.number > current);
        let Some(ours) = newer().find(|entry| entry.is_rollback_to(revision)) else {
            return match newer().next() {
                Some(other) => Answer::ChangedUnderUs(format!(
                    "release {} is at revision {} now ({}): {}",
                    release.name,
                    other.number,
                    other.describe(),
                    other.description
                )),
                None => Answer::Refused(Blocked {
                    reason: format!("the rollback of release {} did not take effect", release.name),
                    way_out: format!("retry, or manually: {}", release.manual_command(&revision.to_string())),
                }),
            };
        };
        match ours.status {
            Status::Deployed | Status::Superseded => Answer::Accepted,
            _ => Answer::Failed(Blocked {
                reason: format!(
                    "the rollback of release {} started as revision {} and did not finish: it is {}: {}",
                    release.name, ours.number, ours.status_name, ours.description
                ),
                way_out: format!(
                    "if nobody is working on it, repeat it: {}; only the pods: {}",
                    release.manual_command(&revision.to_string()),
                    pods_alone(step)
                ),
            }),
        }
    }
}

pub(super) fn unstarted(failure: &Failure) -> Blocked {
    let way_out = match failure {
        Failure::NotFound(_) => {
            "install helm, or set the program in the configuration, or choose strategy = \"kubernetes\""
        }
        _ => "try it manually: helm version",
    };
    Blocked { reason: format!("cannot use helm: {failure}"), way_out: way_out.to_owned() }
}

impl<'a> Release<'a> {
    fn of(action: &'a HelmRollback) -> Self {
        Self { name: &action.release, namespace: &action.namespace }
    }

    /// Whoever may annotate a workload writes these names: one that helm would take for a flag is not passed on.
    pub(super) fn refuse_odd_names(self) -> Result<(), Blocked> {
        let is_plain = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_alphanumeric())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
        };
        if is_plain(self.name) && is_plain(self.namespace) {
            return Ok(());
        }
        Err(Blocked {
            reason: format!("{} in {} is not a release name", clean(self.name), clean(self.namespace)),
            way_out: "check the workload's annotations meta.helm.sh/release-name and release-namespace".to_owned(),
        })
    }

    pub(super) fn manual_command(self, revision: &str) -> String {
        format!("helm rollback {} {revision} -n {}", self.name, self.namespace)
    }

    pub(super) fn look(self) -> String {
        format!("helm history {} -n {}", self.name, self.namespace)
    }

    pub(super) fn unreadable(self, reason: &str) -> Blocked {
        Blocked {
            reason: format!("cannot read the history of release {}: {reason}", self.name),
            way_out: format!("try it manually: {}", self.look()),
        }
    }

    /// What a rollback that helm ended with an error has done: nothing, where helm says so before it begins.
    fn refused(self, said: &str, step: &Step) -> Answer {
        const BEFORE: [&str; 4] =
            ["another operation (", "release: not found", "cluster unreachable", "release has no "];
        let lower = said.to_lowercase();
        let blocked = |reason: String| Blocked { reason, way_out: format!("look at {}", self.look()) };
        if BEFORE.iter().any(|text| lower.contains(text)) {
            return Answer::Refused(blocked(format!("helm refused it: {said}")));
        }
        Answer::Failed(Blocked {
            reason: format!("helm failed to roll back release {}, or did so only partly: {said}", self.name),
            way_out: format!("roll back only the pods: {}; what it did is in {}", pods_alone(step), self.look()),
        })
    }
}

/// The commands that bring the pods back without helm.
fn pods_alone(step: &Step) -> String {
    let undo = |covered: &Covered| {
        let Covered { reference, to, .. } = covered;
        format!("kubectl rollout undo {reference} -n {} --to-revision={}", reference.namespace, to.revision)
    };
    step.covers.iter().map(undo).collect::<Vec<_>>().join(" && ")
}
