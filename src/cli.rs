//! Commands and flags.

mod backtest;
mod called;
mod live;
mod moment;
mod records;
mod version;

pub use backtest::{At, BacktestArgs};
pub use live::{answer, script};
pub use moment::Moment;
pub use records::{RecordsArgs, ReplayArgs, ReportArgs, ReportFormat};
pub use version::long as version;

use crate::config::parse_duration;
use crate::outcome::Outcome;
use chrono::TimeDelta;
use clap::{Args, Parser, Subcommand};
use clap_complete::{ArgValueCandidates, Shell};
use std::ffi::OsStr;
use std::path::PathBuf;

/// The first example.
#[cfg(feature = "demo")]
const TRY_IT: &str = "  redflag demo                               run the built-in demo, nothing to set up\n";
#[cfg(not(feature = "demo"))]
const TRY_IT: &str = "";

/// Watch a deploy, see what is wrong, roll it back with one key.
#[derive(Debug, Parser)]
#[command(name = "redflag", version, long_version = version::long(), arg_required_else_help = true, max_term_width = 100)]
#[command(long_about = "Watches a deploy for half an hour after rollout, says in one sentence what is wrong if \
                        anything is, and rolls it back with one key.")]
#[command(after_help = statuses_after(&format!("Examples:\n{TRY_IT}  \
    redflag config example > redflag.toml      start a configuration\n  \
    redflag check                              try every source, credential and permission\n  \
    redflag watch production                   watch the newest deploy there\n  \
    redflag rollback production --dry-run      show what a rollback would do")))]
pub struct Cli {
    /// For every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Configuration file [default: $REDFLAG_CONFIG, ./redflag.toml, then the configuration folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Read-only: never change anything, overrides the configuration
    #[arg(long, global = true)]
    pub read_only: bool,
    /// Colours: auto, dark, light, colorblind, mono, or a name in the configuration folder's themes
    #[arg(long, global = true, value_name = "NAME", add = ArgValueCandidates::new(live::themes))]
    pub theme: Option<String>,
    /// Write a log to this file
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// No colour; same as a non-empty NO_COLOR
    #[arg(long, global = true)]
    pub no_color: bool,
}

impl Global {
    /// Whether colour is unwanted, by the flag or by the value of `NO_COLOR`, which counts when it is not empty
    /// (<https://no-color.org>).
    pub fn no_color(&self, variable: Option<&OsStr>) -> bool {
        self.no_color || variable.is_some_and(|value| !value.is_empty())
    }
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Watch the newest deploy of an environment
    Watch(WatchArgs),
    /// Run the built-in demo
    #[cfg(feature = "demo")]
    Demo(DemoArgs),
    /// Roll back the newest deploy of an environment, without the screen
    Rollback(RollbackArgs),
    /// Try every source, credential and permission, one line each
    Check(CheckArgs),
    /// Watch a deploy without a screen, for a pipeline: lines, and an exit status
    Gate(GateArgs),
    /// Play earlier deploys to the judge: what would have been flagged, and how much sooner
    Backtest(BacktestArgs),
    /// List the records of watches that are kept, the newest last
    Records(RecordsArgs),
    /// Play the record of a watch again, or judge it by other limits
    Replay(ReplayArgs),
    /// Make a report of a watch for the postmortem: Markdown, HTML or JSON
    Report(ReportArgs),
    /// Replay recorded deploys: cases as JSON lines on stdin, verdicts on stdout
    #[command(after_help = JUDGE_HELP)]
    Judge,
    /// List the presets that a configuration may name, or print one
    Presets(PresetsArgs),
    /// Print an example configuration, its search path, or its schema
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a completion script
    Completions(CompletionsArgs),
}

/// A help's last part, and what the exit statuses mean.
fn statuses_after(text: &str) -> String {
    format!("{text}\n\n{}", Outcome::HELP)
}

