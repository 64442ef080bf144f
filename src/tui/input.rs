//! What reaches the screen from outside: keys and resizes, and the signals that end the program.

use crate::outcome::Outcome;
use crate::runtime::stops;
use crossterm::event::{Event, EventStream};
use futures_util::{Stream, StreamExt, stream};
use std::io;

/// One thing that happened at the terminal's end.
#[derive(Debug)]
pub enum Input {
    /// A key, a paste, a resize.
    Event(Event),
    /// The system asks us to stop, and this is what the watch came to.
    Stop(Outcome),
    /// The terminal cannot be read any more.
    Lost(io::Error),
}

/// Everything that happens at the terminal's end, from now on.
///
/// # Errors
/// The system's, where signals cannot be received.
pub fn inputs() -> io::Result<impl Stream<Item = Input> + Unpin> {
    let events = EventStream::new().map(|event| event.map_or_else(Input::Lost, Input::Event));
    Ok(stream::select(events, stops()?.map(Input::Stop)))
}
