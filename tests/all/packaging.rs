//! What packages carry beside the program, and what is told to packagers: all of it is true.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod build_script;
mod carried;
mod examples;
mod manifests;
#[cfg(unix)]
mod tab;
