//! Argo CD's own rollback: to the entry of the application's history under which the earlier version served, with
//! automatic synchronization switched off first where it is on.
//!
//! Nothing is tried in advance: Argo CD's dry run of a rollback is an operation like any other, which everybody sees
//! and which keeps real ones waiting.

mod application;
mod server;

use super::records::{self, Found, Missing};
use super::{Strategy, kubernetes};
use crate::cluster::Cluster;
use crate::rollback::action::Action;
use crate::rollback::ask::Ask;
use crate::rollback::keeper::{self, Keeper};
use crate::rollback::preflight::{self, Owner};
use crate::rollback::spec::ArgoCdSpec;
use crate::rollback::target::history as templates;
use crate::rollback::{Answer, Blocked, Check, CheckKind, Readiness, Refusal, Run, Step};
use application::{Aim, Application, Entry, Progress, short};
use futures_util::future::{BoxFuture, FutureExt, ready};
use server::{Changed, Named, Server};

/// Argo CD's rollback, as a strategy.
pub struct ArgoCd {
    server: Server,
    application: Option<String>,
    cluster: Cluster,
}

/// What a step of ours says.
#[derive(Clone, Copy)]
struct Order<'a> {
    named: Named<'a>,
    id: i64,
    aim: Aim<'a>,
    switch_on_again: Option<&'a str>,
}

impl ArgoCd {
    /// The rollback of applications whose workloads are in this cluster. Connects to nothing.
    ///
    /// # Errors
    /// When the address or the token cannot be used.
    pub fn new(spec: &ArgoCdSpec, cluster: Cluster) -> Result<Self, Blocked> {
        let server = Server::new(spec).map_err(|error| Blocked {
            reason: format!("Argo CD cannot be asked: {error}"),
            way_out: "put its address and token in the configuration right".to_owned(),
        })?;
        Ok(Self { server, application: spec.application.clone(), cluster })
    }

    async fn attempt(&self, ask: &Ask) -> Result<Step, Refusal> {
        let reference = &ask.reference;
        let sight = kubernetes::look_at(&self.cluster, reference).await?;
        let told = self.application.as_ref().map(|name| keeper::Application::parse(&ask.fill(name)));
        let Some(kept) = told.or_else(|| match keeper::of(&sight.workload) {
            Keeper::ArgoCd(application) => Some(application),
            _ => None,
        }) else {
            return Err(Refusal::from(Blocked {
                reason: format!("{reference} does not name the application of Argo CD that it belongs to"),
                way_out: "name the application in the configuration, or choose another strategy".to_owned(),
            }));
        };
        let mut step = preflight::draft_under(Owner::Handled, &self.cluster.label, ask, sight.objects())?;

        let named = Named { name: &kept.name, namespace: kept.namespace.as_deref(), project: None };
        let application = self.server.get(named).await?;
        let named = Named { project: Some(application.project()), ..named };
        let entries = templates::read(reference.kind, &sight.workload, sight.objects().history);
        let history = application.history();
        let (entry, found) = choose(&application, &history, &entries, &step, &kept)?;
        let auto_sync = application.auto_sync(&kept.to_string());

        let record = format!("entry {} of {kept}'s history ({})", entry.id, entry.describe());
        let version = step.target().to_owned();
        let compare = format!("argocd app history {kept}");
        records::without_patch(&mut step.checks);
        step.checks.extend(records::checks(found, entry.names(&version), &version, &record, &compare));
        step.checks.extend(self.permissions(named, auto_sync.is_some()).await);
        step.checks.push(operation(&application, &kept));
        step.checks.extend(reminders(&application, auto_sync.as_deref(), &kept));
        step.subject = format!("application {kept}, entry {}", entry.id);
        step.place = self.server.place();
        step.by_hand = by_hand(&kept, entry.id, auto_sync.is_some());
        step.does = does(&kept, entry, auto_sync.is_some());
        step.not_restored = not_restored(step.covers.first().map_or("?", |covered| covered.from.label()));
        step.action = Action::ArgoCd {
            application: kept.name.clone(),
            namespace: kept.namespace.clone(),
            project: application.project().to_owned(),
            id: entry.id,
            revisions: entry.revisions.clone(),
            last: history.last().map_or(entry.id, |last| last.id),
            last_operation: application.last_operation().map(str::to_owned),
            switch_on_again: auto_sync,
        };
        preflight::add(Ok(step), [sight.identity])
    }

