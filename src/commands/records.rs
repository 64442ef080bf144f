//! `redflag records`: what is kept of earlier watches, a line each.

mod table;

use super::CommandError;
use crate::cli::{Global, Output, RecordsArgs};
use crate::config::{self, ConfigError, Draft, RecordSettings};
use crate::deploy::Time;
use crate::hindsight::{Ending, Figures, Hindsight, Summary};
use crate::outcome::Outcome;
use crate::output;
use crate::records::{self, Kept, Pruned, RecordError, Records};
use crate::rollback::Goal;
use crate::rollback::describe::span;
use crate::text;
use crate::verdict::Verdict;
use serde::Serialize;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::SystemTime;

/// What is told of a record.
#[derive(Debug, Serialize)]
struct Row {
    record: String,
    environment: String,
    deploys: Vec<Deployed>,
    started: Time,
    seconds: i64,
    verdict: Verdict,
    /// What the last rollback was for: an undo goes the other way.
    goal: Option<Goal>,
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

pub(super) fn run(global: &Global, args: &RecordsArgs) -> Result<Outcome, CommandError> {
    let records = usual()?;
    if args.prune {
        return prune(global, &records);
    }
    let folders = records.all()?;
    let mut rows = Vec::new();
    let mut outcome = Outcome::Done;
    for read in all(&folders) {
        match read {
            Ok(row) => rows.push(row),
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
    let (rows, summaries): (Vec<Row>, Vec<Summary>) = rows.into_iter().unzip();
    let figures = Figures::of(&summaries);
    let mut out = output::stdout();
    match args.output {
        Output::Text => table::lines(&rows, &figures).iter().for_each(|line| out.line(line)),
        Output::Json => {
            for row in &rows {
                out.line(&serde_json::to_string(row).map_err(std::io::Error::other)?);
            }
            for figures in figures {
                out.line(&serde_json::to_string(&Told { figures }).map_err(std::io::Error::other)?);
            }
        }
    }
    out.end()?;
    Ok(outcome)
}

/// The last lines of the JSON.
#[derive(Debug, Serialize)]
struct Told {
    figures: Figures,
}

/// Every record as it is told, and what it adds to the figures. To judge one again takes a part of a second: as many are at
/// it at a time as there are cores.
fn all(folders: &[PathBuf]) -> Vec<Result<(Row, Summary), RecordError>> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let share = folders.len().div_ceil(cores).max(1);
    thread::scope(|scope| {
        let reads =
            folders.chunks(share).map(|share| scope.spawn(|| share.iter().map(|it| read(it)).collect::<Vec<_>>()));
        let reads: Vec<_> = reads.collect();
        // Figures over a part of them would not be those of all.
        reads.into_iter().flat_map(|read| read.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

fn read(folder: &Path) -> Result<(Row, Summary), RecordError> {
    let kept = records::open(folder)?;
    let hindsight = Hindsight::of(&kept.record);
    Ok((row(&kept, &hindsight), Summary::of(&hindsight)))
}

/// Deletes what is older than is kept, or too much; says what that was. Without a configuration the usual limits hold.
fn prune(global: &Global, records: &Records) -> Result<Outcome, CommandError> {
    let keep = match config::locate(global.config.as_deref()) {
        Ok(path) => Draft::load(&path)?.finish()?.record().keep,
        Err(ConfigError::NotFound { .. }) => RecordSettings::default().keep,
        Err(error) => return Err(error.into()),
    };
    let Pruned { folders, bytes } = records.prune(keep, SystemTime::now())?;
    let mut out = output::stdout();
    let (count, s) = (folders.len(), if folders.len() == 1 { "" } else { "s" });
    out.line(&format!("{count} record{s} deleted, {}", text::size(bytes)));
    for folder in &folders {
        out.line(&format!("  {}", name(folder)));
    }
    out.end()?;
    Ok(Outcome::Done)
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

fn row(kept: &Kept, hindsight: &Hindsight) -> Row {
    let watch = &hindsight.watch;
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
        goal: watch.last_executed().execution().map(|done| done.plan.goal),
        rollback: Ending::of(watch.last_executed()),
        bytes: kept.size,
        ended: kept.is_closed,
    }
}

pub(super) fn name(folder: &Path) -> String {
    folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
