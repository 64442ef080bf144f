//! Records of watches, kept on this machine: a folder for each, in the state folder of this user.
//!
//! `2026-02-03T1402Z-production-app-1.9.0/journal.jsonl` while the watch runs; `journal.jsonl.gz` once it has ended.
//! What a line holds is [`redflag_core::record`]'s.

mod earlier;
mod follower;
mod journal;
mod keeping;
mod kept;
mod recorder;
mod takeover;

pub use earlier::{Earlier, LeftOff};
pub use follower::{Follower, Grown};
pub use journal::Journal;
pub use keeping::{Keep, Pruned};
pub use kept::{Kept, RecordError, open};
pub use recorder::Recorder;
pub use takeover::{Asker, Request, askers};

use crate::deploy::Time;
use crate::files;
use crate::session::Seat;
use redflag_core::record::Header;
use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The journal of a watch that runs, or was killed.
const OPEN: &str = "journal.jsonl";
/// The journal of a watch that has ended.
const CLOSED: &str = "journal.jsonl.gz";
/// A journal that is being compressed.
const PARTIAL: &str = "journal.partial";
/// So many watches of the same name may begin in the same minute.
const SAME_MINUTE: u32 = 100;

/// The folder that they are kept in.
#[derive(Debug, Clone)]
pub struct Records {
    folder: PathBuf,
    attended: bool,
}

impl Records {
    /// In this folder; it need not exist yet.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), attended: false }
    }

    /// The usual place: the state folder of this user; `None` where the system has no home for one.
    pub fn usual() -> Option<Self> {
        Some(Self::at(files::state_folder()?.join("records")))
    }

    /// The same, for watches with somebody at the keys, who can be asked for them.
    #[must_use]
    pub fn attended(self) -> Self {
        Self { attended: true, ..self }
    }

    /// This process, as the holder of a watch.
    pub fn seat(&self, who: &str) -> Seat {
        Seat { who: who.to_owned(), process: std::process::id(), attended: self.attended }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Begins a record: its folder, and the header on the disk.
    ///
    /// # Errors
    /// The system's: a folder that cannot be written, a full disk.
    pub fn begin(&self, header: &Header) -> io::Result<Journal> {
        private(DirBuilder::new().recursive(true)).create(&self.folder)?;
        let name = folder_name(header.setup.started, &header.setup.environment, None);
        for number in 1..=SAME_MINUTE {
            let folder = self.folder.join(if number == 1 { name.clone() } else { format!("{name}-{number}") });
            match private(&mut DirBuilder::new()).create(&folder) {
                Ok(()) => return Journal::create(folder, header),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::new(ErrorKind::AlreadyExists, format!("{name} to {name}-{SAME_MINUTE} are there already")))
    }

    /// The folders of all records, the oldest first.
    ///
    /// # Errors
    /// The system's. A folder that is not there yet has none.
    pub fn all(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut found = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        found.retain(|path| path.join(OPEN).is_file() || path.join(CLOSED).is_file());
        // The names begin with the minute. Which of two is older within one, only they know themselves.
        found.sort();
        for same in found.chunk_by_mut(|one, other| minute(one) == minute(other)).filter(|same| same.len() > 1) {
            same.sort_by_cached_key(|folder| earlier::started(folder));
        }
        Ok(found)
    }
}

/// `2026-02-03T1402Z-production-app-1.9.0`: a listing tells what was watched. `deployed` is the workload and its version.
fn folder_name(started: Time, environment: &str, deployed: Option<(&str, &str)>) -> String {
    let mut name = format!("{}-{}", started.format("%Y-%m-%dT%H%MZ"), plain(environment));
    if let Some((workload, version)) = deployed {
        name += &format!("-{}-{}", plain(workload), plain(version));
    }
    name
}

/// `2026-02-03T1402`, of a folder's name.
fn minute(folder: &Path) -> Option<&str> {
    Some(folder.file_name()?.to_str()?.split_once('Z')?.0)
}

/// The beginning of an untrusted name, as a part of a file's name.
fn plain(name: &str) -> String {
    const LONGEST: usize = 60;
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '.' | '_' | '-' | '+');
    name.chars().take(LONGEST).map(|sign| if is_plain(sign) { sign } else { '_' }).collect()
}

/// What is in a record concerns whoever watches.
#[cfg(unix)]
fn private(builder: &mut DirBuilder) -> &mut DirBuilder {
    use std::os::unix::fs::DirBuilderExt;
    builder.mode(0o700)
}

#[cfg(not(unix))]
fn private(builder: &mut DirBuilder) -> &mut DirBuilder {
    builder
}
