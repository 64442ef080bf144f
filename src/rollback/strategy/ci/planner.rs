//! Planning a job of a CI system: what is asked of one, and what it makes of it. Names none of them.

use crate::deploy::Version;
use crate::rollback::action::CiAction;
use crate::rollback::strategy::variables::Values;
use crate::rollback::{Check, Refusal};
use chrono::TimeDelta;
use futures_util::future::BoxFuture;

/// Whoever computes what would be asked of one CI system, and checks what can be checked. Changes nothing.
pub(super) trait JobPlanner: Send + Sync {
    fn prepare<'a>(&'a self, draft: &'a Draft) -> BoxFuture<'a, Result<Prepared, Refusal>>;
}

/// What a preparation starts from.
pub(super) struct Draft {
    pub(super) from: Version,
    pub(super) to: Version,
    pub(super) values: Values,
}

/// What came of it.
pub(super) struct Prepared {
    /// One for each different request: see [`Values::distinction`].
    pub(super) subject: String,
    pub(super) place: String,
    pub(super) action: CiAction,
    pub(super) does: String,
    pub(super) checks: Vec<Check>,
    /// How long such runs took recently, where that can be seen.
    pub(super) took: Option<TimeDelta>,
    pub(super) manual_command: String,
}
