//! The log: a file, when one is asked for. Never the terminal, which belongs to the screen.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Begins to log to `file`, which is made or appended to.
pub(super) fn start(file: Option<&Path>) -> io::Result<()> {
    let Some(path) = file else { return Ok(()) };
    let file =
        OpenOptions::new().create(true).append(true).open(path).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot write the log {}: {error}", path.display()))
        })?;
    let lines = tracing_subscriber::fmt::layer().with_writer(Mutex::new(file)).with_ansi(false);
    // Libraries below "info" print requests whole, headers and bodies included: no place for secrets.
    let wanted = Targets::new().with_default(Level::INFO).with_target("redflag", Level::DEBUG);
    tracing_subscriber::registry().with(wanted).with(lines).try_init().map_err(io::Error::other)
}
