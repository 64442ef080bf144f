//! Writing a record: each message is in the file before what it causes is done, and on the disk before anything outside is
//! changed. A record that cannot be written stops nothing: the watch says that it goes on without, and why.

use super::{CLOSED, OPEN, folder_name, plain};
use crate::deploy::Time;
use crate::message::{Effect, Message};
use crate::watch::Watch;
use chrono::TimeDelta;
use flate2::Compression;
use flate2::write::GzEncoder;
use redflag_core::record::{Header, header_line, message_line};
use redflag_text::visible;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
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

    fn append(&mut self, message: &Message) -> io::Result<()> {
        self.line(&message_line(message)?)
    }

    /// One write for a line and its end: what is killed in between leaves a torn last line and nothing worse.
    fn line(&mut self, line: &str) -> io::Result<()> {
        // JSON escapes what a terminal would obey; the scrubber takes out what nobody should read.
        let mut line = visible(line).into_owned();
        line.push('\n');
        self.file.write_all(line.as_bytes())
    }

    /// Gives the folder the name of what is watched, once that is known.
    fn name(&mut self, started: Time, environment: &str, workload: &str, version: &str) {
        let old = folder_name(started, environment, None);
        let Some(number) = self.folder.file_name().and_then(|name| name.to_str()?.strip_prefix(&old)) else { return };
        let new = folder_name(started, environment, Some((workload, version))) + &plain(number);
        let new = self.folder.with_file_name(new);
        // A record without its full name is one all the same.
        if !new.exists() && fs::rename(&self.folder, &new).is_ok() {
            self.folder = new;
        }
    }

    /// Compresses what was written, on the disk before the original goes.
    fn close(self) -> io::Result<()> {
        self.file.sync_data()?;
        let (open, closed) = (self.folder.join(OPEN), self.folder.join(CLOSED));
        let partial = self.folder.join("journal.partial");
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
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// What keeps the record of a watch, or has given up.
#[derive(Debug, Default)]
pub struct Recorder {
    journal: Option<Journal>,
    is_named: bool,
    /// Why nothing is recorded any more, until the watch was told.
    lost: Option<String>,
}

impl Recorder {
    /// Keeps no record, as is wanted.
    pub fn off() -> Self {
        Self::default()
    }

    /// Writes to this journal, or says why there is none.
    pub fn new(journal: io::Result<Journal>) -> Self {
        match journal {
            Ok(journal) => Self { journal: Some(journal), ..Self::default() },
            Err(error) => Self { lost: Some(error.to_string()), ..Self::default() },
        }
    }

    /// Begins the record of a watch with ticks this far apart, where records are kept.
    pub fn begin(records: Option<&super::Records>, program: &str, tick: TimeDelta, watch: &Watch) -> Self {
        let Some(records) = records else { return Self::off() };
        let header = Header::new(program.to_owned(), tick, watch.setup().clone());
        Self::new(records.begin(&header))
    }

    /// Writes a message down, before it is taken in.
    pub fn append(&mut self, message: &Message) {
        self.or_give_up(|journal| journal.append(message));
    }

    /// After a message was taken in, before what it causes is done: on the disk, where that changes anything outside.
    pub fn before(&mut self, effects: &[Effect], watch: &Watch) {
        if effects.iter().any(Effect::changes_the_outside) {
            self.or_give_up(|journal| journal.file.sync_data());
        }
        if !self.is_named
            && let Some(journal) = &mut self.journal
            && let Some((workload, version)) = deployed(watch)
        {
            let setup = watch.setup();
            journal.name(setup.started, &setup.environment, workload, version);
            self.is_named = true;
        }
    }

    /// Why nothing is recorded any more; once.
    pub fn lost(&mut self) -> Option<String> {
        self.lost.take()
    }

    /// Ends the record.
    ///
    /// # Errors
    /// The system's: then it stays as it was written, and can be read all the same.
    pub fn close(self) -> io::Result<()> {
        self.journal.map_or(Ok(()), Journal::close)
    }

    fn or_give_up(&mut self, write: impl FnOnce(&mut Journal) -> io::Result<()>) {
        if let Some(Err(error)) = self.journal.as_mut().map(write) {
            self.journal = None;
            self.lost = Some(error.to_string());
        }
    }
}

/// The first workload that was deployed, and its new version.
fn deployed(watch: &Watch) -> Option<(&str, &str)> {
    let workloads = watch.setup().workloads.iter().zip(watch.workloads());
    let mut deployed = workloads
        .filter_map(|(workload, state)| Some((workload.reference.name.as_str(), state.deploy.as_ref()?.to.label())));
    deployed.next()
}
