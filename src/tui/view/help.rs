//! The help: every action with its keys, from the keymap itself.

use super::dialog::open;
use super::{Brush, View};
use crate::tui::keymap::Action;
use crate::tui::theme::Slot;
use crate::tui::transport;
use crate::tui::ui::works_in_replay;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Columns of the keys.
const KEYS: u16 = 18;
/// Columns of one entry.
const ENTRY: u16 = 68;

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect, scroll: u16) {
    let has_features = !view.live.setup().feature_flags.is_empty();
    let is_replay = view.ui.playing().is_some();
    let own = transport::help().filter(|_| is_replay);
    let usual = Action::ALL
        .into_iter()
        .filter(|action| *action != Action::Features || has_features)
        .filter(|action| !is_replay || (works_in_replay(*action) && *action != Action::NextRed))
        .filter_map(|action| {
            let keys: Vec<String> = view.keymap.keys(action).iter().map(ToString::to_string).collect();
            (!keys.is_empty()).then(|| (keys.join("  "), action.help()))
        });
    let entries: Vec<(String, &str)> = own.chain(usual).collect();
    let columns: u16 = if area.width >= 2 * ENTRY + 6 { 2 } else { 1 };
    let lines = (entries.len() as u16).div_ceil(columns);
    let inner = open(buffer, view, area, "help", (columns * ENTRY + 4, lines + 4), Slot::BorderFocus);
    let shown = inner.height.saturating_sub(2);
    let scroll = scroll.min(lines.saturating_sub(shown));
    for line in 0..shown.min(lines) {
        let mut brush = Brush::new(buffer, view, inner, line);
        for column in 0..columns {
            let index = usize::from(column * lines + line + scroll);
            if line + scroll < lines
                && let Some((keys, help)) = entries.get(index)
            {
                brush.cell(keys, KEYS, Slot::Key).cell(help, ENTRY - KEYS, Slot::Text);
            }
        }
    }
    let hint = if lines > shown { "up and down scroll, any other key closes" } else { "any key closes" };
    Brush::new(buffer, view, inner, inner.height.saturating_sub(1)).put(hint, Slot::Muted);
}
