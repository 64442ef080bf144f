//! Checks of optional values and of lists. As everywhere here, a check that returns `None` has reported a problem.

/// Checks what may be left out.
#[expect(clippy::option_option, reason = "the outer one is the check's, the inner one is the file's")]
pub(crate) fn optional<T, U>(written: Option<T>, check: impl FnOnce(T) -> Option<U>) -> Option<Option<U>> {
    match written {
        Some(written) => check(written).map(Some),
        None => Some(None),
    }
}

/// Checks every one of several before anything is given up, so that each can be reported.
pub(crate) fn each<T, U>(written: impl IntoIterator<Item = T>, check: impl FnMut(T) -> Option<U>) -> Option<Vec<U>> {
    let checked: Vec<Option<U>> = written.into_iter().map(check).collect();
    checked.into_iter().collect()
}
