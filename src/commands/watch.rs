//! `redflag watch`: the screen over one environment's newest deploy.

use super::{CommandError, assemble_options, block_on, draft, final_outcome, told};
use crate::cli::{Global, WatchArgs};
use crate::clock::Clock;
use crate::config::{self, Assembly, Draft, SystemSecrets};
use crate::memory::Memory;
use crate::outcome::Outcome;
use crate::output;
use crate::records::Earlier;
use crate::rollback::Rollback;
use crate::runtime::{
    AdapterSpecs, Beginning, Followed, Frontend, Outside, PendingSecrets, QUEUE, Recording, Runtime, follow,
};
use crate::session::{Afresh, Leaving};
use crate::setup::Setup;
use crate::tui::keymap::Keymap;
use crate::tui::terminal::{self, Screen};
use crate::tui::theme::ThemeError;
use crate::tui::{Look, Tui, input};
use crate::verdict::Verdict;
use crate::watch::{TurnOffState, Watch};
use futures_util::Stream;
use ratatui::Terminal;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// A record that takes longer to be read is waited for with a frame on the screen.
const SHOWN_AFTER: Duration = Duration::from_millis(50);

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
    let kept = Kept {
        memory: Memory::usual(),
        recording: super::recording(config.record(), true),
        wanted: Wanted { afresh: args.new, take_over: args.take_over },
    };
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
    pub(super) recording: Option<Recording>,
    /// What is wanted of an earlier one.
    pub(super) wanted: Wanted,
}

/// What is wanted of an earlier watch of the same environment.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted {
    /// Nothing: a watch of its own.
    pub(super) afresh: bool,
    /// Its keys, where another process has them.
    pub(super) take_over: bool,
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
    let guard = terminal::enter()?;
    let mut tui = Tui::new(Terminal::new(Screen::new())?, screen.look, screen.keymap);
    let mut inputs = input::inputs()?;
    let (out, inbox) = mpsc::channel(QUEUE);
    let (shared, time) = (Arc::new(setup.clone()), clock.clone());
    let (outside, awaited) = match credentials {
        Credentials::Ready(specs) => {
            let AdapterSpecs { sources, rollback, feature_flags } = *specs;
            let outside = Outside::new(shared, sources, rollback, time, out).with_feature_flags(feature_flags);
            (outside, PendingSecrets::none())
        }
        Credentials::Pending(awaited) => (Outside::unconfigured(shared, time, out), awaited),
    };
    let beginning = match begun(&mut tui, &mut inputs, setup, &kept, &clock).await? {
        Begun::Here(beginning) => beginning,
        Begun::Elsewhere(outcome, watch) => {
            drop(guard);
            output::stdout().line(&farewell(&watch));
            return Ok(outcome);
        }
    };
    let outside = outside.with_memory(kept.memory);
    let mut runtime = Runtime::begin(*beginning, tui, inputs, clock, outside, inbox).with_pending_secrets(awaited);
    let left = runtime.run().await;
    drop(guard);
    output::stdout().line(&farewell(runtime.watch()));
    final_outcome(left, runtime.watch())
}

/// How a watch on this screen begins.
enum Begun {
    /// With us at the keys.
    Here(Box<Beginning>),
    /// It was another process', and was followed to its end or left; how it stood then.
    Elsewhere(Outcome, Box<Watch>),
}

/// Begins a watch: where an earlier one left off, beside the one that has it, or afresh.
async fn begun<S: Stream<Item = input::Input> + Unpin>(
    tui: &mut Tui<Screen>,
    inputs: &mut S,
    setup: Setup,
    kept: &Kept,
    clock: &Clock,
) -> Result<Begun, CommandError> {
    let afresh =
        |setup, earlier| Begun::Here(Box::new(Beginning::afresh(setup, kept.recording.as_ref(), earlier, clock)));
    let Some(recording) = &kept.recording else { return Ok(afresh(setup, None)) };
    let mut followed: Option<Watch> = None;
    loop {
        match earlier(tui, recording, &setup, kept.wanted.afresh, clock).await? {
            Earlier::LeftOff(left) => {
                if followed.is_some() {
                    tui.say("the keys are yours");
                }
                let beginning = Beginning::resumed(*left, setup, recording.clone(), clock);
                return Ok(Begun::Here(Box::new(beginning)));
            }
            Earlier::Held(journal) => {
                let seat = recording.records.seat(&setup.rollback.actor);
                let asker = recording.records.asker(journal.id()).filter(|_| kept.wanted.take_over);
                // Taken back when it was granted, or is not wanted any more.
                let request = asker.map(|asker| asker.ask(&seat)).transpose().unwrap_or_else(|error| {
                    tui.say(&format!("the keys cannot be asked for: {error}"));
                    None
                });
                match follow(tui, inputs, *journal, request.is_some(), clock).await? {
                    (Followed::Left(outcome), watch) => return Ok(Begun::Elsewhere(outcome, Box::new(watch))),
                    (Followed::Free, watch) => followed = Some(watch),
                    (Followed::Unreadable(why), watch) => {
                        let before = watch.setup().started;
                        return Ok(afresh(setup, Some((before, Afresh::Unreadable(why)))));
                    }
                }
            }
            // What was followed has ended.
            Earlier::Nothing | Earlier::Afresh { .. } if followed.is_some() => {
                let watch = followed.unwrap_or_else(|| Watch::new(setup));
                return Ok(Begun::Elsewhere(Outcome::of(&watch), Box::new(watch)));
            }
            Earlier::Nothing => return Ok(afresh(setup, None)),
            Earlier::Afresh { before, why } => return Ok(afresh(setup, Some((before, why)))),
        }
    }
}

/// What there is of an earlier watch, read on a thread of its own: a disk may be slow. Where it is, that is said.
async fn earlier(
    tui: &mut Tui<Screen>,
    recording: &Recording,
    setup: &Setup,
    afresh: bool,
    clock: &Clock,
) -> io::Result<Earlier> {
    let mut found = {
        let (recording, setup, clock) = (recording.clone(), setup.clone(), clock.clone());
        tokio::task::spawn_blocking(move || recording.earlier(&setup, afresh, &clock))
    };
    let read = if let Ok(read) = tokio::time::timeout(SHOWN_AFTER, &mut found).await {
        read
    } else {
        tui.wait_for(Some("the record of the watch before"))?;
        tui.show(&Watch::new(setup.clone()))?;
        let read = found.await;
        tui.wait_for(None)?;
        read
    };
    read.map_err(io::Error::other)
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
    if let Some(how @ Leaving::HandedOver(_)) = watch.left() {
        text += &format!(" · {how}");
    }
    if let Some(done) = watch.rollback().execution().filter(|_| watch.rollback().is_in_progress()) {
        for covered in done.plan.steps().flat_map(|step| &step.covers) {
            let reference = &covered.reference;
            text += &format!("\n  kubectl rollout status {reference} -n {}", reference.namespace);
        }
    }
    text
}
