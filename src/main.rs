//! Arguments in, exit status out.

use clap::Parser;
use redflag::cli::Cli;
use redflag::outcome::Outcome;
use redflag::{commands, output};
use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = commands::run(&Cli::parse()).unwrap_or_else(|error| {
        output::stderr().line(&format!("redflag: {error}"));
        Outcome::Misused
    });
    ExitCode::from(outcome.status())
}
