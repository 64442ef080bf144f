//! The terminal screen as a frontend of the loop.

use super::{Frontend, Intent};
use crate::outcome::Outcome;
use crate::tui::input::Input;
use crate::tui::{Reaction, Tui, clipboard, terminal};
use crate::watch::Watch;
use ratatui::backend::Backend;
use std::io;

impl<B: Backend> Frontend for Tui<B>
where
    B::Error: Send + Sync + 'static,
{
    type Input = Input;

    fn take(&mut self, input: Input, watch: &Watch) -> Vec<Intent> {
        let event = match input {
            Input::Event(event) => event,
            Input::Stop(outcome) => return vec![Intent::Leave(outcome)],
            Input::Lost(error) => {
                tracing::error!(%error, "cannot read the terminal");
                return vec![Intent::Leave(Outcome::of(watch))];
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
        self.draw(watch).map_err(io::Error::other)?;
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

    fn suspend(&mut self) -> io::Result<()> {
        terminal::suspend()?;
        self.invalidate().map_err(io::Error::other)
    }
}
