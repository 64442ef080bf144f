//! What `redflag backtest` is called with.

use super::{Moment, Output, live, statuses_after};
use crate::config::parse_duration;
use chrono::TimeDelta;
use clap::Args;
use clap_complete::ArgValueCandidates;
use std::str::FromStr;

/// `redflag backtest`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = statuses_after("Deploys are found in the records of watches, in the cluster's history, in tags and in a list. The sources are \
    asked for what they have kept, one question at a time; what they have not is \"not known\", and never healthy. With \
    --config FILE, that configuration is compared with the usual one. It ends with 0, with 3 where nothing is known of any \
    deploy, and with 2 where there is none.\n\nExamples:\n  \
    redflag backtest production\n  \
    redflag backtest production --last 90d --git-tags 'v*'\n  \
    redflag backtest production --config other.toml\n  \
    git log --format=%cI --grep=deploy | redflag backtest production --at -")
)]
pub struct BacktestArgs {
    /// Environment [default: the only one, or the one with default = true]
    #[arg(value_name = "ENV", add = ArgValueCandidates::new(live::environments))]
    pub environment: Option<String>,
    /// How far back deploys are looked for
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = parse_duration)]
    pub last: TimeDelta,
    /// Take the tags that are like this for deploys, too, each at its time
    #[arg(long, value_name = "PATTERN")]
    pub git_tags: Option<String>,
    /// Only the deploys at these times; - reads them from standard input: a time a line, and perhaps the version
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub at: Vec<At>,
    /// A table, or a JSON object for each deploy
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Print the JSON schema of --output json
    #[arg(long)]
    pub schema: bool,
}

/// Where a time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Standard input lists them.
    Input,
    /// This one.
    Moment(Moment),
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "-" { Ok(Self::Input) } else { text.parse().map(Self::Moment) }
    }
}
