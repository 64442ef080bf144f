//! Argo CD's own rollback: to the entry of the application's history under which the earlier version served, with
//! auto-sync paused first where it is on.
//!
//! Nothing is tried in advance: Argo CD's dry run of a rollback is an operation like any other, which everybody sees
//! and which keeps real ones waiting.

mod application;
pub(in crate::systems) mod config;
#[cfg(feature = "demo")]
pub(in crate::systems) mod peer;
mod perform;
mod server;

pub use server::Server;

pub use config::ArgoCdSpec;
pub(in crate::systems) use config::STRATEGY;

use crate::cluster::Cluster;
use crate::rollback::action::{Action, ArgoCdRollback, AutoSyncPause};
use crate::rollback::destination::history as templates;
use crate::rollback::external_history::{self, Found, Missing};
use crate::rollback::owner::{self, Owner};
use crate::rollback::planner::Planner;
use crate::rollback::preflight::{self, OwnerPolicy};
use crate::rollback::request::PlanRequest;
use crate::rollback::variables::quoted;
use crate::rollback::workload;
use crate::rollback::{Blocked, Check, CheckKind, Readiness, Refusal, Step};
use application::{Application, Entry, short};
use futures_util::future::{BoxFuture, FutureExt};
use server::Named;
use std::sync::Arc;

/// The server that this names. Connects to nothing.
///
/// # Errors
/// When the address or the token cannot be used.
pub fn connect(spec: &ArgoCdSpec) -> Result<Arc<Server>, Blocked> {
    let server = Server::new(spec).map_err(|error| Blocked {
        reason: format!("cannot query Argo CD: {error}"),
        way_out: "fix its url and token in the configuration".to_owned(),
    })?;
    Ok(Arc::new(server))
}

/// Plans Argo CD's rollback.
pub struct ArgoCd {
    server: Arc<Server>,
    application: Option<String>,
    cluster: Cluster,
}

impl ArgoCd {
    /// The rollback of applications whose workloads are in this cluster.
    pub fn new(spec: &ArgoCdSpec, server: Arc<Server>, cluster: Cluster) -> Self {
        Self { server, application: spec.application.clone(), cluster }
    }

    async fn attempt(&self, request: &PlanRequest) -> Result<Step, Refusal> {
        let reference = &request.reference;
        let snapshot = workload::look_at(&self.cluster, reference).await?;
        let told = self.application.as_ref().map(|name| owner::Application::parse(&request.fill(name)));
        let Some(kept) = told.or_else(|| match owner::of(&snapshot.workload) {
            Owner::ArgoCd(application) => Some(application),
            _ => None,
        }) else {
            return Err(Refusal::from(Blocked {
                reason: format!("{reference} does not name its Argo CD application"),
                way_out: "set the application in the configuration, or choose another strategy".to_owned(),
            }));
        };
        let mut step = preflight::draft_under(OwnerPolicy::Handled, &self.cluster.label, request, snapshot.objects())?;

        let named = Named { name: &kept.name, namespace: kept.namespace.as_deref(), project: None };
        let application = self.server.get(named).await?;
        let named = Named { project: Some(application.project()), ..named };
        let entries = templates::read(reference.kind, &snapshot.workload, snapshot.objects().history);
        let history = application.history();
        let (entry, found) = choose(&application, &history, &entries, &step, &kept)?;
        let knows_enabled = application.auto_syncs() && self.server.knows_enabled().await;
        let pause = application.pause(&kept.to_string(), knows_enabled);

        let record = format!("entry {} of {kept}'s history ({})", entry.id, entry.describe());
        let version = step.target().to_owned();
        let compare = format!("argocd app history {kept}");
        external_history::without_patch(&mut step.checks);
        step.checks.extend(external_history::checks(found, entry.names(&version), &version, &record, &compare));
        step.checks.extend(self.permissions(named, pause.is_some()).await);
        step.checks.push(operation(&application, &kept));
        step.checks.extend(reminders(&application, pause.as_ref(), &kept));
        step.subject = format!("application {kept}, entry {}", entry.id);
        step.place = self.server.place();
        step.manual_command = manual_command(&kept, entry.id, pause.as_ref());
        step.does = does(&kept, entry, pause.as_ref());
        step.not_reverted = not_reverted(step.covers.first().map_or("?", |covered| covered.from.label()));
        step.action = Action::ArgoCd(ArgoCdRollback {
            application: kept.name.clone(),
            namespace: kept.namespace.clone(),
            project: application.project().to_owned(),
            id: entry.id,
            revisions: entry.revisions.clone(),
            last: history.last().map_or(entry.id, |last| last.id),
            last_operation: application.last_operation().map(str::to_owned),
            pause,
        });
        preflight::add(Ok(step), [snapshot.identity])
    }

