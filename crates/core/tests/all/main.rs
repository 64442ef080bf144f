//! The core, told what happens and asked what it says and does: stories, tables and properties. Nothing here connects,
//! reads a clock or waits, and all of it is one program, so that a changed line is linked once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a test may be told how long to look")]

mod automatic;
mod elsewhere;
mod held_up;
mod judging;
mod migrations;
mod nobody_else;
mod promises;
mod proof;
mod records;
mod resuming;
mod rollback_table;
mod rolling_back;
mod rules;
mod silence;
mod standstill;
mod support;
mod watching;
