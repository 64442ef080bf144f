//! `redflag watch`: the screen over one environment's newest deploy.

use super::{CommandError, assemble_options, block_on, draft, final_outcome, told};
use crate::cli::{self, Global, WatchArgs};
use crate::clock::Clock;
use crate::config::{self, Assembly, Draft, SystemSecrets};
use crate::memory::Memory;
use crate::outcome::Outcome;
use crate::output;
use crate::records::Records;
use crate::rollback::Rollback;
use crate::runtime::{AdapterSpecs, Outside, PendingSecrets, QUEUE, Runtime};
use crate::setup::Setup;
use crate::tui::keymap::Keymap;
use crate::tui::terminal::{self, Screen};
use crate::tui::theme::ThemeError;
use crate::tui::{Look, Tui, input};
use crate::verdict::Verdict;
use crate::watch::{TurnOffState, Watch};
use ratatui::Terminal;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use tokio::sync::mpsc;

pub(super) fn run(global: &Global, args: &WatchArgs) -> Result<Outcome, CommandError> {
    needs_terminal("watch")?;
    let options = assemble_options(told(&args.deploy)?, global.read_only);
    // Whatever is wrong is said before the terminal is touched; whoever has to touch a key does it beside the screen.
    let secrets = Arc::new(SystemSecrets::default());
    let mut draft = draft(global)?;
    let screen = ScreenOptions::of(global, &mut draft);
    let config = draft.finish_for(args.environment.as_deref(), &*secrets)?;
    let Assembly { setup, sources, rollback, feature_flags, .. } =
        config.assemble(args.environment.as_deref(), &options, &*secrets)?;
    let kept = Kept { memory: Memory::usual(), records: Records::usual() };
    let credentials = if secrets.missing().is_empty() {
        Credentials::Ready(Box::new(AdapterSpecs { sources, rollback, feature_flags }))
    } else {
        let environment = setup.environment.clone();
        Credentials::Pending(PendingSecrets::new(Arc::clone(&secrets), move || {
            let assembly = config.assemble(Some(&environment), &options, &*secrets).map_err(io::Error::other)?;
            let Assembly { sources, rollback, feature_flags, .. } = assembly;
            Ok(AdapterSpecs { sources, rollback, feature_flags })
        }))
    };
    block_on(show(screen, setup, credentials, kept, Clock::real()))
}

/// The adapters' specifications, or the secrets that they still lack.
pub(super) enum Credentials {
    /// All of it is here.
    Ready(Box<AdapterSpecs>),
    /// Some programs still have to print their secrets.
    Pending(PendingSecrets),
}

/// Where this machine keeps what outlives a watch; `None` where it is not kept.
#[derive(Default)]
pub(super) struct Kept {
    /// What was found of versions.
    pub(super) memory: Option<Memory>,
    /// The records of watches.
    pub(super) records: Option<Records>,
}

/// How the screen looks and which keys it takes: found to be right before the terminal is touched.
pub(super) struct ScreenOptions {
    look: Look,
    keymap: Keymap,
}

impl ScreenOptions {
    /// Those that the flags and the file ask for. What is wrong with them is added to what is wrong with the file, and the
    /// usual ones are given in their place.
    pub(super) fn of(global: &Global, draft: &mut Draft) -> Self {
        let no_color = global.no_color(std::env::var_os("NO_COLOR").as_deref());
        let themes = config::folder().map(|folder| folder.join("themes"));
        let theme = global.theme.as_deref().or(draft.theme()).map(ToOwned::to_owned);
        let look = Look::from_environment(theme.as_deref(), themes.as_deref(), no_color).unwrap_or_else(|error| {
            for error in error.each() {
                match (&error, &global.theme) {
                    (ThemeError::UnknownTheme { .. }, None) => draft.refuse_theme(&error.to_string()),
                    (ThemeError::UnknownTheme { .. }, Some(_)) => draft.refuse_flag(format!("--theme: {error}")),
                    (_, _) => draft.refuse_flag(error.to_string()),
                }
            }
            Look::usual(no_color)
        });
        let keys = draft.keys().iter().map(|setting| (setting.action.as_str(), setting.keys.as_slice()));
        let keymap = Keymap::new(keys).unwrap_or_else(|errors| {
            for error in errors {
                draft.refuse_key(error.action(), &error.to_string());
            }
            Keymap::default()
        });
        Self { look, keymap }
    }

