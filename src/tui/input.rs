//! What reaches the screen from outside: keys and resizes, the terminal's answers, and the signals that end the program.

use super::answer::{Answers, Heard};
use super::keys;
use super::theme::Ground;
use crate::outcome::Outcome;
use crate::runtime::stops;
use crossterm::event::Event;
use futures_util::{Stream, StreamExt, stream};
use std::collections::VecDeque;
use std::io;
use std::time::Duration;

/// What begins like an answer of the terminal and does not go on is a key after so long. The bytes of one come together.
const PATIENCE: Duration = Duration::from_millis(50);

/// One thing that happened at the terminal's end.
#[derive(Debug)]
pub enum Input {
    /// A key, a paste, a resize.
    Event(Event),
    /// The terminal says what it writes on.
    Ground(Ground),
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
    let events = without_answers(keys::events()?.boxed_local()).boxed_local();
    Ok(stream::select(events, stops()?.map(Input::Stop)))
}

/// Events, with the terminal's answers told from the keys.
fn without_answers(events: impl Stream<Item = io::Result<Event>> + Unpin) -> impl Stream<Item = Input> {
    let state = (events, Answers::default(), VecDeque::new());
    stream::unfold(state, |(mut events, mut answers, mut ready)| async move {
        loop {
            if let Some(input) = ready.pop_front() {
                return Some((input, (events, answers, ready)));
            }
            let next = if answers.is_waiting() {
                let Ok(next) = tokio::time::timeout(PATIENCE, events.next()).await else {
                    ready.extend(answers.give_up().into_iter().map(Input::Event));
                    continue;
                };
                next
            } else {
                events.next().await
            };
            match next {
                Some(Ok(event)) => match answers.hear(event) {
                    Heard::Events(events) => ready.extend(events.into_iter().map(Input::Event)),
                    Heard::Ground(ground) => ready.push_back(Input::Ground(ground)),
                    Heard::Held => {}
                },
                Some(Err(error)) => return Some((Input::Lost(error), (events, answers, ready))),
                None => {
                    ready.extend(answers.give_up().into_iter().map(Input::Event));
                    if ready.is_empty() {
                        return None;
                    }
                }
            }
        }
    })
}
