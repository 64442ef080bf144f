//! Pane 2 with more than one service: one row a service, one cell a kind of signal, worst service first.
//!
//! ```text
//!   service     version          pods   rollout    error rate   p95        new issues
//! ✖ checkout    1.8.3 → 1.9.0    12/12  ✔          ✖ 2.4 %      ▲ 612 ms   ✔ 0 /min
//! ```

use super::text::width;
use super::{Brush, View};
use crate::deploy::ServiceId;
use crate::signal::{Kind, SignalId};
use crate::tui::keymap::Pane;
use crate::tui::rows::{self, Row};
use crate::tui::theme::Slot;
use crate::verdict::Level;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Columns of a cell: a sign and a value with its unit.
const CELL: u16 = 12;
/// Columns of the versions.
const VERSION: u16 = 18;
/// Columns of the pods.
const PODS: u16 = 7;

pub(super) fn wish(view: &View<'_>) -> u16 {
    view.watch.setup().services.len() as u16 + 1
}

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let inner = view.pane(buffer, area, Pane::Signals, "services");
    let setup = view.watch.setup();
    let rows = view.rows(Pane::Signals);
    let name_width = setup.services.iter().map(|service| width(&service.name)).max().unwrap_or(0).clamp(8, 20);
    let used: Vec<Kind> =
        Kind::ALL.into_iter().filter(|kind| setup.signals.iter().any(|signal| signal.kind == *kind)).collect();
    let with_version = inner.width >= 90;
    let fixed = 2 + name_width + 2 + if with_version { VERSION + 1 } else { 0 } + PODS + 1;
    let fit = usize::from(inner.width.saturating_sub(fixed) / CELL);
    let hidden = used.len().saturating_sub(fit);
    let kinds = worst_kinds(view, &used, used.len() - hidden);

    let mut brush = Brush::new(buffer, view, inner, 0);
    brush.gap(2).cell("service", name_width, Slot::Muted).gap(2);
    if with_version {
        brush.cell("version", VERSION, Slot::Muted).gap(1);
    }
    brush.cell("pods", PODS, Slot::Muted).gap(1);
    for kind in &kinds {
        brush.cell(kind.label(), CELL, Slot::Muted);
    }
    if hidden > 0 {
        brush.put_whole(&format!("+{hidden}"), Slot::Muted);
    }

    let list = Rect { y: inner.y + inner.height.min(1), height: inner.height.saturating_sub(1), ..inner };
    let (first, cursor) = view.scrolled(Pane::Signals, &rows, list.height);
    for (line, (index, row)) in rows.iter().enumerate().skip(first).take(usize::from(list.height)).enumerate() {
        let Row::Service(service) = *row else { continue };
        let line = line as u16;
        if view.ui.focus == Pane::Signals && index == cursor {
            view.point_at(buffer, list, line, 1);
        }
        let worst = rows::worst(view.watch, Some(service));
        let (glyph, style) = view.level(worst);
        let name_style = if worst >= Level::Warning { style } else { view.style(Slot::Text) };
        let mut brush = Brush::new(buffer, view, list, line);
        brush.put(glyph, style).gap(1).cell(&setup.service(service).name, name_width, name_style).gap(2);
        if with_version {
            brush.cell(&versions(view, service), VERSION, Slot::Muted).gap(1);
        }
        brush.cell(&pods(view, service), PODS, Slot::Text).gap(1);
        for kind in &kinds {
            draw_cell(&mut brush, view, service, *kind);
        }
    }
}

/// So many of the kinds, in their order: where not all fit, those that are worst somewhere stay.
fn worst_kinds(view: &View<'_>, kinds: &[Kind], count: usize) -> Vec<Kind> {
    let setup = view.watch.setup();
    let level = |kind: Kind| {
        let of_kind = rows::signals(view.watch, None).filter(|id| setup.signal(*id).kind == kind);
        of_kind.map(|id| view.watch.finding(id).level).max()
    };
    let mut order: Vec<usize> = (0..kinds.len()).collect();
    order.sort_by_cached_key(|index| std::cmp::Reverse(level(kinds[*index])));
    order.truncate(count);
    order.sort_unstable();
    order.into_iter().map(|index| kinds[index]).collect()
}

/// The worst signal of a kind: its sign, and its value or, where it is not known, the word.
fn draw_cell(brush: &mut Brush<'_>, view: &View<'_>, service: ServiceId, kind: Kind) {
    let of_kind = rows::signals(view.watch, Some(service)).filter(|id| view.watch.setup().signal(*id).kind == kind);
    let Some(id) = of_kind.max_by_key(|id| view.watch.finding(*id).level) else {
        brush.cell("", CELL, Slot::Muted);
        return;
    };
    let level = view.watch.finding(id).level;
    let (glyph, style) = view.level(level);
    let text_style = if level == Level::Clear { view.style(Slot::Text) } else { style };
    brush.put(glyph, style).gap(1).cell(&cell_text(view, id, level), CELL - 3, text_style).gap(1);
}

fn cell_text(view: &View<'_>, id: SignalId, level: Level) -> String {
    let signal = view.watch.setup().signal(id);
    let word = match level {
        Level::Clear => "ok",
        Level::Insufficient => "too few",
        other => other.label(),
    };
    if signal.kind == Kind::Rollout || matches!(level, Level::NoData | Level::Stale | Level::Insufficient) {
        return word.to_owned();
    }
    view.watch.store().series(id).last_value().map_or_else(|| word.to_owned(), |(_, value)| signal.unit.format(value))
}

fn versions(view: &View<'_>, service: ServiceId) -> String {
    let deploys = rows::workloads(view.watch, Some(service)).filter_map(|id| view.watch.workload(id).deploy.as_ref());
    let first = deploys.max_by_key(|deploy| deploy.at);
    first.map_or_else(
        || "?".to_owned(),
        |deploy| {
            let from = deploy.from.as_ref().map_or("?", |version| version.label());
            format!("{from} {} {}", view.glyphs.arrow(), deploy.to.label())
        },
    )
}

/// New pods that are ready, of those asked for.
fn pods(view: &View<'_>, service: ServiceId) -> String {
    let rollouts = rows::workloads(view.watch, Some(service)).filter_map(|id| view.watch.workload(id).rollout.as_ref());
    let mut known = false;
    let (updated, desired) = rollouts.fold((0, 0), |(updated, desired), rollout| {
        known = true;
        let replicas = rollout.replicas;
        (updated + replicas.updated.min(replicas.available), desired + replicas.desired)
    });
    if known { format!("{updated}/{desired}") } else { "?".to_owned() }
}
