//! `redflag rollback`: the same plan, confirmation and verification as on the screen, as lines of text.

mod lines;

use super::{CommandError, block_on, here_and_now, load, recall, secrets};
use crate::cli::{Global, RollbackArgs};
use crate::clock::Clock;
use crate::outcome::Outcome;
use crate::output;
use crate::runtime::{Outside, QUEUE, Runtime, stops};
use crate::setup::{Automatic, Confirm, Told};
use crate::watch::Watch;
use chrono::TimeDelta;
use futures_util::{StreamExt, stream};
use lines::{Input, Lines, Mode};
use std::io::{self, IsTerminal};
use tokio::sync::mpsc;

pub(super) fn run(global: &Global, args: &RollbackArgs) -> Result<Outcome, CommandError> {
    let config = load(global)?;
    let told = Told { rollback_to: args.to, ..Told::default() };
    let options = here_and_now(told, global.read_only);
    let mut assembly = config.assemble(Some(&args.environment), &options, &secrets())?;
    if assembly.setup.read_only && !args.dry_run {
        return Err(CommandError::Call(
            "refused: read-only; without --read-only (and read_only in the configuration) it may be done, \
             and --dry-run shows the plan all the same"
                .to_owned(),
        ));
    }
    if let Some(name) = args.confirm.as_ref().filter(|name| **name != assembly.setup.environment) {
        return Err(CommandError::Call(format!(
            "--confirm {name} does not name the environment that is rolled back: that is {}",
            assembly.setup.environment
        )));
    }
    let mode = match (args.dry_run, args.yes) {
        (true, _) => Mode::DryRun,
        (false, true) => Mode::Yes { named: args.confirm.clone() },
        (false, false) if io::stdin().is_terminal() => Mode::Ask,
        (false, false) => {
            return Err(CommandError::Call(
                "nobody can be asked: standard input is no terminal; --yes does it without asking".to_owned(),
            ));
        }
    };
    // Here a plan is always shown and confirmed, by --yes or by an answer: "none" is for the rollback key.
    if assembly.setup.confirm == Confirm::None {
        assembly.setup.confirm = Confirm::Key;
    }
    // A person is here and says when; the automatism is for a watch.
    assembly.setup.rollback.automatic = Automatic::Off;
    // An answer is a line and its Enter; no slip of a finger types that.
    assembly.setup.confirm_grace = TimeDelta::zero();
    let memory = recall(&mut assembly.setup);
    block_on(async {
        let clock = Clock::real();
        let (out, inbox) = mpsc::channel(QUEUE);
        let watch = Watch::new(assembly.setup);
        let outside = Outside::new(watch.shared_setup(), assembly.sources, assembly.rollback, clock.clone(), out)
            .with_memory(memory);
        let answers = if mode == Mode::Ask { typed_lines() } else { mpsc::unbounded_channel().1 };
        let lines = stream::unfold(answers, |mut answers| async move {
            match answers.recv().await {
                Some(line) => Some((Input::Typed(line), answers)),
                // Nobody types any more, and the loop goes on by itself.
                None => std::future::pending().await,
            }
        });
        let inputs = stream::select(Box::pin(lines), stops()?.map(Input::Stop));
        let face = Lines::new(mode, output::stdout());
        let mut runtime = Runtime::new(watch, face, inputs, clock, outside, inbox);
        match runtime.run().await {
            Ok(outcome) => Ok(outcome),
            // What was sent is under way, and that is what the status is about.
            Err(error) => match Outcome::of_rollback(runtime.watch().last_undertaken()) {
                Some(outcome) => {
                    output::stderr().line(&format!("redflag: {error}"));
                    Ok(outcome)
                }
                None => Err(error.into()),
            },
        }
    })
}

/// What is typed, read on a thread of its own: reading standard input blocks, and the loop may not.
fn typed_lines() -> mpsc::UnboundedReceiver<String> {
    let (out, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in io::stdin().lines() {
            let Ok(line) = line else { break };
            if out.send(line).is_err() {
                break;
            }
        }
    });
    lines
}
