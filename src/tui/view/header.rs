//! The first lines: where, what, since when, where it stands, and how much of the window is left.
//!
//! ```text
//!  production · app   1.8.3 → 1.9.0   rolled out 14:02 in 70 s                            ✖ FAULTY   18:41 left
//!  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
//! ```

use super::text::{clean, clock, hour_minute, width};
use super::{Brush, View, ruler};
use crate::deploy::change::beside_the_name;
use crate::deploy::{Deploy, ServiceId, Version, brief};
use crate::rollback::{Execution, Goal, Rollback};
use crate::session::Following;
use crate::setup::Automatic;
use crate::timeline::Mark;
use crate::tui::rows;
use crate::tui::theme::Slot;
use crate::verdict::{Level, Verdict};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

/// Less than so many signs of what changed tell nobody anything.
const LEAST_BESIDE: usize = 8;

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let first = Rect { height: area.height.min(1), ..area };
    let standing = standing(view);
    let alarm = standing.slot == Slot::Alarm;
    // On the alarm's ground only the alarm's own colours can be read.
    let ink = |slot: Slot| if alarm { Style::new() } else { view.style(slot) };
    buffer.set_style(first, view.style(if alarm { Slot::Alarm } else { Slot::Header }));

    let (left, progress) = window(view, area.width);
    let right = width(&standing.text) + 2 + width(&left) + 1;

    let mut text = Brush::new(buffer, view, Rect { width: area.width.saturating_sub(right + 1), ..first }, 0);
    text.gap(1);
    if let Some(playing) = view.ui.playing() {
        text.put(&format!(" {} ", ruler::told(view, playing)), Slot::Frozen).gap(2);
    }
    if view.ui.frozen.is_some() {
        let age = brief(view.live.now() - view.watch.now());
        text.put(&format!(" FROZEN {age} "), Slot::Frozen).gap(2);
    }
    if let Some(Following { seat, silent, .. }) = &view.ui.follows {
        let silent = silent.map_or_else(String::new, |silent| format!(", silent for {}", brief(silent)));
        text.put(&view.glyphs.plain(clean(&format!(" READ-ONLY: {seat}{silent} "))), Slot::Frozen).gap(2);
    }
    text.put(&place(view), ink(Slot::Header)).gap(3);
    let room = text.left();
    text.put_whole(&versions_within(view, room), ink(Slot::Strong)).gap(3);
    if let Some(told) = automation(view) {
        text.put_whole(&told, ink(Slot::Strong)).gap(3);
    }
    if let Some(told) = rolled_out(view) {
        text.put_whole(&told, ink(Slot::Muted));
    }

    let mut text = Brush::new(buffer, view, first, 0);
    text.gap_until_left(right);
    let style = if alarm { Style::new() } else { view.style(standing.slot).add_modifier(Modifier::BOLD) };
    text.put(&standing.text, style).gap(2).put(&left, ink(Slot::Text));
    if area.height > 1 {
        let mut bar = Brush::new(buffer, view, area, 1);
        let columns = bar.gap(1).left().saturating_sub(1);
        let passed = (progress.unwrap_or(0.0) * f64::from(columns)) as u16;
        bar.repeat(view.glyphs.passed(), passed, Slot::Watching);
        bar.repeat(view.glyphs.to_come(), columns - passed, Slot::Border);
    }
}

/// Where the watch stands, in the words at the right of the first line.
pub(super) struct Standing {
    /// The sign and the words.
    pub(super) text: String,
    /// [`Slot::Alarm`] takes the whole line.
    pub(super) slot: Slot,
}

