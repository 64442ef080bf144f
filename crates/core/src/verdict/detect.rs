//! Detectors: each takes in a signal's bins one at a time, in constant memory, and knows whether what it looks
//! for is there. None words anything; that is the rules' part.

pub(super) mod climb;
pub(super) mod collapse;
pub(super) mod excess;
pub(super) mod few;
pub(super) mod held;
pub(super) mod lead;
pub(super) mod past;
mod ranks;
pub(super) mod shift;
