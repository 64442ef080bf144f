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
    verdict: &'static str,
    rollback: Option<&'static str>,
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
        output::stderr().line(&format!(
            "redflag: no record in {} yet: redflag watch keeps one of each watch",
            records.folder().display()
        ));
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
        verdict: watch.verdict().name(),
        rollback: rollback(watch.last_executed()),
        bytes: kept.size,
        ended: kept.is_closed,
    }
}

pub(super) fn name(folder: &Path) -> String {
    folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// What came of a rollback, as a word for machines.
const fn rollback(rollback: &Rollback) -> Option<&'static str> {
    match rollback {
        Rollback::Idle | Rollback::Planned { .. } | Rollback::Countdown { .. } => None,
        Rollback::Confirmed(_) | Rollback::Running(_) | Rollback::OutcomeUnknown { .. } => Some("unknown"),
        Rollback::Verified { .. } => Some("verified"),
        Rollback::NotTheCause { .. } => Some("no_help"),
        Rollback::Failed { .. } => Some("failed"),
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
    let verdict = match row.rollback {
        Some("verified") => format!("{}, rolled back", row.verdict),
        Some("no_help") => format!("{}, rolled back without help", row.verdict),
        Some("failed") => format!("{}, rollback failed", row.verdict),
        Some(_) => format!("{}, rollback unknown", row.verdict),
        None => row.verdict.to_owned(),
    };
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
