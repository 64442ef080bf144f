//! A rollback of Argo CD, done and looked after: what its action says, asked of its server.

use super::application::{Aim, Application, Progress};
use super::server::{Changed, Named, Server};
use crate::rollback::action::{ArgoCdRollback, AutoSyncPause};
use crate::rollback::{Answer, Blocked, Run};

/// What an action says, as the server is told it.
#[derive(Clone, Copy)]
struct Order<'a> {
    named: Named<'a>,
    id: i64,
    aim: Aim<'a>,
    pause: Option<&'a AutoSyncPause>,
}

impl<'a> Order<'a> {
    fn of(action: &'a ArgoCdRollback) -> Self {
        let ArgoCdRollback { application, namespace, project, id, revisions, last, last_operation, pause } = action;
        Self {
            named: Named { name: application, namespace: namespace.as_deref(), project: Some(project) },
            id: *id,
            aim: Aim { revisions, last: *last, last_operation: last_operation.as_deref() },
            pause: pause.as_ref(),
        }
    }
}

impl Server {
    /// Does it: two requests where auto-sync is on, else one; nothing is looked up and nothing repeated.
    pub(crate) async fn roll_back(&self, action: &ArgoCdRollback) -> Answer {
        let order = Order::of(action);
        let name = order.named.full();
        if let Some(pause) = order.pause {
            match self.pause(order.named, &pause.off).await {
                Changed::Done(application) if !application.auto_syncs() => {}
                Changed::Done(_) => {
                    return Answer::Refused(Blocked {
                        reason: format!(
                            "Argo CD accepted the pause of {name}, but auto-sync is still on: the change was dropped \
                             or reverted"
                        ),
                        way_out: format!("see what manages it: argocd app get {name} --output yaml"),
                    });
                }
                Changed::Refused(blocked) => return Answer::Refused(blocked),
                Changed::Unknown(reason) => {
                    return Answer::Unknown(format!(
                        "unknown whether auto-sync of {name} was paused ({reason}); the rollback was not requested"
                    ));
                }
            }
        }
        match (self.ask_to_roll_back(order.named, order.id).await, order.pause) {
            (Changed::Done(application), _) => {
                Answer::Running(self.run(order, "queued".to_owned(), Some(&*application)))
            }
            (Changed::Refused(blocked), None) => Answer::Refused(blocked),
            (Changed::Refused(blocked), Some(pause)) => Answer::Failed(Blocked {
                reason: format!("auto-sync of {name} was paused, then the rollback was refused: {}", blocked.reason),
                way_out: format!("{}; to resume it: {}", blocked.way_out, pause.again),
            }),
            (Changed::Unknown(reason), None) => Answer::Unknown(reason),
            (Changed::Unknown(reason), Some(_)) => Answer::Unknown(format!("{reason}; auto-sync of {name} is paused")),
        }
    }

    /// How the rollback goes on. Changes nothing.
    pub(crate) async fn follow(&self, action: &ArgoCdRollback) -> Answer {
        let order = Order::of(action);
        let application = match self.get(order.named).await {
            Ok(application) => application,
            Err(blocked) => return Answer::Unknown(blocked.reason),
        };
        match application.progress(order.aim) {
            // The API server reads from a cache that may lag behind what it has just taken.
            Progress::NotBegun => Answer::Unknown("the rollback is not visible yet".to_owned()),
            progress => self.told(order, progress, &application),
        }
    }

    /// Whether a rollback whose answer was lost took effect. Changes nothing.
    pub(crate) async fn read_back(&self, action: &ArgoCdRollback) -> Answer {
        let order = Order::of(action);
        let application = match self.get(order.named).await {
            Ok(application) => application,
            Err(blocked) => return Answer::Unknown(blocked.reason),
        };
        let name = order.named.full();
        match application.progress(order.aim) {
            Progress::NotBegun => match order.pause {
                Some(pause) if !application.auto_syncs() => Answer::Failed(Blocked {
                    reason: format!("auto-sync of {name} was paused, but it was not rolled back"),
                    way_out: format!("reopen the plan, or resume it: {}", pause.again),
                }),
                _ => Answer::Refused(Blocked {
                    reason: format!("the rollback of {name} did not take effect"),
                    way_out: format!("reopen the plan, or manually: argocd app rollback {name} {}", order.id),
                }),
            },
            progress => self.told(order, progress, &application),
        }
    }

    fn told(&self, order: Order<'_>, progress: Progress, application: &Application) -> Answer {
        let name = order.named.full();
        match progress {
            Progress::NotBegun => Answer::Unknown("the rollback is not visible yet".to_owned()),
            Progress::Running(state) => Answer::Running(self.run(order, state, Some(application))),
            Progress::Succeeded => {
                let run = self.run(order, "succeeded".to_owned(), Some(application));
                Answer::Running(Run { ended: true, ..run })
            }
            Progress::Failed(message) => Answer::Failed(Blocked {
                reason: format!("Argo CD could not roll {name} back: {message}"),
                way_out: match order.pause {
                    Some(AutoSyncPause { again, .. }) => {
                        format!("check argocd app get {name}; auto-sync is paused: {again}")
                    }
                    None => format!("check argocd app get {name}"),
                },
            }),
            Progress::Overtaken(what) => Answer::ChangedUnderUs(format!("{name}: {what}")),
        }
    }

    fn run(&self, order: Order<'_>, state: String, application: Option<&Application>) -> Run {
        let link = Some(self.page(order.named, application));
        Run { id: order.id.to_string(), state, link, ended: false }
    }
}
