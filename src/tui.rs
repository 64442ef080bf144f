//! The loop's terminal end: events in, commands out, the newest state on the screen.
//!
//! [`Tui::handle`] turns a terminal event into [`Reaction`]s without performing any; [`Tui::draw`] shows the
//! watch as it is, and writes nothing where nothing visible changed.

mod answer;
pub mod clipboard;
pub mod glyphs;
pub mod hyperlink;
pub mod input;
pub mod keymap;
mod keys;
mod known;
mod rows;
mod standings;
pub mod terminal;
pub mod theme;
mod transport;
mod ui;
mod view;

use crate::message::Command;
use crate::replay::{Playing, Transport};
use crate::session::Following;
use crate::watch::Watch;
use chrono::{FixedOffset, Offset};
use clipboard::Copied;
use crossterm::event::Event;
use glyphs::Glyphs;
use hyperlink::Hyperlinks;
use keymap::{Key, Keymap};
use known::Known;
use ratatui::Terminal;
use ratatui::backend::Backend;
use std::path::Path;
use theme::{AUTO, ColorDepth, Ground, ThemeError, Themes};
use ui::Ui;
use view::View;

/// How the screen looks on this terminal.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// The themes, reduced to the terminal's colours.
    pub themes: Themes,
    /// The signs that it can show.
    pub glyphs: Glyphs,
    /// Whether it opens links itself.
    pub hyperlinks: Hyperlinks,
    /// The person's time zone.
    pub zone: FixedOffset,
}

impl Look {
    /// What the environment's variables say of the terminal and the person's time zone. `theme` is the name
    /// asked for, `folder` the configuration folder's `themes`, `no_color` whether colour was refused by flag.
    ///
    /// # Errors
    /// A theme that is not there, or a file that is not one.
    pub fn from_environment(theme: Option<&str>, folder: Option<&Path>, no_color: bool) -> Result<Self, ThemeError> {
        let mut themes = Themes::load(theme.unwrap_or(AUTO), folder, depth(no_color))?;
        if let Some(ground) = Ground::detect(variable) {
            themes.set_ground(ground);
        }
        Ok(Self::with(themes))
    }

    /// The same with the usual themes, which need no file.
    pub fn usual(no_color: bool) -> Self {
        Self::with(Themes::usual(depth(no_color)))
    }

    fn with(themes: Themes) -> Self {
        // One offset for the whole session: a watch is too short to care for a change of the clocks.
        let (glyphs, hyperlinks) = (Glyphs::detect(variable), Hyperlinks::detect(variable));
        Self { themes, glyphs, hyperlinks, zone: chrono::Local::now().offset().fix() }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn depth(no_color: bool) -> ColorDepth {
    if no_color { ColorDepth::None } else { ColorDepth::detect(variable) }
}

/// What a key wants from the outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction {
    /// Something for the core; whoever performs this notes the time.
    Ask(Command),
    /// Ends the program.
    Quit,
    /// Ends the program as Ctrl-C does any other.
    Interrupt,
    /// Puts the program to sleep: [`terminal::suspend`], then [`Tui::invalidate`].
    Suspend,
    /// Into the clipboard: [`clipboard::copy`], then [`Tui::copied`].
    Copy(String),
}

/// The screen.
#[derive(Debug)]
pub struct Tui<B: Backend> {
    terminal: Terminal<B>,
    look: Look,
    keymap: Keymap,
    ui: Ui,
    drawn: Option<Drawn>,
    known: Option<Known>,
    /// Whether the terminal is to be asked for its ground.
    asks: bool,
}

/// What the last frame showed: an equal one need not be drawn.
#[derive(Debug, PartialEq, Eq)]
struct Drawn {
    revision: u64,
    /// Ages and clocks move once a second.
    second: i64,
    /// The keys of an open plan or question are taken after a grace that is shorter than that.
    takes_keys: bool,
}

impl Drawn {
    fn of(watch: &Watch) -> Self {
        Self {
            revision: watch.revision(),
            second: watch.now().timestamp(),
            takes_keys: watch.takes_confirmation() || watch.takes_deletion() || watch.takes_turn_off(),
        }
    }
}

impl<B: Backend> Tui<B> {
    /// A screen on a terminal that was made ready ([`terminal::enter`]).
    pub fn new(terminal: Terminal<B>, look: Look, keymap: Keymap) -> Self {
        Self { terminal, look, keymap, ui: Ui::default(), drawn: None, known: None, asks: true }
    }

