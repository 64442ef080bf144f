//! What each command does: puts configuration, core, outside and a face together.

mod check;
mod demo;
mod judge;
mod logging;
mod rollback;
mod watch;

use crate::cli::{Cli, Command, ConfigCommand, Global};
use crate::config::{self, AssembleOptions, Config, ConfigError, Person, SystemSecrets};
use crate::memory::Memory;
use crate::outcome::Outcome;
use crate::setup::{Setup, Told};
use crate::tui::terminal;
use crate::{output, panics};
use chrono::Utc;
use clap::CommandFactory;
use std::io::{self, Write};
use thiserror::Error;

/// Why a command could not be carried out. Its text is for people and names the way out.
#[derive(Debug, Error)]
pub enum CommandError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Anything else that is wrong with the call.
    #[error("{0}")]
    Call(String),
    /// The terminal, a file or a socket.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Carries a command out; gives what it came to.
pub fn run(cli: &Cli) -> Result<Outcome, CommandError> {
    panics::say_with(terminal::restore);
    logging::start(cli.global.log_file.as_deref())?;
    // One TLS provider in the whole binary. An error says that it is in place already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match &cli.command {
        Command::Watch(args) => watch::run(&cli.global, args),
        Command::Demo(args) => demo::run(&cli.global, args),
        Command::Rollback(args) => rollback::run(&cli.global, args),
        Command::Check(args) => check::run(&cli.global, args),
        Command::Judge => judge::run(),
        Command::Config(command) => print_config(&cli.global, *command),
        Command::Completions(args) => {
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut Cli::command(), "redflag", &mut script);
            print(&String::from_utf8_lossy(&script))
        }
    }
}

fn print_config(global: &Global, command: ConfigCommand) -> Result<Outcome, CommandError> {
    match command {
        ConfigCommand::Example => print(config::EXAMPLE),
        ConfigCommand::Schema => print(&config::schema()),
        ConfigCommand::Path => {
            let path = config::find(global.config.as_deref())?;
            print(&format!("{}\n", path.display()))
        }
    }
}

/// Prints to standard output. A reader that has enough (`| head`) is no error.
fn print(text: &str) -> Result<Outcome, CommandError> {
    let mut out = output::stdout();
    out.write_all(text.as_bytes())?;
    out.end()?;
    Ok(Outcome::Done)
}

/// The secrets of this machine, for a command without a screen: what is waited for is said on error output.
fn secrets() -> SystemSecrets {
    SystemSecrets::new(|program| output::stderr().line(&format!("redflag: {}", program.waiting())))
}

fn load(global: &Global) -> Result<Config, ConfigError> {
    Config::load(&config::find(global.config.as_deref())?)
}

/// What the person at this machine asks for, at this moment.
fn here_and_now(told: Told, read_only: bool) -> AssembleOptions {
    AssembleOptions { told, read_only, started: Utc::now(), clock_speed: 1.0, person: Person::here() }
}

/// Fills in what earlier watches found of the versions of each workload; gives where this one writes.
///
/// A file that cannot be read is no reason not to watch: then nothing is known, and the screen says so of the
/// target.
fn recall(setup: &mut Setup) -> Option<Memory> {
    let memory = Memory::usual()?;
    let workloads = setup.workloads.iter().map(|workload| &workload.reference);
    match memory.recall(&setup.environment, workloads) {
        Ok(known) => setup.rollback.known = known,
        Err(error) => tracing::warn!(path = %memory.path().display(), %error, "nothing is recalled of earlier watches"),
    }
    Some(memory)
}

/// Runs a command to its end on one thread; blocking calls have threads of their own.
fn block_on<T>(command: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(command);
    // A sign-in helper of the cluster may hang on its thread for ever; nobody who quits waits for it.
    runtime.shutdown_background();
    result
}
