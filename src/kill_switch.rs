//! Kill switches: a risky feature turned off where its flag is kept, without a rollback.

pub mod spec;