    /// What the screen is made with.
    pub(super) fn into_parts(self) -> (Look, Keymap) {
        (self.look, self.keymap)
    }
}

pub(super) fn needs_terminal(command: &str) -> Result<(), CommandError> {
    if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return Err(CommandError::Call(format!(
            "redflag {command} shows a screen, and TERM=dumb says that this terminal cannot show one.\n\
             Set TERM to what it really is (xterm-256color, say); redflag check and redflag rollback need no screen."
        )));
    }
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        return Ok(());
    }
    Err(CommandError::Call(format!(
        "redflag {command} is interactive and needs a terminal on stdin and stdout.\n\
         Without one, redflag check and redflag rollback --yes work."
    )))
}

/// Runs the screen until it is left; says afterwards, on the terminal given back, how things stood.
pub(super) async fn show(
    screen: ScreenOptions,
    setup: Setup,
    credentials: Credentials,
    kept: Kept,
    clock: Clock,
) -> Result<Outcome, CommandError> {
    let (out, inbox) = mpsc::channel(QUEUE);
    let watch = Watch::new(setup);
    let (setup, time) = (watch.shared_setup(), clock.clone());
    let (outside, awaited) = match credentials {
        Credentials::Ready(specs) => {
            let AdapterSpecs { sources, rollback, feature_flags } = *specs;
            (
                Outside::new(setup, sources, rollback, time, out).with_feature_flags(feature_flags),
                PendingSecrets::none(),
            )
        }
        Credentials::Pending(awaited) => (Outside::unconfigured(setup, time, out), awaited),
    };
    let guard = terminal::enter()?;
    let tui = Tui::new(Terminal::new(Screen::new())?, screen.look, screen.keymap);
    let outside = outside.with_memory(kept.memory);
    let mut runtime = Runtime::new(watch, tui, input::inputs()?, clock, outside, inbox)
        .with_pending_secrets(awaited)
        .recorded(kept.records.as_ref(), cli::version());
    let left = runtime.run().await;
    drop(guard);
    output::stdout().line(&farewell(runtime.watch()));
    final_outcome(left, runtime.watch())
}

/// One line, or two where something is still in progress: what stays in the scroll-back.
fn farewell(watch: &Watch) -> String {
    let setup = watch.setup();
    let deploys: Vec<String> = setup
        .workloads
        .iter()
        .zip(watch.workloads())
        .filter_map(|(workload, state)| {
            Some(format!("{} {}", workload.reference.name, state.deploy.as_ref()?.to.label()))
        })
        .take(3)
        .collect();
    let deploys = if deploys.is_empty() { "no deploy found".to_owned() } else { deploys.join(", ") };
    let verdict = watch.verdict().label().to_lowercase();
    let mut text = format!("redflag: {} · {deploys} · {verdict}", setup.environment);
    if watch.verdict() == Verdict::Healthy {
        text += &format!(": {}", watch.basis());
    }
    match watch.rollback() {
        Rollback::Idle | Rollback::Planned { .. } | Rollback::Countdown { .. } => {}
        Rollback::Verified { done, .. } => text += &format!(" · rolled back to {}", done.plan.target()),
        Rollback::NotTheCause { done, .. } => {
            text += &format!(" · rolled back to {}, which did not help", done.plan.target());
        }
        Rollback::Failed { blocked, .. } => text += &format!(" · rollback failed: {}", blocked.reason),
        Rollback::Confirmed(done) | Rollback::OutcomeUnknown { done, .. } => {
            text += &format!(" · a rollback to {} was requested; unknown whether it took effect", done.plan.target());
        }
        Rollback::Running(done) => {
            text += &format!(" · a rollback to {} is in progress and continues without redflag", done.plan.target());
        }
    }
    for row in watch.flags(None) {
        let came_of_it = match row.turn.map(|turn| &turn.state) {
            Some(TurnOffState::Off(_)) => "turned off",
            Some(TurnOffState::StillOn | TurnOffState::Refused(_)) => "not turned off",
            Some(_) => "turn-off requested; unknown whether it is off",
            None => continue,
        };
        text += &format!(" · feature flag {} {came_of_it}", row.id.key);
    }
    if let Some(done) = watch.rollback().execution().filter(|_| watch.rollback().is_in_progress()) {
        for covered in done.plan.steps().flat_map(|step| &step.covers) {
            let reference = &covered.reference;
            text += &format!("\n  kubectl rollout status {reference} -n {}", reference.namespace);
        }
    }
    text
}
