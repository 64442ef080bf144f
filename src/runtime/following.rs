//! A watch that another process of this machine has: the same state from its journal, and nothing to change it by.

use super::{Frontend, Intent};
use crate::clock::Clock;
use crate::message::Command;
use crate::outcome::Outcome;
use crate::records::{Follower, Grown};
use crate::session::{Following, Seat};
use crate::watch::Watch;
use chrono::TimeDelta;
use futures_util::{Stream, StreamExt};
use std::io;
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc;

/// How often the journal is read.
const READ_EVERY: Duration = Duration::from_millis(250);
/// Whoever has the keys writes once a second at least; after so long without a line it is said.
const SILENT_AFTER: TimeDelta = TimeDelta::seconds(5);

/// How following ended.
#[derive(Debug)]
pub enum Followed {
    /// It was left.
    Left(Outcome),
    /// Nobody is at the keys any more.
    Free,
    /// The journal cannot be read, and why.
    Unreadable(String),
}

/// Shows a watch that another process has, until either ends; gives the newest state too.
///
/// # Errors
/// The frontend's.
pub async fn follow<F: Frontend, S: Stream<Item = F::Input> + Unpin>(
    frontend: &mut F,
    inputs: &mut S,
    follower: Follower,
    is_asked: bool,
    clock: &Clock,
) -> io::Result<(Followed, Watch)> {
    let mut watch = follower.watch();
    let mut following = Following { seat: follower.seat().clone(), silent: None, is_asked };
    let mut news = read(follower);
    let mut heard = clock.now();
    loop {
        let silent = clock.now() - heard;
        following.silent = (silent >= SILENT_AFTER).then_some(silent);
        frontend.follow(Some(&following));
        let mut intents = frontend.show(&watch)?;
        tokio::select! {
            biased;
            input = inputs.next() => match input {
                Some(input) => intents.extend(frontend.take(input, &watch)),
                None => return Ok((Followed::Left(Outcome::of(&watch)), watch)),
            },
            grown = news.recv() => match grown {
                Some(Ok((seat, Grown { messages, is_free }))) => {
                    if !messages.is_empty() {
                        heard = clock.now();
                    }
                    following.seat = seat;
                    for message in messages {
                        // Whoever has the keys does what is to be done.
                        watch.update(message);
                    }
                    if is_free {
                        frontend.follow(None);
                        return Ok((Followed::Free, watch));
                    }
                }
                Some(Err(error)) => {
                    frontend.follow(None);
                    return Ok((Followed::Unreadable(error.to_string()), watch));
                }
                None => return Err(io::Error::other("the journal is not read any more")),
            },
        }
        for intent in intents {
            match intent {
                Intent::Ask(Command::Touch) => {}
                Intent::Ask(_) => frontend.notice(&format!(
                    "read-only: {} is at the keys; redflag watch --take-over asks for them",
                    following.seat
                )),
                Intent::Leave(outcome) => return Ok((Followed::Left(outcome), watch)),
                Intent::Suspend => frontend.suspend()?,
                Intent::Copy(text) => frontend.copy(&text)?,
            }
        }
    }
}

/// Reads on a thread of its own, until nobody wants it any more: a disk may be slow.
fn read(mut follower: Follower) -> mpsc::Receiver<io::Result<(Seat, Grown)>> {
    let (out, news) = mpsc::channel(1);
    thread::spawn(move || {
        loop {
            let grown = follower.read();
            let is_over = grown.as_ref().map_or(true, |grown| grown.is_free);
            let grown = grown.map(|grown| (follower.seat().clone(), grown));
            if out.blocking_send(grown).is_err() || is_over {
                return;
            }
            thread::sleep(READ_EVERY);
        }
    });
    news
}
