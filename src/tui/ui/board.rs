//! The board of many services: which are marked for the rollback key, which are shown, and in which order.

use super::{Overlay, Reaction, Ui};
use crate::deploy::ServiceId;
use crate::tui::keymap::{Action, Key, Pane};
use crate::tui::rows::{self, Row};
use crate::verdict::Level;
use crate::watch::Watch;
use crossterm::event::KeyCode;

/// In which order services are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::tui) enum Order {
    /// The worst first, otherwise as in the configuration.
    #[default]
    Worst,
    /// By name.
    Name,
    /// The most errors first.
    Errors,
    /// The slowest first.
    Latency,
}

impl Order {
    /// The next one, the first after the last.
    pub(in crate::tui) const fn next(self) -> Self {
        match self {
            Self::Worst => Self::Name,
            Self::Name => Self::Errors,
            Self::Errors => Self::Latency,
            Self::Latency => Self::Worst,
        }
    }

    /// Its name on the screen.
    pub(in crate::tui) const fn label(self) -> &'static str {
        match self {
            Self::Worst => "worst first",
            Self::Name => "by name",
            Self::Errors => "most errors first",
            Self::Latency => "slowest first",
        }
    }
}

/// What a person made of the board.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::tui) struct Board {
    /// Only services with this in their name are shown.
    pub(in crate::tui) filter: String,
    /// In this order.
    pub(in crate::tui) order: Order,
    /// What the rollback key is for; empty: what is red, and what calls it.
    pub(in crate::tui) marked: Vec<ServiceId>,
}

impl Ui {
    /// Marks the service under the cursor, or takes its mark; says whether there is one.
    pub(super) fn mark(&mut self, live: &Watch) -> bool {
        let Some(Row::Service(service)) = self.row(self.shown(live)) else { return false };
        match self.board.marked.iter().position(|marked| *marked == service) {
            Some(place) => {
                self.board.marked.remove(place);
            }
            None => self.board.marked.push(service),
        }
        true
    }

    /// Opens the line in which a part of a name is typed.
    pub(super) fn open_filter(&mut self, live: &Watch) {
        if rows::is_board(self.shown(live), self.service) {
            self.focus = Pane::Signals;
            self.overlay = Some(Overlay::Filter);
        } else {
            self.notice = Some("only the board of services has a filter".to_owned());
        }
    }

    /// Takes a key while that line is open.
    pub(super) fn type_filter(&mut self, key: Key, action: Option<Action>, live: &Watch) {
        match key.code {
            KeyCode::Enter => return,
            KeyCode::Esc => return self.board.filter.clear(),
            KeyCode::Up | KeyCode::Down => {
                self.step(if action == Some(Action::Up) { -1 } else { 1 }, live);
            }
            _ => {
                super::edit(&mut self.board.filter, key);
                self.selected[Pane::Signals as usize] = None;
            }
        }
        self.overlay = Some(Overlay::Filter);
    }

    /// The next order of the board.
    pub(super) fn sort(&mut self, live: &Watch) {
        if rows::is_board(self.shown(live), self.service) {
            self.board.order = self.board.order.next();
            self.notice = Some(format!("services: {}", self.board.order.label()));
        } else {
            self.notice = Some("only the board of services can be sorted".to_owned());
        }
    }

    /// The cursor to the next row that is red, round and round.
    pub(super) fn next_red(&mut self, live: &Watch) -> Vec<Reaction> {
        let focus = match self.focus {
            Pane::Signals | Pane::Flags => self.focus,
            _ if rows::is_board(self.shown(live), self.service) => Pane::Signals,
            _ => Pane::Flags,
        };
        let watch = self.shown(live);
        let rows = rows::of(focus, watch, self.service, &self.board);
        let is_red = |row: &&Row| match row {
            Row::Service(service) => rows::worst(watch, Some(*service)) == Level::RedFlag,
            Row::Signal(id) => watch.finding(*id).level == Level::RedFlag,
            _ => false,
        };
        // Whoever comes from another pane begins with the first.
        let after = if focus == self.focus { self.cursor(focus, &rows) + 1 } else { 0 };
        let (before, behind) = rows.split_at(after.min(rows.len()));
        let found = behind.iter().chain(before).find(is_red).copied();
        self.focus = focus;
        match found {
            Some(row) => self.selected[focus as usize] = Some(row),
            None => self.notice = Some("nothing is red".to_owned()),
        }
        Vec::new()
    }
}
