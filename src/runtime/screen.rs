//! The terminal screen as a frontend of the loop.

use super::{Frontend, Intent};
use crate::outcome::Outcome;
use crate::session::Following;
use crate::tui::input::Input;
use crate::tui::{Reaction, Tui, clipboard, terminal};
use crate::watch::Watch;
use ratatui::backend::Backend;
use std::any::Any;
use std::io;

impl<B: Backend> Frontend for Tui<B>
where
    B::Error: Send + Sync + 'static,
{
    type Input = Input;

    fn take(&mut self, input: Input, watch: &Watch) -> Vec<Intent> {
        let event = match input {
            Input::Event(event) => event,
            Input::Ground(ground) => {
                self.set_ground(ground);
                return Vec::new();
            }
            Input::Stop(outcome) => return vec![Intent::Leave(outcome)],
            Input::Lost(error) => {
                tracing::error!(%error, "cannot read the terminal");
                return vec![Intent::Leave(Outcome::HungUp)];
            }
        };
        let intent = |reaction| match reaction {
            Reaction::Ask(command) => Intent::Ask(command),
            Reaction::Quit => Intent::Leave(Outcome::of(watch)),
            Reaction::Interrupt => Intent::Leave(Outcome::Interrupted),
            Reaction::Suspend => Intent::Suspend,
            Reaction::Copy(text) => Intent::Copy(text),
        };
        self.handle(&event, watch).into_iter().map(intent).collect()
    }

    fn show(&mut self, watch: &Watch) -> io::Result<Vec<Intent>> {
        if let Err(error) = self.draw(watch) {
            let is_gone = (&error as &dyn Any).downcast_ref().is_some_and(|it: &io::Error| it.raw_os_error().is_some());
            let error = io::Error::other(error);
            if !is_gone {
                return Err(error);
            }
            // The system says so of a terminal that was closed; its signal may come after that.
            tracing::error!(%error, "the terminal cannot be written to");
            return Ok(vec![Intent::Leave(Outcome::HungUp)]);
        }
        if self.asks_ground() {
            terminal::ask_ground()?;
        }
        Ok(Vec::new())
    }

    fn ring(&mut self) -> io::Result<()> {
        terminal::bell()
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        self.copied(clipboard::copy(text)?);
        Ok(())
    }

    fn wait_for(&mut self, what: Option<&str>) -> io::Result<()> {
        self.waits_for(what);
        Ok(())
    }

    fn notice(&mut self, text: &str) {
        self.say(text);
    }

    fn follow(&mut self, following: Option<&Following>) {
        self.follows(following);
    }

    fn begin_again(&mut self) {
        self.forget();
    }

    fn suspend(&mut self) -> io::Result<()> {
        terminal::suspend()?;
        self.invalidate().map_err(io::Error::other)
    }
}
