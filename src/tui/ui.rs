//! What a person does to the screen itself: where the cursor is, what is open, what was typed so far.
//! Keys become [`Reaction`]s here; nothing is drawn and nothing is performed.

mod board;
mod features;
mod plan;
mod replay;
mod rollback;

use super::Reaction;
use super::clipboard::Copied;
use super::keymap::{Action, Key, Keymap, Pane};
use super::rows::{self, Row};
use super::theme::Themes;
use crate::deploy::{ServiceId, Time};
use crate::feature_flags::FlagId;
use crate::message::Command;
use crate::replay::Playing;
use crate::rollback::{Execution, Rollback};
use crate::session::Following;
use crate::verdict::Level;
use crate::watch::{FeaturePanel, Watch};
pub(super) use board::{Board, Order};
use crossterm::event::{KeyCode, KeyModifiers};
pub(super) use plan::{PlanKey, PlanSight};
pub(super) use replay::works_in_replay;
use rollback::{answer_deletion, widens};

/// The longest note and the longest confirmation that can be typed, in characters.
const LONGEST_TEXT: usize = 200;

/// How many rows a page key moves.
const PAGE: isize = 10;

/// What lies over the panes and takes the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Overlay {
    /// All keys, scrolled by so many rows.
    Help(u16),
    /// A note being typed.
    Note(String),
    /// A part of a service's name being typed.
    Filter,
    /// Whether to quit while a rollback runs.
    Quit,
    /// A link, shown whole.
    Link(String),
    /// All that is known of a row, scrolled by so many rows.
    Details(Row, u16),
}

/// The state of the screen itself.
#[derive(Debug)]
pub(super) struct Ui {
    /// The pane that has the keys.
    pub(super) focus: Pane,
    /// Whether it is shown alone.
    pub(super) zoomed: bool,
    /// The service that was entered.
    pub(super) service: Option<ServiceId>,
    /// What was made of the board.
    pub(super) board: Board,
    /// What lies over the panes.
    pub(super) overlay: Option<Overlay>,
    /// The watch as it was when the view was frozen.
    pub(super) frozen: Option<Box<Watch>>,
    /// What was typed to confirm the open plan.
    pub(super) typed: String,
    /// Whether the checks of the plan that came out well are told one by one.
    pub(super) plan_details: bool,
    /// By how many rows the plan is scrolled.
    pub(super) plan_scroll: u16,
    /// What was on the screen of the plan that is open.
    pub(super) sight: Option<PlanSight>,
    /// The rollback whose report was closed, by when it was confirmed.
    pub(super) closed_report: Option<Time>,
    /// Where the cursor is among the feature flags; `None` until it was moved.
    flag: Option<FlagId>,
    /// One sentence in the footer, until the next key.
    pub(super) notice: Option<String>,
    /// What is waited for before anybody can be asked.
    pub(super) waits_for: Option<String>,
    /// Who is at the keys, where that is somebody else: then nothing can be changed here.
    pub(super) follows: Option<Following>,
    /// Where the last text went that was to be copied.
    pub(super) copied: Option<Copied>,
    /// The player, where what is shown is a replay.
    pub(super) replay: Option<Playing>,
    /// Where the cursor is in each pane; `None` until it was moved.
    selected: [Option<Row>; Pane::ALL.len()],
}

impl Default for Ui {
    fn default() -> Self {
        Self {
            focus: Pane::Flags,
            zoomed: false,
            service: None,
            board: Board::default(),
            overlay: None,
            frozen: None,
            typed: String::new(),
            plan_details: false,
            plan_scroll: 0,
            sight: None,
            closed_report: None,
            flag: None,
            notice: None,
            waits_for: None,
            follows: None,
            copied: None,
            replay: None,
            selected: [None; Pane::ALL.len()],
        }
    }
}

impl Ui {
    /// What is shown: the frozen watch, or the live one.
    pub(super) fn shown<'a>(&'a self, live: &'a Watch) -> &'a Watch {
        self.frozen.as_deref().unwrap_or(live)
    }

