//! What is said of a panic: on the terminal given back, cleaned as everything else, and nothing of those that a
//! library raises over untrusted bytes and we answer as an error.

use crate::output;
use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

thread_local! {
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// From now on a panic in any thread or task calls `before` (which gives the terminal back) and is then said on
/// standard error output and in the log.
pub fn say_with(before: fn()) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(move |info| {
            if IS_CAUGHT.get() {
                return;
            }
            before();
            let text = said(info);
            tracing::error!("{text}");
            output::stderr().line(&text);
        }));
    });
}

fn said(info: &PanicHookInfo<'_>) -> String {
    let place = info.location().map(|place| format!(" at {place}")).unwrap_or_default();
    let thread = std::thread::current().name().map(|name| format!(" in thread {name}")).unwrap_or_default();
    let text = format!("redflag panicked{place}{thread}: {}", message(info.payload()));
    // Captured where RUST_BACKTRACE asks for it.
    let trace = Backtrace::capture();
    match trace.status() {
        BacktraceStatus::Captured => format!("{text}\n{trace}"),
        _ => format!("{text}\nThis is a bug in redflag. RUST_BACKTRACE=1 shows more."),
    }
}

fn message(payload: &dyn Any) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given")
}

/// Does work of a library that may panic over what a peer said; `None` when it did, and nobody is told.
pub fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    IS_CAUGHT.set(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    IS_CAUGHT.set(false);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_caught_is_an_answer() {
        assert_eq!(caught(|| 5), Some(5));
        say_with(|| ());
        assert_eq!(caught(|| -> u8 { panic!("over untrusted bytes") }), None);
        assert!(!IS_CAUGHT.get(), "the next one is said again");
    }
}