    /// Takes a terminal event and says what is wanted. Performs nothing: no key ever waits.
    pub fn handle(&mut self, event: &Event, watch: &Watch) -> Vec<Reaction> {
        match event {
            // The terminal may also tell of releases and repeats; `as_key_press_event` leaves presses.
            Event::Key(_) => {
                let Some(press) = event.as_key_press_event() else { return Vec::new() };
                self.drawn = None;
                let mut reactions = self.ui.press(Key::from(press), &self.keymap, &mut self.look.themes, watch);
                let asks = reactions.iter().any(|it| matches!(it, Reaction::Ask(_)));
                if !asks && self.ui.playing().is_none() && Ui::waits_for_silence(watch) {
                    reactions.push(Reaction::Ask(Command::Touch));
                }
                reactions
            }
            Event::Paste(text) => {
                self.drawn = None;
                self.ui.paste(text);
                Vec::new()
            }
            Event::Resize(..) => {
                self.drawn = None;
                Vec::new()
            }
            // Whoever comes back may have changed the terminal's colours meanwhile.
            Event::FocusGained => {
                self.asks = true;
                Vec::new()
            }
            Event::FocusLost | Event::Mouse(_) => Vec::new(),
        }
    }

    /// Shows the watch as it is now. Draws nothing when nothing visible changed since the last frame.
    ///
    /// # Errors
    /// The terminal's own.
    pub fn draw(&mut self, watch: &Watch) -> Result<(), B::Error> {
        let next = Drawn::of(watch);
        if self.drawn.as_ref() == Some(&next) {
            return Ok(());
        }
        let known = Known::of(watch, &self.ui, self.known.take());
        let view = View::new(watch, &self.ui, &self.look, &self.keymap, &known);
        let mut sight = None;
        self.terminal.draw(|frame| sight = view::draw(frame.buffer_mut(), &view))?;
        self.ui.saw(sight);
        self.known = Some(known);
        self.drawn = Some(next);
        Ok(())
    }

    /// Whether the terminal is to be asked for its ground now ([`terminal::ask_ground`]): once behind the first frame, and
    /// when somebody comes back to it.
    pub fn asks_ground(&mut self) -> bool {
        self.drawn.is_some() && std::mem::take(&mut self.asks)
    }

    /// Takes in what it said.
    pub fn set_ground(&mut self, ground: Ground) {
        let has_links = self.look.hyperlinks.answered();
        if self.look.themes.set_ground(ground) || has_links {
            self.drawn = None;
        }
    }

    /// What an event does to the player of a replay, if anything; [`Tui::handle`] takes what does nothing to it.
    pub fn transport(&self, event: &Event) -> Option<Transport> {
        let press = event.as_key_press_event()?;
        if self.ui.types() { None } else { transport::of(Key::from(press)) }
    }

    /// Shows that this is a replay, and where it is. From now on no key asks for anything.
    pub fn replays(&mut self, playing: Playing) {
        if self.ui.replay.as_ref() != Some(&playing) {
            self.drawn = None;
            self.ui.replay = Some(playing);
        }
    }

    /// Shows a sentence in the footer, until the next key.
    pub fn notify(&mut self, notice: Option<&str>) {
        self.drawn = None;
        self.ui.notice = notice.map(ToOwned::to_owned);
    }

    /// Notes where the text went that was to be copied: the next frame says it.
    pub fn copied(&mut self, copied: Copied) {
        self.drawn = None;
        self.ui.copied = Some(copied);
    }

    /// Notes what is waited for before anybody can be asked, or that it has come.
    pub fn waits_for(&mut self, what: Option<&str>) {
        self.drawn = None;
        self.ui.waits_for = what.map(ToOwned::to_owned);
    }

    /// Says something in the footer, until the next key.
    pub fn say(&mut self, text: &str) {
        self.drawn = None;
        self.ui.notice = Some(text.to_owned());
    }

    /// Notes that another process has the keys, and who; then nothing can be changed here.
    pub fn follows(&mut self, following: Option<&Following>) {
        if self.ui.follows.as_ref() != following {
            self.drawn = None;
            self.ui.follows = following.cloned();
        }
    }

    /// It is another watch that is shown from here on: nothing of the one before is kept.
    pub fn forget(&mut self) {
        self.drawn = None;
        self.known = None;
        let waits_for = self.ui.waits_for.take();
        self.ui = Ui::default();
        self.ui.waits_for = waits_for;
    }

    /// Forgets what is on the terminal: the next frame is drawn whole. For after a suspension.
    ///
    /// # Errors
    /// The terminal's own.
    pub fn invalidate(&mut self) -> Result<(), B::Error> {
        self.drawn = None;
        self.asks = true;
        // Not `Terminal::clear`: that asks the terminal where its cursor is and waits for the answer among the keys.
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    /// What is below: tests look at what was drawn on it.
    pub fn backend(&self) -> &B {
        self.terminal.backend()
    }

    /// The same, to change it: tests give it another size.
    pub fn backend_mut(&mut self) -> &mut B {
        self.terminal.backend_mut()
    }
}
