//! How long records are kept, and how much room they may take.

use super::{CLOSED, Journal, OPEN, Records};
use chrono::TimeDelta;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A journal that nobody has written to for so long is not gone on with: it is compressed.
const COLD: TimeDelta = TimeDelta::days(2);

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// For how long.
    pub age: TimeDelta,
    /// How much of all together, in bytes: the oldest go first.
    pub room: u64,
}

impl Default for Keep {
    fn default() -> Self {
        Self { age: TimeDelta::days(90), room: 1_000_000_000 }
    }
}

/// What was deleted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// The folders, the oldest first.
    pub folders: Vec<PathBuf>,
    /// What they took on the disk, in bytes.
    pub bytes: u64,
}

/// A record on the disk.
struct Found {
    folder: PathBuf,
    written: SystemTime,
    size: u64,
}

impl Records {
    /// Compresses what is not gone on with any more, then deletes what is too old and, the oldest first, what is too much.
    /// A record that a process writes to stays, whatever its age.
    ///
    /// # Errors
    /// The system's, of the folder of all records. What cannot be deleted is left.
    pub fn prune(&self, keep: Keep, now: SystemTime) -> io::Result<Pruned> {
        let older = |written: SystemTime, age: TimeDelta| {
            age.to_std().is_ok_and(|age| now.duration_since(written).is_ok_and(|passed| passed > age))
        };
        let mut found: Vec<Found> = Vec::new();
        for folder in self.all()? {
            if let Some(one) = Found::of(folder) {
                let one = if older(one.written, COLD) { one.compressed() } else { one };
                found.push(one);
            }
        }
        let mut all: u64 = found.iter().map(|one| one.size).sum();
        let mut pruned = Pruned::default();
        for one in found {
            if (older(one.written, keep.age) || all > keep.room) && delete(&one.folder).is_ok() {
                all -= one.size;
                pruned.bytes += one.size;
                pruned.folders.push(one.folder);
            }
        }
        Ok(pruned)
    }
}

impl Found {
    fn of(folder: PathBuf) -> Option<Self> {
        let journals = [CLOSED, OPEN].map(|name| folder.join(name));
        let file = journals.into_iter().find_map(|journal| fs::metadata(journal).ok())?;
        let written = file.modified().ok()?;
        Some(Self { folder, written, size: file.len() })
    }

    /// Ends its record, where it was not and nobody writes to it. It is as old as it was.
    fn compressed(self) -> Self {
        if self.folder.join(CLOSED).exists() {
            return self;
        }
        let Ok(Some(journal)) = Journal::take(self.folder.clone()) else { return self };
        if journal.close().is_err() {
            return self;
        }
        let closed = self.folder.join(CLOSED);
        let _ = fs::File::options().write(true).open(&closed).and_then(|file| file.set_modified(self.written));
        let size = fs::metadata(&closed).map_or(self.size, |file| file.len());
        Self { size, ..self }
    }
}

/// Deletes a record, unless a process writes to it.
fn delete(folder: &Path) -> io::Result<()> {
    let open = folder.join(OPEN);
    let held = if open.exists() && !folder.join(CLOSED).exists() {
        Some(Journal::take(folder.to_owned())?.ok_or_else(|| io::Error::other("a watch writes to it"))?)
    } else {
        None
    };
    for name in [OPEN, CLOSED, super::PARTIAL] {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    drop(held);
    // Whatever else somebody put there stays, and the folder with it.
    let _ = fs::remove_dir(folder);
    Ok(())
}
