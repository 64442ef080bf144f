//! A record played again: a clock of its own drives the messages at their recorded times. There is no outside in it: what a
//! watch wants done was done then, and nothing here could do it.

mod player;
mod what_if;

pub use player::{Landmark, Player, Playing, Speed, Transport};
pub use what_if::{Changed, Comparison, Course, Matched, Unmatched, compare};