/// What a rollback says goes over the verdict: what was rolled back is no longer judged.
pub(super) fn standing(view: &View<'_>) -> Standing {
    let live = view.live;
    let verdict = live.verdict();
    let say = |glyph: &str, text: String, slot: Slot| Standing { text: format!("{glyph} {text}"), slot };
    if let Some(id) = view.service() {
        return of_service(view, id);
    }
    let judged = || {
        let red = rows::red_services(live).len();
        if rows::is_board(live, None) && verdict == Verdict::Faulty && red > 0 {
            let text = format!("{red} of {} {}", live.setup().services.len(), verdict.label());
            return say(view.glyphs.verdict(verdict), text, Slot::Alarm);
        }
        let slot = if verdict == Verdict::Faulty { Slot::Alarm } else { verdict.into() };
        say(view.glyphs.verdict(verdict), verdict.label().to_owned(), slot)
    };
    let back = view.glyphs.mark(Mark::Rollback);
    let took = |done: &Execution| {
        done.ready.map_or_else(String::new, |ready| format!(" in {}", brief(ready - done.confirmed)))
    };
    match live.last_executed() {
        Rollback::Idle | Rollback::Planned { .. } | Rollback::Countdown { .. } => judged(),
        other if other.execution().is_some_and(|done| done.plan.goal == Goal::Undo) => judged(),
        Rollback::Confirmed(done) | Rollback::Running(done) => match done.ready {
            // The previous version serves; whether that helped is not known yet.
            Some(_) => say(back, format!("ROLLED BACK{}, verifying", took(done)), Slot::Watching),
            None => say(back, format!("ROLLING BACK {}", brief(live.now() - done.confirmed)), Slot::Watching),
        },
        Rollback::Verified { done, .. } if verdict == Verdict::Faulty => {
            say(view.glyphs.verdict(verdict), format!("ROLLED BACK{}, FAULTY", took(done)), Slot::Alarm)
        }
        Rollback::Verified { done, .. } => {
            say(view.glyphs.level(Level::Clear), format!("ROLLED BACK{}", took(done)), Slot::Clear)
        }
        Rollback::NotTheCause { done, .. } => {
            say(view.glyphs.level(Level::Warning), format!("ROLLED BACK{}, NOT THE CAUSE", took(done)), Slot::Alarm)
        }
        Rollback::Failed { .. } => say(view.glyphs.level(Level::RedFlag), "ROLLBACK FAILED".to_owned(), Slot::Alarm),
        Rollback::OutcomeUnknown { .. } => {
            say(view.glyphs.level(Level::NoData), "ROLLBACK UNKNOWN".to_owned(), Slot::Unknown)
        }
    }
}

/// Where one service of several stands: a push that is faulty elsewhere does not make it so.
fn of_service(view: &View<'_>, id: ServiceId) -> Standing {
    let worst = rows::worst(view.live, Some(id));
    let say = |glyph: &str, text: &str, slot: Slot| Standing { text: format!("{glyph} {text}"), slot };
    let back = rows::workloads(view.live, Some(id)).any(|id| view.live.rolled_back(id).is_some());
    let verdict = view.live.verdict();
    match worst {
        Level::RedFlag => {
            let text = if back { "ROLLED BACK, FAULTY" } else { Verdict::Faulty.label() };
            say(view.glyphs.level(worst), text, Slot::Alarm)
        }
        _ if back => say(view.glyphs.mark(Mark::Rollback), "ROLLED BACK", Slot::Clear),
        // What is said of the whole is true of it as well, where that is no worse than it is.
        _ if matches!(verdict, Verdict::Watching | Verdict::Healthy) => {
            say(view.glyphs.verdict(verdict), verdict.label(), verdict.into())
        }
        Level::Warning => say(view.glyphs.level(worst), "WARNING", Slot::Warning),
        Level::Clear => say(view.glyphs.level(worst), "OK", Slot::Clear),
        Level::Insufficient | Level::NoData | Level::Stale => {
            say(view.glyphs.level(worst), Verdict::Inconclusive.label(), Slot::Unknown)
        }
    }
}

/// The environment and what of it is shown.
fn place(view: &View<'_>) -> String {
    let setup = view.watch.setup();
    let dot = view.glyphs.dot();
    match (view.service(), setup.services.as_slice()) {
        (Some(id), _) => format!("{} {dot} {}", setup.environment, setup.service(id).name),
        (None, [one]) => format!("{} {dot} {}", setup.environment, one.name),
        (None, many) => format!("{} {dot} {} services", setup.environment, many.len()),
    }
}

fn deploys<'a>(view: &'a View<'_>) -> Vec<&'a Deploy> {
    rows::workloads(view.watch, view.service()).filter_map(|id| view.watch.workload(id).deploy.as_ref()).collect()
}

/// How far a rollback may go without a person, and whether it is about to; `None` where it may not at all.
fn automation(view: &View<'_>) -> Option<String> {
    let mode = match view.live.setup().rollback.automatic {
        Automatic::Off => return None,
        Automatic::Shadow => "shadow",
        Automatic::Countdown => "countdown",
        Automatic::On => "on",
    };
    let arming = view.live.arming();
    let state = if arming.vetoed.is_some() {
        " stopped"
    } else if arming.acted.is_some() {
        " done"
    } else if arming.is_armed() {
        " armed"
    } else {
        ""
    };
    Some(format!("auto: {mode}{state}"))
}

