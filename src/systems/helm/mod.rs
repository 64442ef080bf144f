//! Helm's own rollback, by the `helm` on the path: to an explicit revision, never to helm's default, which is
//! the one before the last even when that one failed.

pub(in crate::systems) mod config;
mod history;
mod releases;

pub use releases::Releases;

pub use config::HelmSpec;
pub(in crate::systems) use config::STRATEGY;

use crate::clock::Clock;
use crate::cluster::{Access, Cluster};
use crate::deploy::{Time, brief};
use crate::rollback::action::{Action, HelmRollback};
use crate::rollback::destination::history as templates;
use crate::rollback::external_history::{self, Found, Missing};
use crate::rollback::owner::{self, Owner};
use crate::rollback::planner::Planner;
use crate::rollback::preflight::{self, OwnerPolicy};
use crate::rollback::request::PlanRequest;
use crate::rollback::workload;
use crate::rollback::{Blocked, Check, CheckKind, Readiness, Refusal, Step};
use chrono::TimeDelta;
use futures_util::future::{BoxFuture, FutureExt};
use history::{Revision, Status};
use releases::{Release, unstarted};
use std::sync::Arc;

/// An operation that has not ended after this long has most likely died with whoever ran it: helm gives each of its
/// steps five minutes unless it is told otherwise, and CI systems end jobs within the hour.
const DEAD: TimeDelta = TimeDelta::minutes(15);

/// Plans Helm's rollback.
pub struct Helm {
    releases: Arc<Releases>,
    cluster: Cluster,
    clock: Clock,
}

/// Why there is no step.
pub(in crate::systems) enum NoStep {
    /// Helm cannot be used here at all; another way may do.
    Unusable(Blocked),
    /// Its last rollback failed: another one would most likely do so too, while the pods alone can be undone.
    Failed(Blocked),
    /// It can, and this rollback would fail or do harm.
    Blocked(Refusal),
}

