//! What reaches the screen from outside: keys and resizes, and the signals that end the program.

use crossterm::event::{Event, EventStream};
use futures_util::{Stream, StreamExt, stream};
use std::io;

/// One thing that happened at the terminal's end.
#[derive(Debug)]
pub enum Input {
    /// A key, a paste, a resize.
    Event(Event),
    /// The system asks us to stop; the exit status that says so.
    Stop(u8),
    /// The terminal cannot be read any more.
    Lost(io::Error),
}

/// Everything that happens at the terminal's end, from now on.
///
/// # Errors
/// The system's, where signals cannot be received.
pub fn inputs() -> io::Result<impl Stream<Item = Input> + Unpin> {
    let events = EventStream::new().map(|event| event.map_or_else(Input::Lost, Input::Event));
    Ok(stream::select(events, stops()?))
}

/// SIGINT, SIGTERM and SIGHUP, as the exit status shells give them: 128 and the signal's number.
#[cfg(unix)]
fn stops() -> io::Result<impl Stream<Item = Input> + Unpin> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut streams = Vec::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let status = 128 + kind.as_raw_value() as u8;
        let received =
            stream::unfold(signal(kind)?, |mut signal| async move { signal.recv().await.map(|()| ((), signal)) });
        streams.push(received.map(move |()| Input::Stop(status)).boxed_local());
    }
    Ok(stream::select_all(streams))
}

/// Ctrl-C and Ctrl-Break from outside the terminal.
#[cfg(not(unix))]
fn stops() -> io::Result<impl Stream<Item = Input> + Unpin> {
    let received =
        stream::unfold((), |()| async { tokio::signal::ctrl_c().await.ok().map(|()| (Input::Stop(130), ())) });
    Ok(received.boxed_local())
}
