//! The words that Markdown and HTML share. Sentences are made here, of the facts, and nowhere else.

use super::facts::{Deployed, FlagTold, Report, RollbackTold};
use crate::deploy::Time;
use crate::hindsight::{Became, Ending};
use crate::rollback::{Goal, describe};
use crate::verdict::Level;
use chrono::{FixedOffset, TimeDelta};

/// So many services are named in a title.
const NAMED: usize = 3;

/// A span in words, to the second below an hour.
pub(super) fn span(seconds: i64) -> String {
    describe::span(TimeDelta::try_seconds(seconds).unwrap_or(TimeDelta::MAX))
}

/// The time of day.
pub(super) fn clock(at: Time, zone: FixedOffset) -> String {
    at.with_timezone(&zone).format("%H:%M:%S").to_string()
}

/// The day and the time of it.
pub(super) fn day(at: Time, zone: FixedOffset) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// What the times are by: `UTC+01:00`.
pub(super) fn zone_name(zone: FixedOffset) -> String {
    if zone.local_minus_utc() == 0 { "UTC".to_owned() } else { format!("UTC{zone}") }
}

/// `app 1.9.0 in production`.
pub(super) fn title(report: &Report) -> String {
    let mut told: Vec<String> =
        report.deploys.iter().take(NAMED).map(|deploy| format!("{} {}", deploy.name, deploy.to)).collect();
    let more = report.deploys.len().saturating_sub(NAMED);
    if more > 0 {
        told.push(format!("{more} more"));
    }
    if told.is_empty() {
        told.push(report.services.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", "));
    }
    format!("{} in {}", told.join(", "), report.environment)
}

/// `FAULTY, rolled back`.
pub(super) fn verdict(report: &Report) -> String {
    let back = report.rollbacks.last().map(|done| format!(", {}", done.ending.label(done.goal)));
    format!("{}{}", report.said.verdict.label(), back.unwrap_or_default())
}

/// `deployment/app: 1.8.3 → 1.9.0 by ana, 14:02:11, rolled out in 1 min 10 s`.
pub(super) fn deployed(deploy: &Deployed, zone: FixedOffset) -> String {
    let from = deploy.from.as_ref().map(|from| format!("{from} → ")).unwrap_or_default();
    let by = deploy.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let finished = match deploy.finished {
        Some(finished) => format!("rolled out in {}", span((finished - deploy.at).num_seconds())),
        None => "rollout not finished".to_owned(),
    };
    format!("{}: {from}{}{by}, {}, {finished}", deploy.workload, deploy.to, day(deploy.at, zone))
}

/// What was said at the end, where that is not what stands above all.
pub(super) fn at_the_end(report: &Report) -> Option<String> {
    let end = &report.at_the_end;
    (end != &report.said).then(|| format!("{}: {}", end.verdict.label().to_lowercase(), end.sentence))
}

/// How long it took until the first red flag.
pub(super) fn detected(report: &Report) -> String {
    let is_red = report.flags.iter().any(|flag| flag.level == Level::RedFlag);
    match report.seconds_to_detect {
        Some(seconds) => format!("{} from the deploy to the first red flag", span(seconds)),
        None if is_red => "not known: no deploy was found".to_owned(),
        None => "no red flag".to_owned(),
    }
}

/// How long it took from then until nothing was red any more.
pub(super) fn restored(report: &Report) -> String {
    let is_red = report.flags.iter().any(|flag| flag.level == Level::RedFlag);
    match report.seconds_to_restore {
        Some(seconds) => format!("{} from the first red flag until nothing was red", span(seconds)),
        None if is_red => "not known: it was not seen to recover".to_owned(),
        None => "no red flag".to_owned(),
    }
}

/// A level as people who read know it.
pub(super) const fn level(level: Level) -> &'static str {
    match level {
        Level::Clear => "ok",
        Level::Insufficient => "not enough data",
        Level::NoData => "no data",
        Level::Stale => "stale",
        Level::Warning => "warning",
        Level::RedFlag => "red flag",
    }
}

/// When a flag ended, and what it became.
pub(super) fn ended(flag: &FlagTold, zone: FixedOffset) -> String {
    let became = match flag.became {
        Some(Became::Clear) => "ok",
        Some(Became::Warning) => "warning",
        Some(Became::RedFlag) => "red flag",
        Some(Became::Unknown) => "unknown",
        None => "",
    };
    flag.ended.map_or_else(|| "still up".to_owned(), |at| format!("{} ({became})", clock(at, zone)))
}

/// What a rollback was, and who did it.
pub(super) fn rollback(done: &RollbackTold, zone: FixedOffset) -> String {
    let what = match done.goal {
        Goal::RollBack => "rolled back",
        Goal::Undo => "undid the rollback of",
    };
    let by = if done.automatic { format!("automatically, for {}", done.by) } else { format!("by {}", done.by) };
    format!("{}: {what} {} to {} {by}", clock(done.confirmed, zone), done.workloads.join(", "), done.target)
}

/// What came of it.
pub(super) fn ending(done: &RollbackTold) -> String {
    let ending = match done.ending {
        Ending::Verified => "verified: the previous version is live and has recovered",
        Ending::NoHelp => "still red on the previous version: the deploy was not the cause",
        Ending::Failed => "failed",
        Ending::Unknown => "outcome unknown",
    };
    done.why.as_ref().map_or_else(|| ending.to_owned(), |why| format!("{ending}: {why}"))
}

/// How long each part took, since the key.
pub(super) fn took(done: &RollbackTold) -> [(&'static str, String); 3] {
    let since =
        |seconds: Option<i64>| seconds.map_or_else(|| "not seen".to_owned(), |it| format!("after {}", span(it)));
    [
        ("request accepted", since(done.took.accepted)),
        ("all pods ready", since(done.took.ready)),
        ("all flags clear", since(done.took.clear)),
    ]
}

/// What a signal is called where several services have one of its name.
pub(super) fn signal(report: &Report, service: &str, name: &str) -> String {
    if report.services.len() > 1 { format!("{service} {name}") } else { name.to_owned() }
}

/// Where all of it came from.
pub(super) fn source(report: &Report, zone: FixedOffset) -> String {
    format!(
        "Watched from {} to {} ({}). Made from the record {}, written by redflag {}.",
        day(report.began, zone),
        clock(report.ended, zone),
        zone_name(zone),
        report.record,
        report.program
    )
}
