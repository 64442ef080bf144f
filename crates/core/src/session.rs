//! Vocabulary: the processes that a watch lives in: who is at its keys, how it was left, and why one begins afresh.

use crate::deploy::Time;
use chrono::{FixedOffset, TimeDelta};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Gaps shorter than this are told by the second.
const BY_THE_SECOND: TimeDelta = TimeDelta::minutes(2);

/// A process that holds a watch, and whoever is at its keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// `ana@laptop`.
    pub who: String,
    /// The process, as its system numbers it.
    pub process: u32,
    /// Whether there is a screen, so that it can be asked for the keys; a pipeline's gate has none.
    pub attended: bool,
}

impl fmt::Display for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", self.who, self.process)
    }
}

/// Who is at the keys of a watch that is followed from another process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Following {
    /// Whose they are.
    pub seat: Seat,
    /// How long nothing was heard of them, where that is long.
    pub silent: Option<TimeDelta>,
    /// Whether they were asked for.
    pub is_asked: bool,
}

/// How a watch was left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaving {
    /// A person quit, or a gate knew what it was asked for.
    Quit,
    /// Ctrl-C, or SIGINT.
    Interrupted,
    /// SIGTERM.
    Terminated,
    /// SIGHUP, or the terminal could not be read or written any more.
    HungUp,
    /// SIGQUIT or SIGABRT.
    Aborted,
    /// The program could not go on.
    Failed,
    /// Somebody else on this machine has its keys now.
    HandedOver(Seat),
}

impl fmt::Display for Leaving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quit => f.write_str("quit"),
            Self::Interrupted => f.write_str("interrupted"),
            Self::Terminated => f.write_str("ended by SIGTERM"),
            Self::HungUp => f.write_str("terminal closed"),
            Self::Aborted => f.write_str("aborted"),
            Self::Failed => f.write_str("redflag failed"),
            Self::HandedOver(seat) => write!(f, "handed over to {seat}"),
        }
    }
}

/// Why the record of an earlier watch of the same environment was not resumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Afresh {
    /// It was asked for.
    Wanted,
    /// This part of the setup is another one now.
    OtherSetup(String),
    /// Another version was deployed since.
    OtherDeploy,
    /// Its window is over; how it was left before that, where it was not killed.
    Over(Option<Leaving>),
    /// Its record cannot be read: why.
    Unreadable(String),
    /// It goes on in a process that nobody can ask for it, or nobody here wants to.
    InUse(Seat),
}

/// The clock of whoever resumed a watch, as seconds east of UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone(pub i32);

impl Zone {
    fn clock(self, at: Time, format: &str) -> String {
        let offset = FixedOffset::east_opt(self.0).or(FixedOffset::east_opt(0));
        offset.map_or_else(String::new, |offset| at.with_timezone(&offset).format(format).to_string())
    }

    fn is_same_day(self, one: Time, other: Time) -> bool {
        self.clock(one, "%F") == self.clock(other, "%F")
    }

    /// `14:07`; `2026-02-03 14:07` on another day than `now`.
    pub(crate) fn minute(self, at: Time, now: Time) -> String {
        self.clock(at, if self.is_same_day(at, now) { "%H:%M" } else { "%F %H:%M" })
    }

    /// `from 14:07 to 14:12`; `from 2026-02-03 14:07 to 2026-02-04 09:30` where that is another day.
    pub(crate) fn span(self, from: Time, to: Time) -> String {
        let format = match to - from {
            gap if gap < BY_THE_SECOND => "%H:%M:%S",
            _ if self.is_same_day(from, to) => "%H:%M",
            _ => "%F %H:%M",
        };
        format!("from {} to {}", self.clock(from, format), self.clock(to, format))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_another_day_has_its_day() {
        let at = |minutes: i64| Time::from_timestamp(1_770_127_200, 0).unwrap() + TimeDelta::minutes(minutes);
        let zone = Zone(3600);
        assert_eq!(zone.minute(at(0), at(60)), "15:00");
        assert_eq!(zone.minute(at(0), at(24 * 60)), "2026-02-03 15:00");
        assert_eq!(zone.span(at(0), at(1)), "from 15:00:00 to 15:01:00");
        assert_eq!(zone.span(at(0), at(5)), "from 15:00 to 15:05");
        assert_eq!(zone.span(at(0), at(9 * 60)), "from 2026-02-03 15:00 to 2026-02-04 00:00");
    }
}
