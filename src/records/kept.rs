//! Reading a record from the disk: the journal of a watch that has ended, that runs, or that was killed.

use super::{CLOSED, OPEN};
use flate2::read::MultiGzDecoder;
use redflag_core::record::{self, Record, Unreadable};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The most of a journal that is read, in bytes as it was written. Twenty services' half hour has a tenth of it.
pub(super) const LARGEST: u64 = 256 << 20;

/// A record that was found.
#[derive(Debug)]
pub struct Kept {
    /// Its folder.
    pub folder: PathBuf,
    /// What it takes on the disk, in bytes.
    pub size: u64,
    /// Whether the watch has ended, and its record with it.
    pub is_closed: bool,
    /// What is in it.
    pub record: Record,
}

/// Why a record cannot be read.
#[derive(Debug, Error)]
pub enum RecordError {
    /// It is not there, or may not be read.
    #[error("{}: {error}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// No folder of a record.
    #[error("{}: no {OPEN} and no {CLOSED} in it: redflag records lists what is kept", .0.display())]
    NoRecord(PathBuf),
    /// More than is read.
    #[error("{}: more than {} MiB: it is no record of redflag", .0.display(), LARGEST >> 20)]
    TooLarge(PathBuf),
    /// A line of it is none of a record.
    #[error("{}, line {line}: {error}", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        error: Unreadable,
    },
}

/// Reads a record, of which this is the folder or the journal itself.
///
/// # Errors
/// With the file, the line, and the way out.
pub fn open(path: &Path) -> Result<Kept, RecordError> {
    let journal = journal_of(path)?;
    let failed = |error| RecordError::Io { path: journal.clone(), error };
    let file = File::open(&journal).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let is_closed = journal.extension().is_some_and(|extension| extension == "gz");
    let text = if is_closed { text(MultiGzDecoder::new(file)) } else { text(file) };
    let text = text.map_err(failed)?.ok_or_else(|| RecordError::TooLarge(journal.clone()))?;
    let record =
        record::read(&text).map_err(|(line, error)| RecordError::Line { path: journal.clone(), line, error })?;
    let folder = journal.parent().map(Path::to_owned).unwrap_or_default();
    Ok(Kept { folder, size, is_closed, record })
}

/// The journal in a folder: the closed one first, for a program that was killed as it closed leaves both.
fn journal_of(path: &Path) -> Result<PathBuf, RecordError> {
    let found = fs::metadata(path).map_err(|error| RecordError::Io { path: path.to_owned(), error })?;
    if !found.is_dir() {
        return Ok(path.to_owned());
    }
    let mut journals = [CLOSED, OPEN].map(|name| path.join(name)).into_iter();
    journals.find(|journal| journal.is_file()).ok_or_else(|| RecordError::NoRecord(path.to_owned()))
}

/// The text of a journal; `None` where it is larger than any. A sign that was torn in the middle belongs to a
/// last line that is left out.
fn text(from: impl Read) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    from.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Ok(None);
    }
    let text = String::from_utf8(bytes);
    Ok(Some(text.unwrap_or_else(|torn| String::from_utf8_lossy(torn.as_bytes()).into_owned())))
}
