//! Words: the record of a watch, from which the watch can be made again: a header and its messages, a JSON object a line.
//!
//! A watch is the fold of its messages ([`crate::watch::Watch::update`]), so that what it was begun with and what it was
//! told is all that there is to keep: each finding, flag and sentence follows from it, and can be derived again.

mod line;
pub(crate) mod number;
mod reader;
mod same;

pub use line::{FORMAT, Header, Unreadable, header_line, message_line};
pub use reader::{Record, Torn, follow, read, read_header};
pub use same::difference;
