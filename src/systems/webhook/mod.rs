//! Any address that takes a POST: what it does is its own affair.

pub mod flags;
pub mod job;
