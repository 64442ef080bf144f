//! Keys in a replay: one may look at everything and do nothing. What was done, was done then.

use super::{Overlay, Reaction, Ui};
use crate::replay::Playing;
use crate::tui::keymap::{Action, Key, Keymap};
use crate::tui::theme::Themes;
use crate::watch::Watch;

impl Ui {
    /// Whether letters go into a text now, so that none is a key of the player.
    pub(in crate::tui) fn types(&self) -> bool {
        matches!(self.overlay, Some(Overlay::Note(_) | Overlay::Filter))
    }

    /// Takes a key of a replay.
    pub(super) fn press_in_replay(
        &mut self,
        key: Key,
        keymap: &Keymap,
        themes: &mut Themes,
        shown: &Watch,
    ) -> Vec<Reaction> {
        let action = keymap.action(key);
        let reactions = match self.overlay.take() {
            // Whoever leaves a replay leaves nothing in progress behind.
            _ if key == Key::INTERRUPT => vec![Reaction::Interrupt],
            Some(overlay) => self.press_in(overlay, key, action, shown),
            None => match action {
                None => Vec::new(),
                Some(action) if acts(action) => {
                    self.notice = Some("this is a replay: nothing can be changed from here".to_owned());
                    Vec::new()
                }
                Some(Action::Quit) => vec![Reaction::Quit],
                Some(action) => self.act(action, themes, shown),
            },
        };
        // There is no core behind it that could be asked for anything.
        reactions.into_iter().filter(|reaction| !matches!(reaction, Reaction::Ask(_))).collect()
    }

    /// The player that is shown, in a replay.
    pub(in crate::tui) fn playing(&self) -> Option<&Playing> {
        self.replay.as_ref()
    }
}

/// Whether an action is for what goes on, and not only for looking.
const fn acts(action: Action) -> bool {
    match action {
        Action::Rollback
        | Action::Confirm
        | Action::Veto
        | Action::Forward
        | Action::DeletePods
        | Action::Features
        | Action::Acknowledge
        | Action::Note
        | Action::Freeze
        | Action::Mark => true,
        Action::Open
        | Action::Filter
        | Action::Sort
        | Action::NextRed
        | Action::Details
        | Action::Enter
        | Action::Back
        | Action::Show(_)
        | Action::NextPane
        | Action::PreviousPane
        | Action::Up
        | Action::Down
        | Action::Left
        | Action::Right
        | Action::PageUp
        | Action::PageDown
        | Action::First
        | Action::Last
        | Action::Theme
        | Action::Help
        | Action::Quit
        | Action::Suspend => false,
    }
}

/// Whether an action does something in a replay.
pub(in crate::tui) const fn works_in_replay(action: Action) -> bool {
    !acts(action)
}
