//! Taking a deploy back, on the outside: the words of [`redflag_core::rollback`], what each way is told, and the ways.

pub mod spec;
pub mod strategy;

pub use redflag_core::rollback::*;
