//! `redflag gate`: the same watch for a pipeline. No screen: a line for each change on standard error, a JSON object for
//! each on standard output where that is wanted, and an exit status.

mod event;
mod frontend;
mod github;
mod junit;
mod sections;
#[cfg(all(test, feature = "demo"))]
mod tests;

use super::{CommandError, assemble_options, assembled, block_on, draft, final_outcome, told};
use crate::cli::{GateArgs, Global};
use crate::clock::Clock;
use crate::config::SystemSecrets;
use crate::memory::Memory;
use crate::outcome::Outcome;
use crate::output;
use crate::records::Earlier;
use crate::runtime::{Beginning, Outside, QUEUE, Recording, Runtime, stops};
use crate::session::Afresh;
use crate::setup::{Automatic, Setup};
use frontend::{Gate, Job, Wanted};
use futures_util::StreamExt;
use std::sync::Arc;
use tokio::sync::mpsc;

pub(super) fn run(global: &Global, args: &GateArgs) -> Result<Outcome, CommandError> {
    if args.schema {
        return super::print(&event::schema());
    }
    let options = assemble_options(told(&args.deploy)?, global.read_only);
    // A theme or a key that is wrong stands in no pipeline's way: there is no screen here.
    let config = draft(global)?.finish_for(args.environment.as_deref(), &SystemSecrets::default())?;
    block_on(async {
        let mut stops = stops()?;
        let mut assembly = tokio::select! {
            assembly = assembled(&config, args.environment.as_deref(), &options) => assembly?,
            Some(outcome) = stops.next() => return Ok(outcome),
        };
        if args.rollback && assembly.setup.read_only {
            return Err(CommandError::Call(
                "--rollback: refused, for it is read-only; leave out --read-only (and read_only in the configuration)"
                    .to_owned(),
            ));
        }
        // Whoever calls says whether it may act; the conditions under which it does are those of a watch.
        assembly.setup.rollback.automatic = if args.rollback { Automatic::On } else { Automatic::Off };
        let wanted = Wanted { until: args.until, timeout: args.timeout, rollback: args.rollback };
        let job = Job { github: github::here(), gitlab: sections::here() };
        let clock = Clock::real();
        let (out, inbox) = mpsc::channel(QUEUE);
        let shared = Arc::new(assembly.setup.clone());
        let outside = Outside::new(shared, assembly.sources, assembly.rollback, clock.clone(), out)
            .with_feature_flags(assembly.feature_flags)
            .with_memory(Memory::usual());
        let gate = Gate::new(wanted, args.output, job, (output::stderr(), output::stdout()));
        let beginning = begun(assembly.setup, super::recording(config.record(), false), args.new, &clock);
        let mut runtime = Runtime::begin(beginning, gate, stops, clock, outside, inbox);
        if let Some(earlier) = runtime.take_first()? {
            output::stderr().line(&format!("redflag: {earlier}"));
        }
        let left = runtime.run().await;
        let outcome = final_outcome(left, runtime.watch())?;
        let watch = runtime.watch().clone();
        runtime.frontend_mut().end(&watch, outcome)?;
        if let Some(path) = &args.junit {
            // What cannot be written changes no verdict, and is said.
            if let Err(error) = std::fs::write(path, crate::text::visible(&junit::text(&watch, outcome)).as_bytes()) {
                output::stderr().line(&format!("redflag: --junit {}: {error}", path.display()));
            }
        }
        Ok(outcome)
    })
}

/// Begins where an earlier gate or watch left off, else afresh: what another process has it leaves alone.
fn begun(setup: Setup, recording: Option<Recording>, is_new: bool, clock: &Clock) -> Beginning {
    let Some(recording) = recording else { return Beginning::afresh(setup, None, None, clock) };
    let earlier = match recording.earlier(&setup, is_new, clock) {
        Earlier::LeftOff(left) => return Beginning::resumed(*left, setup, recording, clock),
        Earlier::Nothing => None,
        Earlier::Held(follower) => Some((follower.watch().setup().started, Afresh::InUse(follower.seat().clone()))),
        Earlier::Afresh { before, why } => Some((before, why)),
    };
    Beginning::afresh(setup, Some(&recording), earlier, clock)
}
