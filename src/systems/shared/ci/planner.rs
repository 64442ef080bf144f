//! Planning a job of a CI system: what is asked of one, and what it makes of it. Names none of them.

use crate::deploy::Version;
use crate::rollback::action::CiAction;
use crate::rollback::variables::Values;
use crate::rollback::{Check, Refusal};
use chrono::TimeDelta;
use futures_util::future::BoxFuture;

/// Whoever computes what would be asked of one CI system, and checks what can be checked. Changes nothing.
pub(in crate::systems) trait JobPlanner: Send + Sync {
    fn prepare<'a>(&'a self, draft: &'a Draft) -> BoxFuture<'a, Result<Prepared, Refusal>>;
}

/// What a preparation starts from.
pub(in crate::systems) struct Draft {
    pub(in crate::systems) from: Version,
    pub(in crate::systems) to: Version,
    pub(in crate::systems) values: Values,
}

/// What came of it.
pub(in crate::systems) struct Prepared {
    /// One for each different request: see [`Values::distinction`].
    pub(in crate::systems) subject: String,
    pub(in crate::systems) place: String,
    pub(in crate::systems) action: CiAction,
    pub(in crate::systems) does: String,
    pub(in crate::systems) checks: Vec<Check>,
    /// How long such runs took recently, where that can be seen.
    pub(in crate::systems) took: Option<TimeDelta>,
    pub(in crate::systems) manual_command: String,
}