/// From which version to which; how many, where they differ.
pub(super) fn versions(view: &View<'_>) -> String {
    let deploys = deploys(view);
    let arrow = view.glyphs.arrow();
    let Some(first) = deploys.first() else { return "no deploy known yet".to_owned() };
    let pair = |deploy: &Deploy| {
        let from = deploy.from.as_ref().map_or("?", Version::label);
        format!("{from} {arrow} {}", deploy.to.label())
    };
    let shown = pair(first);
    if deploys.iter().all(|deploy| pair(deploy) == shown) { shown } else { format!("{} deploys", deploys.len()) }
}

/// The same, with what changed beside the version's name where the name stayed: what has room of it.
fn versions_within(view: &View<'_>, room: u16) -> String {
    let plain = versions(view);
    let deploys = deploys(view);
    let beside = match deploys.as_slice() {
        [one] => one.from.as_ref().and_then(|from| beside_the_name(from, &one.to)),
        _ => None,
    };
    let Some(beside) = beside else { return plain };
    let beside = view.glyphs.plain(beside.as_str().into());
    let all = format!("{plain}, {beside}");
    if width(&all) <= room {
        return all;
    }
    // The whole list stands in the timeline and in the plan.
    let room = usize::from(room.saturating_sub(width(&plain) + 3));
    let kept: String = beside.chars().take(room).collect();
    if kept.chars().count() < LEAST_BESIDE {
        plain
    } else {
        format!("{plain}, {}…", kept.trim_end_matches([',', ' ']))
    }
}

/// When it was rolled out, in how long, by whom; or when it was rolled back.
fn rolled_out(view: &View<'_>) -> Option<String> {
    let back = view.live.rollback().execution().filter(|done| done.plan.goal == Goal::RollBack);
    if let Some(ready) = back.and_then(|done| done.ready) {
        return Some(format!("rolled back {}", hour_minute(ready, view.zone)));
    }
    let deploys = deploys(view);
    let at = deploys.iter().map(|deploy| deploy.at).min()?;
    let by = match deploys.as_slice() {
        [one] => one.by.as_ref().map_or_else(String::new, |by| format!(" by {by}")),
        _ => String::new(),
    };
    let finished: Option<Vec<_>> = deploys.iter().map(|deploy| deploy.finished).collect();
    // What somebody put back is no deploy of a new version.
    let way = if is_put_back(view) { "back" } else { "out" };
    Some(match finished.and_then(|all| all.into_iter().max()) {
        Some(finished) => {
            format!("rolled {way} {} in {}{by}", hour_minute(finished, view.zone), brief(finished - at))
        }
        None => format!("rolling {way} since {}{by}", hour_minute(at, view.zone)),
    })
}

/// Whether the one deploy that is shown is an old version that somebody put back.
fn is_put_back(view: &View<'_>) -> bool {
    let mut shown = rows::workloads(view.watch, view.service()).map(|id| view.watch.workload(id));
    match (shown.next(), shown.next()) {
        (Some(one), None) => one.rollout.as_ref().zip(one.deploy.as_ref()).is_some_and(|(rollout, deploy)| {
            // While a rollback of ours is in progress, what is shown is still the deploy that it rolls back.
            let is_shown = rollout.deploy.as_ref().is_some_and(|told| told.to.hash == deploy.to.hash);
            is_shown && rollout.rolled_back().is_some()
        }),
        _ => false,
    }
}

/// What a healthy verdict rests on: `12 of 12 required signals known for 30 of 30 min`.
fn rests_on(view: &View<'_>, width: u16) -> Option<String> {
    let basis = view.live.basis();
    if view.live.verdict() != Verdict::Healthy {
        return None;
    }
    Some(if width >= 150 { basis.to_string() } else { basis.brief() })
}

/// The window's clock in words, and how much of it has passed, once it has opened.
fn window(view: &View<'_>, width: u16) -> (String, Option<f64>) {
    let (window, now) = (view.live.window(), view.live.now());
    if window.opened.is_none() {
        let length = brief(window.length);
        return (if width >= 120 { format!("{length} watch starts when the rollout finishes") } else { length }, None);
    }
    if window.is_over(now) {
        return (rests_on(view, width).unwrap_or_else(|| "window over".to_owned()), Some(1.0));
    }
    let left = clock(window.left(now));
    (format!("{left} left"), Some(window.progress(now)))
}
