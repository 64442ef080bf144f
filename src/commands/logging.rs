//! The log: a file, when one is asked for, its lines cleaned as all others. Never the terminal, which belongs to the
//! screen.

use crate::output::Cleaned;
#[cfg(unix)]
use std::fs::Permissions;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Mutex;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Opens the log for this user alone: what a company's systems say of its deploys is nobody else's. One that an
/// earlier redflag left open to others is closed to them.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    let found = file.metadata()?;
    if found.is_file() && found.permissions().mode() & 0o077 != 0 {
        // Another user's file that we may write to: its owner knows who may read it.
        let _ = file.set_permissions(Permissions::from_mode(0o600));
    }
    Ok(file)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// Begins to log to `file`, which is made or appended to.
pub(super) fn start(file: Option<&Path>) -> io::Result<()> {
    let Some(path) = file else { return Ok(()) };
    let file = open(path)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot write the log {}: {error}", path.display())))?;
    let lines = tracing_subscriber::fmt::layer().with_writer(Mutex::new(Cleaned::new(file))).with_ansi(false);
    // Libraries below "info" print requests whole, headers and bodies included: no place for secrets.
    let wanted = Targets::new().with_default(Level::INFO).with_target("redflag", Level::DEBUG);
    tracing_subscriber::registry().with(wanted).with(lines).try_init().map_err(io::Error::other)
}
