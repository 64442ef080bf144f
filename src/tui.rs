//! The loop's terminal end: events in, commands out, the newest state on the screen.

pub mod keymap;
pub mod terminal;
pub mod theme;
pub mod view;
