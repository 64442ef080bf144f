//! `redflag gate`: the same watch for a pipeline. No screen: a line for each change on standard error, a JSON object for
//! each on standard output where that is wanted, and an exit status.

mod event;
mod frontend;
mod github;
#[cfg(all(test, feature = "demo"))]
mod tests;

use super::{CommandError, assemble_options, assembled, block_on, draft, final_outcome, told};
use crate::cli::{self, GateArgs, Global};
use crate::clock::Clock;
use crate::config::SystemSecrets;
use crate::memory::Memory;
use crate::outcome::Outcome;
use crate::output;
use crate::records::Records;
use crate::runtime::{Outside, QUEUE, Runtime, stops};
use crate::setup::Automatic;
use crate::watch::Watch;
use frontend::{Gate, Wanted};
use futures_util::StreamExt;
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
        let github = github::here();
        let clock = Clock::real();
        let (out, inbox) = mpsc::channel(QUEUE);
        let watch = Watch::new(assembly.setup);
        let outside = Outside::new(watch.shared_setup(), assembly.sources, assembly.rollback, clock.clone(), out)
            .with_feature_flags(assembly.feature_flags)
            .with_memory(Memory::usual());
        let gate = Gate::new(wanted, args.output, github, (output::stderr(), output::stdout()));
        let mut runtime =
            Runtime::new(watch, gate, stops, clock, outside, inbox).recorded(Records::usual().as_ref(), cli::version());
        let left = runtime.run().await;
        let outcome = final_outcome(left, runtime.watch())?;
        let watch = runtime.watch().clone();
        runtime.frontend_mut().end(&watch, outcome)?;
        Ok(outcome)
    })
}
