//! Keys while the feature flags are shown. What is shown and asked is the core's; only the cursor is of the screen.

use super::{Overlay, PAGE, Reaction, Ui};
use crate::feature_flags::FlagId;
use crate::message::Command;
use crate::tui::keymap::Action;
use crate::watch::{FeaturePanel, FlagRow, Watch};

impl Ui {
    /// The flag that keys act on: where the cursor was never moved, or its flag is gone, the first one.
    pub(in crate::tui) fn flag_cursor(&self, rows: &[FlagRow<'_>]) -> usize {
        let flag = self.flag.as_ref().and_then(|flag| rows.iter().position(|row| row.id == *flag));
        flag.unwrap_or_default()
    }

    pub(super) fn show_features(&mut self, live: &Watch) -> Vec<Reaction> {
        if live.setup().feature_flags.is_empty() {
            self.notice = Some("no feature flags are configured for this environment".to_owned());
            return Vec::new();
        }
        vec![Reaction::Ask(Command::ShowFeatures)]
    }

    pub(super) fn press_in_features(&mut self, action: Option<Action>, live: &Watch) -> Vec<Reaction> {
        let close = Reaction::Ask(Command::CloseFeatures);
        if let FeaturePanel::Asking { .. } = live.feature_panel() {
            return match action {
                Some(Action::Confirm) => vec![Reaction::Ask(Command::TurnOff)],
                // A key that is held down must not close what it opened.
                Some(Action::Enter) => Vec::new(),
                _ => vec![close],
            };
        }
        match action {
            Some(Action::Up) => self.step_flags(-1, live),
            Some(Action::Down) => self.step_flags(1, live),
            Some(Action::PageUp) => self.step_flags(-PAGE, live),
            Some(Action::PageDown) => self.step_flags(PAGE, live),
            Some(Action::First) => self.step_flags(isize::MIN, live),
            Some(Action::Last) => self.step_flags(isize::MAX, live),
            Some(Action::Enter) => return self.ask_to_turn_off(live),
            Some(Action::Open) => return self.open_flag(live),
            Some(Action::Back | Action::Features) => return vec![close],
            // The rollback's key works wherever one is.
            Some(Action::Rollback) => {
                return std::iter::once(close).chain(self.open_plan(live)).collect();
            }
            Some(Action::Help) => self.overlay = Some(Overlay::Help(0)),
            Some(Action::Quit) => return self.quit(live, Reaction::Quit),
            _ => {}
        }
        Vec::new()
    }

    fn step_flags(&mut self, by: isize, live: &Watch) {
        let rows = live.flags(self.service);
        let Some(last) = rows.len().checked_sub(1) else { return };
        let place = self.flag_cursor(&rows).saturating_add_signed(by).min(last);
        self.flag = Some(rows[place].id.clone());
    }

    fn flag(&self, live: &Watch) -> Option<FlagId> {
        let rows = live.flags(self.service);
        rows.get(self.flag_cursor(&rows)).map(|row| row.id.clone())
    }

    fn ask_to_turn_off(&mut self, live: &Watch) -> Vec<Reaction> {
        let Some(flag) = self.flag(live) else { return Vec::new() };
        if let Err(why) = live.may_turn_off(&flag) {
            self.notice = Some(why);
            return Vec::new();
        }
        // The question is about this flag, and the cursor stays on it whatever the list does meanwhile.
        self.flag = Some(flag.clone());
        vec![Reaction::Ask(Command::AskToTurnOff(flag))]
    }

    fn open_flag(&mut self, live: &Watch) -> Vec<Reaction> {
        let rows = live.flags(self.service);
        let link = rows.get(self.flag_cursor(&rows)).and_then(|row| row.link);
        let Some(link) = link.map(str::to_owned) else {
            self.notice = Some("no link to this flag".to_owned());
            return Vec::new();
        };
        self.overlay = Some(Overlay::Link(link.clone()));
        vec![Reaction::Copy(link)]
    }
}
