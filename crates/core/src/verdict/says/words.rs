//! The sentences. The only place that makes one of what a finding says.

use super::{
    Against, AlertsSay, Burning, Calling, Change, Claim, Counted, IssuesSay, Kept, Lasting, Likewise, Measured,
    ProbeSays, Quantity, RolloutSays, Says, Side, Spending, TooFew, Unknown, Usual, Why, Yet,
};
use crate::deploy::brief;
use crate::poll::Ago;
use crate::signal::{Impossible, Unit, grouped};
use chrono::TimeDelta;
use std::fmt::{self, Display, Formatter};

/// So many names are told; of more only how many.
const MOST_NAMES: usize = 3;
/// Where a value and its limit read alike, up to so many digits more are told.
const MORE_DIGITS: usize = 3;

impl Display for Says {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => f.write_str("not asked yet"),
            Self::Unknown(unknown) => unknown.fmt(f),
            Self::TooFew(few) => few.fmt(f),
            Self::Measured(measured) => measured.fmt(f),
            Self::Alerts(alerts) => alerts.fmt(f),
            Self::Issues(issues) => issues.fmt(f),
            Self::Probe(probe) => probe.fmt(f),
            Self::Rollout(rollout) => rollout.fmt(f),
            Self::Costs { spending, now } => write!(f, "{now}; {spending}"),
            Self::Likewise { now, likewise } => write!(f, "{now}; {likewise}"),
            Self::Patchy { coverage, hole, over, now } => {
                let hole = hole.map_or_else(String::new, |hole| format!(", with a gap of {}", brief(hole)));
                if *over { write!(f, "{coverage}{hole}; now {now}") } else { write!(f, "{now}; {coverage}{hole}") }
            }
        }
    }
}

impl Display for Likewise {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (names, more, rise) = match self {
            Self::Ago(Ago::Day) => return f.write_str("as yesterday at this time"),
            Self::Ago(Ago::Week) => return f.write_str("as a week ago at this time"),
            Self::Neighbours { names, more, rise } => (names, more, *rise),
        };
        let does = if rise { "rise" } else { "fall" };
        match (names.as_slice(), *more) {
            ([one], 0) => write!(f, "{one}, which was not deployed, {does}s as well"),
            ([others @ .., last], 0) => {
                write!(f, "{} and {last}, which were not deployed, {does} as well", others.join(", "))
            }
            (names, more) => write!(f, "{} and {more} more, which were not deployed, {does} as well", names.join(", ")),
        }
    }
}

impl Display for Quantity {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.unit.format(self.value))
    }
}

impl Display for Lasting {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "for {}", brief(self.long))
    }
}

impl Display for Counted {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} requests", grouped(self.events), grouped(self.all))
    }
}

impl Display for Unknown {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.last {
            Some(last) => write!(f, "{}; last known {last}", self.why),
            None => self.why.fmt(f),
        }
    }
}

impl Display for Why {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingRecorded => f.write_str("nothing was recorded since the deploy"),
            Self::RolledBack { version } => write!(f, "{version} was rolled back and no longer gets traffic"),
            Self::NeverAnswered { source, error: Some(error) } => write!(f, "{source} has never answered: {error}"),
            Self::NeverAnswered { source, error: None } => write!(f, "waiting for the first answer of {source}"),
            Self::Silent { source, long, error } => {
                write!(f, "{source} has not answered for {}", brief(*long))?;
                error.as_ref().map_or(Ok(()), |error| write!(f, ": {error}"))
            }
            Self::NotAnswered { source } => write!(f, "waiting for {source}'s first answer to its query"),
            Self::Unanswered { source, long } => write!(f, "{source} has not answered its query for {}", brief(*long)),
            Self::Refused { source, error } => write!(f, "{source}: {error}"),
            Self::Nothing { source } => write!(f, "{source} returned no data; check the query"),
            Self::NothingNewer { source, long } => {
                write!(f, "{source} returned nothing newer than {}", brief(*long))
            }
            Self::Ahead { by } => {
                write!(f, "its newest reading is stamped {} in the future: the clocks differ", brief(*by))
            }
            Self::Impossible { source, what, unit } => {
                let shown = |value| Shown(value, *unit);
                match what {
                    Impossible::TooSmall(value) => {
                        write!(f, "{source} says {}, which cannot be: it is below zero", shown(*value))
                    }
                    Impossible::TooLarge(value, most) => {
                        write!(f, "{source} says {}, which cannot be: it is above {}", shown(*value), shown(*most))
                    }
                    Impossible::MoreFailed { errors, requests } => {
                        let (errors, requests) = (Shown(*errors, Unit::Number), Shown(*requests, Unit::Number));
                        write!(f, "{source} says that {errors} of {requests} requests failed, which cannot be")
                    }
                }
            }
            Self::Stuck { source, long } => {
                let long = brief(*long);
                write!(f, "stuck: {source} has repeated one value for {long}, and it moved before")
            }
        }
    }
}

