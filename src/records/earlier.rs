//! The record of an earlier watch of the same environment: resumed, followed, or left alone, and why.

use super::kept::LARGEST;
use super::{CLOSED, Follower, Journal, OPEN, Recorder, Records};
use crate::deploy::Time;
use crate::session::{Afresh, Seat};
use crate::setup::Setup;
use crate::watch::Watch;
use chrono::{NaiveDateTime, TimeDelta};
use redflag_core::record::{self, Header, difference};
use redflag_text::visible;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// So many records are looked through for one of the environment, the newest first.
const MOST: usize = 200;

/// What there is of an earlier watch.
#[derive(Debug)]
pub enum Earlier {
    /// Nothing that could be resumed.
    Nothing,
    /// Nobody has it: it can be resumed.
    LeftOff(Box<LeftOff>),
    /// Another process has it, with somebody at the keys.
    Held(Box<Follower>),
    /// It is there and cannot be resumed.
    Afresh {
        /// When it began.
        before: Time,
        /// Why not.
        why: Afresh,
    },
}

/// A watch that was left before its end.
#[derive(Debug)]
pub struct LeftOff {
    /// As it was when it was left.
    pub watch: Watch,
    /// How far apart its ticks were.
    pub tick: TimeDelta,
    /// Its record, which is ours now.
    pub recorder: Recorder,
}

impl Records {
    /// What there is of the newest watch of this environment.
    ///
    /// # Errors
    /// The system's, where the folder cannot be read.
    pub fn earlier(&self, setup: &Setup, now: Time) -> io::Result<Earlier> {
        let named = super::plain(&setup.environment);
        // `2026-02-03T1402Z-production…`: what is named otherwise is another environment's.
        let may_be = |folder: &&std::path::PathBuf| {
            folder
                .file_name()
                .and_then(|name| name.to_str()?.split_once("Z-"))
                .is_some_and(|(_, it)| it.starts_with(&named))
        };
        for folder in self.all()?.iter().rev().filter(may_be).take(MOST) {
            // What has ended is nothing to go on with, whatever else is older.
            let is_closed = folder.join(CLOSED).is_file();
            match header_of(folder, is_closed) {
                Some(Ok(header)) if header.setup.environment != setup.environment => {}
                Some(Ok(_)) if is_closed => return Ok(Earlier::Nothing),
                Some(Ok(header)) => return Ok(look_at(folder, &header, setup, now)),
                Some(Err(why)) if !is_closed => {
                    let why = Afresh::Unreadable(why);
                    return Ok(Earlier::Afresh { before: begun(folder).unwrap_or(now), why });
                }
                Some(Err(_)) | None => {}
            }
        }
        Ok(Earlier::Nothing)
    }
}

/// The header of a record; `None` where not even that was written whole.
fn header_of(folder: &Path, is_closed: bool) -> Option<Result<Header, String>> {
    let file = File::open(folder.join(if is_closed { CLOSED } else { OPEN })).ok()?;
    let mut line = String::new();
    let read = if is_closed {
        BufReader::new(flate2::read::MultiGzDecoder::new(file).take(LARGEST)).read_line(&mut line)
    } else {
        BufReader::new(file.take(LARGEST)).read_line(&mut line)
    };
    read.ok().filter(|_| line.ends_with('\n'))?;
    Some(record::read_header(line.trim_end()).map_err(|error| error.to_string()))
}

/// When a watch began, to the moment.
pub(super) fn started(folder: &Path) -> Option<Time> {
    let header = header_of(folder, folder.join(CLOSED).is_file())?;
    header.ok().map(|header| header.setup.started)
}

/// When a watch began, by its folder's name.
fn begun(folder: &Path) -> Option<Time> {
    let (time, _) = folder.file_name()?.to_str()?.split_once("Z-")?;
    Some(NaiveDateTime::parse_from_str(time, "%Y-%m-%dT%H%M").ok()?.and_utc())
}

fn look_at(folder: &Path, header: &Header, setup: &Setup, now: Time) -> Earlier {
    let before = header.setup.started;
    let afresh = |why| Earlier::Afresh { before, why };
    let unreadable = |error: String| afresh(Afresh::Unreadable(error));
    if let Some(part) = changed(&header.setup, setup) {
        return afresh(Afresh::OtherSetup(part.to_owned()));
    }
    let journal = match Journal::take(folder.to_owned()) {
        Ok(Some(journal)) => journal,
        Ok(None) => {
            return match Follower::open(folder) {
                Ok(follower) if follower.seat().attended => Earlier::Held(Box::new(follower)),
                Ok(follower) => afresh(Afresh::InUse(Seat::clone(follower.seat()))),
                // It has ended since.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Earlier::Nothing,
                Err(error) => unreadable(error.to_string()),
            };
        }
        Err(error) => return unreadable(error.to_string()),
    };
    let bytes = match journal.text(LARGEST + 1) {
        Ok(bytes) if bytes.len() as u64 <= LARGEST => bytes,
        Ok(_) => return unreadable("it is too large".to_owned()),
        Err(error) => return unreadable(error.to_string()),
    };
    let kept = match record::read(&String::from_utf8_lossy(&bytes)) {
        Ok(kept) => kept,
        Err((line, error)) => return unreadable(format!("line {line}: {error}")),
    };
    let watch = kept.fold();
    if watch.has_ended(now) {
        let was_over = watch.has_ended(watch.now());
        let left = watch.left().cloned();
        if let Err(error) = journal.close() {
            tracing::warn!(%error, "an old record could not be compressed");
        }
        return if was_over { Earlier::Nothing } else { afresh(Afresh::Over(left)) };
    }
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if let Err(error) = journal.cut(whole as u64) {
        return unreadable(error.to_string());
    }
    let recorder = Recorder::going_on(journal, header.id, &watch);
    Earlier::LeftOff(Box::new(LeftOff { watch, tick: header.tick, recorder }))
}

/// The part of a setup that changed, as it would be in a record: whatever the scrubber takes out there is no difference.
fn changed(recorded: &Setup, now: &Setup) -> Option<&'static str> {
    let kept = serde_json::to_string(now).ok().and_then(|text| serde_json::from_str(&visible(&text)).ok());
    difference(recorded, kept.as_ref().unwrap_or(now))
}
