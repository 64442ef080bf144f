//! Lines of bytes from outside, each of a bounded length: what is longer is passed over and said, and costs no memory.

use std::io::{self, BufRead};

/// One line of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// The line, without its line break.
    Whole(Vec<u8>),
    /// The line is longer than may be.
    TooLong,
}

/// Reads lines of at most so many bytes.
#[derive(Debug)]
pub struct BoundedLines<R> {
    from: R,
    limit: usize,
}

impl<R: BufRead> BoundedLines<R> {
    /// Reads from there.
    pub fn new(from: R, limit: usize) -> Self {
        Self { from, limit }
    }

    fn read(&mut self) -> io::Result<Option<Line>> {
        let mut line = Vec::new();
        let mut too_long = false;
        loop {
            let piece = match self.from.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                piece => piece?,
            };
            if piece.is_empty() {
                return Ok(match (too_long, line.is_empty()) {
                    (true, _) => Some(Line::TooLong),
                    (false, true) => None,
                    (false, false) => Some(Line::Whole(line)),
                });
            }
            let end = piece.iter().position(|byte| *byte == b'\n');
            let part = &piece[..end.unwrap_or(piece.len())];
            too_long = too_long || line.len() + part.len() > self.limit;
            if too_long {
                line = Vec::new();
            } else {
                line.extend_from_slice(part);
            }
            let read = end.map_or(piece.len(), |end| end + 1);
            self.from.consume(read);
            if end.is_some() {
                return Ok(Some(if too_long { Line::TooLong } else { Line::Whole(line) }));
            }
        }
    }
}

impl<R: BufRead> Iterator for BoundedLines<R> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::BufReader;

    fn lines(text: &[u8], limit: usize, buffer: usize) -> Vec<Line> {
        BoundedLines::new(BufReader::with_capacity(buffer, text), limit).map(Result::unwrap).collect()
    }

    #[test]
    fn a_line_that_is_too_long_costs_no_other() {
        let whole = |text: &str| Line::Whole(text.as_bytes().to_vec());
        assert_eq!(
            lines(b"one\n0123456789\n\ntwo\n0123456789", 5, 4),
            [whole("one"), Line::TooLong, whole(""), whole("two"), Line::TooLong]
        );
        assert_eq!(lines(b"", 5, 4), []);
    }

    proptest! {
        #[test]
        fn lines_are_those_of_split(text in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..200), buffer in 1_usize..20) {
            let mut expected: Vec<Line> = text.split(|byte| *byte == b'\n').map(|line| {
                if line.len() > 8 { Line::TooLong } else { Line::Whole(line.to_vec()) }
            }).collect();
            // Behind the last line break there is no line.
            if text.is_empty() || text.ends_with(b"\n") {
                expected.pop();
            }
            prop_assert_eq!(lines(&text, 8, buffer), expected);
        }
    }
}
