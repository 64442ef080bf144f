//! A terminal that is too small for panes still tells the verdict, the worst flag and the way back.

use super::text::wrap;
use super::{Brush, View, footer, layout, verdict_style};
use crate::tui::keymap::Action;
use crate::tui::rows;
use crate::tui::theme::Slot;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let verdict = view.live.verdict();
    let badge = format!("{} {}", view.glyphs.verdict(verdict), verdict.label());
    Brush::new(buffer, view, area, 0)
        .put(&badge, verdict_style(view, verdict))
        .gap(2)
        .put(&view.live.setup().environment, Slot::Text);

    let mut line = 1;
    if let Some(worst) = rows::flags(view.live, None).first().map(|flag| flag[0]) {
        let finding = view.live.finding(worst);
        let (glyph, style) = view.level(finding.level);
        let name = &view.live.setup().signal(worst).name;
        let text = format!("{glyph} {} {name}: {}", finding.level.label(), finding.sentence);
        // The last two lines are for the rollback and for why so little is seen.
        let room = usize::from(area.height.saturating_sub(3));
        for part in wrap(&super::text::clean(&text), area.width).into_iter().take(room) {
            Brush::new(buffer, view, area, line).put(part, style);
            line += 1;
        }
    }
    if area.height >= 4 {
        let (slot, text) = footer::readiness(view);
        let mut brush = Brush::new(buffer, view, area, area.height - 2);
        if let Some(key) = view.keymap.label(Action::Rollback) {
            brush.put(&key, Slot::Key).gap(1);
        }
        brush.put(&text, slot);
    }
    if area.height >= 3 {
        let (columns, lines) = layout::SMALLEST;
        let text = format!("too small: {columns}×{lines} shows more");
        Brush::new(buffer, view, area, area.height - 1).put(&text, Slot::Muted);
    }
}
