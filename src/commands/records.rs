//! `redflag records`: what is kept of earlier watches, a line each.

use super::CommandError;
use crate::cli::{Output, RecordsArgs};
use crate::deploy::Time;
use crate::outcome::Outcome;
use crate::output;
use crate::records::{self, Kept, Records};
use crate::rollback::Rollback;
use crate::rollback::describe::span;
use crate::text;
use crate::verdict::Verdict;
use chrono::Local;
use serde::Serialize;
use std::path::Path;

/// What is told of a record.
#[derive(Debug, Serialize)]
struct Row {
    record: String,
    environment: String,
    deploys: Vec<Deployed>,
    started: Time,
    seconds: i64,
    verdict: Verdict,
    rollback: Option<Ending>,
    bytes: u64,
    ended: bool,
}

#[derive(Debug, Serialize)]
struct Deployed {
    workload: String,
    from: Option<String>,
    to: String,
}

pub(super) fn run(args: &RecordsArgs) -> Result<Outcome, CommandError> {
    let records = usual()?;
    let folders = records.all()?;
    let mut out = output::stdout();
    let mut outcome = Outcome::Done;
    for folder in &folders {
        match records::open(folder) {
            Ok(kept) => {
                let row = row(&kept);
                match args.output {
                    Output::Text => out.line(&line(&row)),
                    Output::Json => out.line(&serde_json::to_string(&row).map_err(std::io::Error::other)?),
                }
            }
            // The others are told all the same.
            Err(error) => {
                output::stderr().line(&format!("redflag: {error}"));
                outcome = Outcome::Faulty;
            }
        }
    }
    if folders.is_empty() {
        output::stderr().line(&format!("redflag: {}", none_yet(&records)));
    }
    out.end()?;
    Ok(outcome)
}

/// Where records are.
pub(super) fn usual() -> Result<Records, CommandError> {
    Records::usual().ok_or_else(|| {
        CommandError::Call("no folder for records: this user has no home folder; set HOME or XDG_STATE_HOME".to_owned())
    })
}

/// What is said where none is kept.
pub(super) fn none_yet(records: &Records) -> String {
    format!("no record in {} yet: redflag watch keeps one of each watch", records.folder().display())
}

fn row(kept: &Kept) -> Row {
    let watch = kept.record.fold();
    let setup = watch.setup();
    let deploys = setup.workloads.iter().zip(watch.workloads()).filter_map(|(workload, state)| {
        let deploy = state.deploy.as_ref()?;
        Some(Deployed {
            workload: workload.reference.to_string(),
            from: deploy.from.as_ref().map(|version| version.label().to_owned()),
            to: deploy.to.label().to_owned(),
        })
    });
    Row {
        record: name(&kept.folder),
        environment: setup.environment.clone(),
        deploys: deploys.collect(),
        started: setup.started,
        seconds: (watch.now() - setup.started).num_seconds(),
        verdict: watch.verdict(),
        rollback: Ending::of(watch.last_executed()),
        bytes: kept.size,
        ended: kept.is_closed,
    }
}

pub(super) fn name(folder: &Path) -> String {
    folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// What came of a rollback.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Ending {
    Unknown,
    Verified,
    NoHelp,
    Failed,
}

impl Ending {
    const fn of(rollback: &Rollback) -> Option<Self> {
        match rollback {
            Rollback::Idle | Rollback::Planned { .. } | Rollback::Countdown { .. } => None,
            Rollback::Confirmed(_) | Rollback::Running(_) | Rollback::OutcomeUnknown { .. } => Some(Self::Unknown),
            Rollback::Verified { .. } => Some(Self::Verified),
            Rollback::NotTheCause { .. } => Some(Self::NoHelp),
            Rollback::Failed { .. } => Some(Self::Failed),
        }
    }
}

/// `2026-02-03 14:02  production  app 1.8.3 → 1.9.0  FAULTY, rolled back  31 min  84 KiB  NAME`
fn line(row: &Row) -> String {
    let deploys = row.deploys.iter().map(|deploy| {
        let from = deploy.from.as_deref().map(|from| format!("{from} → ")).unwrap_or_default();
        format!("{} {from}{}", deploy.workload, deploy.to)
    });
    let mut deploys: Vec<String> = deploys.collect();
    if deploys.len() > 1 {
        let more = deploys.len() - 1;
        deploys.truncate(1);
        deploys.push(format!("{more} more"));
    }
    let deploys = if deploys.is_empty() { "no deploy found".to_owned() } else { deploys.join(" and ") };
    let came_of_it = match row.rollback {
        Some(Ending::Verified) => ", rolled back",
        Some(Ending::NoHelp) => ", rolled back without help",
        Some(Ending::Failed) => ", rollback failed",
        Some(Ending::Unknown) => ", rollback unknown",
        None => "",
    };
    let verdict = format!("{}{came_of_it}", row.verdict.label().to_lowercase());
    let started = row.started.with_timezone(&Local).format("%Y-%m-%d %H:%M");
    let length = span(chrono::TimeDelta::seconds(row.seconds));
    let open = if row.ended { "" } else { " (not ended)" };
    format!(
        "{started}  {}  {deploys}  {verdict}  {length}  {}{open}\n  {}",
        row.environment,
        text::size(row.bytes),
        row.record
    )
}
