//! `redflag replay`: a record, taken in and judged again by this very program: the same readings, the same verdict. On a
//! terminal on the same screen; without one as lines.

mod lines;
mod screen;
mod what_if;

use super::CommandError;
use super::records::{none_yet, usual};
use crate::cli::{Global, Moment, ReplayArgs};
use crate::deploy::Time;
use crate::outcome::Outcome;
use crate::output;
use crate::records::{Kept, open};
use chrono::Local;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

pub(super) fn run(global: &Global, args: &ReplayArgs) -> Result<Outcome, CommandError> {
    if let Some(other) = &global.config {
        if args.at.is_some() {
            let text = "--at shows a moment, and --config compares the whole record: leave one of them out";
            return Err(CommandError::Call(text.to_owned()));
        }
        return what_if::run(&kept(args.record.as_deref())?, other);
    }
    let kept = kept(args.record.as_deref())?;
    let at = args.at.map(|at| moment(at, &kept)).transpose()?;
    if shows_screens() { screen::run(global, kept, at) } else { text(kept, at) }
}

/// Whether there is somebody to look and to press keys, on a terminal that can show a screen.
fn shows_screens() -> bool {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !is_dumb && io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// A moment of a record: a clock's time is the last one before its end.
fn moment(at: Moment, kept: &Kept) -> Result<Time, CommandError> {
    let last = kept.record.messages.last().map_or(kept.record.header.setup.started, crate::message::Message::at);
    at.resolve(last.with_timezone(&Local)).map_err(|why| CommandError::Call(format!("--at: {why}")))
}

fn text(mut kept: Kept, at: Option<Time>) -> Result<Outcome, CommandError> {
    if let Some(at) = at {
        kept.record.messages.retain(|message| message.at() <= at);
        kept.record.torn = None;
    }
    let watch = kept.record.fold();
    let mut out = output::stdout();
    out.line(&lines::text(&kept, &watch));
    out.end()?;
    Ok(Outcome::of(&watch))
}

/// The record that is meant, read whole.
pub(super) fn kept(asked: Option<&Path>) -> Result<Kept, CommandError> {
    open(&wanted(asked)?).map_err(|error| CommandError::Call(error.to_string()))
}

/// The record that is meant: a folder or a file, the name of a kept one, else the newest.
fn wanted(asked: Option<&Path>) -> Result<PathBuf, CommandError> {
    let records = usual()?;
    let Some(asked) = asked else {
        let newest = records.all()?.pop();
        return newest.ok_or_else(|| CommandError::Call(none_yet(&records)));
    };
    let kept = records.folder().join(asked);
    // A name on its own is that of a kept record, wherever this is called.
    Ok(if asked.components().count() == 1 && kept.exists() { kept } else { asked.to_owned() })
}
