//! Keys that lead to a rollback or to what is in its way: what opens a plan, what is typed to confirm it.

use super::{Reaction, Ui, edit};
use crate::deploy::WorkloadId;
use crate::message::Command;
use crate::rollback::{Goal, Readiness, Rollback};
use crate::tui::keymap::{Action, Key};
use crate::tui::rows;
use crate::watch::Watch;
use crossterm::event::KeyCode;

impl Ui {
    pub(super) fn open_plan(&mut self, live: &Watch) -> Vec<Reaction> {
        if !self.may_open(live) {
            return Vec::new();
        }
        let ready = |id| matches!(live.workload(id).readiness, Readiness::Ready(_));
        if !rows::workloads(live, self.service).any(ready) {
            // The core decides; but a key that seems to do nothing is the worst answer.
            self.notice = Some("no rollback is ready: see the footer".to_owned());
        }
        vec![Reaction::Ask(Command::OpenPlan {
            goal: Goal::RollBack,
            scope: rows::scope(live, self.service, &self.board),
        })]
    }

    /// The plan that takes the last rollback back.
    pub(super) fn open_forward(&mut self, live: &Watch) -> Vec<Reaction> {
        if !self.may_open(live) {
            return Vec::new();
        }
        if !live.can_go_forward() {
            self.notice = Some("there is no rollback to undo".to_owned());
            return Vec::new();
        }
        self.notice = blocked_forward(live);
        vec![Reaction::Ask(Command::OpenPlan { goal: Goal::Undo, scope: Vec::new() })]
    }

    /// Makes ready for a plan, unless none can be opened now.
    fn may_open(&mut self, live: &Watch) -> bool {
        // A plan is made of what is, not of what was.
        self.frozen = None;
        self.typed.clear();
        self.plan_scroll = 0;
        self.plan_details = false;
        self.copied = None;
        let refusal = if live.setup().read_only {
            "read-only mode: nothing can be rolled back from here"
        } else if live.rollback().is_in_progress() {
            "a rollback is already in progress"
        } else {
            return true;
        };
        self.notice = Some(refusal.to_owned());
        false
    }

    /// Asks whether to delete the pods that block a rollback.
    pub(super) fn ask_to_delete_pods(&mut self, live: &Watch) -> Vec<Reaction> {
        self.frozen = None;
        let scope = rows::scope(live, self.service, &self.board);
        let mut asked = rows::workloads(live, self.service);
        if asked.any(|id| !live.deletable_pods(id).is_empty()) {
            return vec![Reaction::Ask(Command::AskToDeletePods { scope })];
        }
        let why = if live.setup().read_only {
            "read-only mode: nothing can be deleted from here"
        } else {
            "no broken pod blocks a rollback"
        };
        self.notice = Some(why.to_owned());
        Vec::new()
    }

    pub(super) fn type_confirmation(&mut self, key: Key, live: &Watch) -> Vec<Reaction> {
        match key.code {
            KeyCode::Enter if !live.takes_confirmation() => {
                self.notice = Some("not confirmed: keys are not taken yet; press Enter again".to_owned());
                Vec::new()
            }
            KeyCode::Enter if !self.is_read() => Vec::new(),
            KeyCode::Enter if self.typed == live.setup().environment => {
                vec![Reaction::Ask(Command::Confirm { typed: Some(self.typed.clone()) })]
            }
            KeyCode::Enter => {
                self.notice = Some(format!("not confirmed: type {} and press Enter", live.setup().environment));
                Vec::new()
            }
            _ if edit(&mut self.typed, key) => Vec::new(),
            _ => vec![Reaction::Ask(Command::Dismiss)],
        }
    }
}

/// Whether the open plan is for a part of the push, and another key makes it the whole.
pub(super) fn widens(live: &Watch) -> bool {
    matches!(live.rollback(), Rollback::Planned { plan, .. } if plan.beside > 0)
}

/// The question about pods is open: only the confirming key does anything, all others are the less harmful answer. A
/// key that is held down must not close what it opened.
pub(super) fn answer_deletion(action: Option<Action>) -> Vec<Reaction> {
    match action {
        Some(Action::Confirm) => vec![Reaction::Ask(Command::DeletePods)],
        Some(Action::DeletePods) => Vec::new(),
        _ => vec![Reaction::Ask(Command::Dismiss)],
    }
}

/// Why a rollback cannot be rolled back now; `None` where a part of it can.
fn blocked_forward(live: &Watch) -> Option<String> {
    let taken = |id: &WorkloadId| live.rolled_back(*id).is_some();
    let mut why = None;
    for id in rows::workloads(live, None).filter(taken) {
        match &live.workload(id).undo {
            Readiness::Ready(_) => return None,
            Readiness::Preparing => {
                why.get_or_insert_with(|| "the undo is still being computed".to_owned());
            }
            Readiness::Blocked(refusal) => {
                why = Some(format!("cannot be undone: {}; {}", refusal.reason, refusal.way_out));
            }
        }
    }
    why
}
