//! The program and everything of it that touches the world, against peers on loopback, recorded bodies and tapes. One
//! program, so that a changed line is linked once: `cargo test --test all stories::` runs one part of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod check;
mod ci;
mod config;
mod connections;
mod demo;
mod feature_flags;
mod floors;
mod git;
mod judge;
mod kubernetes;
mod lease;
mod owners;
mod packaging;
mod presets;
mod pty;
mod records;
mod replay;
mod report;
mod rollback;
mod rollouts;
mod sample;
mod screens;
mod secrets;
mod shared_versions;
mod statuses;
mod stories;
#[path = "../../crates/core/tests/all/support.rs"]
mod support;
mod terminal;
mod words;
