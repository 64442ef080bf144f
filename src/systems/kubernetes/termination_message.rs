//! A container's termination message: the one line of it that says most.
//!
//! The kubelet keeps up to 4096 bytes of `/dev/termination-log`, or with `FallbackToLogsOnError` the last 80 lines of the
//! log, in `lastState.terminated.message`. That is a panic with its goroutines, a traceback, a stack trace, a sentence.

use crate::text::{clean, shorten};

/// A line is cut after so many bytes: there is a reason and a container beside it.
const LONGEST: usize = 120;

/// Words by which runtimes and loggers name a failure.
const FAILURE_WORDS: [&str; 5] = ["panic", "fatal", "exception", "error", "failed"];

/// The line to show; `None` where nothing was said.
///
/// The last line that names a failure (the root cause of a chain stands at its end), frames of stacks aside; else the
/// last line.
pub(super) fn summary(message: &str) -> Option<String> {
    let message = anstream::adapter::strip_str(message).to_string();
    let lines = || message.lines().rev().map(str::trim).filter(|line| !line.is_empty() && !is_frame(line));
    let tells = |line: &&str| {
        let line = line.to_lowercase();
        FAILURE_WORDS.iter().any(|word| line.contains(word))
    };
    let line = clean(lines().find(tells).or_else(|| lines().next())?);
    Some(shorten(&line, LONGEST)).filter(|line| !line.is_empty())
}

/// A line of a stack, of Go, Java, JavaScript or Python: it may name an `ErrorHandler`, and tells nothing.
fn is_frame(line: &str) -> bool {
    line.starts_with("at ") || line.starts_with("goroutine ") || line.starts_with("File \"") || line.contains(".go:")
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn what_killed_it_is_found_in_the_messages_of_common_runtimes() {
        let go = "panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV]\n\ngoroutine 1 \
                  [running]:\nmain.main()\n\t/app/main.go:12 +0x1d\nexit status 2";
        let python = "Traceback (most recent call last):\n  File \"/app/main.py\", line 3, in <module>\n    \
                      os.environ[\"DB_URL\"]\nKeyError: 'DB_URL'\n";
        let java = "Exception in thread \"main\" java.lang.IllegalStateException: no pool\n\tat com.x.ErrorPages.get(E.java:3)\n\
                    Caused by: java.sql.SQLException: refused\n\tat com.x.Pool.error(P.java:9)\n";
        for (message, words) in [
            (go, Some("panic: runtime error: invalid memory address or nil pointer dereference")),
            (python, Some("KeyError: 'DB_URL'")),
            (java, Some("Caused by: java.sql.SQLException: refused")),
            ("cannot reach redis:6379", Some("cannot reach redis:6379")),
            ("starting\nlistening on :8080\n", Some("listening on :8080")),
            ("\u{1b}[31mFATAL\u{1b}[0m no config", Some("FATAL no config")),
            (" \n\t\n", None),
            ("", None),
        ] {
            assert_eq!(summary(message).as_deref(), words, "{message:?}");
        }
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let words = summary(&"x".repeat(100_000)).unwrap_or_default();
        assert_eq!(words.chars().count(), super::LONGEST + 1);
    }
}
