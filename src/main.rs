//! Arguments in, exit status out.

use redflag::cli::{self, Cli};
use redflag::outcome::Outcome;
use redflag::{commands, output};
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::answer();
    let outcome = commands::run(&Cli::asked()).unwrap_or_else(|error| {
        output::stderr().line(&format!("redflag: {error}"));
        Outcome::Misused
    });
    ExitCode::from(outcome.status())
}
