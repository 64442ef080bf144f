//! Feature flags: what each flag system is asked, what is made of each answer, that nothing is ever sent twice,
//! and how the core tells the story.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod launchdarkly;
mod stage;
mod stories;
mod unleash;
mod webhook;
