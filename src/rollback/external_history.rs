//! Which record of an owner's own history brought a version: Argo CD and Helm keep numbers and times, the cluster
//! keeps templates and times, and a version came with the record that had begun last when its template was made.

use crate::deploy::Time;
use crate::rollback::destination::history::Entry;
use crate::rollback::{Blocked, Check, CheckKind};
use chrono::TimeDelta;

/// How far the clocks of whoever wrote the records and of the cluster may be apart: helm writes its own.
const SKEW: TimeDelta = TimeDelta::seconds(5);

/// Within this time of a change of version, records cannot be told apart for sure: a clock may be wrong by so much.
const DOUBT: TimeDelta = TimeDelta::minutes(2);

/// One record of an owner's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// The number by which the owner knows it.
    pub(crate) number: i64,
    /// When the owner began with it.
    pub(crate) began: Time,
    /// Whether the owner could go back to it: one that failed may have brought a version and is no way back.
    pub(crate) is_good: bool,
}

/// A record that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its place in the history.
    pub(crate) place: usize,
    /// Whether another record began so soon after a change of version that a wrong clock would have made it this
    /// one's.
    pub(crate) is_close: bool,
    /// How many good records came after it without bringing the workload a version: they changed something else,
    /// and are rolled back too.
    pub(crate) others: usize,
}

/// Why no record can be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The history does not reach back to it.
    TooOld,
    /// The version did not come with a record of its own, or the one that replaced it did not.
    NotRecorded,
    /// The record that brought it is one that failed.
    Failed,
}

/// The newest good record under which the version `wanted` (by hash) served. `records` are oldest
/// first, `entries` are the template history.
pub(crate) fn serving(records: &[Record], entries: &[Entry], wanted: &str) -> Result<Found, Missing> {
    let made = entries.iter().find(|entry| entry.version.hash == wanted).and_then(|entry| entry.created);
    let made = made.ok_or(Missing::NotRecorded)?;
    let under = |time: Time| records.iter().rposition(|record| record.began <= time + SKEW);
    let first = under(made);
    let replaced = replaced(entries, wanted, made);
    let after = match replaced {
        Some(time) => under(time).ok_or(Missing::TooOld)?,
        // When it was replaced is not known: the record that brought it is the only one that surely holds it.
        None => first.ok_or(Missing::TooOld)? + 1,
    };
    if first == Some(after) {
        return Err(Missing::NotRecorded);
    }
    let soon_after =
        |time: Time| records.iter().any(|record| time + SKEW < record.began && record.began <= time + DOUBT);
    let is_close = soon_after(made) || replaced.is_some_and(soon_after);
    let place = match records[..after].iter().rposition(|record| record.is_good) {
        Some(place) if first.is_none_or(|first| first <= place) => place,
        None if first.is_none() => return Err(Missing::TooOld),
        _ => return Err(Missing::Failed),
    };
    let own: Vec<usize> = entries.iter().filter_map(|entry| under(entry.created?)).collect();
    let others = (place + 1..records.len()).filter(|later| records[*later].is_good && !own.contains(later)).count();
    Ok(Found { place, is_close, others })
}

/// Drops what was checked of an undo's patch: an owner's own way sends none.
pub(crate) fn without_patch(checks: &mut Vec<Check>) {
    checks.retain(|check| !matches!(check.kind, CheckKind::Annotations | CheckKind::NextApply));
}

/// What a person should know of a record that was found. `is_named`: it says itself that it is this version. `record`
/// is what people call it, `compare` the command that shows the history.
pub(crate) fn checks(found: Found, is_named: bool, version: &str, record: &str, compare: &str) -> Vec<Check> {
    const NAME: CheckKind = CheckKind::Version;
    let way_out = format!("compare {compare}");
    let version = if is_named {
        Check::ok(NAME, format!("{version} is {record}"))
    } else if found.is_close {
        let sentence = format!(
            "{version} is assumed to be {record}, which does not name it; another started within {} min of the \
             change and may be the one",
            DOUBT.num_minutes()
        );
        Check::typed(NAME, sentence, way_out.clone())
    } else {
        let sentence = format!("{version} is assumed to be {record}, by time only: it does not name it");
        Check::warning(NAME, sentence, Some(way_out.clone()))
    };
    let sentence = match found.others {
        0 => return vec![version],
        1 => "changes of 1 later history entry are rolled back too".to_owned(),
        others => format!("changes of {others} later history entries are rolled back too"),
    };
    vec![version, Check::warning(CheckKind::Others, sentence, Some(way_out))]
}

/// When another version replaced this one for the last time, where that can be told. A template that was gone back to
/// keeps the time at which it was first made, so only a new one tells the time.
fn replaced(entries: &[Entry], wanted: &str, made: Time) -> Option<Time> {
    let revision = entries.iter().find(|entry| entry.version.hash == wanted)?.version.revision;
    let later = entries.iter().filter(|entry| entry.version.revision > revision);
    let next = later.min_by_key(|entry| entry.version.revision).filter(|next| next.former_revision().is_none())?;
    next.created.filter(|created| *created > made)
}

impl Missing {
    /// In words: `owner` as in `Argo CD`, `version` as people call it, `manual_command` what still works.
    pub(crate) fn blocked(self, owner: &str, version: &str, manual_command: &str) -> Blocked {
        let reason = match self {
            Self::TooOld => format!("{owner}'s history does not reach back to {version}"),
            Self::NotRecorded => {
                format!("{owner}'s history does not say which entry deployed {version}")
            }
            Self::Failed => format!("the entry in {owner}'s history that deployed {version} failed"),
        };
        Blocked { reason, way_out: format!("choose the entry yourself: {manual_command}") }
    }
}

#[cfg(test)]
#[path = "external_history/tests.rs"]
mod tests;