    /// The place of the cursor among a pane's rows. Where it was never moved, or its row is gone, it is on the
    /// first one: the worst; in the timeline on the newest.
    pub(super) fn cursor(&self, pane: Pane, rows: &[Row]) -> usize {
        let selected = self.selected[pane as usize].and_then(|row| rows.iter().position(|other| *other == row));
        selected.unwrap_or(if pane == Pane::Timeline { rows.len().saturating_sub(1) } else { 0 })
    }

    /// The rollback whose progress or report is shown, if any: one that runs always is.
    pub(super) fn report<'a>(&self, live: &'a Watch) -> Option<&'a Execution> {
        let closed = |done: &Execution| self.closed_report == Some(done.confirmed);
        live.rollback().execution().filter(|done| live.rollback().is_in_progress() || !closed(done))
    }

    /// The row that keys act on.
    pub(super) fn row(&self, watch: &Watch) -> Option<Row> {
        let rows = rows::of(self.focus, watch, self.service, &self.board);
        rows.get(self.cursor(self.focus, &rows)).copied()
    }

    /// Where a person can look: at the run that carries the rollback out while its report is shown, else at what
    /// is under the cursor.
    pub(super) fn link<'a>(&'a self, live: &'a Watch) -> Option<&'a str> {
        let watch = self.shown(live);
        let run = self.report(live).and_then(rows::run_link);
        run.or_else(|| self.row(watch).and_then(|row| rows::link(row, watch)))
    }

    /// Takes a key. `live` is the watch as it is, whatever is shown.
    pub(super) fn press(&mut self, key: Key, keymap: &Keymap, themes: &mut Themes, live: &Watch) -> Vec<Reaction> {
        self.notice = None;
        let action = keymap.action(key);
        if action == Some(Action::Suspend) {
            return vec![Reaction::Suspend];
        }
        if self.replay.is_some() {
            return self.press_in_replay(key, keymap, themes, live);
        }
        if key == Key::INTERRUPT {
            return self.quit(live, Reaction::Interrupt);
        }
        if self.overlay.is_none() && live.deletion().is_some() {
            return answer_deletion(action);
        }
        match live.rollback() {
            Rollback::Planned { .. } => return self.answer_plan(key, action, keymap, live),
            Rollback::Countdown { .. } => {
                if let Some(reactions) = self.answer_countdown(action, live) {
                    return reactions;
                }
            }
            _ => {}
        }
        match self.overlay.take() {
            Some(overlay) => self.press_in(overlay, key, action, live),
            None if *live.feature_panel() != FeaturePanel::Closed => self.press_in_features(action, live),
            None => action.map_or_else(Vec::new, |action| self.act(action, themes, live)),
        }
    }

    /// Quits; while a rollback is in progress or about to be only the second time.
    fn quit(&mut self, live: &Watch, how: Reaction) -> Vec<Reaction> {
        let counts_down = matches!(live.rollback(), Rollback::Countdown { .. });
        if (counts_down || live.rollback().is_in_progress()) && self.overlay != Some(Overlay::Quit) {
            self.overlay = Some(Overlay::Quit);
            return Vec::new();
        }
        vec![how]
    }

    /// A countdown runs: two keys stop it and one goes at once; `None` for every other, which works as always.
    /// A plan of one's own cannot be opened over it. While a text is typed or a question is open, that has the keys.
    fn answer_countdown(&mut self, action: Option<Action>, live: &Watch) -> Option<Vec<Reaction>> {
        if self.asks(live) {
            return None;
        }
        match action? {
            Action::Back | Action::Veto => Some(vec![Reaction::Ask(Command::Dismiss)]),
            Action::Confirm => Some(vec![Reaction::Ask(Command::Confirm { typed: None })]),
            Action::Rollback | Action::Forward => {
                self.notice = Some("a countdown to a rollback is running: confirm or cancel it first".to_owned());
                Some(Vec::new())
            }
            _ => None,
        }
    }

    /// Whether something waits for a confirming key, so that any other key makes it wait a moment longer.
    pub(super) fn waits_for_silence(live: &Watch) -> bool {
        let planned = matches!(live.rollback(), Rollback::Planned { .. }) && !live.wants_typing();
        planned
            || matches!(live.rollback(), Rollback::Countdown { .. })
            || live.deletion().is_some()
            || matches!(live.feature_panel(), FeaturePanel::Asking { .. })
    }

    /// Whether something over the panes waits for an answer or a text, so that letters are not commands. A `y` for
    /// a feature flag must never start a rollback.
    pub(super) fn asks(&self, live: &Watch) -> bool {
        matches!(self.overlay, Some(Overlay::Note(_) | Overlay::Filter | Overlay::Quit))
            || *live.feature_panel() != FeaturePanel::Closed
            || live.deletion().is_some()
    }

    fn press_in(&mut self, overlay: Overlay, key: Key, action: Option<Action>, live: &Watch) -> Vec<Reaction> {
        match overlay {
            Overlay::Help(scroll) => self.overlay = scrolled(scroll, action).map(Overlay::Help),
            Overlay::Details(row, _) if action == Some(Action::Open) => {
                let link = rows::link(row, self.shown(live)).map(str::to_owned);
                return link.map_or_else(Vec::new, |link| self.show_link(link));
            }
            Overlay::Details(row, scroll) => {
                self.overlay = scrolled(scroll, action).map(|scroll| Overlay::Details(row, scroll));
            }
            Overlay::Note(mut text) => match key.code {
                KeyCode::Esc => {}
                KeyCode::Enter if text.trim().is_empty() => {}
                KeyCode::Enter => return vec![Reaction::Ask(Command::Note(text.trim().to_owned()))],
                _ => {
                    edit(&mut text, key);
                    self.overlay = Some(Overlay::Note(text));
                }
            },
            Overlay::Filter => self.type_filter(key, action, live),
            Overlay::Quit if action == Some(Action::Confirm) => return vec![Reaction::Quit],
            Overlay::Quit | Overlay::Link(_) => {}
        }
        Vec::new()
    }

    /// Takes pasted text where text is typed; anywhere else it would be a rain of keys.
    pub(super) fn paste(&mut self, text: &str) {
        if let Some(Overlay::Note(note)) = &mut self.overlay {
            for sign in text.chars().filter(|sign| !sign.is_control()) {
                push(note, sign);
            }
        }
    }

    fn act(&mut self, action: Action, themes: &mut Themes, live: &Watch) -> Vec<Reaction> {
        match action {
            Action::Rollback => return self.open_plan(live),
            Action::Forward => return self.open_forward(live),
            Action::DeletePods => return self.ask_to_delete_pods(live),
            Action::Veto => self.notice = Some("there is no countdown to cancel".to_owned()),
            Action::Features => return self.show_features(live),
            Action::Acknowledge => return self.acknowledge(live),
            Action::Open => return self.open_link(live),
            Action::Details => self.open_details(live),
            Action::Quit => return self.quit(live, Reaction::Quit),
            Action::Suspend => return vec![Reaction::Suspend],
            Action::Back => return self.back(live),
            Action::Confirm => {}
            Action::Note => self.overlay = Some(Overlay::Note(String::new())),
            Action::Help => self.overlay = Some(Overlay::Help(0)),
            Action::Theme => {
                themes.advance();
                self.notice = Some(format!("theme: {}", themes.label()));
            }
            Action::Mark if self.mark(live) => {}
            // Where there is no service to mark, the key does what it does everywhere.
            Action::Mark | Action::Freeze => {
                self.frozen = if self.frozen.is_some() { None } else { Some(Box::new(live.clone())) };
            }
            Action::Filter => self.open_filter(live),
            Action::Sort => self.sort(live),
            Action::NextRed => return self.next_red(live),
            Action::Enter => self.enter(live),
            Action::Show(pane) => self.focus = pane,
            Action::NextPane | Action::Right => self.turn(1),
            Action::PreviousPane | Action::Left => self.turn(Pane::ALL.len() - 1),
            Action::Up => self.step(-1, live),
            Action::Down => self.step(1, live),
            Action::PageUp => self.step(-PAGE, live),
            Action::PageDown => self.step(PAGE, live),
            Action::First => self.step(isize::MIN, live),
            Action::Last => self.step(isize::MAX, live),
        }
        Vec::new()
    }

    /// So many panes on, round and round.
    fn turn(&mut self, by: usize) {
        self.focus = Pane::ALL[(self.focus as usize + by) % Pane::ALL.len()];
    }

    fn step(&mut self, by: isize, live: &Watch) {
        let rows = rows::of(self.focus, self.shown(live), self.service, &self.board);
        let Some(last) = rows.len().checked_sub(1) else { return };
        let place = self.cursor(self.focus, &rows).saturating_add_signed(by).min(last);
        // At the timeline's end the cursor lets go, and follows what comes.
        let follows = self.focus == Pane::Timeline && place == last;
        self.selected[self.focus as usize] = (!follows).then(|| rows[place]);
    }

    fn enter(&mut self, live: &Watch) {
        if let Some(Row::Service(service)) = self.row(self.shown(live)) {
            self.go_to(Some(service));
        } else {
            self.zoomed = !self.zoomed;
        }
    }

    /// Into a service, or out of it. Cursors of another scope's rows mean nothing here; the board's stays.
    fn go_to(&mut self, service: Option<ServiceId>) {
        let left = self.service.map(Row::Service);
        self.service = service;
        self.selected = [None; Pane::ALL.len()];
        self.selected[Pane::Signals as usize] = left;
    }

    /// Out of the innermost thing: a report, the zoom, the service.
    fn back(&mut self, live: &Watch) -> Vec<Reaction> {
        if self.zoomed {
            self.zoomed = false;
        } else if self.service.is_some() {
            self.go_to(None);
        } else if let Some(done) = self.report(live).filter(|_| !live.rollback().is_in_progress()) {
            self.closed_report = Some(done.confirmed);
            return vec![Reaction::Ask(Command::Dismiss)];
        } else if self.frozen.is_some() {
            self.frozen = None;
        } else if !self.board.filter.is_empty() {
            self.board.filter.clear();
        } else if !self.board.marked.is_empty() {
            self.board.marked.clear();
        } else {
            self.focus = Pane::Flags;
        }
        Vec::new()
    }

    fn acknowledge(&mut self, live: &Watch) -> Vec<Reaction> {
        match self.row(self.shown(live)) {
            Some(Row::Signal(id)) if matches!(live.finding(id).level, Level::Warning | Level::RedFlag) => {
                vec![Reaction::Ask(Command::Acknowledge(id))]
            }
            _ => {
                self.notice = Some("no flag under the cursor".to_owned());
                Vec::new()
            }
        }
    }

    fn open_link(&mut self, live: &Watch) -> Vec<Reaction> {
        let Some(link) = self.link(live).map(str::to_owned) else {
            self.notice = Some("no link under the cursor".to_owned());
            return Vec::new();
        };
        self.show_link(link)
    }

    fn show_link(&mut self, link: String) -> Vec<Reaction> {
        self.copied = None;
        self.overlay = Some(Overlay::Link(link.clone()));
        vec![Reaction::Copy(link)]
    }

    fn open_details(&mut self, live: &Watch) {
        match self.row(self.shown(live)) {
            Some(Row::Line(_)) | None => self.notice = Some("nothing is under the cursor".to_owned()),
            Some(row) => self.overlay = Some(Overlay::Details(row, 0)),
        }
    }
}

/// How far a text over the panes is scrolled after a key; `None` where the key closes it.
fn scrolled(scroll: u16, action: Option<Action>) -> Option<u16> {
    match action? {
        Action::Up => Some(scroll.saturating_sub(1)),
        Action::Down => Some(scroll.saturating_add(1)),
        Action::PageUp => Some(scroll.saturating_sub(PAGE as u16)),
        Action::PageDown => Some(scroll.saturating_add(PAGE as u16)),
        _ => None,
    }
}

/// Edits a line of text; whether the key was one that edits.
fn edit(text: &mut String, key: Key) -> bool {
    match key.code {
        KeyCode::Backspace => {
            text.pop();
        }
        KeyCode::Char('u') if key.modifiers == KeyModifiers::CONTROL => text.clear(),
        KeyCode::Char(sign) if key.modifiers.is_empty() => push(text, sign),
        _ => return false,
    }
    true
}

fn push(text: &mut String, sign: char) {
    if text.chars().count() < LONGEST_TEXT {
        text.push(sign);
    }
}
