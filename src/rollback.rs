//! Taking a deploy back, on the outside: the words of [`redflag_core::rollback`], who plans it, and what the ways to do it
//! share. The ways themselves are in the folders of their systems.

pub(crate) mod choose_version;
pub mod client;
pub(crate) mod external_history;
pub mod planner;
pub mod variables;
pub mod with_migrations;
pub mod workload;

pub use redflag_core::rollback::*;
