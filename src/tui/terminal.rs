//! The terminal, always left as it was found: raw mode and the alternate screen, one write a frame, the bell,
//! suspending.

use super::hyperlink;
use crate::panics;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange};
use crossterm::queue;
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the terminal is ours now. What it was before is the terminal's own knowledge (crossterm keeps the
/// mode, the alternate screen keeps the text), so one flag is all there is to remember.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// Holds the terminal; gives it back when dropped.
#[derive(Debug)]
#[must_use = "the terminal is given back when this is dropped"]
pub struct Guard(());

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Takes the terminal: raw mode, the alternate screen, no cursor; and sees to it that a panic in any thread or
/// task gives it back before its message is printed.
///
/// # Errors
/// The terminal's own; it is given back then.
pub fn enter() -> io::Result<Guard> {
    panics::say_with(restore);
    let guard = Guard(());
    take()?;
    Ok(guard)
}

/// Gives the terminal back. Safe to call at any time, from any thread, any number of times.
pub fn restore() {
    if ENTERED.swap(false, Ordering::SeqCst) {
        // Nothing can be done about a terminal that is gone, and each step must be tried whatever the others said.
        let mut out = io::stdout();
        let _ =
            queue!(out, EndSynchronizedUpdate, DisableFocusChange, DisableBracketedPaste, LeaveAlternateScreen, Show);
        let _ = out.flush();
        let _ = disable_raw_mode();
    }
}

/// Whether the terminal is ours: `false` after a panic gave it back, and the loop should end.
pub fn is_ours() -> bool {
    ENTERED.load(Ordering::SeqCst)
}

fn take() -> io::Result<()> {
    // First: should any step fail, the guard must undo the others.
    ENTERED.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    let mut out = io::stdout();
    // Without bracketed paste a pasted text would be a rain of keys, and `R` and `y` are among them.
    queue!(out, EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange, Hide)?;
    out.flush()
}

/// Puts the program to sleep as the shell's Ctrl-Z would, and takes the terminal again when it is woken.
/// The whole screen must be redrawn afterwards ([`crate::tui::Tui::invalidate`]).
///
/// # Errors
/// The terminal's own, or the system's where it does not let us stop.
#[cfg(unix)]
pub fn suspend() -> io::Result<()> {
    restore();
    // The group, not the process: the shell waits for the job's first process, which may be `cargo run`.
    rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
    take()
}

/// There is no job control to suspend to.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn suspend() -> io::Result<()> {
    Ok(())
}

/// Asks the terminal what it writes on (OSC 11). It answers among the keys, or not at all; nobody waits for it.
///
/// Changes are not subscribed to (mode 2031): crossterm 0.29 takes the report (`CSI ? 997 ; 1 n`) for the beginning of an
/// answer that ends with `u` or `c`, and swallows every key up to one. Whoever changes the colours comes back to the terminal
/// afterwards, and is asked then.
///
/// # Errors
/// The terminal's own.
pub fn ask_ground() -> io::Result<()> {
    write_now("\x1b]11;?\x07")
}

/// Rings the bell.
///
/// # Errors
/// The terminal's own.
pub fn bell() -> io::Result<()> {
    write_now("\x07")
}

/// Writes a sequence at once, between frames; nothing where the terminal is not ours.
pub(super) fn write_now(sequence: &str) -> io::Result<()> {
    if !is_ours() {
        return Ok(());
    }
    let mut out = io::stdout();
    out.write_all(sequence.as_bytes())?;
    out.flush()
}

/// What a frame is collected in before it is written.
#[derive(Debug, Clone, Default)]
struct Collected(Rc<RefCell<Vec<u8>>>);

