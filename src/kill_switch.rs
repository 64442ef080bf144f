//! Feature flags, on the outside: the words of [`redflag_core::kill_switch`], what each system is told, and the systems.

pub mod spec;
pub mod system;

pub use redflag_core::kill_switch::*;
