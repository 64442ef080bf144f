//! Argo Rollouts: what is told of an update, and how it is rolled back, against a peer that behaves as its API does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod abort;
mod digest;
mod objects;
mod owner;
mod peer;
mod streaming;
mod undo;
