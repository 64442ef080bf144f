//! The feature flags: which of them are on, for whom, and what came of turning one off.
//!
//! ```text
//! ┏ feature flags of app ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
//! ┃   flag                  state        for            kept by                service    ┃
//! ┃ › checkout-v2           on           25 %           Unleash production     app        ┃
//! ┃   new-search            off          100 %          Unleash production     app        ┃
//! ┃                                                                                       ┃
//! ┃ checkout-v2: changed 2 h ago by ana, read 5 s ago                                     ┃
//! ┃ Enter turn it off  o open  Esc close                                                  ┃
//! ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
//! ```

use super::dialog::{READ_IT_FIRST, open};
use super::text::{clean, coarse, hour_minute_second, wrap};
use super::{Brush, View};
use crate::deploy::brief;
use crate::feature_flags::{FlagId, FlagState, Rollout, when_programs_hear};
use crate::rollback::CheckOutcome;
use crate::tui::keymap::Action;
use crate::tui::theme::Slot;
use crate::watch::{FeaturePanel, FlagRow, TurnOffState};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::borrow::Cow;

/// The widest the dialog gets.
const WIDEST: u16 = 104;
/// Columns of the state.
const STATE: u16 = 13;
/// Columns of the rollout.
const ROLLOUT: u16 = 15;
/// Columns of the system and its environment.
const SYSTEM: u16 = 24;
/// Columns of the service; only where there is room.
const SERVICE: u16 = 12;
/// From so many columns on there is.
const WITH_SERVICE: u16 = 84;
/// Lines at the bottom: the question or the keys.
const QUESTION: u16 = 2;
/// The most lines of what came of turning a flag off.
const MOST_LINES: usize = 3;

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let rows = view.live.flags(view.service());
    let cursor = view.ui.flag_cursor(&rows);
    let asked = match view.live.feature_panel() {
        FeaturePanel::Asking { flag, .. } => Some(flag),
        FeaturePanel::Open | FeaturePanel::Closed => None,
    };
    let columns = area.width.saturating_sub(4).clamp(1, WIDEST).max(area.width.min(40));
    let inside = columns.saturating_sub(4).max(1);
    let told: Vec<Vec<Told>> = rows.iter().map(|row| turned(view, row, inside.saturating_sub(4))).collect();
    let remarks = match asked {
        Some(flag) => consequences(view, flag, inside),
        None => remarks(view, rows.get(cursor), inside),
    };
    let list = told.iter().map(|told| 1 + told.len() as u16).sum::<u16>().max(1);
    let height = list.saturating_add(remarks.len() as u16 + QUESTION + 5);
    let border = if asked.is_some() { Slot::Warning } else { Slot::BorderFocus };
    let inner = open(buffer, view, area, &title(view), (columns, height), border);

    let question = QUESTION.min(inner.height);
    let below = (remarks.len() as u16).min(inner.height.saturating_sub(question + 3));
    heading(buffer, view, inner);
    let list =
        Rect { y: inner.y + inner.height.min(1), height: inner.height.saturating_sub(question + below + 3), ..inner };
    draw_list(buffer, view, list, (&rows, &told), cursor);
    let above = inner.height.saturating_sub(question + below + 1);
    for (line, (text, slot)) in (above..above + below).zip(&remarks) {
        Brush::new(buffer, view, inner, line).put(text, *slot);
    }
    let bottom = Rect { y: inner.bottom().saturating_sub(question), height: question, ..inner };
    match asked {
        Some(flag) => ask(buffer, view, bottom, flag),
        None => keys(buffer, view, bottom, rows.get(cursor)),
    }
}

fn title(view: &View<'_>) -> String {
    let setup = view.live.setup();
    let of = match (view.service(), setup.services.as_slice()) {
        (Some(service), _) => &setup.service(service).name,
        (None, [only]) => &only.name,
        (None, _) => &setup.environment,
    };
    format!("feature flags of {of}")
}

/// Columns of the keys, and whether the services have some of their own.
fn key_columns(columns: u16) -> (u16, bool) {
    let with_service = columns >= WITH_SERVICE;
    let others = STATE + ROLLOUT + SYSTEM + if with_service { SERVICE } else { 0 };
    (columns.saturating_sub(others + 2).max(8), with_service)
}

fn heading(buffer: &mut Buffer, view: &View<'_>, inner: Rect) {
    let (key, with_service) = key_columns(inner.width);
    let mut brush = Brush::new(buffer, view, inner, 0);
    brush.cell("flag", key, Slot::Muted).gap(2).cell("state", STATE, Slot::Muted).cell("for", ROLLOUT, Slot::Muted);
    brush.cell("kept by", SYSTEM, Slot::Muted);
    if with_service {
        brush.cell("service", SERVICE, Slot::Muted);
    }
}

