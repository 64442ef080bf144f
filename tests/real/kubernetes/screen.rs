//! What stands on a terminal after all that was written to it: as much of one as a program needs that moves its cursor
//! and writes.

/// The cells of a terminal.
pub(crate) struct Screen {
    cells: Vec<Vec<char>>,
    row: usize,
    column: usize,
    /// What is seen while a frame is being written: the one before.
    before: Option<String>,
    /// What was not taken in yet: the beginning of a character or of a sequence.
    rest: Vec<u8>,
}

impl Screen {
    pub(crate) fn new(rows: u16, columns: u16) -> Self {
        let cells = vec![vec![' '; usize::from(columns)]; usize::from(rows)];
        Self { cells, row: 0, column: 0, before: None, rest: Vec::new() }
    }

    /// What is seen, line by line.
    pub(crate) fn text(&self) -> String {
        self.before.clone().unwrap_or_else(|| self.lines())
    }

    fn lines(&self) -> String {
        let lines = self.cells.iter().map(|line| line.iter().collect::<String>().trim_end().to_owned());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Takes in what was written.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let bytes = std::mem::take(&mut self.rest);
        let whole = match std::str::from_utf8(&bytes) {
            Ok(_) => bytes.len(),
            Err(error) => error.valid_up_to(),
        };
        let text = String::from_utf8_lossy(&bytes[..whole]).into_owned();
        let mut left = text.as_str();
        while let Some(first) = left.chars().next() {
            let Some(taken) = (if first == '\x1b' { self.sequence(left) } else { Some(self.put(first)) }) else {
                break;
            };
            left = &left[taken..];
        }
        self.rest = left.as_bytes().to_vec();
        self.rest.extend_from_slice(&bytes[whole..]);
    }

    fn put(&mut self, sign: char) -> usize {
        match sign {
            '\n' => self.row = (self.row + 1).min(self.cells.len() - 1),
            '\r' => self.column = 0,
            sign if sign.is_control() => {}
            sign => {
                if let Some(cell) = self.cells[self.row].get_mut(self.column) {
                    *cell = sign;
                }
                self.column += 1;
            }
        }
        sign.len_utf8()
    }

    /// Follows the escape sequence at the beginning; gives its length, or `None` while it is not whole.
    fn sequence(&mut self, text: &str) -> Option<usize> {
        match text.chars().nth(1)? {
            '[' => {
                let last = text[2..].find(|sign: char| ('\x40'..='\x7e').contains(&sign))? + 2;
                match &text[2..=last] {
                    "?2026h" => self.before = Some(self.lines()),
                    "?2026l" => self.before = None,
                    _ => {}
                }
                let numbers: Vec<usize> = text[2..last].split(';').map(|number| number.parse().unwrap_or(0)).collect();
                match text.as_bytes()[last] {
                    b'H' => {
                        self.row = numbers[0].clamp(1, self.cells.len()) - 1;
                        self.column = numbers.get(1).copied().unwrap_or(1).max(1) - 1;
                    }
                    b'J' => self.cells.iter_mut().flatten().for_each(|cell| *cell = ' '),
                    _ => {}
                }
                Some(last + 1)
            }
            ']' => {
                let bell = text.find('\x07').map(|at| at + 1);
                bell.or_else(|| text[1..].find("\x1b\\").map(|at| at + 3))
            }
            other => Some(1 + other.len_utf8()),
        }
    }
}

#[test]
fn it_shows_what_was_written_however_it_was_cut() {
    let written = "\x1b[2J\x1b[2;3Hab\x1b[1;31m▲\x1b[0m\x1b]0;title\x07\x1b[1;1Hx\r\n\n→\x1b[?25l".as_bytes();
    let mut whole = Screen::new(3, 8);
    whole.write(written);
    assert_eq!(whole.text(), "x\n  ab▲\n→");
    let mut cut = Screen::new(3, 8);
    for byte in written {
        cut.write(&[*byte]);
    }
    assert_eq!(cut.text(), whole.text());
    cut.write(b"\x1b[?2026h\x1b[2J\x1b[1;1Hz");
    assert_eq!(cut.text(), whole.text(), "half a frame is not seen");
    cut.write(b"\x1b[?2026l");
    assert_eq!(cut.text(), "z\n\n");
}
