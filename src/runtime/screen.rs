//! The terminal screen as a face of the loop.

use super::{Face, Wish};
use crate::outcome::Outcome;
use crate::tui::input::Input;
use crate::tui::{Reaction, Tui, clipboard, terminal};
use crate::watch::Watch;
use ratatui::backend::Backend;
use std::io;

impl<B: Backend> Face for Tui<B>
where
    B::Error: Send + Sync + 'static,
{
    type Input = Input;

    fn take(&mut self, input: Input, watch: &Watch) -> Vec<Wish> {
        let event = match input {
            Input::Event(event) => event,
            Input::Stop(outcome) => return vec![Wish::Leave(outcome)],
            Input::Lost(error) => {
                tracing::error!(%error, "the terminal cannot be read");
                return vec![Wish::Leave(Outcome::of(watch))];
            }
        };
        let wish = |reaction| match reaction {
            Reaction::Ask(command) => Wish::Ask(command),
            Reaction::Quit => Wish::Leave(Outcome::of(watch)),
            Reaction::Interrupt => Wish::Leave(Outcome::Interrupted),
            Reaction::Suspend => Wish::Suspend,
            Reaction::Copy(text) => Wish::Copy(text),
        };
        self.handle(&event, watch).into_iter().map(wish).collect()
    }

    fn show(&mut self, watch: &Watch) -> io::Result<Vec<Wish>> {
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
