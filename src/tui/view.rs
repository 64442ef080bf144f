//! What is seen: the newest state of the watch, painted into a buffer. Drawing changes nothing.

mod board;
mod chart;
mod countdown;
mod courses;
mod deletion;
mod details;
mod dialog;
mod errors;
mod features;
mod flags;
mod footer;
mod header;
mod headline;
mod help;
mod layout;
mod lines;
mod paint;
mod plan;
mod plot;
mod progress;
mod rollback;
mod rollout;
mod ruler;
mod signals;
mod small;
mod sources;
mod text;
mod timeline;

use super::Look;
use super::glyphs::Glyphs;
use super::hyperlink::Hyperlinks;
use super::keymap::{Keymap, Pane};
use super::known::Known;
use super::rows;
use super::standings::Standings;
use super::theme::{Slot, Theme};
use super::ui::{Overlay, PlanSight, Ui};
use crate::deploy::ServiceId;
use crate::headline::Headline;
use crate::rollback::Rollback;
use crate::verdict::Level;
use crate::watch::{FeaturePanel, Watch};
use chrono::FixedOffset;
pub(super) use courses::Courses;
use layout::{Shape, Wishes};
use paint::Brush;
use ratatui::buffer::Buffer;
use ratatui::layout::{Margin, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Widget};
use std::rc::Rc;

/// All that drawing needs to know.
pub(super) struct View<'a> {
    /// The watch that is shown: the frozen one, or the live one.
    watch: &'a Watch,
    /// The watch as it is.
    live: &'a Watch,
    ui: &'a Ui,
    theme: &'a Theme,
    glyphs: Glyphs,
    hyperlinks: Hyperlinks,
    zone: FixedOffset,
    keymap: &'a Keymap,
    /// What a rollback of what is shown would do.
    standings: Standings<'a>,
    /// What is said first, of all that is shown or of each service that is bad.
    headlines: &'a [Headline],
    courses: &'a Courses,
}

impl<'a> View<'a> {
    /// What is seen of a watch now.
    pub(super) fn new(live: &'a Watch, ui: &'a Ui, look: &'a Look, keymap: &'a Keymap, known: &'a Known) -> Self {
        Self {
            watch: ui.shown(live),
            live,
            ui,
            theme: look.themes.current(),
            glyphs: look.glyphs,
            hyperlinks: look.hyperlinks,
            zone: look.zone,
            keymap,
            standings: Standings::with(ui.shown(live), ui.service, Rc::clone(&known.plan)),
            headlines: &known.headlines,
            courses: &known.courses,
        }
    }

    const fn style(&self, slot: Slot) -> Style {
        self.theme.style(slot)
    }

    /// The same without reversal, for what is drawn and not written: reversed, a block is a hole.
    fn ink(&self, slot: impl Into<Slot>) -> Style {
        self.style(slot.into()).remove_modifier(Modifier::REVERSED)
    }

    const fn service(&self) -> Option<ServiceId> {
        self.ui.service
    }

    fn rows(&self, pane: Pane) -> Vec<rows::Row> {
        rows::of(pane, self.watch, self.service(), &self.ui.board)
    }

    /// A level's sign in its colour, and the style for what goes with it.
    fn level(&self, level: Level) -> (&'static str, Style) {
        (self.glyphs.level(level), self.style(level.into()))
    }

    /// A box with a title; returns what is inside, without a column on each side.
    fn boxed(&self, buffer: &mut Buffer, area: Rect, title: Line<'_>, border: Style, thick: bool) -> Rect {
        let area = area.intersection(buffer.area);
        Block::bordered().border_set(self.glyphs.border(thick)).border_style(border).title(title).render(area, buffer);
        area.inner(Margin::new(2, 1))
    }