    async fn permissions(&self, named: Named<'_>, switches_off: bool) -> Vec<Check> {
        // Servers before the action `rollback` know `sync` alone, and that is what it then takes.
        let rollback = self.server.may(named, "rollback", Some("sync"));
        let update = async { if switches_off { Some(self.server.may(named, "update", None).await) } else { None } };
        let (rollback, update) = tokio::join!(rollback, update);
        let mut checks = Vec::new();
        for (action, what, allowed) in
            [("sync", "roll it back", Some(rollback)), ("update", "switch its automatic synchronization off", update)]
        {
            checks.extend(match allowed {
                Some(Ok(true)) => Some(Check::ok("permission", format!("Argo CD lets this token {what}"))),
                Some(Ok(false)) => {
                    let project = named.project.unwrap_or("PROJECT");
                    let blocked = Blocked {
                        reason: format!("Argo CD does not let this token {what}"),
                        way_out: format!("ask for: p, ROLE, applications, {action}, {project}/{}, allow", named.name),
                    };
                    Some(Check::blocked("permission", blocked))
                }
                Some(Err(error)) => {
                    let sentence = format!("Argo CD does not say whether it lets this token {what}: {error}");
                    Some(Check::warning("permission", sentence, None))
                }
                None => None,
            });
        }
        checks
    }

    /// Two requests where automatic synchronization is on, else one; nothing is looked up and nothing repeated.
    async fn roll_back(&self, order: Order<'_>) -> Answer {
        let name = order.named.full();
        if order.switch_on_again.is_some() {
            match self.server.switch_off(order.named).await {
                Changed::Done(_) => {}
                Changed::Refused(blocked) => return Answer::Refused(blocked),
                Changed::Unknown(reason) => {
                    return Answer::Unknown(format!(
                        "whether automatic synchronization of {name} was switched off is not known ({reason}); the \
                         rollback was not asked for"
                    ));
                }
            }
        }
        match (self.server.roll_back(order.named, order.id).await, order.switch_on_again) {
            (Changed::Done(application), _) => {
                Answer::Running(self.run(order, "queued".to_owned(), Some(&*application)))
            }
            (Changed::Refused(blocked), None) => Answer::Refused(blocked),
            (Changed::Refused(blocked), Some(again)) => Answer::Failed(Blocked {
                reason: format!(
                    "automatic synchronization of {name} was switched off, and then the rollback was refused: {}",
                    blocked.reason
                ),
                way_out: format!("{}; to switch it on again: {again}", blocked.way_out),
            }),
            (Changed::Unknown(reason), None) => Answer::Unknown(reason),
            (Changed::Unknown(reason), Some(_)) => {
                Answer::Unknown(format!("{reason}; automatic synchronization of {name} is switched off"))
            }
        }
    }

    async fn watch(&self, order: Order<'_>) -> Answer {
        let application = match self.server.get(order.named).await {
            Ok(application) => application,
            Err(blocked) => return Answer::Unknown(blocked.reason),
        };
        match application.progress(order.aim) {
            // The API server reads from a cache that may lag behind what it has just taken.
            Progress::NotBegun => Answer::Unknown("the rollback is not seen yet".to_owned()),
            progress => self.told(order, progress, &application),
        }
    }

    async fn look_back(&self, order: Order<'_>) -> Answer {
        let application = match self.server.get(order.named).await {
            Ok(application) => application,
            Err(blocked) => return Answer::Unknown(blocked.reason),
        };
        let name = order.named.full();
        match application.progress(order.aim) {
            Progress::NotBegun => match order.switch_on_again {
                Some(again) if application.auto_sync(&name).is_none() => Answer::Failed(Blocked {
                    reason: format!("automatic synchronization of {name} was switched off, and not rolled back"),
                    way_out: format!("open the plan again, or switch it on again: {again}"),
                }),
                _ => Answer::Refused(Blocked {
                    reason: format!("the rollback of {name} did not take effect"),
                    way_out: format!("open the plan again, or by hand: argocd app rollback {name} {}", order.id),
                }),
            },
            progress => self.told(order, progress, &application),
        }
    }

    fn told(&self, order: Order<'_>, progress: Progress, application: &Application) -> Answer {
        let name = order.named.full();
        match progress {
            Progress::NotBegun => Answer::Unknown("the rollback is not seen yet".to_owned()),
            Progress::Running(state) => Answer::Running(self.run(order, state, Some(application))),
            Progress::Succeeded => {
                let run = self.run(order, "succeeded".to_owned(), Some(application));
                Answer::Running(Run { ended: true, ..run })
            }
            Progress::Failed(message) => Answer::Failed(Blocked {
                reason: format!("Argo CD could not roll {name} back: {message}"),
                way_out: match order.switch_on_again {
                    Some(again) => format!("look at argocd app get {name}; automatic synchronization is off: {again}"),
                    None => format!("look at argocd app get {name}"),
                },
            }),
            Progress::Overtaken(what) => Answer::ChangedUnderUs(format!("{name}: {what}")),
        }
    }