/// A number with three hundred digits is nothing to read.
struct Shown(f64, Unit);

impl Display for Shown {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.abs() >= 1e15 { write!(f, "{:.0e}", self.0) } else { f.write_str(&self.1.format(self.0)) }
    }
}

impl Display for TooFew {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Readings { have, want } => {
                write!(f, "waiting for data: {have} of {want} readings since the deploy")
            }
            Self::Requests { counted, calmed, more, eta } => {
                let since = if *calmed { "it calmed down" } else { "the deploy" };
                let more = grouped(*more);
                write!(f, "{counted} failed since {since}: not enough data; {more} more needed")?;
                eta.map_or(Ok(()), |eta| write!(f, ", about {} at this pace", brief(eta)))
            }
            Self::Idle { long } => write!(f, "no requests for {}: nothing to judge", brief(*long)),
        }
    }
}

impl Display for Measured {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let limit = self.claim.limit();
        f.write_str(&limit.map_or_else(|| self.unit.format(self.value), |limit| self.beside(limit).0))?;
        if let Some(counted) = self.counted {
            write!(f, " ({counted})")?;
        }
        match self.claim {
            // Neither is held against what was before.
            Claim::WarmingUp => return f.write_str("; paused during warm-up"),
            Claim::Fell { from, restarts } => {
                write!(f, ", fallen from {}", self.unit.format(from))?;
                self.for_how_long(f)?;
                match restarts {
                    Some(true) => f.write_str(": containers restarted")?,
                    Some(false) => f.write_str("; no container restarted")?,
                    None => {}
                }
                return self.end(f);
            }
            _ => {}
        }
        self.compared(f)?;
        self.claimed(f)?;
        self.end(f)
    }
}

/// As a number is written beside a limit: with so many more digits that the two do not look alike.
fn beside(unit: Unit, value: f64, limit: f64) -> (String, String) {
    let format = |digits| (unit.format_finer(value, digits), unit.format_finer(limit, digits));
    let differ = |(value, limit): &(String, String)| value != limit;
    (0..=MORE_DIGITS).map(format).find(differ).unwrap_or_else(|| format(0))
}

impl Measured {
    fn end(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.recovering { f.write_str("; recovering") } else { Ok(()) }
    }

    /// As a number is written beside a limit: with so many more digits that the two do not look alike.
    fn beside(&self, limit: f64) -> (String, String) {
        beside(self.unit, self.value, limit)
    }

    fn for_how_long(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.lasting.map_or(Ok(()), |lasting| write!(f, " {lasting}"))
    }

    fn compared(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(change) = self.change().filter(|_| self.in_percent) {
            write!(f, ", {change:+.0} %")?;
        }
        match self.against {
            Against::Nothing => f.write_str(", without a baseline"),
            Against::Before(Usual { middle, .. }) => {
                let limit = self.claim.limit();
                let was = limit.map_or_else(|| self.unit.format(middle), |limit| beside(self.unit, middle, limit).0);
                write!(f, ", was {was} before the deploy")
            }
            Against::VersionBefore(value) => {
                write!(f, ", the previous version has {} at the same time", self.unit.format(value))
            }
        }
    }

