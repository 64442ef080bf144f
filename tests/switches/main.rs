//! Kill switches: what each flag system is asked, what is made of each answer, that nothing is ever sent twice,
//! and how the core tells the story.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod launchdarkly;
#[path = "../ci/peer.rs"]
mod peer;
mod stage;
mod stories;
#[path = "../support/mod.rs"]
mod support;
mod unleash;
mod webhook;
