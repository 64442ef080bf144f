//! The contract with a provider of feature flags. Names none of them.

use super::{Answer, FlagState, Listing, Order, Permission};
use futures_util::future::BoxFuture;

/// One system's flags of one environment.
pub trait FlagProvider: Send + Sync {
    /// Reads every flag. One that cannot be read says so itself and does not take the others with it.
    ///
    /// # Errors
    /// Why the system told of none, in one sentence.
    fn read(&self) -> BoxFuture<'_, Result<Listing, String>>;

    /// Reads one flag, from the system itself and not from anything remembered.
    fn read_one<'a>(&'a self, key: &'a str) -> BoxFuture<'a, FlagState>;

    /// Whether it would let us turn flags off, asked in advance. Changes nothing.
    fn permission(&self) -> BoxFuture<'_, Permission>;

    /// Turns a flag off: one request, never a second. [`Answer::Refused`] only for what certainly changed
    /// nothing; in doubt [`Answer::Unknown`].
    fn turn_off<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Answer>;
}
