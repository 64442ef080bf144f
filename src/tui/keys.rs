//! Keys, pastes and resizes as they come. crossterm's own stream waits on a thread of its own, which costs each key a
//! change of threads; and on a terminal that was taken away its reader goes round for ever and hears no signal any more.
//! So on Unix the waiting is done here, and crossterm is asked only while there is a terminal.

use crossterm::event::Event;
use futures_util::Stream;
use std::io;

/// Every event from now on.
///
/// # Errors
/// The system's, where a terminal cannot be waited for.
#[cfg(unix)]
pub(super) fn events() -> io::Result<impl Stream<Item = io::Result<Event>>> {
    use crossterm::event;
    use futures_util::stream;
    use std::time::Duration;
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;
    use tokio::signal::unix::{SignalKind, signal};

    #[expect(
        deprecated,
        reason = "what replaces it is unsafe to call; standard input stays open as long as the program runs"
    )]
    let keyboard = AsyncFd::with_interest(rustix::stdio::stdin(), Interest::READABLE)?;
    let resized = signal(SignalKind::window_change())?;
    // crossterm hears of a new size by itself once it has been asked for the first time.
    event::poll(Duration::ZERO)?;
    Ok(stream::unfold(Some((keyboard, resized)), |state| async move {
        let (keyboard, mut resized) = state?;
        loop {
            // What waits is taken before anything new is waited for; of a terminal that is gone nothing is asked.
            let next = match rustix::termios::tcgetattr(keyboard.get_ref()) {
                Ok(_) => event::poll(Duration::ZERO),
                Err(error) => Err(error.into()),
            };
            match next {
                Ok(true) => return Some((event::read(), Some((keyboard, resized)))),
                Ok(false) => {}
                Err(error) => return Some((Err(error), None)),
            }
            tokio::select! {
                ready = keyboard.readable() => match ready {
                    Ok(mut ready) => ready.clear_ready(),
                    Err(error) => return Some((Err(error), None)),
                },
                _ = resized.recv() => {}
            }
        }
    }))
}

/// Every event from now on.
///
/// # Errors
/// None: it is only declared to fail as the other one does.
#[cfg(not(unix))]
pub(super) fn events() -> io::Result<impl Stream<Item = io::Result<Event>>> {
    Ok(crossterm::event::EventStream::new())
}
