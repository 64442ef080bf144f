//! The last lines: always whether a rollback would work and where to, then the keys that work now.
//!
//! ```text
//!  R rollback ready → 1.8.3 (about 70 s)      ? help  Space freeze  a acknowledge  n note  o open  q quit
//! ```

use super::text::{clean, width, wrap};
use super::{Brush, View};
use crate::deploy::brief;
use crate::rollback::{CheckOutcome, Readiness, Refusal, Step};
use crate::tui::keymap::{Action, Pane};
use crate::tui::rows::{self, Row};
use crate::tui::theme::Slot;
use crate::verdict::Level;
use chrono::TimeDelta;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Columns beside the text of the readiness: the key, a space on each side of it, one at the end.
const MARGIN: u16 = 4;

/// From this width on one line is enough.
const ONE_LINE: u16 = 150;

/// A rollback that is blocked says why and what to do instead, and gets a line more where that takes one.
pub(super) fn wish(view: &View<'_>, columns: u16) -> u16 {
    if columns >= ONE_LINE {
        return 1;
    }
    let (_, text) = readiness(view);
    1 + wrap(&text, columns.saturating_sub(MARGIN)).len().clamp(1, 2) as u16
}

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let keys = keys(view, area.width.saturating_sub(2));
    let keys_width: u16 = keys.iter().map(|(key, word)| width(key) + 1 + width(word) + 2).sum();
    let keys_line = area.height.saturating_sub(1);
    let readiness_area = if keys_line > 0 {
        Rect { height: keys_line, ..area }
    } else {
        Rect { width: area.width.saturating_sub(keys_width + 2), ..area }
    };

    let (slot, text) = readiness(view);
    let mut brush = Brush::new(buffer, view, readiness_area, 0);
    brush.gap(1);
    if let Some(key) = view.keymap.label(Action::Rollback) {
        brush.put(&key, Slot::Key).gap(1);
    }
    let text = view.glyphs.plain(clean(&text)).into_owned();
    match wrap(&text, area.width.saturating_sub(MARGIN)).as_slice() {
        [first, rest @ ..] if keys_line > 1 && !rest.is_empty() => {
            brush.put(first, slot);
            let rest = text[first.len()..].trim_start();
            Brush::new(buffer, view, readiness_area, 1).gap(MARGIN - 1).put(rest, slot);
        }
        _ => {
            brush.put(&text, slot);
        }
    }

    let mut brush = Brush::new(buffer, view, area, keys_line);
    brush.gap(1);
    if let Some(notice) = &view.ui.notice {
        if keys_line == 0 {
            brush.gap_until_left(keys_width + 1);
        }
        brush.put(notice, Slot::Strong);
        return;
    }
    if keys_line == 0 {
        brush.gap_until_left(keys_width);
    }
    for (key, word) in keys {
        if brush.left() < width(&key) + 1 + width(word) {
            break;
        }
        brush.put(&key, Slot::Key).gap(1).put(word, Slot::Muted).gap(2);
    }
}

