//! Rollbacks by a CI system, a webhook and a program: what is asked, what is made of each answer, and that
//! nothing is ever sent twice.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[cfg(unix)]
mod command;
mod github;
mod gitlab;
mod jenkins;
pub(crate) mod peer;
mod stage;
mod webhook;
