//! Planning: whether a workload could be rolled back now, and by which action. Names nobody who does it.

use super::Readiness;
use super::request::PlanRequest;
use futures_util::future::BoxFuture;

/// Whoever computes what a rollback would do. What then happens to a plan is not its affair: the
/// [`Action`](super::action::Action) in each step says who [performs](crate::systems::registry::perform) it.
///
/// Several workloads are planned at the same time, and each of them again and again: a planner bounds what it asks for,
/// gives up by the timeouts of the systems that it asks, and answers with [`Readiness::Blocked`] where it could not
/// find something out without which a rollback might fail or do harm.
pub trait Planner: Send + Sync {
    /// Computes whether it would succeed now, down to the last byte of the request. Changes nothing: permissions
    /// are asked for, and the request is tried where the system can try without doing.
    fn prepare<'a>(&'a self, request: &'a PlanRequest) -> BoxFuture<'a, Readiness>;
}
