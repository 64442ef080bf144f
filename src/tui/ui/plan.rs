//! Keys while a plan is open, and what of it was on the screen: nobody confirms what could not be read.

use super::{PAGE, Reaction, Ui, widens};
use crate::deploy::Time;
use crate::message::Command;
use crate::rollback::{Goal, Rollback};
use crate::tui::keymap::{Action, Key, Keymap};
use crate::watch::Watch;
use crossterm::event::KeyCode;

/// What a key does in an open plan, beside confirming and closing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum PlanKey {
    /// Shows the checks one by one, or counts them.
    Details,
    /// Copies the commands that do the same by hand.
    Copy,
    /// Closes it and shows the feature flags: the smaller undo.
    Features,
    /// Makes it one for the whole push.
    Widen,
}

impl PlanKey {
    /// All of them, in the order in which they are shown.
    pub(in crate::tui) const ALL: [Self; 4] = [Self::Features, Self::Details, Self::Copy, Self::Widen];

    /// What it does, in a word or two.
    pub(in crate::tui) const fn label(self) -> &'static str {
        match self {
            Self::Details => "details",
            Self::Copy => "copy command",
            Self::Features => "feature flags instead",
            Self::Widen => "all of the push",
        }
    }

    /// Its key; `None` where it does nothing now, or its letter means something else: it confirms, or begins the name
    /// that is typed.
    pub(in crate::tui) fn key(self, keymap: &Keymap, ui: &Ui, live: &Watch) -> Option<Key> {
        let plain = |sign| Key { code: KeyCode::Char(sign), modifiers: crossterm::event::KeyModifiers::NONE };
        let key = match self {
            Self::Details => plain('d'),
            Self::Copy => plain('c'),
            Self::Features if live.setup().feature_flags.is_empty() => return None,
            Self::Features => keymap.keys(Action::Features).first().copied()?,
            Self::Widen if !widens(live) => return None,
            Self::Widen => plain('A'),
        };
        let KeyCode::Char(sign) = key.code else { return Some(key) };
        let is_letter = live.wants_typing() && (!ui.typed.is_empty() || live.setup().environment.starts_with(sign));
        (!is_letter && !keymap.keys(Action::Confirm).contains(&key)).then_some(key)
    }
}

/// What the last frame showed of an open plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct PlanSight {
    /// Which plan: when it was opened.
    pub(in crate::tui) opened: Time,
    /// Whether the dialog has room enough to be read and answered.
    pub(in crate::tui) fits: bool,
    /// The rows that tell of what is not ok, and whether each has been on the screen.
    pub(in crate::tui) rows: Vec<bool>,
}

impl PlanSight {
    /// Whether everything that is not ok has been on the screen, and what answers it is.
    pub(in crate::tui) fn is_read(&self) -> bool {
        self.fits && self.rows.iter().all(|seen| *seen)
    }

    /// How many rows have not.
    pub(in crate::tui) fn unread(&self) -> usize {
        self.rows.iter().filter(|seen| !**seen).count()
    }

    /// Adds what an earlier frame of the same plan showed. Broken to another width its rows are others.
    pub(in crate::tui) fn after(mut self, before: Option<&Self>) -> Self {
        let same = before.filter(|it| it.opened == self.opened && it.rows.len() == self.rows.len());
        for (row, seen) in self.rows.iter_mut().zip(same.map_or(&[][..], |it| &it.rows)) {
            *row |= seen;
        }
        self
    }
}

impl Ui {
    /// Takes in what the frame showed of an open plan.
    pub(in crate::tui) fn saw(&mut self, sight: Option<PlanSight>) {
        self.sight = sight.map(|sight| sight.after(self.sight.as_ref()));
    }

    /// The plan is open: only the confirming key does anything, all others are the less harmful answer.
    pub(super) fn answer_plan(
        &mut self,
        key: Key,
        action: Option<Action>,
        keymap: &Keymap,
        live: &Watch,
    ) -> Vec<Reaction> {
        let pressed = PlanKey::ALL.into_iter().find(|it| it.key(keymap, self, live) == Some(key));
        if let Some(pressed) = pressed {
            return self.press_plan_key(pressed, live);
        }
        match key.code {
            KeyCode::Up => self.plan_scroll = self.plan_scroll.saturating_sub(1),
            KeyCode::Down => self.plan_scroll = self.plan_scroll.saturating_add(1),
            KeyCode::PageUp => self.plan_scroll = self.plan_scroll.saturating_sub(PAGE as u16),
            KeyCode::PageDown => self.plan_scroll = self.plan_scroll.saturating_add(PAGE as u16),
            _ if live.wants_typing() => return self.type_confirmation(key, live),
            // A key that is held down, or struck twice in haste, must not close what it opened.
            _ if action == Some(Action::Rollback) => {}
            _ if action == Some(Action::Confirm) && !self.is_read() => {}
            _ if action == Some(Action::Confirm) => return vec![Reaction::Ask(Command::Confirm { typed: None })],
            _ => return vec![Reaction::Ask(Command::Dismiss)],
        }
        Vec::new()
    }

    /// Whether everything of the open plan that is not ok has been on the screen.
    pub(in crate::tui) fn is_read(&self) -> bool {
        self.sight.as_ref().is_some_and(PlanSight::is_read)
    }

    fn press_plan_key(&mut self, pressed: PlanKey, live: &Watch) -> Vec<Reaction> {
        match pressed {
            PlanKey::Details => {
                self.plan_details = !self.plan_details;
                self.plan_scroll = 0;
                Vec::new()
            }
            PlanKey::Copy => {
                let Rollback::Planned { plan, .. } = live.rollback() else { return Vec::new() };
                self.copied = None;
                let commands: Vec<&str> = plan.steps().map(|step| step.manual_command.as_str()).collect();
                vec![Reaction::Copy(commands.join("\n"))]
            }
            PlanKey::Features => {
                std::iter::once(Reaction::Ask(Command::Dismiss)).chain(self.show_features(live)).collect()
            }
            PlanKey::Widen => {
                self.plan_scroll = 0;
                vec![Reaction::Ask(Command::OpenPlan { goal: Goal::RollBack, scope: live.push() })]
            }
        }
    }
}
