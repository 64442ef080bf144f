//! The terminal screen as a face of the loop.

use super::{Face, Wish};
use crate::tui::input::Input;
use crate::tui::{Reaction, Tui, terminal};
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
            Input::Stop(status) => return vec![Wish::Leave(status)],
            Input::Lost(error) => {
                tracing::error!(%error, "the terminal cannot be read");
                return vec![Wish::Leave(1)];
            }
        };
        let wish = |reaction| match reaction {
            Reaction::Ask(command) => Wish::Ask(command),
            Reaction::Quit => Wish::Leave(0),
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
        terminal::copy(text)
    }

    fn suspend(&mut self) -> io::Result<()> {
        terminal::suspend()?;
        self.invalidate().map_err(io::Error::other)
    }
}
