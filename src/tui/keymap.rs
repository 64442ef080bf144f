//! Which key does what: the actions with their help, the default keys, and those of the configuration.

mod key;

pub use key::Key;

use crate::settings::problem::{list, nearest};
use crossterm::event::{KeyCode, KeyModifiers};
use thiserror::Error;

/// The panes of the screen, in the order of their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pane {
    /// What is wrong, worst first.
    Flags,
    /// The judged series; a board with more than one service.
    Signals,
    /// Kubernetes' progress.
    Rollout,
    /// New issues and firing alerts.
    Errors,
    /// What happened.
    Timeline,
    /// The systems that are read.
    Sources,
    /// What a rollback would do now, and whether it would work.
    Rollback,
}

impl Pane {
    /// Every pane, by number.
    pub const ALL: [Self; 7] =
        [Self::Flags, Self::Signals, Self::Rollout, Self::Errors, Self::Timeline, Self::Sources, Self::Rollback];

    /// Its number on screen, from 1.
    pub const fn number(self) -> usize {
        self as usize + 1
    }

    /// Its title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Flags => "red flags",
            Self::Signals => "signals",
            Self::Rollout => "rollout",
            Self::Errors => "errors",
            Self::Timeline => "timeline",
            Self::Sources => "sources",
            Self::Rollback => "rollback",
        }
    }
}

/// What a key can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Opens the plan.
    Rollback,
    /// Does what the open plan says, or at once what is being counted down to.
    Confirm,
    /// Stops the countdown to an automatic rollback.
    Veto,
    /// Opens the plan that takes a rollback back.
    Forward,
    /// Asks whether to delete the pods that block a rollback.
    DeletePods,
    /// Shows the feature flags, to turn one off.
    Features,
    /// Marks a flag as seen.
    Acknowledge,
    /// Writes into the timeline.
    Note,
    /// Shows and copies a link.
    Open,
    /// Stops and starts the view.
    Freeze,
    /// Marks a service on the board; elsewhere as [`Action::Freeze`].
    Mark,
    /// Shows only some services of the board.
    Filter,
    /// The next order of the board.
    Sort,
    /// To the next row that is red.
    NextRed,
    /// All that is known of what is under the cursor.
    Details,
    /// Into a service, or a pane to its full size.
    Enter,
    /// Out of where one is.
    Back,
    /// To a pane.
    Show(Pane),
    /// To the next pane.
    NextPane,
    /// To the pane before.
    PreviousPane,
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// To the pane on the left.
    Left,
    /// To the pane on the right.
    Right,
    /// Ten rows up.
    PageUp,
    /// Ten rows down.
    PageDown,
    /// To the first row.
    First,
    /// To the last row.
    Last,
    /// The next theme.
    Theme,
    /// All keys.
    Help,
    /// Ends the program.
    Quit,
    /// Puts the program to sleep.
    Suspend,
}

impl Action {
    /// Every action, in the order of the help.
    pub const ALL: [Self; 38] = [
        Self::Rollback,
        Self::Confirm,
        Self::Veto,
        Self::Forward,
        Self::DeletePods,
        Self::Features,
        Self::Acknowledge,
        Self::Note,
        Self::Open,
        Self::Details,
        Self::Freeze,
        Self::Mark,
        Self::Filter,
        Self::Sort,
        Self::NextRed,
        Self::Enter,
        Self::Back,
        Self::Show(Pane::Flags),
        Self::Show(Pane::Signals),
        Self::Show(Pane::Rollout),
        Self::Show(Pane::Errors),
        Self::Show(Pane::Timeline),
        Self::Show(Pane::Sources),
        Self::Show(Pane::Rollback),
        Self::NextPane,
        Self::PreviousPane,
        Self::Up,
        Self::Down,
        Self::Left,
        Self::Right,
        Self::PageUp,
        Self::PageDown,
        Self::First,
        Self::Last,
        Self::Theme,
        Self::Help,
        Self::Quit,
        Self::Suspend,
    ];

