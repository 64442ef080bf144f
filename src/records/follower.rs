//! Following a journal that another process writes: the same watch, a few lines behind.

use super::OPEN;
use crate::message::Message;
use crate::session::Seat;
use crate::watch::Watch;
use redflag_core::record;
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// The most that is read at a time, in bytes.
const PIECE: u64 = 4 << 20;

/// See the module.
#[derive(Debug)]
pub struct Follower {
    file: File,
    /// What was read and is not a whole line yet.
    rest: Vec<u8>,
    seat: Seat,
    id: u32,
    /// As it was when it was opened, until that is taken.
    watch: Box<Watch>,
}

/// How a journal has grown.
#[derive(Debug)]
pub struct Grown {
    /// What its watch was told since.
    pub messages: Vec<Message>,
    /// Whether nobody writes to it any more.
    pub is_free: bool,
}

impl Follower {
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let mut file = File::open(folder.join(OPEN))?;
        let mut bytes = Vec::new();
        (&mut file).take(super::kept::LARGEST).read_to_end(&mut bytes)?;
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let rest = bytes.split_off(end);
        let record = record::read(&String::from_utf8_lossy(&bytes))
            .map_err(|(line, error)| io::Error::new(ErrorKind::InvalidData, format!("line {line}: {error}")))?;
        let mut seat = record.header.seat.clone();
        note_seat(&mut seat, &record.messages);
        Ok(Self { file, rest, seat, id: record.header.id, watch: Box::new(record.fold()) })
    }

    /// Who is at the keys.
    pub fn seat(&self) -> &Seat {
        &self.seat
    }

    /// Which watch it is.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// The watch as it was when this was opened.
    pub fn watch(&self) -> Watch {
        Watch::clone(&self.watch)
    }

    /// Reads what was written since.
    ///
    /// # Errors
    /// The system's, and for a line that is none of a record.
    pub fn read(&mut self) -> io::Result<Grown> {
        // Whoever ends writes before it lets go: looked at in this order, nothing is missed.
        let is_free = match self.file.try_lock_shared() {
            Ok(()) => {
                self.file.unlock()?;
                true
            }
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(error)) => return Err(error),
        };
        let count = (&mut self.file).take(PIECE).read_to_end(&mut self.rest)?;
        let end = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let (messages, _) = record::follow(&String::from_utf8_lossy(&self.rest[..end]))
            .map_err(|(_, error)| io::Error::new(ErrorKind::InvalidData, error.to_string()))?;
        self.rest.drain(..end);
        note_seat(&mut self.seat, &messages);
        Ok(Grown { messages, is_free: is_free && (count as u64) < PIECE })
    }
}

/// Who has the keys after these.
fn note_seat(seat: &mut Seat, messages: &[Message]) {
    let last = messages.iter().rev().find_map(|message| match message {
        Message::Resumed { seat, .. } => Some(seat),
        _ => None,
    });
    if let Some(last) = last {
        *seat = last.clone();
    }
}