    /// A thin rule with a title, over the whole width.
    fn rule(&self, buffer: &mut Buffer, area: Rect, title: &str, focused: bool) {
        let (line, slot) =
            if focused { (self.glyphs.passed(), Slot::BorderFocus) } else { (self.glyphs.rule(), Slot::Border) };
        let mut brush = Brush::new(buffer, self, area, 0);
        brush.gap(1).repeat(line, 2, slot).gap(1);
        brush.put(title, if focused { Slot::Strong } else { Slot::Text }).gap(1);
        let left = brush.left().saturating_sub(1);
        brush.repeat(line, left, slot);
    }

    /// A pane's rule with its title; returns what is below it, without a column on each side.
    fn pane(&self, buffer: &mut Buffer, area: Rect, pane: Pane, title: &str) -> Rect {
        let area = area.intersection(buffer.area);
        self.rule(
            buffer,
            Rect { height: area.height.min(1), ..area },
            &format!("[{}] {title}", pane.number()),
            self.ui.focus == pane,
        );
        let above = area.height.min(1);
        let sides = area.width.min(2);
        Rect {
            x: area.x + sides,
            y: area.y + above,
            width: area.width.saturating_sub(sides + 1),
            height: area.height - above,
        }
    }

    /// Shows where the cursor is: a sign before the row and, where the theme has one, a ground under it.
    fn point_at(&self, buffer: &mut Buffer, inner: Rect, line: u16, lines: u16) {
        if inner.is_empty() || inner.x == 0 || line >= inner.height {
            return;
        }
        let y = inner.y + line;
        let ground = Rect::new(inner.x, y, inner.width, lines.min(inner.height - line));
        buffer.set_style(ground, self.style(Slot::Selection));
        buffer[(inner.x - 1, y)].set_symbol(self.glyphs.cursor()).set_style(self.style(Slot::BorderFocus));
    }

    /// Makes lines of an area what the link of their row opens, where it has one.
    fn link(&self, buffer: &mut Buffer, inner: Rect, (line, lines): (u16, u16), row: rows::Row) {
        if let Some(link) = rows::link(row, self.watch) {
            let y = inner.y.saturating_add(line);
            let height = lines.min(inner.bottom().saturating_sub(y));
            self.hyperlinks.mark(buffer, Rect { y, height, ..inner }, link);
        }
    }

    /// The part of `rows` that fits into `height` with the cursor in it: the first row, and the cursor's.
    fn scrolled(&self, pane: Pane, rows: &[rows::Row], height: u16) -> (usize, usize) {
        let cursor = self.ui.cursor(pane, rows);
        ((cursor + 1).saturating_sub(usize::from(height)), cursor)
    }

    /// The signal's name, with its service where several are shown.
    fn name(&self, id: crate::signal::SignalId) -> String {
        let setup = self.watch.setup();
        let signal = setup.signal(id);
        if rows::is_board(self.watch, self.service()) {
            format!("{} {}", setup.service(signal.service).name, signal.name)
        } else {
            signal.name.clone()
        }
    }
}

/// What is said first of a watch: one headline, or on the board one for each service that is bad.
pub(super) fn headlines(watch: &Watch, service: Option<ServiceId>) -> Vec<Headline> {
    headline::of(watch, service)
}

/// Paints the whole screen; returns what of an open plan is on it.
pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>) -> Option<PlanSight> {
    let area = buffer.area;
    if area.is_empty() {
        return None;
    }
    buffer.set_style(area, view.style(Slot::Text));
    let over = if area.width < layout::SMALLEST.0 || area.height < layout::SMALLEST.1 {
        small::draw(buffer, view, area)
    } else {
        draw_panes(buffer, view, area)
    };
    draw_overlay(buffer, view, over)
}

