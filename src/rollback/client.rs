//! The client that an action is performed with, and what it means that the configuration names none.

use super::{Answer, Blocked};

/// The client of a system. A planner plans with the client that its action is performed with, so only a plan that was made
/// for another configuration finds none.
pub(crate) fn client<'a, T>(known: Option<&'a T>, system: &str) -> Result<&'a T, Blocked> {
    known.ok_or_else(|| Blocked {
        reason: format!("{system} is not configured for this environment"),
        way_out: "reopen the plan".to_owned(),
    })
}

/// Nothing was asked now, yet what was sent before may have happened.
pub(crate) fn unheard(blocked: Blocked) -> Answer {
    Answer::Unknown(blocked.reason)
}
