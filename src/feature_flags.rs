//! Feature flags, on the outside: the words of [`redflag_core::feature_flags`], what each system is
//! told and asked, and the systems.

pub mod provider;
pub mod spec;

pub use redflag_core::feature_flags::*;
