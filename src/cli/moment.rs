//! A moment on the command line.

use crate::config::parse_duration;
use crate::deploy::Time;
use chrono::{DateTime, Days, Local, NaiveTime, TimeDelta, Utc};
use std::str::FromStr;

/// A moment as people type it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The whole of it: `2026-02-03T14:02:00Z`.
    Exact(Time),
    /// The last time that a local clock showed this: `14:02`, `14:02:30`.
    Clock(NaiveTime),
    /// So long ago: `5m`.
    Ago(TimeDelta),
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(exact) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::Exact(exact.with_timezone(&Utc)));
        }
        if let Ok(clock) = NaiveTime::parse_from_str(text, "%H:%M:%S").or(NaiveTime::parse_from_str(text, "%H:%M")) {
            return Ok(Self::Clock(clock));
        }
        parse_duration(text.trim_end_matches("ago").trim_end())
            .map(Self::Ago)
            .map_err(|_| "expected 14:02, 5m (ago) or 2026-02-03T14:02:00Z".to_owned())
    }
}

impl Moment {
    /// The moment itself. A clock's time that is still to come today was yesterday's. An error where the moment lies
    /// in the future or never was, on the day the clocks go forward.
    pub fn resolve(self, now: DateTime<Local>) -> Result<Time, String> {
        let moment = match self {
            Self::Exact(time) => time,
            Self::Ago(span) => now.to_utc() - span,
            Self::Clock(clock) => {
                let today = now.date_naive();
                let on = |day: chrono::NaiveDate| day.and_time(clock).and_local_timezone(Local).latest();
                // The day the clocks go back shows some times twice: the later one is the likelier deploy.
                on(today)
                    .filter(|time| *time <= now)
                    .or_else(|| on(today.checked_sub_days(Days::new(1))?))
                    .ok_or("clocks went forward then: give the full time, like 2026-02-03T14:02:00Z")?
                    .to_utc()
            }
        };
        if moment > now.to_utc() { Err("this is in the future".to_owned()) } else { Ok(moment) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn a_moment_is_read_in_each_of_its_forms() {
        let exact = Utc.with_ymd_and_hms(2026, 2, 3, 13, 2, 0).unwrap();
        assert_eq!("2026-02-03T14:02:00+01:00".parse(), Ok(Moment::Exact(exact)));
        assert_eq!("14:02".parse(), Ok(Moment::Clock(NaiveTime::from_hms_opt(14, 2, 0).unwrap())));
        assert_eq!("14:02:30".parse(), Ok(Moment::Clock(NaiveTime::from_hms_opt(14, 2, 30).unwrap())));
        assert_eq!("5m".parse(), Ok(Moment::Ago(TimeDelta::minutes(5))));
        assert_eq!("5m ago".parse(), Ok(Moment::Ago(TimeDelta::minutes(5))));
        let error = Err("expected 14:02, 5m (ago) or 2026-02-03T14:02:00Z".to_owned());
        for text in ["", "yesterday", "25:00", "5", "2026-02-03"] {
            assert_eq!(text.parse::<Moment>(), error, "{text}");
        }
    }

    #[test]
    fn a_time_that_is_still_to_come_was_yesterdays() {
        let now = Local.with_ymd_and_hms(2026, 2, 3, 0, 10, 0).unwrap();
        let at = |text: &str| text.parse::<Moment>().unwrap().resolve(now);
        assert_eq!(at("00:05").unwrap(), now.to_utc() - TimeDelta::minutes(5));
        assert_eq!(at("23:50").unwrap(), now.to_utc() - TimeDelta::minutes(20));
        assert_eq!(at("5m").unwrap(), now.to_utc() - TimeDelta::minutes(5));
        assert_eq!(at("2099-01-01T00:00:00Z"), Err("this is in the future".to_owned()));
    }
}
