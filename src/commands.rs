//! What each command does: puts configuration, core, outside and a face together.

mod check;
mod demo;
mod judge;
mod logging;
mod rollback;
mod watch;

use crate::cli::{Cli, Command, ConfigCommand, Global};
use crate::config::{self, AssembleOptions, Assembly, Config, ConfigError, Person};
use crate::memory::Memory;
use crate::setup::Told;
use chrono::Utc;
use clap::CommandFactory;
use std::io::{self, Write};
use thiserror::Error;

/// Exit status for what could not even begin: wrong arguments, configuration, terminal.
pub const NOT_BEGUN: u8 = 2;

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

/// Carries a command out; gives the exit status.
pub fn run(cli: &Cli) -> Result<u8, CommandError> {
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
            print(&script)
        }
    }
}

fn print_config(global: &Global, command: ConfigCommand) -> Result<u8, CommandError> {
    match command {
        ConfigCommand::Example => print(config::EXAMPLE.as_bytes()),
        ConfigCommand::Schema => print(config::schema().as_bytes()),
        ConfigCommand::Path => {
            let found = config::find(global.config.as_deref());
            if let Ok(path) = &found {
                return print(format!("{}\n", path.display()).as_bytes());
            }
            found.map(|_| 0).map_err(CommandError::from)
        }
    }
}

/// Prints to standard output. A reader that has enough (`| head`) is no error.
fn print(text: &[u8]) -> Result<u8, CommandError> {
    match io::stdout().write_all(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(0),
    }
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
fn recall(assembly: &mut Assembly) -> Option<Memory> {
    let memory = Memory::usual()?;
    let setup = &mut assembly.setup;
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
