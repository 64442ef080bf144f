//! Against the real systems: ignored by default, each with the reason and what it needs in CONTRIBUTING.md.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod backtest;
mod kubernetes;
mod presets;
mod prometheus;
mod scrapes;
