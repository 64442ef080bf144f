//! What there is to be seen of a request whose answer was lost.

use crate::rollback::Answer;

/// What can be seen of a request whose answer was lost.
pub(in crate::systems) enum Trace {
    /// It arrived.
    Found(Answer),
    /// There is nothing of it; the text says what was looked for.
    Nothing(String),
    /// It cannot be told.
    Unclear(String),
}
