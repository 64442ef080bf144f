//! How far a back-test is, on one line of a terminal.

use crate::deploy::brief;
use crate::output::Transient;
use chrono::TimeDelta;
use std::time::Instant;

/// How many signs the bar has.
const WIDTH: usize = 20;

/// A bar, and how long it takes until the end.
pub(super) struct Progress {
    line: Transient,
    began: Instant,
}

impl Progress {
    /// On standard error, where that is a terminal.
    pub(super) fn stderr() -> Option<Self> {
        Some(Self { line: Transient::stderr()?, began: Instant::now() })
    }

    pub(super) fn show(&mut self, configuration: &str, done: usize, all: usize) {
        let elapsed = TimeDelta::from_std(self.began.elapsed()).unwrap_or_default();
        self.line.show(&text(configuration, (done, all), elapsed));
    }
}

/// `redflag.toml  [=====               ] 3 of 12 deploys, 40 s left`
fn text(configuration: &str, (done, all): (usize, usize), elapsed: TimeDelta) -> String {
    let filled = (WIDTH * done).checked_div(all).unwrap_or(0);
    let bar = format!("{:<WIDTH$}", "=".repeat(filled));
    let left = match i32::try_from(done) {
        Ok(each @ 1..) => {
            let left = elapsed / each * i32::try_from(all.saturating_sub(done)).unwrap_or(i32::MAX);
            format!(", {} left", brief(left))
        }
        _ => String::new(),
    };
    format!("{configuration}  [{bar}] {done} of {all} deploys{left}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_once_anything_is_done() {
        let told = |done| text("redflag.toml", (done, 12), TimeDelta::seconds(30));
        assert_eq!(told(0), "redflag.toml  [                    ] 0 of 12 deploys");
        assert_eq!(told(3), "redflag.toml  [=====               ] 3 of 12 deploys, 90 s left");
        assert_eq!(text("x", (0, 0), TimeDelta::zero()), "x  [                    ] 0 of 0 deploys");
    }
}
