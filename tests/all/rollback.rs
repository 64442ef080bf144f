//! The undo of a workload: where it goes, what it warns of, and what it makes of each answer.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod checks;
mod faults;
pub(crate) mod objects;
pub(crate) mod peer;
mod pods;
mod preflight;
mod prepare;
mod read_back;
mod send;
mod target;
mod together;
mod wire;
