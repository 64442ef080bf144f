//! A record on the screen: the terminal, the player and its clock. There is no outside and no core behind the keys: what a
//! key asks for is for the player, or for nobody.

use crate::cli::Global;
use crate::commands::watch::ScreenOptions;
use crate::commands::{CommandError, block_on};
use crate::config::{self, Draft};
use crate::deploy::Time;
use crate::outcome::Outcome;
use crate::output;
use crate::records::Kept;
use crate::replay::Player;
use crate::tui::input::{self, Input};
use crate::tui::terminal::{self, Screen};
use crate::tui::{Reaction, Tui, clipboard};
use futures_util::{Stream, StreamExt};
use ratatui::Terminal;
use std::io;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How long it stands between two looks at the time while the replay goes on.
const FRAME: Duration = Duration::from_millis(100);

pub(super) fn run(global: &Global, kept: Kept, at: Option<Time>) -> Result<Outcome, CommandError> {
    let (look, keymap) = options(global)?.into_parts();
    let name = crate::commands::records::name(&kept.folder);
    let mut player = Player::new(kept.record);
    if let Some(at) = at {
        player.jump(at);
    }
    let left = block_on(async {
        let guard = terminal::enter()?;
        let mut tui = Tui::new(Terminal::new(Screen::new())?, look, keymap);
        let left = play(&mut player, &mut tui, input::inputs()?).await;
        drop(guard);
        Ok(left?)
    })?;
    let watch = player.at_the_end();
    let verdict = watch.verdict().label().to_lowercase();
    output::stdout().line(&format!("redflag: replay of {name} · {verdict} at its end"));
    Ok(left.unwrap_or_else(|| Outcome::of(watch)))
}

/// The theme and the keys of the configuration, where there is one. A replay needs none: a file that is wrong or missing
/// stands in nobody's way, a flag that is wrong does.
fn options(global: &Global) -> Result<ScreenOptions, CommandError> {
    let file = config::locate(None).ok().and_then(|path| Draft::load(&path).ok());
    let mut draft = file.map_or_else(|| Draft::parse("", "no configuration"), Ok)?;
    let options = ScreenOptions::of(global, &mut draft);
    match draft.refused_flag() {
        Some(why) => Err(CommandError::Call(why.to_string())),
        None => Ok(options),
    }
}

/// Plays until it is left; `None` where that was by the key that quits.
async fn play(
    player: &mut Player,
    tui: &mut Tui<Screen>,
    mut inputs: impl Stream<Item = Input> + Unpin,
) -> io::Result<Option<Outcome>> {
    let mut before = Instant::now();
    loop {
        tui.replays(player.playing());
        tui.draw(player.watch())?;
        if tui.asks_ground() {
            terminal::ask_ground()?;
        }
        let input = if player.goes_on() {
            // Nothing happening is what moves it on.
            timeout(FRAME, inputs.next()).await.map_or(Happening::Frame, Happening::of)
        } else {
            Happening::of(inputs.next().await)
        };
        let now = Instant::now();
        player.pass(now - before);
        before = now;
        match input {
            Happening::Frame => {}
            Happening::Ended => return Ok(Some(Outcome::HungUp)),
            Happening::Input(Input::Stop(outcome)) => return Ok(Some(outcome)),
            Happening::Input(Input::Lost(error)) => {
                tracing::error!(%error, "cannot read the terminal");
                return Ok(Some(Outcome::HungUp));
            }
            Happening::Input(Input::Ground(ground)) => tui.set_ground(ground),
            Happening::Input(Input::Event(event)) => {
                if let Some(transport) = tui.transport(&event) {
                    let refused = player.obey(transport);
                    tui.notify(refused);
                    continue;
                }
                for reaction in tui.handle(&event, player.watch()) {
                    match reaction {
                        // The screen asks for nothing in a replay; and here nobody could do it.
                        Reaction::Ask(_) => {}
                        Reaction::Quit => return Ok(None),
                        Reaction::Interrupt => return Ok(Some(Outcome::Interrupted)),
                        Reaction::Copy(text) => tui.copied(clipboard::copy(&text)?),
                        Reaction::Suspend => {
                            terminal::suspend()?;
                            tui.invalidate()?;
                            // While it slept nobody looked.
                            before = Instant::now();
                        }
                    }
                }
            }
        }
    }
}

/// What wakes the player.
enum Happening {
    Frame,
    Input(Input),
    Ended,
}

impl Happening {
    fn of(input: Option<Input>) -> Self {
        input.map_or(Self::Ended, Self::Input)
    }
}
