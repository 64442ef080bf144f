//! Keeping the record of a watch: each message is in the file before what it causes is done, and on the disk before anything
//! outside is changed. A record that cannot be written stops nothing: the watch says that it goes on without, and why.

use super::{Journal, Records};
use crate::message::{Effect, Message};
use crate::watch::Watch;
use chrono::TimeDelta;
use redflag_core::record::Header;
use std::io;

/// What keeps the record of a watch, or has given up.
#[derive(Debug, Default)]
pub struct Recorder {
    /// Kept when it cannot be written any more, too: its lock keeps others from going on with what goes on here.
    journal: Option<Journal>,
    has_given_up: bool,
    is_named: bool,
    /// Why nothing is recorded any more, until the watch was told.
    lost: Option<String>,
    id: u32,
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
    pub fn begin(records: Option<&Records>, program: &str, tick: TimeDelta, watch: &Watch) -> Self {
        let Some(records) = records else { return Self::off() };
        let setup = watch.setup().clone();
        let (id, seat) = (fastrand::u32(1..), records.seat(&setup.rollback.actor));
        let header = Header::new(program.to_owned(), tick, setup).held(id, seat);
        Self { id, ..Self::new(records.begin(&header)) }
    }

    /// Goes on with the record of a watch that was resumed.
    pub(super) fn going_on(journal: Journal, id: u32, watch: &Watch) -> Self {
        Self { journal: Some(journal), is_named: deployed(watch).is_some(), id, ..Self::default() }
    }

    /// Which watch it is, on whatever machine; 0 where that is not kept.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// Writes a message down, before it is taken in.
    pub fn append(&mut self, message: &Message) {
        self.or_give_up(|journal| journal.append(message));
    }

    /// After a message was taken in, before what it causes is done: on the disk, where that changes anything outside.
    pub fn before(&mut self, effects: &[Effect], watch: &Watch) {
        if effects.iter().any(Effect::changes_the_outside) {
            self.or_give_up(|journal| journal.sync());
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

    /// Leaves the record as it is, to be gone on with: on the disk, and nobody's.
    ///
    /// # Errors
    /// The system's.
    pub fn leave(self) -> io::Result<()> {
        self.journal.map_or(Ok(()), |journal| journal.sync())
    }

    /// Ends the record.
    ///
    /// # Errors
    /// The system's: then it stays as it was written, and can be read all the same.
    pub fn close(self) -> io::Result<()> {
        // What lacks its end has none.
        self.journal.filter(|_| !self.has_given_up).map_or(Ok(()), Journal::close)
    }

    fn or_give_up(&mut self, write: impl FnOnce(&mut Journal) -> io::Result<()>) {
        let journal = self.journal.as_mut().filter(|_| !self.has_given_up);
        if let Some(Err(error)) = journal.map(write) {
            self.has_given_up = true;
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::deploy::Time;
    use std::fs;

    #[test]
    fn what_cannot_be_written_any_more_is_told_once_and_is_still_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(super::super::OPEN);
        fs::write(&path, "{}\n").unwrap();
        let mut recorder = Recorder::new(Ok(Journal::unwritable(folder.path().to_owned())));
        for _ in 0..3 {
            recorder.append(&Message::Tick(Time::UNIX_EPOCH));
        }
        assert!(recorder.lost().is_some() && recorder.lost().is_none());
        assert!(Journal::take(folder.path().to_owned()).unwrap().is_none(), "its lock is held");
        recorder.close().unwrap();
        assert!(path.exists(), "what was written stays");
        assert!(Journal::take(folder.path().to_owned()).unwrap().is_some());
    }
}
