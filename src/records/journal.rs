//! A journal that is written: created, gone on with, and closed.

use super::{CLOSED, OPEN, PARTIAL, SAME_MINUTE, folder_name, plain};
use crate::deploy::Time;
use crate::message::Message;
use flate2::Compression;
use flate2::write::GzEncoder;
use redflag_core::record::{Header, header_line, message_line};
use redflag_text::visible;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::PathBuf;

/// An open journal, held by this process alone.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    file: File,
}

impl Journal {
    pub(super) fn create(folder: PathBuf, header: &Header) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        let file = private(&mut options).open(folder.join(OPEN))?;
        // Whoever else looks knows by it that the watch still runs. Some file systems have no locks.
        let _ = file.try_lock();
        let mut journal = Self { folder, file };
        journal.line(&header_line(header)?)?;
        Ok(journal)
    }

    /// The journal in this folder, to go on with: `None` where another process writes to it, or has closed it meanwhile.
    pub(super) fn take(folder: PathBuf) -> io::Result<Option<Self>> {
        let file = OpenOptions::new().read(true).append(true).open(folder.join(OPEN))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            // Without locks nobody knows whether anybody writes to it.
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // It may have been closed between the two.
        Ok((!folder.join(CLOSED).exists() && folder.join(OPEN).exists()).then_some(Self { folder, file }))
    }

    /// A journal whose disk is full, so to say.
    #[cfg(test)]
    #[allow(clippy::unwrap_used)]
    pub(super) fn unwritable(folder: PathBuf) -> Self {
        let file = File::open(folder.join(OPEN)).unwrap();
        file.try_lock().unwrap();
        Self { folder, file }
    }

    /// Its text, up to a limit that is one more than may be.
    pub(super) fn text(&self, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        (&self.file).take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Drops what was not written whole: it goes on with a line of its own.
    pub(super) fn cut(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    pub(super) fn append(&mut self, message: &Message) -> io::Result<()> {
        self.line(&message_line(message)?)
    }

    /// Has what was written on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// One write for a line and its end: what is killed in between leaves a torn last line and nothing worse.
    fn line(&mut self, line: &str) -> io::Result<()> {
        // JSON escapes what a terminal would obey; the scrubber takes out what nobody should read.
        let mut line = visible(line).into_owned();
        line.push('\n');
        self.file.write_all(line.as_bytes())
    }

    /// Gives the folder the name of what is watched, once that is known.
    pub(super) fn name(&mut self, started: Time, environment: &str, workload: &str, version: &str) {
        let old = folder_name(started, environment, None);
        let Some(number) = self.folder.file_name().and_then(|name| name.to_str()?.strip_prefix(&old)) else { return };
        let new = folder_name(started, environment, Some((workload, version))) + &plain(number);
        let numbered = (2..=SAME_MINUTE).map(|number| format!("{new}-{number}"));
        let mut names = std::iter::once(new.clone()).chain(numbered).map(|name| self.folder.with_file_name(name));
        // A record without its full name is one all the same.
        if let Some(free) = names.find(|name| !name.exists())
            && fs::rename(&self.folder, &free).is_ok()
        {
            self.folder = free;
        }
    }

    /// Compresses what was written, on the disk before the original goes.
    pub(super) fn close(self) -> io::Result<()> {
        self.file.sync_data()?;
        let (open, closed) = (self.folder.join(OPEN), self.folder.join(CLOSED));
        let partial = self.folder.join(PARTIAL);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        let mut packed = GzEncoder::new(private(&mut options).open(&partial)?, Compression::default());
        io::copy(&mut File::open(&open)?, &mut packed)?;
        packed.finish()?.sync_data()?;
        fs::rename(&partial, &closed)?;
        fs::remove_file(&open)
    }
}

#[cfg(unix)]
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

#[cfg(not(unix))]
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}
