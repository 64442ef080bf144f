//! Helm's own rollback, by the `helm` on the path: to an explicit revision, never to helm's default, which is
//! the one before the last even when that one failed.

mod history;

use super::program::{Failure, Inherits, Output, Program};
use super::records::{self, Found, Missing};
use super::{Strategy, kubernetes};
use crate::cluster::{Access, Cluster};
use crate::rollback::action::Action;
use crate::rollback::ask::Ask;
use crate::rollback::keeper::{self, Keeper};
use crate::rollback::preflight::{self, Owner};
use crate::rollback::spec::HelmSpec;
use crate::rollback::target::history as templates;
use crate::rollback::{Answer, Blocked, Check, Readiness, Refusal, Run, Step};
use crate::source::http::clean;
use futures_util::future::{BoxFuture, FutureExt, ready};
use history::{Revision, Status};
use std::ffi::OsString;
use std::time::Duration;

/// What helm is given of its time for each operation of its own, such as a hook, is shorter than ours by this
/// much: it should give up by itself and say why.
const OURS: Duration = Duration::from_secs(5);

/// Helm's rollback, as a strategy.
pub struct Helm {
    spec: HelmSpec,
    cluster: Cluster,
}

/// A release, as helm is told of it.
#[derive(Debug, Clone, Copy)]
struct Release<'a> {
    name: &'a str,
    namespace: &'a str,
}

/// Why there is no step.
pub(super) enum NoStep {
    /// Helm cannot be used here at all; another way may do.
    Unusable(Blocked),
    /// It can, and this rollback would fail or do harm.
    Blocked(Refusal),
}

impl NoStep {
    /// For whoever knows no other way.
    fn refusal(self) -> Refusal {
        match self {
            Self::Unusable(blocked) => blocked.into(),
            Self::Blocked(refusal) => refusal,
        }
    }
}

impl<T: Into<Refusal>> From<T> for NoStep {
    fn from(refusal: T) -> Self {
        Self::Blocked(refusal.into())
    }
}

impl Helm {
    /// The rollback of releases whose workloads are in this cluster.
    pub fn new(spec: HelmSpec, cluster: Cluster) -> Self {
        Self { spec, cluster }
    }

    /// Works the step out: reads the workload with its history and the release's history, and lets helm try.
    pub(super) async fn attempt(&self, ask: &Ask) -> Result<Step, NoStep> {
        let reference = &ask.reference;
        let sight = kubernetes::look_at(&self.cluster, reference).await?;
        let told = self.spec.release.as_ref().map(|release| ask.fill(release));
        let (release, namespace) = match (keeper::helm(&sight.workload), told) {
            (Some(Keeper::Helm { namespace, .. }), Some(told)) => (told, namespace),
            (Some(Keeper::Helm { release, namespace }), None) => (release, namespace),
            (_, Some(told)) => (told, None),
            (_, None) => {
                return Err(NoStep::Unusable(Blocked {
                    reason: format!("{reference} does not name the release of Helm that it belongs to"),
                    way_out: "name the release in the configuration, or choose another strategy".to_owned(),
                }));
            }
        };
        let namespace = namespace.unwrap_or_else(|| reference.namespace.clone());
        let release = Release { name: &release, namespace: &namespace };
        release.refuse_odd_names()?;
        let revisions = self.history(release).await.map_err(NoStep::Unusable)?;
        let Some(current) = revisions.last() else {
            return Err(NoStep::Unusable(release.unreadable("it is empty")));
        };
        release.is_at_rest(current)?;

        let mut step = preflight::draft_under(Owner::Handled, &self.cluster.label, ask, sight.objects())?;
        let entries = templates::read(reference.kind, &sight.workload, sight.objects().history);
        let (to, found) = choose(release, &revisions, &entries, &step)?;
        step.by_hand = release.by_hand(&to.number.to_string());
        step.subject = format!("release {}, revision {}", release.name, to.number);
        step.does = vec![
            format!("release {} goes back to its revision {} ({})", release.name, to.number, to.describe()),
            "what else the release holds goes back with it: ConfigMaps, Secrets, Services, other workloads".to_owned(),
        ];
        step.not_restored = not_restored(step.covers.first().map_or("?", |covered| covered.from.label()));
        step.action = Action::Helm {
            release: release.name.to_owned(),
            namespace: namespace.clone(),
            current: current.number,
            revision: to.number,
        };
        let (permission, trial) = tokio::join!(self.permission(release), self.trial(release, to.number));
        let record = format!("revision {} of release {} ({})", to.number, release.name, to.describe());
        let version = step.target().to_owned();
        records::without_patch(&mut step.checks);
        step.checks.extend(records::checks(found, to.names(&version), &version, &record, &release.look()));
        step.checks.extend(self.which_cluster());
        step.checks.extend(permission);
        Ok(preflight::add(Ok(step), [trial, sight.identity])?)
    }

