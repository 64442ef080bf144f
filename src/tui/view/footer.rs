//! The last lines: always whether a rollback would work and where to, then the keys that work now.
//!
//! ```text
//!  R roll back to 1.8.3   ready · ~70 s · last known good      ? help  Space freeze  a acknowledge  n note  o open  q quit
//! ```

use super::text::{clean, width, wrap};
use super::{Brush, View};
use crate::deploy::ServiceId;
use crate::rollback::version_history::VersionStatus as Known;
use crate::rollback::{CheckOutcome, Goal, Plan, Rollback, describe};
use crate::session::Following;
use crate::tui::keymap::{Action, Pane};
use crate::tui::rows::{self, Row};
use crate::tui::standings::{Standing, Standings};
use crate::tui::theme::Slot;
use crate::tui::transport;
use crate::verdict::Level;
use crate::watch::Watch;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Columns beside the text of the readiness: the key, a space on each side of it, one at the end.
const MARGIN: u16 = 4;

/// From this width on one line is enough.
const ONE_LINE: u16 = 160;

/// A rollback that is blocked says why and what to do instead, and gets a line more where that takes one.
pub(super) fn wish(view: &View<'_>, columns: u16) -> u16 {
    if columns >= ONE_LINE {
        return 1;
    }
    1 + wrap(&state(view).text, columns.saturating_sub(MARGIN)).len().clamp(1, 2) as u16
}

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let state = state(view);
    let keys = keys(view, area.width.saturating_sub(2), &state);
    let keys_width: u16 = keys.iter().map(|(key, word)| width(key) + 1 + width(word) + 2).sum();
    let keys_line = area.height.saturating_sub(1);
    let readiness_area = if keys_line > 0 {
        Rect { height: keys_line, ..area }
    } else {
        Rect { width: area.width.saturating_sub(keys_width + 2), ..area }
    };

    let State { key, slot, text } = state;
    let mut brush = Brush::new(buffer, view, readiness_area, 0);
    brush.gap(1);
    if let Some(key) = key {
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
    if let Some(notice) = view.ui.notice.as_ref().or(view.ui.waits_for.as_ref()) {
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
fn keys(view: &View<'_>, columns: u16, state: &State) -> Vec<(String, &'static str)> {
    if let Some(playing) = view.ui.playing() {
        let general = [(Action::Help, "help"), (Action::Quit, "quit")];
        let general = general.into_iter().filter_map(|(action, word)| Some((view.keymap.label(action)?, word)));
        return general.chain(transport::footer(playing.paused)).collect();
    }
    let row = view.ui.row(view.watch);
    let mut actions = vec![(Action::Help, "help")];
    let closable = view.ui.report(view.live).is_some() && !view.live.rollback().is_in_progress();
    if matches!(view.live.rollback(), Rollback::Countdown { .. }) {
        actions.push((Action::Back, "cancel the countdown"));
    } else if view.ui.zoomed || view.ui.service.is_some() || closable {
        actions.push((Action::Back, "back"));
    }
    let is_above = state.key.is_some() && state.key == view.keymap.label(Action::Forward);
    if offers_forward(view.live) && !is_above {
        actions.push((Action::Forward, "undo the rollback"));
    }
    if rows::workloads(view.live, view.service()).any(|id| !view.live.deletable_pods(id).is_empty()) {
        actions.push((Action::DeletePods, "delete the blocking pods"));
    }
    match row {
        Some(Row::Service(_)) => actions.push((Action::Enter, "service")),
        _ if !view.ui.zoomed => actions.push((Action::Enter, "zoom")),
        _ => {}
    }
    if !view.live.setup().feature_flags.is_empty() {
        actions.push((Action::Features, "feature flags"));
    }
    if let Some(Row::Service(_)) = row {
        actions.extend([(Action::Mark, "mark"), (Action::Filter, "filter"), (Action::Sort, "sort")]);
    }
    if rows::flags(view.watch, view.service()).iter().any(|flag| view.watch.finding(flag[0]).level == Level::RedFlag) {
        actions.push((Action::NextRed, "next red"));
    }
    actions.push((Action::Freeze, if view.ui.frozen.is_some() { "resume" } else { "pause" }));
    if let Some(Row::Signal(id)) = row {
        let finding = view.live.finding(id);
        if finding.level >= Level::Warning && !finding.acknowledged {
            actions.push((Action::Acknowledge, "acknowledge"));
        }
    }
    if row.is_some() {
        actions.push((Action::Details, "details"));
    }
    actions.push((Action::Note, "note"));
    if view.ui.link(view.live).is_some() {
        actions.push((Action::Open, "open"));
    }
    if view.ui.focus == Pane::Flags {
        actions.push((Action::NextPane, "pane"));
    }
    actions.push((Action::Quit, "quit"));
    let mut keys: Vec<(Action, String, &'static str)> =
        actions.into_iter().filter_map(|(action, word)| Some((action, view.keymap.label(action)?, word))).collect();
    // What is left out first is what the help tells as well and nobody needs in a hurry.
    for action in
        [Action::NextPane, Action::NextRed, Action::Note, Action::Details, Action::Sort, Action::Enter, Action::Freeze]
    {
        if keys.iter().map(|(_, key, word)| width(key) + 1 + width(word) + 2).sum::<u16>() > columns {
            keys.retain(|(other, ..)| *other != action);
        }
    }
    keys.into_iter().map(|(_, key, word)| (key, word)).collect()
}

/// What the first line of the footer says: the key it is about, and whether it would work.
pub(super) struct State {
    /// `None` where no key does anything about it.
    pub(super) key: Option<String>,
    pub(super) slot: Slot,
    pub(super) text: String,
}

/// Whether a rollback of what is looked at would work now, and to what; else why not and what to do.
pub(super) fn state(view: &View<'_>) -> State {
    let live = view.live;
    let label = |action| view.keymap.label(action);
    if view.ui.playing().is_some() {
        return State { key: None, slot: Slot::Muted, text: "replay: read-only, nothing is sent".to_owned() };
    }
    if let Some(Following { seat, is_asked, .. }) = &view.ui.follows {
        let way_out = if *is_asked { "asked for them" } else { "redflag watch --take-over asks for them" };
        let text = format!("rollback off: {seat} is at the keys; {way_out}");
        return State { key: None, slot: Slot::Muted, text };
    }
    if live.setup().read_only {
        return State { key: None, slot: Slot::Muted, text: "rollback off: read-only mode".to_owned() };
    }
    if live.rollback().is_in_progress() {
        return State { key: None, slot: Slot::Watching, text: "rolling back".to_owned() };
    }
    if let Rollback::Countdown { plan, .. } = live.rollback() {
        let text = format!("automatic rollback to {}: countdown running", plan.target());
        return State { key: None, slot: Slot::RedFlag, text };
    }
    // What is frozen is not what would be rolled back.
    let thawed = view.ui.frozen.is_some().then(|| Standings::of(live, view.service(), &view.ui.board));
    let standings = thawed.as_ref().unwrap_or(&view.standings);
    if !standings.plan.is_empty() {
        let (slot, text) = ready(live, &standings.plan, view.service());
        return State { key: label(Action::Rollback), slot, text };
    }
    match blocked(view, standings) {
        Some((slot, text)) => State { key: label(Action::Rollback), slot, text },
        // The way back to what was bad is for a rollback that did not help; after one that did it is no advice.
        None if offers_forward(live) => State { key: label(Action::Forward), slot: Slot::Text, text: forward(live) },
        None => State { key: None, slot: Slot::Muted, text: rolled_back(view) },
    }
}

/// A plan that would do something.
fn ready(live: &Watch, plan: &Plan, service: Option<ServiceId>) -> (Slot, String) {
    let workloads = plan.steps().map(|step| step.covers.len()).sum::<usize>();
    let left: Vec<_> = plan.left_out.iter().filter(|left| left.belongs).collect();
    let of = match (workloads, left.len()) {
        // On the board nobody knows which one is meant.
        (1, 0) if rows::is_board(live, service) => {
            let only = plan.steps().flat_map(|step| &step.covers).next();
            only.map_or_else(String::new, |only| format!(" {}", only.reference.name))
        }
        (1, 0) => String::new(),
        (workloads, 0) => format!(" {workloads} workloads"),
        (workloads, left) => format!(" {workloads} of {} workloads", workloads + left),
    };
    // Of several versions the plan has the names.
    let to = plan.only_target().map_or_else(String::new, |target| format!(" to {target}"));
    let continues =
        matches!(live.rollback(), Rollback::Failed { .. } | Rollback::NotTheCause { .. }) && live.can_go_forward();
    let what = if continues && of.is_empty() {
        "continue the rollback"
    } else if continues {
        "continue the rollback of"
    } else {
        "roll back"
    };
    let head = format!("{what}{of}{to}");
    if let (true, Some(harm)) = (left.is_empty(), describe::harm(plan).first()) {
        return (Slot::Warning, format!("{head}   UNSAFE: {harm}"));
    }

    let expected = plan.expected();
    let mut remarks = vec!["ready".to_owned(), format!("~{}", describe::span(expected))];
    let is_slow = expected > describe::PROMISED;
    if is_slow {
        remarks.push(format!("longer than {}", describe::span(describe::PROMISED)));
    }
    let survived = |covered| describe::standing(live.setup(), covered) == Some(Known::Good);
    if plan.steps().flat_map(|step| &step.covers).all(survived) {
        remarks.push("last known good".to_owned());
    }
    let checks = plan.steps().flat_map(|step| &step.checks);
    match checks.filter(|check| check.outcome == CheckOutcome::Warning).count() {
        0 => {}
        1 => remarks.push("1 warning".to_owned()),
        many => remarks.push(format!("{many} warnings")),
    }
    let mut text = format!("{head}   {}", remarks.join(" · "));
    if let Some(first) = left.first() {
        text = format!("{text} · type the name to confirm; {} skipped: {}", first.reference, first.why);
    }
    (if is_slow || !left.is_empty() { Slot::Warning } else { Slot::Clear }, text)
}

/// Why nothing can be rolled back; `None` where all of it was.
fn blocked(view: &View<'_>, standings: &Standings<'_>) -> Option<(Slot, String)> {
    let mut preparing = false;
    let mut rolled_back = false;
    for id in rows::workloads(view.live, view.service()) {
        match standings.standing(id) {
            Standing::Blocked(why) => {
                return Some((Slot::Warning, format!("rollback blocked: {}; {}", bare(&why.reason), why.way_out)));
            }
            Standing::RolledBack(..) => rolled_back = true,
            Standing::Preparing | Standing::Ready(..) | Standing::UnderWay(_) => preparing = true,
            Standing::NoDeploy => {}
        }
    }
    match (preparing, rolled_back) {
        (true, _) => Some((Slot::Muted, format!("preparing the rollback{}", view.glyphs.ellipsis()))),
        (false, true) => None,
        (false, false) => Some((Slot::Muted, "rollback not ready: no deploy found yet".to_owned())),
    }
}

/// Whether a person should be shown the way forward again: the rollback failed, or did not help.
pub(super) fn offers_forward(live: &Watch) -> bool {
    let helped = !matches!(live.rollback(), Rollback::Failed { .. } | Rollback::NotTheCause { .. });
    !helped && live.can_go_forward() && !live.setup().read_only
}

/// What was rolled back, where nothing is left to be.
fn rolled_back(view: &View<'_>) -> String {
    let mut all = rows::workloads(view.live, view.service()).filter_map(|id| view.live.rolled_back(id));
    match (all.next(), all.count()) {
        (Some(only), 0) => format!("rolled back: {} → {}", only.from.label(), only.to.label()),
        (_, more) => format!("rolled back: {} workloads", more + 1),
    }
}

/// Whether the rollback could be undone.
fn forward(live: &Watch) -> String {
    let plan = live.plan(Goal::Undo, &[]);
    if plan.is_empty() {
        let why = plan.left_out.first().map_or("nothing was rolled back", |left| left.why.as_str());
        return format!("undo the rollback: {why}");
    }
    let about = describe::span(plan.expected());
    format!("undo the rollback: {} (~{about})", describe::versions(&plan))
}

/// A sentence without its full stop.
fn bare(sentence: &str) -> &str {
    sentence.trim_end().trim_end_matches('.')
}