    fn run(&self, order: Order<'_>, state: String, application: Option<&Application>) -> Run {
        let link = Some(self.server.page(order.named, application));
        Run { id: order.id.to_string(), state, link, ended: false }
    }
}

impl Strategy for ArgoCd {
    fn prepare<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Readiness> {
        self.attempt(ask).map(Readiness::from).boxed()
    }

    fn send<'a>(&'a self, step: &'a Step) -> BoxFuture<'a, Answer> {
        match order(&step.action) {
            Some(order) => self.roll_back(order).boxed(),
            None => ready(super::not_mine(step)).boxed(),
        }
    }

    fn follow<'a>(&'a self, step: &'a Step, _run: &'a Run) -> BoxFuture<'a, Answer> {
        match order(&step.action) {
            Some(order) => self.watch(order).boxed(),
            None => ready(super::not_mine(step)).boxed(),
        }
    }

    fn read_back<'a>(&'a self, step: &'a Step) -> BoxFuture<'a, Answer> {
        match order(&step.action) {
            Some(order) => self.look_back(order).boxed(),
            None => ready(super::not_mine(step)).boxed(),
        }
    }
}

fn order(action: &Action) -> Option<Order<'_>> {
    let Action::ArgoCd { application, namespace, project, id, revisions, last, last_operation, switch_on_again } =
        action
    else {
        return None;
    };
    Some(Order {
        named: Named { name: application, namespace: namespace.as_deref(), project: Some(project) },
        id: *id,
        aim: Aim { revisions, last: *last, last_operation: last_operation.as_deref() },
        switch_on_again: switch_on_again.as_deref(),
    })
}

/// The entry under which the version served that the drafted undo goes to.
fn choose<'e>(
    application: &Application,
    history: &'e [Entry],
    entries: &[templates::Entry],
    step: &Step,
    kept: &keeper::Application,
) -> Result<(&'e Entry, Found), Blocked> {
    let hash = step.covers.first().map(|covered| covered.to.hash.as_str()).unwrap_or_default();
    let by_hand = format!("argocd app history {kept}; argocd app rollback {kept} ID");
    let recorded = application.records();
    let missing = |missing: Missing| missing.blocked("Argo CD", step.target(), &by_hand);
    let found = records::serving(&recorded, entries, hash).map_err(missing)?;
    let entry = history.iter().find(|entry| entry.id == recorded[found.place].number);
    entry.map(|entry| (entry, found)).ok_or_else(|| missing(Missing::NotRecorded))
}

/// Argo CD does one thing at a time with an application.
fn operation(application: &Application, kept: &keeper::Application) -> Check {
    let name = CheckKind::Operation;
    match application.under_way() {
        None => Check::ok(name, format!("no rollback or sync of {kept} is under way")),
        Some(who) => Check::blocked(
            name,
            Blocked {
                reason: format!("another rollback or sync of {kept} is under way, {who}"),
                way_out: format!("wait for its end, or end it: argocd app terminate-op {kept}"),
            },
        ),
    }
}

/// What the person has to know of automatic synchronization.
fn reminders(application: &Application, again: Option<&str>, kept: &keeper::Application) -> Vec<Check> {
    let name = "auto-sync";
    let Some(again) = again else {
        return vec![Check::ok(name, format!("automatic synchronization of {kept} is off already"))];
    };
    let mut checks = vec![Check::warning(
        name,
        format!("automatic synchronization of {kept} is switched off first, and stays off"),
        Some(format!("afterwards revert the commit in Git, then switch it on again: {again}")),
    )];
    if let Some(maker) = application.made_by() {
        checks.push(Check::typed(
            "owner",
            format!(
                "{kept} is itself made by {maker}, which may switch automatic synchronization on again: that brings \
                 the new version back"
            ),
            "revert the commit in Git instead, or see that the sync policy is left alone there first",
        ));
    }
    checks
}

fn does(kept: &keeper::Application, entry: &Entry, switches_off: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if switches_off {
        lines.push(format!("automatic synchronization of application {kept} is switched off"));
    }
    lines.push(format!(
        "application {kept} goes back to entry {} of its history ({})",
        entry.id,
        short(&entry.revisions)
    ));
    lines.push("what else it deploys goes back with it; what the new version added is not removed".to_owned());
    lines
}

fn by_hand(kept: &keeper::Application, id: i64, switches_off: bool) -> String {
    let rollback = format!("argocd app rollback {kept} {id}");
    if switches_off { format!("argocd app set {kept} --sync-policy none && {rollback}") } else { rollback }
}

fn not_restored(from: &str) -> Vec<String> {
    vec![
        format!("database migrations and messages that {from} has written"),
        "what the application does not deploy itself: Secrets from elsewhere, data in volumes, feature flags"
            .to_owned(),
    ]
}
