//! `redflag replay`: a record, taken in and judged again by this very program: the same readings, the same verdict.

use super::CommandError;
use super::records::{name, none_yet, usual};
use crate::cli::ReplayArgs;
use crate::headline::Headline;
use crate::outcome::Outcome;
use crate::output;
use crate::records::{Kept, open};
use crate::timeline::Mark;
use crate::watch::Watch;
use chrono::Local;
use std::path::{Path, PathBuf};

pub(super) fn run(args: &ReplayArgs) -> Result<Outcome, CommandError> {
    let folder = wanted(args.record.as_deref())?;
    let mut kept = open(&folder).map_err(|error| CommandError::Call(error.to_string()))?;
    if let Some(at) = args.at {
        let last = kept.record.messages.last().map_or(kept.record.header.setup.started, crate::message::Message::at);
        let at = at.resolve(last.with_timezone(&Local)).map_err(|why| CommandError::Call(format!("--at: {why}")))?;
        kept.record.messages.retain(|message| message.at() <= at);
        kept.record.torn = None;
    }
    let watch = kept.record.fold();
    let mut out = output::stdout();
    out.line(&text(&kept, &watch));
    out.end()?;
    Ok(Outcome::of(&watch))
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

/// What happened when, and what it came to.
fn text(kept: &Kept, watch: &Watch) -> String {
    let setup = watch.setup();
    let clock = |at: crate::deploy::Time| at.with_timezone(&Local).format("%H:%M:%S").to_string();
    let mut text = format!(
        "{}: {}, from {} to {}, by redflag {}\n\n",
        name(&kept.folder),
        setup.environment,
        setup.started.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S"),
        clock(watch.now()),
        kept.record.header.program,
    );
    for entry in watch.timeline().entries() {
        text += &format!("{}  {:<8}  {}\n", clock(entry.at), word(entry.mark), entry.text);
    }
    let headline = Headline::of(watch, None);
    text += &format!("\n{}\n{}\n", watch.verdict().label(), headline);
    let facts = headline.facts();
    if !facts.is_empty() {
        text += &format!("{}\n", facts.join(" · "));
    }
    if let Some(torn) = kept.record.torn {
        text += &format!("the last line ({}) was not written whole: one message is missing\n", torn.line);
    }
    if !kept.is_closed {
        text += "this record was not ended: the watch still runs, or was killed\n";
    }
    text.truncate(text.trim_end().len());
    text
}

const fn word(mark: Mark) -> &'static str {
    match mark {
        Mark::Deploy => "deploy",
        Mark::RedFlag => "RED FLAG",
        Mark::Warning => "warning",
        Mark::Clear => "ok",
        Mark::Unknown => "unknown",
        Mark::Rollback => "rollback",
        Mark::Event => "event",
        Mark::Note => "note",
    }
}
