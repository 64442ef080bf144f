//! Taking a deploy back, on the outside: the words of [`redflag_core::rollback`], what each way is told, who plans it,
//! and who performs what was planned.

pub(crate) mod client;
pub mod perform;
pub mod planner;
pub mod spec;
pub mod strategy;

pub use redflag_core::rollback::*;