    /// Without a context, helm goes wherever the kubeconfig points when it is run.
    fn which_cluster(&self) -> Option<Check> {
        self.spec.context.is_none().then(|| {
            let sentence = format!(
                "helm goes where the kubeconfig points when it is run: that is {} only for as long as nobody changes \
                 its context",
                self.cluster.label
            );
            Check::warning("context", sentence, Some("name the context in the configuration".to_owned()))
        })
    }

    async fn history(&self, release: Release<'_>) -> Result<Vec<Revision>, Blocked> {
        let output = self.run(release, &["history", release.name, "-o", "json", "--max", "20"]).await;
        let output = output.map_err(|failure| Self::unstarted(&failure))?;
        if !output.status.success() {
            return Err(release.unreadable(&output.said()));
        }
        history::read(&output.stdout).map_err(|reason| release.unreadable(&reason))
    }

    /// Helm keeps its records in Secrets, unless it was told otherwise; so a no only warns.
    async fn permission(&self, release: Release<'_>) -> Option<Check> {
        let access =
            Access { verb: "create", group: "", resource: "secrets", namespace: release.namespace, name: None };
        match self.cluster.may(access).await {
            Ok(true) => Some(Check::ok("permission", format!("you may create secrets in {}", release.namespace))),
            Ok(false) => Some(Check::warning(
                "permission",
                format!("you may not create secrets in {}, where Helm usually keeps its records", release.namespace),
                Some(format!("ask for a Role in {} with resources [secrets], verbs [create]", release.namespace)),
            )),
            // The trial decides alone.
            Err(_) => None,
        }
    }

    /// Lets helm go through all of it without storing anything.
    async fn trial(&self, release: Release<'_>, revision: i64) -> Check {
        const NAME: &str = "dry run";
        let number = revision.to_string();
        match self.run(release, &["rollback", release.name, &number, "--dry-run"]).await {
            Ok(output) if output.status.success() => Check::ok(NAME, "helm has tried it and would do it"),
            Ok(output) => {
                let reason = format!("helm has tried it and would not do it: {}", output.said());
                Check::blocked(NAME, Blocked { reason, way_out: format!("look at {}", release.look()) })
            }
            Err(failure) if failure.did_nothing() => Check::blocked(NAME, Self::unstarted(&failure)),
            Err(failure) => Check::warning(NAME, format!("it could not be tried in advance: {failure}"), None),
        }
    }

    fn unstarted(failure: &Failure) -> Blocked {
        let way_out = match failure {
            Failure::NotFound(_) => {
                "install helm, or name the program in the configuration, or choose strategy = \"kubernetes\""
            }
            _ => "try it by hand: helm version",
        };
        Blocked { reason: format!("helm cannot be used: {failure}"), way_out: way_out.to_owned() }
    }

    async fn run(&self, release: Release<'_>, arguments: &[&str]) -> Result<Output, Failure> {
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

    async fn roll_back(&self, release: Release<'_>, revision: i64) -> Answer {
        let number = revision.to_string();
        let limit = format!("{}s", self.spec.timeout.saturating_sub(OURS).as_secs().max(1));
        let output = self.run(release, &["rollback", release.name, &number, "--timeout", &limit]).await;
        match output {
            Ok(output) if output.status.success() => Answer::Accepted,
            Ok(output) => release.refused(&output.said()),
            Err(failure) if failure.did_nothing() => Answer::Refused(Self::unstarted(&failure)),
            Err(failure) => Answer::Unknown(failure.to_string()),
        }
    }

    /// Looks for a record that is newer than the plan and says that it is this rollback.
    async fn look_back(&self, release: Release<'_>, current: i64, revision: i64) -> Answer {
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
                    way_out: format!("try again, or by hand: {}", release.by_hand(&revision.to_string())),
                }),
            };
        };
        match ours.status {
            Status::Deployed | Status::Superseded => Answer::Accepted,
            _ => Answer::Failed(Blocked {
                reason: format!(
                    "the rollback of release {} was begun as revision {} and not ended: it is {}: {}",
                    release.name, ours.number, ours.status_name, ours.description
                ),
                way_out: format!("if nobody works on it, do it again: {}", release.by_hand(&revision.to_string())),
            }),
        }
    }
}

