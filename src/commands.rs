//! What each command does: puts configuration, core, outside and a frontend together.

mod backtest;
mod check;
#[cfg(feature = "demo")]
mod demo;
mod following;
mod gate;
mod judge;
mod logging;
mod presets;
mod records;
mod replay;
mod report;
mod rollback;
mod watch;

use crate::cli::{self, Cli, Command, ConfigCommand, DeployArgs, Global};
use crate::config::{
    self, Actor, AssembleOptions, Assembly, Config, ConfigError, Draft, RecordSettings, SystemSecrets,
};
use crate::outcome::Outcome;
use crate::records::Records;
use crate::runtime::{Recording, stops};
use crate::setup::Told;
use crate::tui::terminal;
use crate::watch::Watch;
use crate::{output, panics};
use chrono::{Local, Utc};
use futures_util::StreamExt;
use std::io::{self, Write};
use std::pin::pin;
use std::time::{Duration, SystemTime};
use thiserror::Error;
use tokio::time::timeout;

/// What a program prints within this time was not waited for.
const AT_ONCE: Duration = Duration::from_secs(1);

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

/// Runs a command and returns its outcome.
pub fn run(cli: &Cli) -> Result<Outcome, CommandError> {
    panics::say_with(terminal::restore);
    logging::start(cli.global.log_file.as_deref())?;
    // One TLS provider in the whole binary. An error says that it is in place already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match &cli.command {
        Command::Watch(args) => watch::run(&cli.global, args),
        #[cfg(feature = "demo")]
        Command::Demo(args) => demo::run(&cli.global, args),
        Command::Rollback(args) => rollback::run(&cli.global, args),
        Command::Check(args) => check::run(&cli.global, args),
        Command::Judge => judge::run(),
        Command::Gate(args) => gate::run(&cli.global, args),
        Command::Backtest(args) => backtest::run(&cli.global, args),
        Command::Records(args) => records::run(&cli.global, args),
        Command::Replay(args) => replay::run(&cli.global, args),
        Command::Report(args) => report::run(args),
        Command::Presets(args) => presets::run(args),
        Command::Config(command) => print_config(&cli.global, *command),
        Command::Completions(args) => print(&cli::script(args.shell)?),
    }
}

fn print_config(global: &Global, command: ConfigCommand) -> Result<Outcome, CommandError> {
    match command {
        ConfigCommand::Example => print(&config::EXAMPLE),
        ConfigCommand::Schema => print(&config::json_schema()),
        ConfigCommand::Path => {
            let path = config::locate(global.config.as_deref())?;
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

/// All that a command without a screen begins with. A program that prints a secret is waited for, and said on error
/// output when that takes longer than a moment.
async fn assembled(
    config: &Config,
    environment: Option<&str>,
    options: &AssembleOptions,
) -> Result<Assembly, CommandError> {
    let secrets = SystemSecrets::default();
    let assembly = config.assemble(environment, options, &secrets)?;
    if secrets.missing().is_empty() {
        return Ok(assembly);
    }
    fetch(&secrets).await;
    Ok(config.assemble(environment, options, &secrets)?)
}

/// Lets every program print its secret, each once.
async fn fetch(secrets: &SystemSecrets) {
    // One at a time: two of them would ask for the same key to be touched.
    for program in secrets.missing() {
        let mut printed = pin!(program.printed());
        let printed = if let Ok(printed) = timeout(AT_ONCE, &mut printed).await {
            printed
        } else {
            output::stderr().line(&format!("redflag: {}", program.waiting()));
            printed.await
        };
        secrets.keep(program.clone(), printed);
    }
}

/// Does work to its end, or until the system asks us to stop.
async fn unless_stopped(work: impl Future<Output = Result<Outcome, CommandError>>) -> Result<Outcome, CommandError> {
    let mut stops = stops()?;
    tokio::select! {
        outcome = work => outcome,
        Some(outcome) = stops.next() => Ok(outcome),
    }
}

/// The configuration, which may still be refused.
fn draft(global: &Global) -> Result<Draft, ConfigError> {
    Draft::load(&config::locate(global.config.as_deref())?)
}

/// What the command line says of the deploy.
fn told(deploy: &DeployArgs) -> Result<Told, CommandError> {
    let deployed_at = deploy.deployed_at.map(|moment| moment.resolve(Local::now())).transpose();
    Ok(Told {
        deployed_at: deployed_at.map_err(|why| CommandError::Call(format!("--deployed-at: {why}")))?,
        from: deploy.from.clone(),
        to: deploy.to.clone(),
        rollback_to: None,
    })
}

/// Where this machine keeps records, if it does. What is too old or too much is deleted beside the watch that begins.
fn recording(record: RecordSettings, attended: bool) -> Option<Recording> {
    let records = Records::usual().filter(|_| !record.off)?;
    let pruned = records.clone();
    std::thread::spawn(move || {
        if let Err(error) = pruned.prune(record.keep, SystemTime::now()) {
            tracing::warn!(%error, "old records could not be deleted");
        }
    });
    let records = if attended { records.attended() } else { records };
    Some(Recording { records, program: cli::version().to_owned() })
}

/// The options of a command that is run here and now.
fn assemble_options(told: Told, read_only: bool) -> AssembleOptions {
    AssembleOptions { told, read_only, started: Utc::now(), clock_speed: 1.0, actor: Actor::from_environment() }
}

/// The outcome of a watch that ended like this. A rollback that was sent is in progress even if the frontend failed; then
/// the exit status is about the rollback.
fn final_outcome(left: io::Result<Outcome>, watch: &Watch) -> Result<Outcome, CommandError> {
    left.or_else(|error| {
        let outcome = Outcome::of_rollback(watch.last_executed()).ok_or_else(|| io::Error::other(error.to_string()))?;
        output::stderr().line(&format!("redflag: {error}"));
        Ok(outcome)
    })
}

/// Runs a command to its end. It has this thread for itself, so that no answer that takes long to read holds up a key:
/// whatever is asked outside is read on another, and blocking calls have threads of their own.
fn block_on<T>(command: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let result = runtime.block_on(command);
    // A sign-in helper of the cluster may hang on its thread for ever; nobody who quits waits for it.
    runtime.shutdown_background();
    result
}