    /// The name in the configuration's `[keys]`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rollback => "rollback",
            Self::Confirm => "confirm",
            Self::Veto => "veto",
            Self::Forward => "forward",
            Self::DeletePods => "delete_pods",
            Self::Features => "features",
            Self::Acknowledge => "acknowledge",
            Self::Note => "note",
            Self::Open => "open",
            Self::Details => "details",
            Self::Freeze => "freeze",
            Self::Mark => "mark",
            Self::Filter => "filter",
            Self::Sort => "sort",
            Self::NextRed => "next_red",
            Self::Enter => "enter",
            Self::Back => "back",
            Self::Show(Pane::Flags) => "flags",
            Self::Show(Pane::Signals) => "signals",
            Self::Show(Pane::Rollout) => "rollout",
            Self::Show(Pane::Errors) => "errors",
            Self::Show(Pane::Timeline) => "timeline",
            Self::Show(Pane::Sources) => "sources",
            Self::Show(Pane::Rollback) => "rollback_pane",
            Self::NextPane => "next_pane",
            Self::PreviousPane => "previous_pane",
            Self::Up => "up",
            Self::Down => "down",
            Self::Left => "left",
            Self::Right => "right",
            Self::PageUp => "page_up",
            Self::PageDown => "page_down",
            Self::First => "first",
            Self::Last => "last",
            Self::Theme => "theme",
            Self::Help => "help",
            Self::Quit => "quit",
            Self::Suspend => "suspend",
        }
    }

    /// What the help says of it.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Rollback => "open the rollback plan, or how to continue one",
            Self::Confirm => "roll back, while the plan or a countdown is shown",
            Self::Veto => "cancel the countdown to an automatic rollback",
            Self::Forward => "open the plan that undoes the rollback",
            Self::DeletePods => "delete the pods that block a rollback (asks first)",
            Self::Features => "show the feature flags, to turn one off without a rollback",
            Self::Acknowledge => "mark the flag under the cursor as seen",
            Self::Note => "write a note into the timeline",
            Self::Open => "show and copy the link under the cursor",
            Self::Details => "details of what is under the cursor",
            Self::Freeze => "pause the view while data keeps coming",
            Self::Mark => "mark a service for the rollback; elsewhere pause",
            Self::Filter => "show only some services of the board",
            Self::Sort => "sort the board: worst, name, errors, latency",
            Self::NextRed => "to the next row that is red",
            Self::Enter => "enter the service, or show the pane alone",
            Self::Back => "back, close; cancels a countdown",
            Self::Show(Pane::Flags) => "to the red flags",
            Self::Show(Pane::Signals) => "to the signals, or the services",
            Self::Show(Pane::Rollout) => "to the rollout",
            Self::Show(Pane::Errors) => "to the errors",
            Self::Show(Pane::Timeline) => "to the timeline",
            Self::Show(Pane::Sources) => "to the sources",
            Self::Show(Pane::Rollback) => "to the rollback: its target, its checks",
            Self::NextPane | Self::Right => "to the next pane",
            Self::PreviousPane | Self::Left => "to the previous pane",
            Self::Up => "one row up",
            Self::Down => "one row down",
            Self::PageUp => "ten rows up",
            Self::PageDown => "ten rows down",
            Self::First => "to the first row",
            Self::Last => "to the last row",
            Self::Theme => "next theme",
            Self::Help => "this help",
            Self::Quit => "quit; asks first during a rollback or a countdown",
            Self::Suspend => "suspend; fg brings it back",
        }
    }

    /// The keys it has when the configuration says nothing of it.
    fn default_keys(self) -> Vec<Key> {
        let plain = |code| Key { code, modifiers: KeyModifiers::NONE };
        let sign = |sign| plain(KeyCode::Char(sign));
        match self {
            Self::Rollback => vec![sign('R')],
            Self::Confirm => vec![sign('y')],
            Self::Veto => vec![sign('v')],
            Self::Forward => vec![sign('U')],
            Self::DeletePods => vec![sign('D')],
            Self::Features => vec![sign('f')],
            Self::Acknowledge => vec![sign('a')],
            Self::Note => vec![sign('n')],
            Self::Open => vec![sign('o')],
            Self::Details => vec![sign('i')],
            Self::Freeze => vec![sign('p')],
            Self::Mark => vec![sign(' ')],
            Self::Filter => vec![sign('/')],
            Self::Sort => vec![sign('s')],
            Self::NextRed => vec![sign(']')],
            Self::Enter => vec![plain(KeyCode::Enter)],
            Self::Back => vec![plain(KeyCode::Esc)],
            Self::Show(pane) => vec![sign(char::from(b'0' + pane.number() as u8))],
            Self::NextPane => vec![plain(KeyCode::Tab)],
            Self::PreviousPane => vec![plain(KeyCode::BackTab)],
            Self::Up => vec![plain(KeyCode::Up), sign('k')],
            Self::Down => vec![plain(KeyCode::Down), sign('j')],
            Self::Left => vec![plain(KeyCode::Left), sign('h')],
            Self::Right => vec![plain(KeyCode::Right), sign('l')],
            Self::PageUp => vec![plain(KeyCode::PageUp)],
            Self::PageDown => vec![plain(KeyCode::PageDown)],
            Self::First => vec![plain(KeyCode::Home), sign('g')],
            Self::Last => vec![plain(KeyCode::End), sign('G')],
            Self::Theme => vec![sign('t')],
            Self::Help => vec![sign('?')],
            Self::Quit => vec![sign('q'), Key::INTERRUPT],
            Self::Suspend => vec![Key { code: KeyCode::Char('z'), modifiers: KeyModifiers::CONTROL }],
        }
    }
}