/// The keys that do something now, as many as fit.
fn keys(view: &View<'_>, columns: u16) -> Vec<(String, &'static str)> {
    let row = view.ui.row(view.watch);
    let mut actions = vec![(Action::Help, "help")];
    let closable = view.ui.report(view.live).is_some() && !view.live.rollback().is_under_way();
    if view.ui.zoomed || view.ui.service.is_some() || closable {
        actions.push((Action::Back, "back"));
    }
    match row {
        Some(Row::Service(_)) => actions.push((Action::Enter, "service")),
        _ if !view.ui.zoomed => actions.push((Action::Enter, "zoom")),
        _ => {}
    }
    actions.push((Action::Freeze, if view.ui.frozen.is_some() { "go on" } else { "freeze" }));
    if let Some(Row::Signal(id)) = row {
        let finding = view.live.finding(id);
        if finding.level >= Level::Warning && !finding.acknowledged {
            actions.push((Action::Acknowledge, "acknowledge"));
        }
    }
    actions.push((Action::Note, "note"));
    if row.is_some_and(|row| rows::link(row, view.watch).is_some()) {
        actions.push((Action::Open, "open"));
    }
    if view.ui.focus == Pane::Flags {
        actions.push((Action::NextPane, "pane"));
    }
    actions.push((Action::Quit, "quit"));
    let mut keys: Vec<(Action, String, &'static str)> =
        actions.into_iter().filter_map(|(action, word)| Some((action, view.keymap.label(action)?, word))).collect();
    // What is left out first is what the help tells as well and nobody needs in a hurry.
    for action in [Action::NextPane, Action::Enter, Action::Note, Action::Freeze] {
        if keys.iter().map(|(_, key, word)| width(key) + 1 + width(word) + 2).sum::<u16>() > columns {
            keys.retain(|(other, ..)| *other != action);
        }
    }
    keys.into_iter().map(|(_, key, word)| (key, word)).collect()
}

/// Whether a rollback of what is looked at would work now, and to what; else why not and what to do.
pub(super) fn readiness(view: &View<'_>) -> (Slot, String) {
    if view.live.setup().read_only {
        return (Slot::Muted, "rollback off: read-only mode".to_owned());
    }
    if view.live.rollback().is_under_way() {
        return (Slot::Watching, "rollback under way".to_owned());
    }
    let mut ready: Vec<&Step> = Vec::new();
    let mut blocked: Option<(String, &Refusal)> = None;
    let mut count = 0;
    for id in rows::workloads(view.live, view.service()) {
        let state = view.live.workload(id);
        // Without a deploy there is nothing to take back.
        if state.deploy.is_none() {
            continue;
        }
        count += 1;
        match &state.readiness {
            Readiness::Ready(step) => ready.push(step),
            Readiness::Blocked(why) => {
                blocked = blocked.or_else(|| Some((view.live.setup().workload(id).reference.to_string(), why)));
            }
            Readiness::Preparing => {}
        }
    }
    match (ready.as_slice(), blocked) {
        ([], _) if count == 0 => (Slot::Muted, "rollback not ready: no deploy found yet".to_owned()),
        ([], None) => (Slot::Muted, format!("rollback being prepared{}", view.glyphs.ellipsis())),
        ([], Some((_, why))) => (Slot::Warning, format!("rollback blocked: {}; {}", bare(&why.reason), why.way_out)),
        (ready, blocked) => {
            let whole = ready.len() == count;
            let of = if count == 1 {
                String::new()
            } else if whole {
                format!(" for {count} workloads")
            } else {
                format!(" for {} of {count} workloads", ready.len())
            };
            let seconds = ready.iter().map(|step| step.expected).max().unwrap_or(TimeDelta::zero());
            let (to, arrow) = (target(ready), view.glyphs.arrow());
            let warned = ready.iter().flat_map(|step| &step.checks);
            let warnings = warned.filter(|check| check.outcome == CheckOutcome::Warning).count();
            let remark = match warnings {
                0 => String::new(),
                1 => ", 1 warning".to_owned(),
                many => format!(", {many} warnings"),
            };
            let mut text = format!("rollback ready{of} {arrow} {to} (about {}{remark})", brief(seconds));
            if let Some((reference, why)) = blocked {
                text = format!("{text}; {reference} blocked: {}", why.reason);
            }
            (if whole { Slot::Clear } else { Slot::Warning }, text)
        }
    }
}

fn target(ready: &[&Step]) -> String {
    let first = ready.first().map_or("?", |step| step.target());
    if ready.iter().all(|step| step.target() == first) { first.to_owned() } else { "the versions before".to_owned() }
}

/// A sentence without its full stop.
fn bare(sentence: &str) -> &str {
    sentence.trim_end().trim_end_matches('.')
}