/// Paints the panes; returns where something may lie over them. A countdown must always be seen.
fn draw_panes(buffer: &mut Buffer, view: &View<'_>, area: Rect) -> Rect {
    let inner_width = area.width.saturating_sub(4);
    let counts_down = countdown::wish(view);
    let board = rows::is_board(view.watch, view.service());
    let wishes = Wishes {
        headline: headline::wish(view),
        progress: if counts_down > 0 { counts_down } else { progress::wish(view, inner_width) },
        flags: flags::wish(view, inner_width),
        signals: if board { board::wish(view) } else { signals::wish(view) },
        chart: !board && signals::has_course(view),
        rollout: rollout::wish(view, layout::right_width(area.width).saturating_sub(4)),
        errors: view.rows(Pane::Errors).len() as u16,
        timeline: rows::entries(view.watch, view.service()).count() as u16,
        sources: view.watch.setup().sources.len() as u16,
        footer: footer::wish(view, area.width),
        ruler: ruler::wish(view),
    };
    let mut plan = layout::layout(area, wishes, view.ui.zoomed.then_some(view.ui.focus));
    let is_open = |(pane, _, shape): &(Pane, Rect, Shape)| *pane == view.ui.focus && *shape == Shape::Open;
    // Where no flag is up there is no pane of flags, and nothing to be shown alone.
    let is_nothing = view.ui.focus == Pane::Flags && wishes.flags == 0;
    if !is_nothing && !plan.panes.iter().any(is_open) {
        // A pane this terminal has no room for beside the others is shown alone while it has the keys.
        plan = layout::layout(area, wishes, Some(view.ui.focus));
    }
    header::draw(buffer, view, plan.header);
    headline::draw(buffer, view, plan.headline);
    match plan.progress {
        Some(area) if counts_down > 0 => countdown::draw(buffer, view, area),
        Some(area) => progress::draw(buffer, view, area),
        None => {}
    }
    for (pane, area, shape) in plan.panes {
        match (pane, shape) {
            (Pane::Flags, _) => flags::draw(buffer, view, area),
            (Pane::Signals, _) if board => board::draw(buffer, view, area),
            (Pane::Signals, _) => signals::draw(buffer, view, area),
            (Pane::Rollout, Shape::Open) => rollout::draw(buffer, view, area),
            (Pane::Rollout, Shape::Line) => rollout::draw_line(buffer, view, area),
            (Pane::Errors, _) => errors::draw(buffer, view, area),
            (Pane::Timeline, _) => timeline::draw(buffer, view, area),
            (Pane::Sources, Shape::Open) => sources::draw(buffer, view, area),
            (Pane::Sources, Shape::Line) => sources::draw_line(buffer, view, area),
            (Pane::Rollback, _) => rollback::draw(buffer, view, area),
        }
    }
    ruler::draw(buffer, view, plan.ruler);
    footer::draw(buffer, view, plan.footer);
    let above = plan.progress.filter(|_| counts_down > 0).map_or(0, |banner| banner.bottom() - area.y);
    Rect { y: area.y + above, height: area.height - above, ..area }
}

fn draw_overlay(buffer: &mut Buffer, view: &View<'_>, area: Rect) -> Option<PlanSight> {
    if let Rollback::Planned { plan, opened } = view.live.rollback() {
        return Some(plan::draw(buffer, view, area, plan, *opened));
    }
    if let Some(question) = view.live.deletion() {
        deletion::draw(buffer, view, area, question);
    } else if *view.live.feature_panel() != FeaturePanel::Closed {
        features::draw(buffer, view, area);
    }
    match &view.ui.overlay {
        Some(Overlay::Help(scroll)) => help::draw(buffer, view, area, *scroll),
        Some(Overlay::Details(row, scroll)) => details::draw(buffer, view, area, *row, *scroll),
        Some(Overlay::Note(text)) => dialog::note(buffer, view, area, text),
        // It is typed on the board's own rule.
        Some(Overlay::Filter) | None => {}
        Some(Overlay::Quit) => dialog::quit(buffer, view, area),
        Some(Overlay::Link(link)) => dialog::link(buffer, view, area, link),
    }
    None
}
