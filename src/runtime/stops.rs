//! The signals that end the program.

use crate::outcome::Outcome;
use futures_util::{Stream, StreamExt, stream};
use std::io;

/// SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGABRT, from now on.
///
/// # Errors
/// The system's, where signals cannot be received.
#[cfg(unix)]
pub fn stops() -> io::Result<impl Stream<Item = Outcome> + Unpin> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = [
        (SignalKind::interrupt(), Outcome::Interrupted),
        (SignalKind::terminate(), Outcome::Terminated),
        (SignalKind::hangup(), Outcome::HungUp),
        (SignalKind::quit(), Outcome::Quit),
        (SignalKind::from_raw(rustix::process::Signal::ABORT.as_raw()), Outcome::Aborted),
    ];
    let mut streams = Vec::new();
    for (kind, outcome) in signals {
        let received =
            stream::unfold(signal(kind)?, |mut signal| async move { signal.recv().await.map(|()| ((), signal)) });
        streams.push(received.map(move |()| outcome).boxed_local());
    }
    Ok(stream::select_all(streams))
}

/// Ctrl-C and Ctrl-Break from outside the terminal.
///
/// # Errors
/// None: it is only declared to fail as the other one does.
#[cfg(not(unix))]
pub fn stops() -> io::Result<impl Stream<Item = Outcome> + Unpin> {
    let received =
        stream::unfold((), |()| async { tokio::signal::ctrl_c().await.ok().map(|()| (Outcome::Interrupted, ())) });
    Ok(received.boxed_local())
}
