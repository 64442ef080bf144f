//! The automation is about to act: what it will do, in how many seconds, and the keys that stop it or hurry it.
//! It stands above the panes and hides none of them.
//!
//! ```text
//! ┏ automatic rollback → 1.8.3 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
//! ┃ AUTO-ROLLBACK IN 47 s  ━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌   2 independent signals … ┃
//! ┃ deployment/app   1.9.0 → 1.8.3   about 70 s                                       ┃
//! ┃ Esc  v stops it   y does it now                                                   ┃
//! ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
//! ```

use super::{Brush, View};
use crate::deploy::Time;
use crate::rollback::automatic::ConditionKind;
use crate::rollback::lease::Holding;
use crate::rollback::{Plan, Rollback, describe};
use crate::tui::keymap::Action;
use crate::tui::theme::Slot;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// More steps than these are only counted.
const MOST_STEPS: usize = 3;
/// The widest the bar gets.
const WIDEST_BAR: u16 = 40;

/// A countdown that runs: its plan, and when it began and acts.
fn running<'a>(view: &View<'a>) -> Option<(&'a Plan, Time, Time)> {
    match view.live.rollback() {
        Rollback::Countdown { plan, began, fires } => Some((plan, *began, *fires)),
        _ => None,
    }
}

/// How many lines it takes; zero while nothing is counted down.
pub(super) fn wish(view: &View<'_>) -> u16 {
    running(view).map_or(0, |(plan, ..)| 3 + plan.step_count().min(MOST_STEPS) as u16)
}

/// Whole seconds until it acts, the one that has begun among them.
fn seconds_left(view: &View<'_>, fires: Time) -> i64 {
    ((fires - view.live.now()).num_milliseconds().max(0) + 999) / 1000
}

/// In how long, in words.
fn told(view: &View<'_>, fires: Time) -> String {
    match (seconds_left(view, fires), view.live.holding()) {
        (0, Holding::Asking) => "ROLLING BACK: checking the lock".to_owned(),
        (0, _) => "ROLLING BACK NOW".to_owned(),
        (seconds, _) => format!("AUTO-ROLLBACK IN {seconds} s"),
    }
}

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let Some((plan, began, fires)) = running(view) else { return };
    let title = format!(" automatic rollback {} {} ", view.glyphs.arrow(), plan.target());
    let title = Line::styled(title, view.style(Slot::Strong));
    // Reversal is for words: a border must stay a line.
    let inner = view.boxed(buffer, area, title, view.ink(Slot::RedFlag), true);
    let keys = inner.height.saturating_sub(1);

    let mut brush = Brush::new(buffer, view, inner, 0);
    brush.put(&format!(" {} ", told(view, fires)), Slot::Alarm).gap(2);
    let columns = (brush.left() / 3).min(WIDEST_BAR);
    let whole = (fires - began).num_milliseconds().max(1) as f64;
    let passed = ((view.live.now() - began).num_milliseconds() as f64 / whole).clamp(0.0, 1.0);
    let passed = (passed * f64::from(columns)) as u16;
    brush.repeat(view.glyphs.passed(), passed, Slot::RedFlag);
    brush.repeat(view.glyphs.to_come(), columns - passed, Slot::Muted).gap(2);
    brush.put(&why(view), Slot::Text);

    if keys > 1 {
        let strategy = &view.live.setup().rollback.strategy;
        let takes = describe::span(plan.expected());
        let text = format!("{}, about {takes}, {strategy}", describe::versions(plan));
        Brush::new(buffer, view, inner, 1).put(&text, Slot::Strong);
    }
    let shown = plan.step_count().min(MOST_STEPS).min(usize::from(keys.saturating_sub(2)));
    for (index, step) in plan.steps().take(shown).enumerate() {
        let hidden = if index + 1 == shown { plan.step_count() - shown } else { 0 };
        let more = if hidden > 0 { format!("   and {hidden} more") } else { String::new() };
        let text = format!("{}{more}", step.does.join("; "));
        Brush::new(buffer, view, inner, 2 + index as u16).put(&text, Slot::Text);
    }
    draw_keys(buffer, view, inner, keys);
}

/// What it acts for: the flags are below, the independent evidence is what made it begin.
fn why(view: &View<'_>) -> String {
    let conditions = &view.live.arming().conditions;
    let told = conditions.iter().find(|condition| condition.kind == ConditionKind::TwoSignals).or(conditions.first());
    told.map_or_else(String::new, |condition| condition.sentence.clone())
}

fn draw_keys(buffer: &mut Buffer, view: &View<'_>, inner: Rect, line: u16) {
    let mut brush = Brush::new(buffer, view, inner, line);
    if view.ui.asks(view.live) {
        brush.put("Esc closes what is open, then Esc stops this", Slot::Warning);
        return;
    }
    let label = |action| view.keymap.label(action);
    let stops: Vec<String> = [Action::Back, Action::Veto].into_iter().filter_map(label).collect();
    brush.put(&stops.join(" or "), Slot::Key).put(" stops it", Slot::Strong).gap(3);
    if let Some(key) = label(Action::Confirm) {
        brush.put(&key, Slot::Key).put(" does it now", Slot::Text).gap(3);
    }
}

/// The same in one line, for a terminal without room.
pub(super) fn draw_line(buffer: &mut Buffer, view: &View<'_>, area: Rect, line: u16) -> bool {
    let Some((plan, _, fires)) = running(view) else { return false };
    let stops = view.keymap.label(Action::Back).or_else(|| view.keymap.label(Action::Veto)).unwrap_or_default();
    let text = format!("{} {} {}; {stops} stops it", told(view, fires), view.glyphs.arrow(), plan.target());
    Brush::new(buffer, view, area, line).put(&text, Slot::Alarm);
    true
}
