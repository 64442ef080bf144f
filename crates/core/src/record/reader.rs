//! Reading a record: a line at a time, to the first that was not written whole.

use super::line::{Header, Unreadable, parse_header, parse_message};
use crate::message::Message;
use crate::watch::Watch;

/// A record that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// What the watch was begun with.
    pub header: Header,
    /// What it was told, in order.
    pub messages: Vec<Message>,
    /// What its last line lost.
    pub torn: Option<Torn>,
}

/// A last line that was not written whole: the program was killed while it wrote, or the disk was full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Torn {
    /// Its number, from 1.
    pub line: usize,
    /// How much of it is there.
    pub bytes: usize,
}

impl Record {
    /// The watch as it was at the end of the record.
    pub fn fold(&self) -> Watch {
        let mut watch = self.header.begin();
        for message in &self.messages {
            // What it wanted done then was done then.
            watch.update(message.clone());
        }
        watch
    }
}

/// Reads the whole lines that a record has grown by, behind its header; gives their messages, and how many bytes they
/// take.
///
/// # Errors
/// With the number, among these, of the line that is none of a record.
pub fn follow(text: &str) -> Result<(Vec<Message>, usize), (usize, Unreadable)> {
    let end = text.rfind('\n').map_or(0, |end| end + 1);
    let lines = text[..end].lines().zip(1..);
    let messages = lines.map(|(line, number)| parse_message(line).map_err(|error| (number, error)));
    Ok((messages.collect::<Result<Vec<_>, _>>()?, end))
}

/// Reads a header alone.
///
/// # Errors
/// Where the line is none.
pub fn read_header(line: &str) -> Result<Header, Unreadable> {
    parse_header(line)
}

/// Reads a whole record. A last line without an end is left out and told of; it lost one message.
///
/// # Errors
/// With the number of the line that is none of a record.
pub fn read(text: &str) -> Result<Record, (usize, Unreadable)> {
    let (whole, torn) = match text.rfind('\n') {
        Some(end) => text.split_at(end + 1),
        None => ("", text),
    };
    let mut lines = whole.lines().zip(1..);
    let Some((first, _)) = lines.next() else {
        // Not even the header was written whole.
        return Err((1, parse_header(torn).err().unwrap_or(Unreadable::Headless)));
    };
    let header = parse_header(first).map_err(|error| (1, error))?;
    let messages = lines.map(|(line, number)| parse_message(line).map_err(|error| (number, error)));
    let messages = messages.collect::<Result<Vec<_>, _>>()?;
    let torn = (!torn.is_empty()).then_some(Torn { line: messages.len() + 2, bytes: torn.len() });
    Ok(Record { header, messages, torn })
}