    fn claimed(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let unit = self.unit;
        match self.claim {
            Claim::WarmingUp | Claim::Fell { .. } => Ok(()),
            Claim::Within { limit, kept } => {
                if let Some(limit) = limit {
                    write!(f, "; limit {}", self.beside(limit).1)?;
                }
                let joined = if limit.is_some() { ", " } else { "; " };
                match kept {
                    None => Ok(()),
                    Some(Kept::Readings { have, want }) => write!(f, "{joined}beyond it for {have} of {want} readings"),
                    Some(Kept::ByLessThan(least)) => write!(f, "{joined}up by less than {}", unit.format(least)),
                    Some(Kept::Chance) => write!(f, "{joined}not significant"),
                }
            }
            Claim::ShortPast { have, want } => {
                write!(f, "; not enough data: {have} of {want} readings before the deploy")
            }
            Claim::Thin { requests, want } => {
                let (requests, want) = (grouped(requests), grouped(want));
                write!(f, "; not enough data: {requests} of {want} requests since the deploy")
            }
            Claim::NoLimit => f.write_str("; no limit is set"),
            Claim::Flat => f.write_str("; flat"),
            Claim::NothingToHoldAgainst => f.write_str(" and without a limit: nothing to hold it against"),
            Claim::WithoutPast { next_to_none: true } => f.write_str("; almost none"),
            Claim::WithoutPast { next_to_none: false } => {
                f.write_str("; not enough data to tell whether that is usual")
            }
            Claim::MoreThanNone => {
                f.write_str("; significantly more than none")?;
                self.for_how_long(f)
            }
            Claim::Beyond { limit, side, as_before, so_is_version_before } => {
                let side = match side {
                    Side::Above => "above",
                    Side::Below => "below",
                };
                write!(f, "; {side} {}", self.beside(limit).1)?;
                self.for_how_long(f)?;
                if as_before {
                    f.write_str(", already so before the deploy")?;
                }
                so_is_version_before.map_or(Ok(()), |(value, counted)| {
                    let value = unit.format(value);
                    write!(f, "; so is the previous version at the same time: {value} ({counted})")
                })
            }
            Claim::Exhausted { limit } => {
                write!(f, "; exhausted: at {} or more", self.beside(limit).1)?;
                self.for_how_long(f)
            }
            Claim::Filled { limit } => {
                write!(f, "; nearly full: at {} or more", self.beside(limit).1)?;
                self.for_how_long(f)
            }
            Claim::Climbs { pace, full_in } => {
                match unit {
                    Unit::Percent => write!(f, "; climbs by {pace:.1} points a minute")?,
                    unit => write!(f, "; climbs by {} a minute", unit.format(pace))?,
                }
                self.for_how_long(f)?;
                full_in.map_or(Ok(()), |left| write!(f, ", full in about {}", brief(left)))
            }
            Claim::Changed { how, limit, passed, yet } => self.changed(f, how, limit, passed, yet),
        }
    }

    fn changed(
        &self,
        f: &mut Formatter<'_>,
        how: Change,
        limit: Option<f64>,
        passed: bool,
        yet: Option<Yet>,
    ) -> fmt::Result {
        let limit_passed = limit.filter(|_| passed && how == Change::Slower);
        match limit_passed {
            Some(limit) => write!(f, "; more than +{limit:.0} %")?,
            None => write!(f, "; {how}")?,
        }
        self.for_how_long(f)?;
        if let Some(limit) = limit.filter(|_| limit_passed.is_none()) {
            write!(f, ", limit +{limit:.0} %")?;
        }
        match yet {
            Some(Yet::NotSure) => f.write_str(", not yet significant enough for a red flag")?,
            Some(Yet::ByLessThan(least)) => write!(f, ", yet by less than {}", self.unit.format(least))?,
            None => {}
        }
        if how == Change::Faster { f.write_str(": answers that fail or find nothing are fast") } else { Ok(()) }
    }
}

impl Display for Spending {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.priced())?;
        self.limit.map_or(Ok(()), |limit| write!(f, "; {limit}"))
    }
}

impl Spending {
    /// The price alone: `34 h of error budget an hour, 1.2 % of the 30 d budget since the deploy`.
    pub(crate) fn priced(&self) -> String {
        let burn = Unit::Number.format(self.burn);
        let spent = self.spent.map_or_else(String::new, |spent| {
            let (spent, period) = (Unit::Percent.format(100.0 * spent), whole(self.period));
            format!(", {spent} of the {period} budget since the deploy")
        });
        format!("{burn} h of error budget an hour{spent}")
    }
}

