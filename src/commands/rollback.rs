//! `redflag rollback`: the same plan, confirmation and verification as on the screen, as lines of text.

mod event;
mod lines;

use super::{CommandError, assemble_options, assembled, block_on, draft, final_outcome};
use crate::cli::{Global, Output, RollbackArgs};
use crate::clock::Clock;
use crate::config::{Assembly, SystemSecrets};
use crate::lines::{BoundedLines, Line};
use crate::memory::Memory;
use crate::outcome::Outcome;
use crate::output::{self, Cleaned};
use crate::runtime::{Outside, QUEUE, Runtime, stops};
use crate::setup::{Automatic, Confirm, Setup, Told};
use crate::watch::Watch;
use chrono::TimeDelta;
use futures_util::{Stream, StreamExt, stream};
use lines::{Input, Lines, Mode};
use std::io::{self, IsTerminal, Write};
use tokio::sync::mpsc;

/// An answer is shorter than this, in bytes.
const LONGEST_ANSWER: usize = 4096;

pub(super) fn run(global: &Global, args: &RollbackArgs) -> Result<Outcome, CommandError> {
    if args.schema {
        return super::print(&event::schema());
    }
    // A theme or a key that is wrong stands in no rollback's way: there is no screen here.
    let config = draft(global)?.finish_for(args.environment.as_deref(), &SystemSecrets::default())?;
    block_on(async {
        let mut stops = stops()?;
        let told = Told { rollback_to: args.to, ..Told::default() };
        let options = assemble_options(told, global.read_only);
        let assembly = tokio::select! {
            assembly = assembled(&config, args.environment.as_deref(), &options) => assembly?,
            Some(outcome) = stops.next() => return Ok(outcome),
        };
        follow(assembly, args, stops).await
    })
}

/// Shows the plan and, where that is wanted, does it and follows it to its end.
async fn follow(
    mut assembly: Assembly,
    args: &RollbackArgs,
    stops: impl Stream<Item = Outcome> + Unpin,
) -> Result<Outcome, CommandError> {
    let mode = mode(&assembly.setup, args)?;
    // Here a plan is always shown and confirmed, by --yes or by an answer: "none" is for the rollback key.
    if assembly.setup.confirm == Confirm::None {
        assembly.setup.confirm = Confirm::Key;
    }
    // The user decides when; automatic rollback is for a watch.
    assembly.setup.rollback.automatic = Automatic::Off;
    // An answer is a line and its Enter; nobody types that by accident.
    assembly.setup.confirm_grace = TimeDelta::zero();
    let memory = Memory::usual();
    let clock = Clock::real();
    let (out, inbox) = mpsc::channel(QUEUE);
    let watch = Watch::new(assembly.setup);
    let outside =
        Outside::new(watch.shared_setup(), assembly.sources, assembly.rollback, clock.clone(), out).with_memory(memory);
    let answers = if mode == Mode::PlanRequest { typed_lines() } else { mpsc::unbounded_channel().1 };
    let lines = stream::unfold(answers, |mut answers| async move {
        match answers.recv().await {
            Some(line) => Some((Input::Typed(line), answers)),
            // Nobody types any more, and the loop goes on by itself.
            None => std::future::pending().await,
        }
    });
    let inputs = stream::select(Box::pin(lines), stops.map(Input::Stop));
    // Standard output is the programs', where one reads it.
    let stdout: Box<dyn Write> = Box::new(output::stdout());
    let (people, programs) = match args.output {
        Output::Text => (stdout, None),
        Output::Json => (Box::new(output::stderr()) as Box<dyn Write>, Some(Cleaned::new(stdout))),
    };
    let frontend = Lines::new(mode, Cleaned::new(people)).told_to(programs);
    let mut runtime = Runtime::new(watch, frontend, inputs, clock, outside, inbox);
    let left = runtime.run().await;
    let outcome = final_outcome(left, runtime.watch())?;
    let watch = runtime.watch().clone();
    runtime.frontend_mut().end(&watch, outcome)?;
    Ok(outcome)
}

/// What is to be done, where the arguments and the configuration allow it.
fn mode(setup: &Setup, args: &RollbackArgs) -> Result<Mode, CommandError> {
    if setup.read_only && !args.dry_run {
        return Err(CommandError::Call(
            "refused: read-only mode; remove --read-only (and read_only from the configuration), or see the plan \
             with --dry-run"
                .to_owned(),
        ));
    }
    if let Some(name) = args.confirm.as_ref().filter(|name| **name != setup.environment) {
        return Err(CommandError::Call(format!(
            "--confirm {name} does not match the environment to roll back, {}",
            setup.environment
        )));
    }
    match (args.dry_run, args.yes) {
        (true, _) => Ok(Mode::DryRun),
        (false, true) => Ok(Mode::Yes { named: args.confirm.clone() }),
        (false, false) if io::stdin().is_terminal() => Ok(Mode::PlanRequest),
        (false, false) => Err(CommandError::Call("stdin is not a terminal; use --yes to skip the prompt".to_owned())),
    }
}

/// What is typed, read on a thread of its own: reading standard input blocks, and the loop may not.
fn typed_lines() -> mpsc::UnboundedReceiver<String> {
    let (out, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in BoundedLines::new(io::stdin().lock(), LONGEST_ANSWER) {
            let answer = match line {
                Ok(Line::Whole(line)) => String::from_utf8_lossy(&line).into_owned(),
                // Whatever it is, it is no yes.
                Ok(Line::TooLong) => String::new(),
                Err(_) => break,
            };
            if out.send(answer).is_err() {
                break;
            }
        }
    });
    lines
}