const JUDGE_HELP: &str = "A case is one line: {\"case_id\", \"kind\": \"latency|error_rate|memory|cpu|connections|requests|\
    5xx|crash_free|kpi\", \"unit\", \"step_s\", \"baseline\": [..], \"window\": [..], \"baseline_n\": [..]|null, \
    \"window_n\": [..]|null, \"beside\": [..]|null, \"beside_n\": [..]|null, \"yesterday\": {\"baseline\", \"window\", \
    \"baseline_n\", \"window_n\"}|null, \"week_ago\": the same, \"neighbours\": [{\"name\", and the same}]|null}. Units: s, \
    ms, us; percent, ratio, norm; bytes, MiB, cores, count; per_second, per_minute. A series without a known unit is judged \
    against its own baseline, without fixed limits. *_n are the requests behind each sample; beside is the previous version \
    in the same samples; yesterday, week_ago and neighbours (services that were not deployed) have the same samples of then \
    and there; null is a gap. The verdict is one line: {\"case_id\", \"flagged\", \"at_step\", \"red_at_step\", \"level\", \
    \"blames_deploy\", \"sentence\"}: the first sample of the window at which a warning or a red flag blames the deploy, \
    and the first with a red flag; level and sentence are from that sample, or from the end. Later samples never \
    influence earlier verdicts. Each line is judged as it comes. Lines that cannot be parsed get an error with their \
    number on stderr, the rest is judged, and the exit status is 2.\n\nExamples:\n  \
    redflag judge < cases.jsonl > verdicts.jsonl\n  \
    redflag judge < healthy.jsonl | grep -c '\"flagged\":true'    # false alarms";

/// `redflag watch`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = statuses_after("The deploy is found in the cluster: its time, its versions and who made it. Flags \
                                 override what is found.\n\nExamples:\n  \
    redflag watch\n  \
    redflag watch staging --read-only\n  \
    redflag watch production --deployed-at 14:02 --from 1.8.3 --to 1.9.0\n  \
    redflag watch production --deployed-at 5m\n  \
    redflag watch production --take-over")
)]
pub struct WatchArgs {
    /// Environment [default: the only one, or the one with default = true]
    #[arg(value_name = "ENV", add = ArgValueCandidates::new(live::environments))]
    pub environment: Option<String>,
    /// Begin afresh, whatever watch of this deploy was left before its end
    #[arg(long)]
    pub new: bool,
    /// Ask for the keys, where another process on this machine watches the deploy
    #[arg(long, conflicts_with = "new")]
    pub take_over: bool,
    /// The deploy.
    #[command(flatten)]
    pub deploy: DeployArgs,
}

/// What whoever calls knows of the deploy: it goes over what is found.
#[derive(Debug, Clone, Args)]
pub struct DeployArgs {
    /// When it was deployed: 14:02 (local time), 5m (ago), or 2026-02-03T14:02:00Z
    #[arg(long, value_name = "TIME")]
    pub deployed_at: Option<Moment>,
    /// The previous version
    #[arg(long, value_name = "VERSION", add = ArgValueCandidates::new(live::versions))]
    pub from: Option<String>,
    /// The version that was deployed
    #[arg(long, value_name = "VERSION", add = ArgValueCandidates::new(live::versions))]
    pub to: Option<String>,
}

/// `redflag gate`.
#[derive(Debug, Clone, Args)]
#[command(after_help = statuses_after("A red flag ends it at once, with 1; --rollback rolls back first, under the conditions of an \
    automatic rollback. Lines for people go to standard error, each change once. In a job of GitHub Actions red flags are \
    annotations too, and the job gets a summary; in GitLab what is no news is folded away. GitLab and Jenkins show what \
    --junit writes.\n\nExamples:\n  \
    redflag gate production\n  \
    redflag gate production --until settled --timeout 20m\n  \
    redflag gate production --junit redflag.xml\n  \
    redflag gate production --rollback --output json > gate.jsonl"))]
