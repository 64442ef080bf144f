//! Arguments in, exit code out.

use clap::Parser;
use redflag::cli::Cli;
use redflag::commands;
use std::process::ExitCode;

fn main() -> ExitCode {
    match commands::run(&Cli::parse()) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("redflag: {error}");
            ExitCode::from(commands::NOT_BEGUN)
        }
    }
}
