//! Standard output and error output: the only way there but for the screen. Every line goes through the cleaner, so
//! that nothing that a peer said can steer the terminal or show a secret; and a reader that has gone away ends nothing.

mod table;

pub use table::table;

use crate::text::visible;
use schemars::JsonSchema;
use std::io::{self, IsTerminal, Write};

/// A line longer than this, in bytes, is put out in pieces.
const LONGEST_LINE: usize = 1 << 20;

/// Somewhere to write lines of text to. Writing never fails: whoever follows a rollback goes on when nobody reads any
/// more. What became of it is said by [`Cleaned::end`].
#[derive(Debug)]
pub struct Cleaned<W: Write> {
    out: W,
    /// What was written of a line so far: a secret may come in pieces.
    line: Vec<u8>,
    failed: Option<io::Error>,
}

/// The JSON schema of what is put out as `T`, with its last line break.
pub fn schema<T: JsonSchema>() -> String {
    format!("{:#}\n", schemars::schema_for!(T).to_value())
}

/// Standard output.
pub fn stdout() -> Cleaned<io::Stdout> {
    Cleaned::new(io::stdout())
}

/// Standard error output.
pub fn stderr() -> Cleaned<io::Stderr> {
    Cleaned::new(io::stderr())
}

/// A line of a terminal that the next one is written over, and that is gone in the end.
#[derive(Debug)]
pub struct Transient(io::Stderr);

impl Transient {
    /// On standard error output, where that is a terminal.
    pub fn stderr() -> Option<Self> {
        let out = io::stderr();
        // Made only where there is a line to clear in the end.
        if out.is_terminal() { Some(Self(out)) } else { None }
    }

    /// Shows this in place of what was shown.
    pub fn show(&mut self, text: &str) {
        self.put(&visible(text));
    }

    /// Whoever does not see how far it is loses nothing.
    fn put(&mut self, text: &str) {
        let _ = write!(self.0, "\r\x1b[K{text}");
        let _ = self.0.flush();
    }
}

impl Drop for Transient {
    fn drop(&mut self) {
        self.put("");
    }
}

impl<W: Write> Cleaned<W> {
    /// Writes there.
    pub fn new(out: W) -> Self {
        Self { out, line: Vec::new(), failed: None }
    }

    /// Writes a text, and a line break behind it.
    pub fn line(&mut self, text: &str) {
        self.line.extend_from_slice(text.as_bytes());
        self.line.push(b'\n');
        self.put(self.line.len());
        self.flushed();
    }

    /// Writes a mark of our own on a line of its own, as it is: for readers that want signs which no line may have. Nothing
    /// foreign is ever part of one.
    pub fn mark(&mut self, mark: &str) {
        self.put(self.line.len());
        if self.failed.is_none() {
            self.failed = self.out.write_all(mark.as_bytes()).and_then(|()| self.out.write_all(b"\n")).err();
        }
        self.flushed();
    }

    /// Whether nobody reads any more, or it cannot be written to.
    pub fn is_lost(&self) -> bool {
        self.failed.is_some()
    }

    /// Puts out what is left.
    ///
    /// # Errors
    /// The first one of all writing. A reader that has enough (`| head`) is none.
    pub fn end(mut self) -> io::Result<()> {
        self.put(self.line.len());
        self.flushed();
        match self.failed.take() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    /// Puts out so much of what is waiting.
    fn put(&mut self, length: usize) {
        let text: Vec<u8> = self.line.drain(..length).collect();
        if self.failed.is_none() && !text.is_empty() {
            let text = String::from_utf8_lossy(&text);
            self.failed = self.out.write_all(visible(&text).as_bytes()).err();
        }
    }

    fn flushed(&mut self) {
        if self.failed.is_none() {
            self.failed = self.out.flush().err();
        }
    }

    /// What is written to: tests look at it.
    #[cfg(test)]
    pub(crate) fn inner(&self) -> &W {
        &self.out
    }
}

/// For `write!`: whole lines are put out at once, the beginning of one when it is flushed.
impl<W: Write> Write for Cleaned<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if let Some(end) = self.line.iter().rposition(|byte| *byte == b'\n') {
            self.put(end + 1);
        } else if self.line.len() > LONGEST_LINE {
            self.put(self.line.len());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.put(self.line.len());
        self.flushed();
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    /// A reader that went away, or a disk that is full.
    struct Gone(io::ErrorKind);

    impl Write for Gone {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_comes_in_pieces_is_cleaned_whole() {
        let _secret = Secret::new("oUTPUt-hUSh");
        let mut out = Cleaned::new(Vec::new());
        for piece in ["it says oUT", "PUt-hUSh\x1b", "[2J\n", "do it? "] {
            write!(out, "{piece}").unwrap();
        }
        assert_eq!(out.inner(), "it says … [2J\n".as_bytes(), "half a line waits");
        out.flush().unwrap();
        assert_eq!(String::from_utf8_lossy(out.inner()), "it says … [2J\ndo it? ");
    }

    #[test]
    fn a_reader_that_has_gone_is_no_error_and_a_full_disk_is() {
        for (kind, fails) in [(io::ErrorKind::BrokenPipe, false), (io::ErrorKind::StorageFull, true)] {
            let mut out = Cleaned::new(Gone(kind));
            out.line("a line");
            writeln!(out, "another").unwrap();
            assert!(out.is_lost());
            assert_eq!(out.end().is_err(), fails, "{kind}");
        }
    }
}