impl Display for Burning {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Above { rate, long, short, as_before } => {
                let limit = rate.factor();
                let number = |burn| beside(Unit::Number, burn, limit).0;
                let (long, short) = (number(*long), number(*short));
                let (long_span, short_span) = (whole(rate.long()), whole(rate.short()));
                write!(f, "burn rate {long} over {long_span} and {short} over {short_span}, limit {limit}")?;
                if *as_before { f.write_str(", already so before the deploy") } else { Ok(()) }
            }
            Self::Unknown { rate, known } => {
                let (limit, span) = (rate.factor(), whole(rate.long()));
                write!(f, "burn rate {limit}: not enough data, {} of {span}", brief(*known))
            }
        }
    }
}

/// A span that is whole days, hours or minutes: `30 d`, `6 h`, `5 min`.
fn whole(span: TimeDelta) -> String {
    match span.num_hours() {
        hours if hours >= 24 && hours % 24 == 0 => format!("{} d", hours / 24),
        _ => brief(span),
    }
}

impl Display for Change {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Slower => "significantly slower",
            Self::Faster => "significantly faster",
            Self::Up => "significantly up",
            Self::Down => "significantly down",
            Self::Fewer => "significantly fewer",
            Self::Increasing => "rising significantly",
        })
    }
}

impl Display for AlertsSay {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (what, names) = match self {
            Self::None => return f.write_str("none fires"),
            Self::Unread(1) => return f.write_str("1 rule that matches was not read"),
            Self::Unread(rules) => return write!(f, "{} rules that match were not read", grouped(*rules as f64)),
            Self::Some { what, names } => (what, names),
        };
        f.write_str(match what {
            Calling::SinceDeploy => "firing since the deploy: ",
            Calling::Pending => "pending: ",
            Calling::SinceBefore => "firing since before the deploy: ",
            Calling::Muted => "firing, and muted: ",
            Calling::Blind => "cannot be evaluated, so guards nothing: ",
        })?;
        for (index, (name, until)) in names.iter().take(MOST_NAMES).enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{name}")?;
            if let Some(until) = until {
                write!(f, " until {} UTC", until.format("%H:%M"))?;
            }
        }
        match names.len().saturating_sub(MOST_NAMES) {
            0 => Ok(()),
            more => write!(f, ", {more} more"),
        }
    }
}

impl Display for IssuesSay {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none in this version"),
            Self::Uncounted => f.write_str("not counted yet"),
            Self::Unlisted { rate } => write!(f, "{rate}, of issues that are not listed"),
            Self::Some { issues, rate, worst, times, above } => {
                let noun = if *issues == 1 { "issue" } else { "issues" };
                let times = grouped(*times as f64);
                write!(f, "{issues} new {noun}, {rate}; {times}× “{worst}”")?;
                above.map_or(Ok(()), |limit| write!(f, "; above {}", rate.unit.format(limit)))
            }
        }
    }
}

impl Display for ProbeSays {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTried => f.write_str("not tried since the deploy"),
            Self::Fails { error, tries, lasting } => {
                let failed =
                    if *tries == 1 { "1 check failed".to_owned() } else { format!("{tries} checks in a row failed") };
                write!(f, "{failed} {lasting}")?;
                error.as_ref().map_or(Ok(()), |error| write!(f, ": {error}"))
            }
            Self::Answers { time, above, again } => {
                write!(f, "answers in {time}")?;
                if let Some(limit) = above {
                    write!(f, "; above {}", time.unit.format(*limit))?;
                }
                if *again { f.write_str(" again, after failing; one more to be sure") } else { Ok(()) }
            }
        }
    }
}

impl Display for RolloutSays {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untold { source } => write!(f, "not reported by {source} yet"),
            Self::Trouble(trouble) => f.write_str(&trouble.sentence),
            Self::Failed(why) => f.write_str(why),
            Self::Gone => f.write_str("the workload does not exist"),
            Self::Empty { desired } => {
                let what = if *desired == 0 { "0 pods requested" } else { "0 pods ready" };
                write!(f, "{what}: nothing is running, nothing to judge")
            }
            Self::Waiting(what) => write!(f, "progressing: {what}"),
            Self::Ready { ready, desired } => write!(f, "{ready} of {desired} pods ready"),
        }
    }
}