    async fn permissions(&self, named: Named<'_>, switches_off: bool) -> Vec<Check> {
        // Servers before the action `rollback` know `sync` alone, and that is what it then takes.
        let rollback = self.server.may(named, "rollback", Some("sync"));
        let update = async { if switches_off { Some(self.server.may(named, "update", None).await) } else { None } };
        let (rollback, update) = tokio::join!(rollback, update);
        let mut checks = Vec::new();
        for (action, what, allowed) in
            [("sync", "roll it back", Some(rollback)), ("update", "pause its auto-sync", update)]
        {
            checks.extend(match allowed {
                Some(Ok(true)) => Some(Check::ok(CheckKind::Permission, format!("the Argo CD token may {what}"))),
                Some(Ok(false)) => {
                    let project = named.project.unwrap_or("PROJECT");
                    let blocked = Blocked {
                        reason: format!("the Argo CD token may not {what}"),
                        way_out: format!("ask for: p, ROLE, applications, {action}, {project}/{}, allow", named.name),
                    };
                    Some(Check::blocked(CheckKind::Permission, blocked))
                }
                Some(Err(error)) => {
                    let sentence = format!("unknown whether the Argo CD token may {what}: {error}");
                    Some(Check::warning(CheckKind::Permission, sentence, None))
                }
                None => None,
            });
        }
        checks
    }
}

impl Planner for ArgoCd {
    fn prepare<'a>(&'a self, request: &'a PlanRequest) -> BoxFuture<'a, Readiness> {
        self.attempt(request).map(Readiness::from).boxed()
    }
}

/// The entry under which the version served that the drafted undo goes to.
fn choose<'e>(
    application: &Application,
    history: &'e [Entry],
    entries: &[templates::Entry],
    step: &Step,
    kept: &owner::Application,
) -> Result<(&'e Entry, Found), Blocked> {
    let hash = step.covers.first().map(|covered| covered.to.hash.as_str()).unwrap_or_default();
    let manual_command = format!("argocd app history {kept}; argocd app rollback {kept} ID");
    let recorded = application.records();
    let missing = |missing: Missing| missing.blocked("Argo CD", step.target(), &manual_command);
    let found = external_history::serving(&recorded, entries, hash).map_err(missing)?;
    let entry = history.iter().find(|entry| entry.id == recorded[found.place].number);
    entry.map(|entry| (entry, found)).ok_or_else(|| missing(Missing::NotRecorded))
}

/// Argo CD does one thing at a time with an application.
fn operation(application: &Application, kept: &owner::Application) -> Check {
    let name = CheckKind::Operation;
    match application.in_progress() {
        None => Check::ok(name, format!("no rollback or sync of {kept} in progress")),
        Some(who) => Check::blocked(
            name,
            Blocked {
                reason: format!("another rollback or sync of {kept} is in progress, {who}"),
                way_out: format!("wait until it finishes, or stop it: argocd app terminate-op {kept}"),
            },
        ),
    }
}

/// What the person has to know of auto-sync.
fn reminders(application: &Application, pause: Option<&AutoSyncPause>, kept: &owner::Application) -> Vec<Check> {
    let name = CheckKind::AutoSync;
    let Some(AutoSyncPause { again, keeps_settings, .. }) = pause else {
        return vec![Check::ok(name, format!("auto-sync of {kept} is already off"))];
    };
    let mut checks = vec![Check::warning(
        name,
        if *keeps_settings {
            format!("auto-sync of {kept} is paused first, and stays paused; its settings stay")
        } else {
            format!("auto-sync of {kept} is removed first, with its settings, and stays off")
        },
        Some(format!("afterwards revert the commit in Git, then restore it: {again}")),
    )];
    if let Some(maker) = application.made_by() {
        checks.push(Check::typed(
            CheckKind::Owner,
            format!(
                "{kept} is itself created by {maker}, which may turn auto-sync on again and redeploy the new version"
            ),
            "revert the commit in Git instead, or first make sure it leaves the sync policy alone",
        ));
    }
    checks
}

fn does(kept: &owner::Application, entry: &Entry, pause: Option<&AutoSyncPause>) -> Vec<String> {
    let mut lines = Vec::new();
    if pause.is_some() {
        lines.push(format!("pause auto-sync of application {kept}"));
    }
    lines.push(format!("roll back application {kept} to history entry {} ({})", entry.id, short(&entry.revisions)));
    lines.push("everything else it deploys is rolled back too; what the new version added is not removed".to_owned());
    lines
}

fn manual_command(kept: &owner::Application, id: i64, pause: Option<&AutoSyncPause>) -> String {
    let rollback = format!("argocd app rollback {kept} {id}");
    match pause {
        Some(pause) => {
            let off = quoted(&pause.off.to_string());
            format!("argocd app patch {kept} --type merge --patch {off} && {rollback}")
        }
        None => rollback,
    }
}

fn not_reverted(from: &str) -> Vec<String> {
    vec![
        format!("database changes and queued messages written by {from}"),
        "what the application does not deploy: Secrets from elsewhere, data in volumes, feature flags".to_owned(),
    ]
}