impl Write for Collected {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Nothing: crossterm flushes after each command, and a frame must reach the terminal whole.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The terminal as ratatui sees it. Each frame is one write between the marks of synchronized output, so that
/// no half of one is ever seen; a frame that changed nothing writes nothing.
pub struct Screen<W: Write = io::Stdout> {
    backend: CrosstermBackend<Collected>,
    collected: Collected,
    out: W,
    /// Whether that is the terminal, which is ours only as long as no panic has given it back.
    is_terminal: bool,
    cursor_hidden: bool,
}

impl Screen {
    /// The screen on standard output.
    pub fn new() -> Self {
        Self { is_terminal: true, ..Self::on(io::stdout()) }
    }
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}

impl<W: Write> Screen<W> {
    /// A screen that writes somewhere else.
    fn on(out: W) -> Self {
        let collected = Collected::default();
        // [`enter`] hid the cursor.
        Self {
            backend: CrosstermBackend::new(collected.clone()),
            collected,
            out,
            is_terminal: false,
            cursor_hidden: true,
        }
    }
}

impl<W: Write> Backend for Screen<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        self.backend.draw(content)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        // ratatui hides it with each frame: bytes for nothing.
        if std::mem::replace(&mut self.cursor_hidden, true) { Ok(()) } else { self.backend.hide_cursor() }
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.cursor_hidden = false;
        self.backend.show_cursor()
    }

    /// The origin, whatever is true: the terminal would answer among the keys, and two readers of them would
    /// wait for each other. Nothing here depends on it; the cursor is hidden.
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.backend.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.backend.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.backend.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        self.backend.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.backend.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        let frame = std::mem::take(&mut *self.collected.0.borrow_mut());
        if frame.is_empty() {
            return Ok(());
        }
        if self.is_terminal && !is_ours() {
            // What a panic says stands there now, and no frame may lie over it.
            return Err(io::Error::other("the terminal was given back"));
        }
        let mut bytes = Vec::with_capacity(frame.len() + 16);
        queue!(bytes, BeginSynchronizedUpdate)?;
        bytes.extend_from_slice(&hyperlink::join(&frame));
        queue!(bytes, EndSynchronizedUpdate)?;
        self.out.write_all(&bytes)?;
        self.out.flush()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Counts writes, and keeps them.
    #[derive(Clone, Default)]
    struct Recorder(Rc<RefCell<Vec<Vec<u8>>>>);

    impl Write for Recorder {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_frame_is_one_write_between_the_marks_of_synchronized_output() {
        let recorder = Recorder::default();
        let mut screen = Screen::on(recorder.clone());
        let cell = Cell::new("x");
        screen.draw([(3, 2, &cell), (4, 2, &cell)].into_iter()).unwrap();
        screen.hide_cursor().unwrap();
        screen.flush().unwrap();
        let writes = recorder.0.borrow();
        assert_eq!(writes.len(), 1);
        let text = String::from_utf8(writes[0].clone()).unwrap();
        assert!(text.starts_with("\x1b[?2026h\x1b[3;4Hxx"), "{text:?}");
        assert!(text.ends_with("\x1b[?2026l"), "{text:?}");
    }

    #[test]
    fn a_frame_that_changed_nothing_writes_nothing() {
        let recorder = Recorder::default();
        let mut screen = Screen::on(recorder.clone());
        screen.draw(std::iter::empty()).unwrap();
        screen.hide_cursor().unwrap();
        screen.flush().unwrap();
        assert!(recorder.0.borrow().is_empty());
    }

    #[test]
    fn no_frame_lies_over_what_a_panic_says() {
        let recorder = Recorder::default();
        let mut screen = Screen { is_terminal: true, ..Screen::on(recorder.clone()) };
        let cell = Cell::new("x");
        screen.draw([(3, 2, &cell)].into_iter()).unwrap();
        // Nobody has taken the terminal, as after a panic that gave it back.
        assert_eq!(screen.flush().unwrap_err().to_string(), "the terminal was given back");
        assert!(recorder.0.borrow().is_empty());
    }

    #[test]
    fn giving_back_a_terminal_that_was_never_taken_is_harmless() {
        restore();
        restore();
        assert!(!is_ours());
        bell().unwrap();
    }
}
