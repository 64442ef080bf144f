//! A terminal that is too small for panes still tells the verdict, the worst flag and the way back.

use super::text::wrap;
use super::{Brush, View, countdown, footer, header, layout, ruler};
use crate::tui::rows;
use crate::tui::theme::Slot;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

/// Paints it; returns where something may lie over it. A countdown must always be seen.
pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect) -> Rect {
    let header::Standing { text, slot } = header::standing(view);
    Brush::new(buffer, view, area, 0)
        .put(&text, view.style(slot).add_modifier(Modifier::BOLD))
        .gap(2)
        .put(&view.ui.playing().map_or_else(String::new, |playing| ruler::told(view, playing) + "  "), Slot::Frozen)
        .put(&view.live.setup().environment, Slot::Text);

    let mut line = 1 + u16::from(countdown::draw_line(buffer, view, area, 1));
    let above = if line > 1 { line.min(area.height) } else { 0 };
    if let Some(worst) = rows::flags(view.live, None).first().map(|flag| flag[0]) {
        let finding = view.live.finding(worst);
        let (glyph, style) = view.level(finding.level);
        let name = &view.live.setup().signal(worst).name;
        let text = format!("{glyph} {} {name}: {}", finding.level.label(), finding.says);
        // The last two lines are for the rollback and for why so little is seen.
        let room = usize::from(area.height.saturating_sub(2 + line));
        for part in wrap(&super::text::clean(&text), area.width).into_iter().take(room) {
            Brush::new(buffer, view, area, line).put(part, style);
            line += 1;
        }
    }
    if area.height >= 4 {
        let footer::State { key, slot, text } = footer::state(view);
        let mut brush = Brush::new(buffer, view, area, area.height - 2);
        if let Some(key) = key {
            brush.put(&key, Slot::Key).gap(1);
        }
        brush.put(&text, slot);
    }
    if area.height >= 3 {
        let (columns, lines) = layout::SMALLEST;
        let text = format!("too small: {columns}×{lines} shows more");
        Brush::new(buffer, view, area, area.height - 1).put(&text, Slot::Muted);
    }
    Rect { y: area.y + above, height: area.height - above, ..area }
}