/// What is wrong with the configuration's `[keys]`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text}")]
pub struct KeymapError {
    action: String,
    text: String,
}

impl KeymapError {
    /// The action as it is written there, to find its place in the file.
    pub fn action(&self) -> &str {
        &self.action
    }
}

/// Which key does what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    bindings: Vec<(Action, Vec<Key>)>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self { bindings: Action::ALL.into_iter().map(|action| (action, action.default_keys())).collect() }
    }
}

impl Keymap {
    /// The default keys, but for the actions that are given: those have exactly the keys that are given, none
    /// at all where the list is empty. Ctrl-C always quits.
    ///
    /// # Errors
    /// Every action and key that does not exist, and every key for two actions.
    pub fn new<A, K>(settings: impl IntoIterator<Item = (A, K)>) -> Result<Self, Vec<KeymapError>>
    where
        A: AsRef<str>,
        K: IntoIterator<Item: AsRef<str>>,
    {
        let mut keymap = Self::default();
        let mut set = Vec::new();
        let mut refused = Vec::new();
        for (name, written) in settings {
            let name = name.as_ref();
            let refusal = |text: String| KeymapError { action: name.to_owned(), text };
            let Some(index) = Action::ALL.iter().position(|action| action.name() == name) else {
                refused.push(refusal(unknown_action(name)));
                continue;
            };
            let mut keys: Vec<Key> = Vec::new();
            for key in written {
                match key.as_ref().parse() {
                    Ok(key) => keys.push(key),
                    Err(text) => refused.push(refusal(text)),
                }
            }
            if Action::ALL[index] == Action::Quit && !keys.contains(&Key::INTERRUPT) {
                keys.push(Key::INTERRUPT);
            }
            keymap.bindings[index].1 = keys;
            set.push(Action::ALL[index]);
        }
        refused.extend(keymap.conflicts(&set));
        if refused.is_empty() { Ok(keymap) } else { Err(refused) }
    }

    /// One key must do one thing. The blame goes to an action that the configuration sets.
    fn conflicts(&self, set: &[Action]) -> Vec<KeymapError> {
        let mut found = Vec::new();
        for (index, (action, keys)) in self.bindings.iter().enumerate() {
            for (other, others) in &self.bindings[index + 1..] {
                if let Some(key) = keys.iter().find(|key| others.contains(key)) {
                    let (blamed, holder) = if set.contains(other) { (other, action) } else { (action, other) };
                    let (blamed, holder) = (blamed.name(), holder.name());
                    found.push(KeymapError {
                        action: blamed.to_owned(),
                        text: format!("`{key}` cannot be `{blamed}`: it is `{holder}`; give one of them another key"),
                    });
                }
            }
        }
        found
    }

    /// What a key does; `None` where it does nothing.
    pub fn action(&self, key: Key) -> Option<Action> {
        self.bindings.iter().find(|(_, keys)| keys.contains(&key)).map(|(action, _)| *action)
    }

    /// The keys of an action, the first being the one that is shown.
    pub fn keys(&self, action: Action) -> &[Key] {
        self.bindings.iter().find(|(known, _)| *known == action).map_or(&[], |(_, keys)| keys)
    }

    /// The key of an action as the footer shows it; `None` where it has none.
    pub fn label(&self, action: Action) -> Option<String> {
        self.keys(action).first().map(ToString::to_string)
    }
}

fn unknown_action(name: &str) -> String {
    let all = Action::ALL.map(Action::name);
    match nearest(name, &all) {
        Some(known) => format!("there is no action `{name}`; did you mean `{known}`?"),
        None => format!("there is no action `{name}`; there are {}", list(&all)),
    }
}

#[cfg(test)]
mod tests;