impl NoStep {
    /// For whoever knows no other way.
    fn refusal(self) -> Refusal {
        match self {
            Self::Unusable(blocked) | Self::Failed(blocked) => blocked.into(),
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
    pub fn new(releases: Arc<Releases>, cluster: Cluster, clock: Clock) -> Self {
        Self { releases, cluster, clock }
    }

    /// Works the step out: reads the workload with its history and the release's history, and asks helm for the
    /// revision. `has_another_way`: whoever asks can do without helm where its last rollback failed.
    pub(in crate::systems) async fn attempt(
        &self,
        request: &PlanRequest,
        has_another_way: bool,
    ) -> Result<Step, NoStep> {
        let reference = &request.reference;
        let snapshot = workload::look_at(&self.cluster, reference).await?;
        let told = self.releases.spec().release.as_ref().map(|release| request.fill(release));
        let (release, namespace) = match (owner::helm(&snapshot.workload), told) {
            (Some(Owner::Helm { namespace, .. }), Some(told)) => (told, namespace),
            (Some(Owner::Helm { release, namespace }), None) => (release, namespace),
            (_, Some(told)) => (told, None),
            (_, None) => {
                return Err(NoStep::Unusable(Blocked {
                    reason: format!("{reference} does not name its Helm release"),
                    way_out: "set the release in the configuration, or choose another strategy".to_owned(),
                }));
            }
        };
        let namespace = namespace.unwrap_or_else(|| reference.namespace.clone());
        let release = Release { name: &release, namespace: &namespace };
        release.refuse_odd_names()?;
        let revisions = self.releases.history(release).await.map_err(NoStep::Unusable)?;
        let Some(current) = revisions.last() else {
            return Err(NoStep::Unusable(release.unreadable("it is empty")));
        };
        let unfinished = release.unfinished(&revisions, current, self.clock.now())?;
        let failed_before = release.failed_before(&revisions, current);
        if let (Some(blocked), true) = (&failed_before, has_another_way) {
            return Err(NoStep::Failed(blocked.clone()));
        }

        let mut step = preflight::draft_under(OwnerPolicy::Handled, &self.cluster.label, request, snapshot.objects())?;
        let entries = templates::read(reference.kind, &snapshot.workload, snapshot.objects().history);
        let (to, found) = choose(release, &revisions, &entries, &step)?;
        step.manual_command = release.manual_command(&to.number.to_string());
        step.subject = format!("release {}, revision {}", release.name, to.number);
        step.does = vec![
            format!("roll back release {} to revision {} ({})", release.name, to.number, to.describe()),
            "everything else in the release is rolled back too: ConfigMaps, Secrets, Services, other \
             workloads"
                .to_owned(),
        ];
        step.not_reverted = not_reverted(step.covers.first().map_or("?", |covered| covered.from.label()));
        step.action = Action::Helm(HelmRollback {
            release: release.name.to_owned(),
            namespace: namespace.clone(),
            current: current.number,
            revision: to.number,
        });
        let (permission, dry_run) = tokio::join!(self.permission(release), self.dry_run(release, to.number));
        let record = format!("revision {} of release {} ({})", to.number, release.name, to.describe());
        let version = step.target().to_owned();
        external_history::without_patch(&mut step.checks);
        step.checks.extend(external_history::checks(found, to.names(&version), &version, &record, &release.look()));
        step.checks.extend(self.which_cluster());
        step.checks.extend(permission);
        step.checks.push(unfinished);
        step.checks
            .extend(failed_before.map(|blocked| Check::typed(CheckKind::Release, blocked.reason, blocked.way_out)));
        Ok(preflight::add(Ok(step), [dry_run, snapshot.identity])?)
    }

    /// Without a context, helm goes wherever the kubeconfig points when it is run.
    fn which_cluster(&self) -> Option<Check> {
        self.releases.spec().context.is_none().then(|| {
            let sentence = format!(
                "helm uses the kubeconfig's current context at that moment: {} only as long as nobody changes it",
                self.cluster.label
            );
            Check::warning(CheckKind::Context, sentence, Some("set the context in the configuration".to_owned()))
        })
    }

    /// Helm keeps its records in Secrets, unless it was told otherwise; so a no only warns.
    async fn permission(&self, release: Release<'_>) -> Option<Check> {
        let access =
            Access { verb: "create", group: "", resource: "secrets", namespace: release.namespace, name: None };
        match self.cluster.may(access).await {
            Ok(true) => {
                Some(Check::ok(CheckKind::Permission, format!("you may create secrets in {}", release.namespace)))
            }
            Ok(false) => Some(Check::warning(
                CheckKind::Permission,
                format!("you may not create secrets in {}, where Helm usually stores its records", release.namespace),
                Some(format!("ask for a Role in {} with resources [secrets], verbs [create]", release.namespace)),
            )),
            // The dry run decides alone.
            Err(_) => None,
        }
    }

    /// Asks helm for a dry run. That looks the release and the revision up and ends there: no manifest is built, no
    /// hook run, and the cluster is not asked (`performRollback` in helm's `pkg/action/rollback.go`).
    async fn dry_run(&self, release: Release<'_>, revision: i64) -> Check {
        const NAME: CheckKind = CheckKind::Revision;
        let number = revision.to_string();
        match self.releases.run(release, &["rollback", release.name, &number, "--dry-run"]).await {
            Ok(output) if output.status.success() => Check::ok(
                NAME,
                format!("helm has revision {revision} of release {}; helm cannot test it in advance", release.name),
            ),
            Ok(output) => {
                let reason = format!("helm's dry run to revision {revision} failed: {}", output.said());
                Check::blocked(NAME, Blocked { reason, way_out: format!("look at {}", release.look()) })
            }
            Err(failure) if failure.did_nothing() => Check::blocked(NAME, unstarted(&failure)),
            Err(failure) => {
                let sentence = format!("unknown whether helm has revision {revision}: {failure}");
                Check::warning(NAME, sentence, Some(format!("look at {}", release.look())))
            }
        }
    }
}

impl Planner for Helm {
    fn prepare<'a>(&'a self, request: &'a PlanRequest) -> BoxFuture<'a, Readiness> {
        let step = self.attempt(request, false);
        step.map(|step| Readiness::from(step.map_err(NoStep::refusal))).boxed()
    }
}

impl Release<'_> {
    /// What has not ended of what was done to it last. Helm itself would go back over an operation that is in progress,
    /// so a young one blocks; one that has most likely died has to be typed.
    fn unfinished(self, revisions: &[Revision], current: &Revision, now: Time) -> Result<Check, Blocked> {
        match current.status {
            Status::Pending => {}
            Status::Gone => {
                return Err(Blocked {
                    reason: format!("release {} is {}{}", self.name, current.status_name, current.since()),
                    way_out: "install the earlier version again".to_owned(),
                });
            }
            Status::Deployed | Status::Superseded | Status::Failed | Status::Unknown => {
                let sentence = format!("no operation on release {} in progress", self.name);
                return Ok(Check::ok(CheckKind::Operation, sentence));
            }
        }
        let age = current.age(now).filter(|age| *age >= TimeDelta::zero());
        let is = format!("revision {} of release {} is {}", current.number, self.name, current.status_name);
        let manual_command = match history::last_good(revisions) {
            Some(good) => self.manual_command(&good.number.to_string()),
            None => format!("helm uninstall {} -n {}: it was never deployed", self.name, self.namespace),
        };
        match age {
            Some(age) if age >= DEAD => Ok(Check::typed(
                CheckKind::Operation,
                format!("{is} for {}: whatever ran it has probably crashed", brief(age)),
                format!("make sure nobody is working on it; manually: {manual_command}"),
            )),
            _ => Err(Blocked {
                reason: format!(
                    "another operation on it is in progress: {is}{}",
                    age.map_or_else(|| current.since(), |age| format!(" for {}", brief(age)))
                ),
                way_out: format!(
                    "wait until it finishes, or stop whoever runs it; if it has crashed: {manual_command}"
                ),
            }),
        }
    }

    /// Whether the last thing that was done to it is a rollback that failed: the release is what that left.
    fn failed_before(self, revisions: &[Revision], current: &Revision) -> Option<Blocked> {
        if current.status != Status::Failed || !current.is_rollback() {
            return None;
        }
        let back = history::last_good(revisions).map_or_else(|| "REVISION".to_owned(), |good| good.number.to_string());
        Some(Blocked {
            reason: format!(
                "helm's last rollback of release {} failed as revision {}: {}",
                self.name, current.number, current.description
            ),
            way_out: format!(
                "its result stays until the cause is fixed and it is repeated: {}; see {}",
                self.manual_command(&back),
                self.look()
            ),
        })
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
    let found = external_history::serving(&records, entries, hash);
    let blocked = |missing: Missing| missing.blocked("Helm", step.target(), &release.manual_command("REVISION"));
    found.map(|found| (known[found.place], found)).map_err(blocked)
}

fn not_reverted(from: &str) -> Vec<String> {
    vec![
        format!("database changes and queued messages written by {from}"),
        "ConfigMaps and Secrets outside the release, custom resource definitions, data in volumes".to_owned(),
    ]
}