pub struct GateArgs {
    /// Environment [default: the only one, or the one with default = true]
    #[arg(value_name = "ENV", add = ArgValueCandidates::new(live::environments))]
    pub environment: Option<String>,
    /// What is waited for
    #[arg(long, value_enum, default_value_t = Until::Verdict)]
    pub until: Until,
    /// For how long at the most: 45m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<TimeDelta>,
    /// Roll back when a red flag is up, under the conditions of an automatic rollback
    #[arg(long)]
    pub rollback: bool,
    /// Lines for people only, or a JSON object for each change on standard output as well
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Begin afresh, whatever watch of this deploy was left before its end
    #[arg(long)]
    pub new: bool,
    /// Print the JSON schema of --output json
    #[arg(long)]
    pub schema: bool,
    /// Write a JUnit file as well: a test case for each signal
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// The deploy.
    #[command(flatten)]
    pub deploy: DeployArgs,
}

/// What a gate waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Until {
    /// The end of the window.
    Verdict,
    /// Everything required is known for long enough.
    Settled,
    /// The end of the rollout.
    Rollout,
}

/// `redflag demo`.
#[cfg(feature = "demo")]
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    redflag demo                               a bad release; press R, then y, to roll it back\n  \
    redflag demo --scenario healthy --speed 60\n  \
    redflag demo --serve                       only the servers: for watch, check and rollback in another terminal")]
pub struct DemoArgs {
    /// Scenario [default: bad-release]; an unknown name lists them all
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(live::scenarios))]
    pub scenario: Option<String>,
    /// Speed, 0.1 to 600 times real time
    #[arg(long, value_name = "N", default_value = "10", value_parser = speed)]
    pub speed: f64,
    /// Run only the demo servers, in real time, and print a configuration for them
    #[arg(long, conflicts_with = "speed")]
    pub serve: bool,
}

/// `redflag rollback`.
#[derive(Debug, Clone, Args)]
#[command(after_help = statuses_after("Prints the plan first, then follows the rollback until the previous \
    version is live: exit status 5. A dry run exits with 0 if it would work, 6 if it would not, 3 if that is \
    unknown.\n\nExamples:\n  \
    redflag rollback production --dry-run\n  \
    redflag rollback production --dry-run --output json\n  \
    redflag rollback production --to 41\n  \
    redflag rollback staging --yes\n  \
    redflag rollback production --yes --confirm production"))]
pub struct RollbackArgs {
    /// Environment
    #[arg(value_name = "ENV", add = ArgValueCandidates::new(live::environments), required = true)]
    pub environment: Option<String>,
    /// Print the plan and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Skip the prompt; a rollback that may do harm needs --confirm too
    #[arg(long, conflicts_with = "dry_run")]
    pub yes: bool,
    /// With --yes: the environment's name again, for a rollback that may do harm or covers only part of a push
    #[arg(long, value_name = "ENV", requires = "yes")]
    pub confirm: Option<String>,
    /// Roll back to this revision [default: the previous version]
    #[arg(long, value_name = "REVISION", value_parser = clap::value_parser!(i64).range(1..),
        add = ArgValueCandidates::new(live::revisions))]
    pub to: Option<i64>,
    /// Lines for people, or those on standard error and a JSON object for each on standard output
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Print the JSON schema of --output json
    #[arg(long, exclusive = true)]
    pub schema: bool,
}

/// `redflag check`.
#[derive(Debug, Clone, Args)]
#[command(after_help = statuses_after("Each line that fails says how to fix it.\n\nExamples:\n  \
    redflag check\n  \
    redflag check staging\n  \
    redflag check --output json | jq 'select(.result == \"failed\")'"))]
pub struct CheckArgs {
    /// Environment [default: the only one, or the one with default = true]
    #[arg(value_name = "ENV", add = ArgValueCandidates::new(live::environments))]
    pub environment: Option<String>,
    /// Lines for people, or a JSON object for each
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Print the JSON schema of --output json
    #[arg(long)]
    pub schema: bool,
}

