//! What the commands over records are called with.

use super::{Moment, Output, live, statuses_after};
use clap::Args;
use clap_complete::ArgValueCandidates;
use std::path::PathBuf;

/// `redflag records`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    redflag records\n  \
    redflag records --output json | jq 'select(.verdict == \"faulty\")'")]
pub struct RecordsArgs {
    /// Lines for people, or a JSON object for each record
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Delete what is older than record.keep or over record.max, and list what was deleted
    #[arg(long)]
    pub prune: bool,
}

/// `redflag replay`.
#[derive(Debug, Clone, Args)]
#[command(after_help = statuses_after(
    "On a terminal it plays on the screen of the watch: Space pauses, . and , go 10 seconds ahead and back, > and < a \
    minute, ] and [ to the next flag and the one before, + and - change the speed (1 to 60 times), ? lists all. Nothing \
    can be changed from there. Without a terminal it prints the timeline.\n\nWith --config it judges the same \
    readings by the limits of that file and prints what would have been different.\n\nIts exit status is that of the \
    watch, judged again by this program.\n\nExamples:\n  \
    redflag replay\n  \
    redflag replay 2026-02-03T1402Z-production-app-1.9.0\n  \
    redflag replay --at 14:10\n  \
    redflag replay --config other.toml"
))]
pub struct ReplayArgs {
    /// Name of a record, or its folder [default: the newest]
    #[arg(value_name = "RECORD", add = ArgValueCandidates::new(live::records))]
    pub record: Option<PathBuf>,
    /// Begin at this moment: 14:10 or 2026-02-03T14:10:00Z; without a terminal, print up to it
    #[arg(long, value_name = "TIME")]
    pub at: Option<Moment>,
}

/// `redflag report`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    redflag report > postmortem.md\n  \
    redflag report --format html --out postmortem.html\n  \
    redflag report 2026-02-03T1402Z-production-app-1.9.0 --format json | jq .seconds_to_restore")]
pub struct ReportArgs {
    /// Name of a record, or its folder [default: the newest]
    #[arg(value_name = "RECORD", add = ArgValueCandidates::new(live::records))]
    pub record: Option<PathBuf>,
    /// Markdown for GitHub, Notion or Slack, one HTML page with charts, or JSON
    #[arg(long, value_enum, default_value_t = ReportFormat::Markdown)]
    pub format: ReportFormat,
    /// Write it to this file [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print the JSON schema of --format json
    #[arg(long)]
    pub schema: bool,
}

/// What a report is made as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ReportFormat {
    /// Tables and lists, to be pasted.
    Markdown,
    /// One page with charts, that loads nothing.
    Html,
    /// One object.
    Json,
}
