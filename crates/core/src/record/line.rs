//! The lines of a record: the header first, then a message each.

use crate::message::Message;
use crate::session::Seat;
use crate::setup::Setup;
use crate::watch::Watch;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The version of the lines. It grows when a line of today could not be read by the program of yesterday; an older one is
/// brought up to date when it is read.
pub const FORMAT: u32 = 1;

/// The first line: what the watch was begun with. Holds no secret: a setup has none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`] of the program that wrote it.
    pub format: u32,
    /// The program's own version, commit and date: `0.1.0 (6a34087 2026-11-28)`.
    pub program: String,
    /// Which watch it is, on whatever machine: its lease is held by this name. 0 where it has none.
    #[serde(default)]
    pub id: u32,
    /// The process that began it.
    #[serde(default)]
    pub seat: Seat,
    /// How far apart the ticks were.
    pub tick: TimeDelta,
    /// What was watched, and by which limits.
    pub setup: Setup,
}

impl Header {
    /// The header of a watch that begins.
    pub fn new(program: String, tick: TimeDelta, setup: Setup) -> Self {
        Self { format: FORMAT, program, id: 0, seat: Seat::default(), tick, setup }
    }

    /// The same, under this name and begun by this process.
    #[must_use]
    pub fn held(self, id: u32, seat: Seat) -> Self {
        Self { id, seat, ..self }
    }

    /// The watch as it was before its first message.
    pub fn begin(&self) -> Watch {
        let mut watch = Watch::new(self.setup.clone());
        watch.expect_ticks_every(self.tick);
        watch
    }
}

/// Why a line is none of a record.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// A newer program wrote it.
    #[error("format {found}, and this redflag reads up to {FORMAT}: install the redflag that wrote it, or a newer one")]
    Newer {
        /// The format that it has.
        found: u32,
    },
    /// Its header has no end: the program was killed as it began.
    #[error("the header was not written whole")]
    Headless,
    /// It is no line of a record at all.
    #[error("not a line of a record: {0}")]
    Foreign(#[from] serde_json::Error),
}

/// What every format's header begins with.
#[derive(Deserialize)]
struct Stamp {
    format: u32,
}

/// The header as a line, without its end.
///
/// # Errors
/// For a number that JSON does not have.
pub fn header_line(header: &Header) -> serde_json::Result<String> {
    serde_json::to_string(header)
}

/// A message as a line, without its end.
///
/// # Errors
/// For a number that JSON does not have.
pub fn message_line(message: &Message) -> serde_json::Result<String> {
    serde_json::to_string(message)
}

pub(super) fn parse_header(line: &str) -> Result<Header, Unreadable> {
    // The format first: a newer header may hold what this program does not know.
    match serde_json::from_str::<Stamp>(line)?.format {
        FORMAT => Ok(serde_json::from_str(line)?),
        found => Err(Unreadable::Newer { found }),
    }
}

pub(super) fn parse_message(line: &str) -> Result<Message, Unreadable> {
    Ok(serde_json::from_str(line)?)
}
