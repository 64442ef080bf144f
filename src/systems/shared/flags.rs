//! What the systems that keep feature flags have in common.

pub(in crate::systems) mod client;
pub(in crate::systems) mod listing;
