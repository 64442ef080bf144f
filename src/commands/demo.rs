//! `redflag demo`: the screen over the built-in demo, or only its servers.

use super::watch::{Credentials, Kept, ScreenOptions, needs_terminal, show};
use super::{CommandError, block_on, print};
use crate::cli::{DemoArgs, Global};
use crate::clock::Clock;
use crate::config::{Actor, AssembleOptions, Assembly, Draft};
use crate::demo::{Company, Options, Scenario};
use crate::outcome::Outcome;
use crate::output;
use crate::runtime::{AdapterSpecs, stops};
use crate::setup::Told;
use chrono::TimeDelta;
use futures_util::StreamExt;

pub(super) fn run(global: &Global, args: &DemoArgs) -> Result<Outcome, CommandError> {
    let scenario = match &args.scenario {
        Some(name) => name.parse::<Scenario>().map_err(|error| CommandError::Call(error.to_string()))?,
        None => Scenario::default(),
    };
    if args.serve {
        return block_on(serve(scenario));
    }
    needs_terminal("demo")?;
    let clock = Clock::faster(args.speed);
    block_on(async {
        let company = found(scenario, clock.clone()).await?;
        let mut draft = Draft::parse(&company.config(), "the demo's configuration")?;
        let screen = ScreenOptions::of(global, &mut draft);
        let config = draft.finish()?;
        let options = AssembleOptions {
            told: Told::default(),
            read_only: global.read_only,
            started: clock.now(),
            clock_speed: clock.speed(),
            actor: Actor::from_environment(),
        };
        let mut assembly = config.assemble(None, &options, &company)?;
        company.recall(&mut assembly.setup);
        let Assembly { setup, sources, rollback, feature_flags, .. } = assembly;
        show(
            screen,
            setup,
            Credentials::Ready(Box::new(AdapterSpecs { sources, rollback, feature_flags })),
            Kept::default(),
            clock,
        )
        .await
    })
}

/// A company whose deploy has just been made: who watches it from its first moment must not take the version
/// before for the one that is watched.
async fn found(scenario: Scenario, clock: Clock) -> std::io::Result<Company> {
    Company::start_with(Options { age: TimeDelta::seconds(8), ..Options::of(scenario, clock) }).await
}

/// The company alone, until Ctrl-C; its configuration on standard output.
async fn serve(scenario: Scenario) -> Result<Outcome, CommandError> {
    let company = found(scenario, Clock::real()).await?;
    print(&company.config())?;
    let token = company.secret(crate::demo::TOKEN).unwrap_or_default();
    output::stderr().line(&format!(
        "\nThe demo runs until Ctrl-C. Save the text above as company.toml; in another terminal:\n  \
         export {}={token}\n  redflag --config company.toml watch",
        crate::demo::TOKEN
    ));
    // Whichever signal it is: to be stopped is all that it waits for, and Ctrl-C is how it is done.
    match stops()?.next().await {
        Some(Outcome::Interrupted) | None => Ok(Outcome::Done),
        Some(outcome) => Ok(outcome),
    }
}