/// The rows, and under each what came of turning it off; the cursor's is always seen.
fn draw_list(
    buffer: &mut Buffer,
    view: &View<'_>,
    area: Rect,
    (rows, told): (&[FlagRow<'_>], &[Vec<Told>]),
    cursor: usize,
) {
    let lines = |index: usize| 1 + told[index].len();
    let mut first = cursor;
    let mut used = if rows.is_empty() { 0 } else { lines(cursor) };
    while first > 0 && used + lines(first - 1) <= usize::from(area.height) {
        first -= 1;
        used += lines(first);
    }
    let mut line = 0;
    for (index, row) in rows.iter().enumerate().skip(first) {
        if line >= area.height {
            break;
        }
        if index == cursor {
            view.point_at(buffer, area, line, 1);
        }
        draw_row(buffer, view, area, line, row);
        line += 1;
        for told in &told[index] {
            let mut brush = Brush::new(buffer, view, area, line);
            brush.gap(2).cell(told.sign, 2, told.slot).put(&told.text, told.slot);
            line += 1;
        }
    }
}

fn draw_row(buffer: &mut Buffer, view: &View<'_>, area: Rect, line: u16, row: &FlagRow<'_>) {
    let (key, with_service) = key_columns(area.width);
    let setup = view.live.setup();
    let system = setup.flag_system(row.id.system);
    let (state, slot) = state(view, row);
    let mut brush = Brush::new(buffer, view, area, line);
    brush.cell(&row.id.key, key, Slot::Strong).gap(2).cell(&state, STATE, slot);
    let rollout = match row.state {
        Some(FlagState::Told(standing)) => standing.rollout.map_or_else(|| "not told".to_owned(), percent),
        _ => String::new(),
    };
    // While it is off nobody gets it, whatever its rollout says.
    let is_on = row.state.and_then(FlagState::is_on) == Some(true) && !row.is_stale;
    brush.cell(&rollout, ROLLOUT, if is_on { Slot::Text } else { Slot::Muted });
    brush.cell(&format!("{} {}", system.system.name(), system.environment), SYSTEM - 1, Slot::Muted).gap(1);
    if with_service {
        let service = system.service.map_or("all", |service| &setup.service(service).name);
        brush.cell(service, SERVICE, Slot::Muted);
    }
}

/// `25 %`, `12.5 % + rules`.
fn percent(rollout: Rollout) -> String {
    let Rollout { percent, has_rules } = rollout;
    let number = if percent.fract() == 0.0 { format!("{percent:.0} %") } else { format!("{percent:.1} %") };
    match (percent == 0.0, has_rules) {
        (_, false) => number,
        (true, true) => "by rules".to_owned(),
        (false, true) => format!("{number} + rules"),
    }
}

/// Its state in a word. What may have changed since is not said as if it were known.
fn state(view: &View<'_>, row: &FlagRow<'_>) -> (Cow<'static, str>, Slot) {
    match row.turn.map(|turn| &turn.state) {
        Some(TurnOffState::Sent | TurnOffState::Accepted) => return ("turning off".into(), Slot::Watching),
        Some(TurnOffState::Lost(_) | TurnOffState::Unknown(_)) => return ("? unknown".into(), Slot::Unknown),
        _ => {}
    }
    match row.state {
        None if row.is_stale => ("? unknown".into(), Slot::Unknown),
        None => (view.glyphs.ellipsis().into(), Slot::Muted),
        Some(FlagState::Told(standing)) => {
            let word = if standing.on { "on" } else { "off" };
            match (row.is_stale, standing.on) {
                (true, _) => (format!("? was {word}").into(), Slot::Unknown),
                (false, true) => (word.into(), Slot::Strong),
                (false, false) => (word.into(), Slot::Muted),
            }
        }
        Some(FlagState::Unread(_)) => ("? unknown".into(), Slot::Unknown),
        Some(FlagState::Untold(_)) => ("? not told".into(), Slot::Unknown),
    }
}

/// A line under a flag.
struct Told {
    sign: &'static str,
    slot: Slot,
    text: String,
}

/// What came of turning it off, in lines.
fn turned(view: &View<'_>, row: &FlagRow<'_>, columns: u16) -> Vec<Told> {
    let Some(turn) = row.turn else { return Vec::new() };
    let system = view.live.setup().flag_system(row.id.system).system;
    let name = system.name();
    let (outcome, text) = match &turn.state {
        TurnOffState::Sent => (None, format!("asking {name} to turn it off")),
        TurnOffState::Accepted => (None, format!("{name} accepted the request; reading its state until it is off")),
        TurnOffState::Lost(why) => (
            Some(CheckOutcome::Warning),
            format!("the response was lost: {why}; reading its state until it is known, sending nothing twice"),
        ),
        TurnOffState::Off(at) => {
            let (at, after) = (hour_minute_second(*at, view.zone), brief(*at - turn.confirmed));
            let text = format!("off at {at}, {after} after the request; {}", when_programs_hear(system));
            (Some(CheckOutcome::Ok), text)
        }
        TurnOffState::Unverified(why) => {
            (Some(CheckOutcome::Warning), format!("the request was accepted; unknown whether it is off: {why}"))
        }
        TurnOffState::Unknown(why) => {
            (Some(CheckOutcome::Warning), format!("unknown whether it is off: {why}; check it there"))
        }
        TurnOffState::StillOn => (
            Some(CheckOutcome::Blocked),
            format!("{name} still says on: turn it off there manually, or retry from here"),
        ),
        TurnOffState::Refused(blocked) => {
            (Some(CheckOutcome::Blocked), format!("not turned off: {}; {}", blocked.reason, blocked.way_out))
        }
    };
    let (sign, slot) = outcome.map_or((view.glyphs.ellipsis(), Slot::Watching), |outcome| {
        super::lines::sign(view, crate::rollback::describe::Sign::Check(outcome))
    });
    let text = view.glyphs.plain(clean(&text)).into_owned();
    let lines = wrap(&text, columns).into_iter().take(MOST_LINES).enumerate();
    lines.map(|(index, part)| Told { sign: if index == 0 { sign } else { "" }, slot, text: part.to_owned() }).collect()
}

/// What else is known of the flag under the cursor, and what stands in the way of knowing more.
fn remarks(view: &View<'_>, row: Option<&FlagRow<'_>>, columns: u16) -> Vec<(String, Slot)> {
    let mut remarks = Vec::new();
    if let Some(row) = row {
        let mut parts = Vec::new();
        match row.state {
            Some(FlagState::Told(standing)) => {
                let by = standing.changed_by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
                match standing.changed {
                    Some(at) => parts.push(format!("changed {} ago{by}", brief(view.live.now() - at))),
                    None if !by.is_empty() => parts.push(format!("changed{by}")),
                    None => {}
                }
            }
            Some(FlagState::Unread(why) | FlagState::Untold(why)) => parts.push(why.clone()),
            None => {}
        }
        if row.state.is_some() {
            parts.push(format!("read {} ago", coarse(row.age)));
        }
        if !parts.is_empty() {
            let text = format!("{}: {}", row.id.key, parts.join(", "));
            remarks.extend(broken(view, &text, columns, Slot::Muted));
        }
    }
    for problem in view.live.flag_problems(view.service()) {
        remarks.extend(broken(view, &problem, columns, Slot::Warning));
    }
    remarks
}

/// What turning a flag off does, and does not.
fn consequences(view: &View<'_>, flag: &FlagId, columns: u16) -> Vec<(String, Slot)> {
    let hear = when_programs_hear(view.live.setup().flag_system(flag.system).system);
    broken(view, &format!("no rollback: the deploy stays as it is; {hear}"), columns, Slot::Muted).collect()
}

/// A text from outside in lines of one colour.
fn broken(view: &View<'_>, text: &str, columns: u16, slot: Slot) -> impl Iterator<Item = (String, Slot)> + use<> {
    let text = view.glyphs.plain(clean(text));
    let lines: Vec<_> = wrap(&text, columns).into_iter().take(MOST_LINES).map(|part| (part.to_owned(), slot)).collect();
    lines.into_iter()
}

/// What answers the question about a flag.
fn ask(buffer: &mut Buffer, view: &View<'_>, area: Rect, flag: &FlagId) {
    let setup = view.live.setup();
    let question = format!("turn {} off in {}?", flag.key, setup.environment);
    Brush::new(buffer, view, area, 0).put(&question, Slot::Strong);
    let takes_keys = view.live.takes_turn_off();
    let mut brush = Brush::new(buffer, view, area, 1);
    let Some(key) = view.keymap.label(Action::Confirm) else {
        brush.put("no key is set for `confirm`: any key closes", Slot::Warning);
        return;
    };
    brush.put(&key, if takes_keys { Slot::Key } else { Slot::Muted }).gap(1);
    brush.put("turn it off now", if takes_keys { Slot::Strong } else { Slot::Muted }).gap(3);
    if takes_keys {
        brush.put("Esc", Slot::Key).put(" cancel", Slot::Muted);
    } else {
        brush.put(READ_IT_FIRST, Slot::Muted);
    }
}

/// The keys that do something now, or why the last one did nothing.
fn keys(buffer: &mut Buffer, view: &View<'_>, area: Rect, row: Option<&FlagRow<'_>>) {
    let mut brush = Brush::new(buffer, view, area, 0);
    match &view.ui.notice {
        Some(notice) => {
            brush.put(notice, Slot::Warning);
        }
        None if view.live.setup().read_only => {
            brush.put("read-only mode: nothing can be turned off from here", Slot::Muted);
        }
        None => {}
    }
    let mut brush = Brush::new(buffer, view, area, 1);
    let can = row.is_some_and(|row| view.live.may_turn_off(&row.id).is_ok());
    let link = row.is_some_and(|row| row.link.is_some());
    let actions = [(Action::Enter, "turn it off", can), (Action::Open, "open", link), (Action::Back, "close", true)];
    for (action, word, _) in actions.into_iter().filter(|(.., works)| *works) {
        if let Some(key) = view.keymap.label(action) {
            brush.put(&key, Slot::Key).gap(1).put(word, Slot::Muted).gap(2);
        }
    }
}