/// `redflag presets`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "A preset is the signals of a family of metrics: preset = \"otel-http\" in an environment stands for them. \
    Your own are files in the configuration folder's presets.\n\nExamples:\n  \
    redflag presets\n  \
    redflag presets otel-http > ~/.config/redflag/presets/ours.toml\n  \
    redflag presets --output json | jq 'select(.layer == \"mesh\")'"
)]
pub struct PresetsArgs {
    /// Name of a preset [default: all, a line each]
    #[arg(value_name = "PRESET", add = ArgValueCandidates::new(live::presets))]
    pub name: Option<String>,
    /// Lines for people, or a JSON object for each preset
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// `redflag config`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
#[command(after_help = "Examples:\n  \
    redflag config example > redflag.toml\n  \
    redflag config schema > redflag.schema.json")]
pub enum ConfigCommand {
    /// Print the whole configuration, commented
    Example,
    /// Print which file is used and the search path
    Path,
    /// Print its JSON schema, for editors
    Schema,
}

/// `redflag completions`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    redflag completions bash > ~/.local/share/bash-completion/completions/redflag\n  \
    redflag completions zsh > ~/.zfunc/_redflag\n  \
    redflag completions fish > ~/.config/fish/completions/redflag.fish")]
pub struct CompletionsArgs {
    /// Shell
    pub shell: Shell,
}

#[cfg(feature = "demo")]
fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.1..=600.0).contains(&speed) => Ok(speed),
        _ => Err("expected a number from 0.1 to 600".to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn alone_it_shows_its_help() {
        let error = parse("redflag").unwrap_err();
        assert_eq!(error.kind(), clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand);
        assert!(error.to_string().contains("redflag check"), "{error}");
    }

    #[test]
    fn global_flags_stand_before_or_behind_the_command() {
        for line in ["redflag --read-only watch production", "redflag watch production --read-only"] {
            let cli = parse(line).unwrap();
            assert!(cli.global.read_only, "{line}");
            assert!(matches!(cli.command, Command::Watch(args) if args.environment.as_deref() == Some("production")));
        }
    }

    #[test]
    fn the_help_says_what_the_exit_statuses_mean() {
        for command in ["", "watch ", "gate ", "replay ", "backtest ", "rollback ", "check "] {
            let line = &format!("redflag {command}--help");
            let help = parse(line).unwrap_err().to_string();
            assert!(help.contains(Outcome::HELP), "{line}: {help}");
        }
    }

    #[test]
    fn a_rollback_needs_its_environment_and_a_dry_run_asks_nothing() {
        assert!(parse("redflag rollback").is_err());
        assert!(parse("redflag rollback --schema").is_ok(), "its form is nobody's environment");
        assert!(parse("redflag rollback production --dry-run --yes").is_err());
        assert!(parse("redflag rollback production --to 0").is_err());
        assert!(parse("redflag rollback production --confirm production").is_err(), "without --yes it is asked for");
        let Command::Rollback(args) = parse("redflag rollback production --yes --to 41").unwrap().command else {
            panic!("not a rollback");
        };
        assert_eq!((args.yes, args.dry_run, args.to), (true, false, Some(41)));
    }

    #[cfg(feature = "demo")]
    #[test]
    fn an_impossible_speed_is_refused() {
        for speed in ["0", "-1", "NaN", "inf", "fast", "601"] {
            let error = parse(&format!("redflag demo --speed={speed}")).unwrap_err().to_string();
            assert!(error.contains("expected a number from 0.1 to 600"), "{error}");
        }
        assert!(parse("redflag demo --speed 12.5").is_ok());
    }

    #[test]
    fn an_empty_no_color_counts_for_nothing() {
        let global = parse("redflag check").unwrap().global;
        assert!(!global.no_color(None));
        assert!(!global.no_color(Some(OsStr::new(""))));
        assert!(global.no_color(Some(OsStr::new("1"))));
        assert!(parse("redflag check --no-color").unwrap().global.no_color(None));
    }
}
