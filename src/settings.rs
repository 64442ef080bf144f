//! What every part of a configuration is made of: values with their place, problems that point there, durations,
//! addresses, references to secrets. Knows no table of the file.

pub(crate) mod access;
pub(crate) mod address;
pub(crate) mod at;
pub(crate) mod auth;
pub(crate) mod bounds;
pub(crate) mod checked;
pub(crate) mod duration;
pub(crate) mod parser;
pub(crate) mod problem;
pub(crate) mod program;
pub(crate) mod resolve;
pub(crate) mod secrets;
pub(crate) mod texts;
pub(crate) mod variables;
pub(crate) mod written;

/// An index that the core can hold; the checks of workloads and signals see to it that it can.
pub(crate) fn index(place: usize) -> u16 {
    u16::try_from(place).unwrap_or(u16::MAX)
}
