//! Asking another process of this machine for the keys of its watch: a file beside the records, which the one that has them
//! looks for. Whoever asks has nothing until the other has let go of the journal's lock.

use super::Records;
use crate::files;
use crate::session::Seat;
use futures_util::{Stream, StreamExt, stream};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

/// How often is looked whether somebody asks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A request is no longer, in bytes.
const LONGEST: usize = 4096;

/// The place of requests for the keys of one watch.
#[derive(Debug, Clone)]
pub struct Asker(PathBuf);

/// A request that is being made; it is taken back when this is dropped.
#[derive(Debug)]
pub struct Request(PathBuf);

impl Records {
    /// Where the keys of a watch are asked for; nowhere where it has no name.
    pub fn asker(&self, id: u32) -> Option<Asker> {
        (id != 0).then(|| Asker(self.folder.join(format!("takeover-{id:08x}"))))
    }
}

impl Asker {
    /// Asks for the keys.
    ///
    /// # Errors
    /// The system's.
    pub fn ask(&self, seat: &Seat) -> io::Result<Request> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        super::journal::private(&mut options).open(&self.0)?.write_all(serde_json::to_string(seat)?.as_bytes())?;
        Ok(Request(self.0.clone()))
    }

    /// Who asks for them now.
    fn asked(&self) -> Option<Seat> {
        let text = files::read_regular(&self.0, LONGEST).ok()?;
        // Whoever asked and died without a word asks no more.
        serde_json::from_str(&text).ok().filter(|seat: &Seat| is_running(seat.process))
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        // What was asked for is ours by now, or not wanted any more.
        let _ = fs::remove_file(&self.0);
    }
}

/// Whether somebody asks, each time that this changes. Looked for on a thread of its own: a disk may be slow.
pub fn askers(asker: Asker) -> impl Stream<Item = Option<Seat>> {
    let looks = stream::unfold((asker, None), |(asker, mut last)| async move {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let place = asker.clone();
            let seat = tokio::task::spawn_blocking(move || place.asked()).await.ok()?;
            if seat != last {
                last.clone_from(&seat);
                return Some((seat, (asker, last)));
            }
        }
    });
    looks.fuse()
}

#[cfg(unix)]
fn is_running(process: u32) -> bool {
    let process = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    process.is_some_and(|process| rustix::process::test_kill_process(process).is_ok())
}

#[cfg(not(unix))]
fn is_running(_: u32) -> bool {
    true
}