impl Strategy for Helm {
    fn prepare<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Readiness> {
        let step = self.attempt(ask);
        step.map(|step| Readiness::from(step.map_err(NoStep::refusal))).boxed()
    }

    fn send<'a>(&'a self, step: &'a Step) -> BoxFuture<'a, Answer> {
        match &step.action {
            Action::Helm { release, namespace, revision, .. } => {
                self.roll_back(Release { name: release, namespace }, *revision).boxed()
            }
            _ => ready(super::not_mine(step)).boxed(),
        }
    }

    fn follow<'a>(&'a self, _step: &'a Step, _run: &'a Run) -> BoxFuture<'a, Answer> {
        // Helm has ended when it answers: what it does is seen in the pods.
        ready(Answer::Accepted).boxed()
    }

    fn read_back<'a>(&'a self, step: &'a Step) -> BoxFuture<'a, Answer> {
        match &step.action {
            Action::Helm { release, namespace, current, revision } => {
                self.look_back(Release { name: release, namespace }, *current, *revision).boxed()
            }
            _ => ready(super::not_mine(step)).boxed(),
        }
    }
}

impl Release<'_> {
    /// Whoever may annotate a workload writes these names: one that helm would take for a flag is not passed on.
    fn refuse_odd_names(self) -> Result<(), Blocked> {
        let is_plain = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_alphanumeric())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
        };
        if is_plain(self.name) && is_plain(self.namespace) {
            return Ok(());
        }
        Err(Blocked {
            reason: format!("{} in {} is no name of a release", clean(self.name), clean(self.namespace)),
            way_out: "look at the workload's annotations meta.helm.sh/release-name and release-namespace".to_owned(),
        })
    }

    fn by_hand(self, revision: &str) -> String {
        format!("helm rollback {} {revision} -n {}", self.name, self.namespace)
    }

    fn look(self) -> String {
        format!("helm history {} -n {}", self.name, self.namespace)
    }

    fn unreadable(self, reason: &str) -> Blocked {
        Blocked {
            reason: format!("the history of release {} cannot be read: {reason}", self.name),
            way_out: format!("try it by hand: {}", self.look()),
        }
    }

    /// Whether nobody is at it. Helm itself would go back over an operation that is under way.
    fn is_at_rest(self, current: &Revision) -> Result<(), Blocked> {
        match current.status {
            Status::Pending => Err(Blocked {
                reason: format!(
                    "another operation on release {} is in progress: its revision {} is {}{}",
                    self.name,
                    current.number,
                    current.status_name,
                    current.since()
                ),
                way_out: format!(
                    "stop whoever runs it, or wait for its end; if it has died, by hand: {}",
                    self.by_hand("REVISION")
                ),
            }),
            Status::Gone => Err(Blocked {
                reason: format!("release {} is {}{}", self.name, current.status_name, current.since()),
                way_out: "install the earlier version anew".to_owned(),
            }),
            Status::Deployed | Status::Superseded | Status::Failed | Status::Unknown => Ok(()),
        }
    }

    /// What a rollback that helm ended with an error has done: nothing, where helm says so before it begins.
    fn refused(self, said: &str) -> Answer {
        const BEFORE: [&str; 4] =
            ["another operation (", "release: not found", "cluster unreachable", "release has no "];
        let lower = said.to_lowercase();
        let blocked = |reason: String| Blocked { reason, way_out: format!("look at {}", self.look()) };
        if BEFORE.iter().any(|text| lower.contains(text)) {
            return Answer::Refused(blocked(format!("helm refused it: {said}")));
        }
        Answer::Failed(blocked(format!("helm could not roll release {} back, or only in part: {said}", self.name)))
    }
}

/// The revision that brought the version which the drafted undo goes to.
fn choose<'r>(
    release: Release<'_>,
    revisions: &'r [Revision],
    entries: &[templates::Entry],
    step: &Step,
) -> Result<(&'r Revision, Found), Blocked> {
    let hash = step.covers.first().map(|covered| covered.to.hash.as_str()).unwrap_or_default();
    let (known, records): (Vec<_>, Vec<_>) =
        revisions.iter().filter_map(|revision| Some((revision, revision.record()?))).unzip();
    let found = records::serving(&records, entries, hash);
    let blocked = |missing: Missing| missing.blocked("Helm", step.target(), &release.by_hand("REVISION"));
    found.map(|found| (known[found.place], found)).map_err(blocked)
}

fn not_restored(from: &str) -> Vec<String> {
    vec![
        format!("database migrations and messages that {from} has written"),
        "ConfigMaps and Secrets that are not part of the release, custom resource definitions, data in volumes"
            .to_owned(),
    ]
}
