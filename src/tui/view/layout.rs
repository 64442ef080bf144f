//! Which pane goes where, by the terminal's size. Pure arithmetic. A pane without anything to show gives its room away.

use crate::tui::keymap::Pane;
use ratatui::layout::Rect;

/// Below this many columns or rows only the verdict and the worst flag are shown.
pub(super) const SMALLEST: (u16, u16) = (60, 16);

/// From this size on there is room for two columns.
const FULL: (u16, u16) = (110, 32);

/// From this width on there is room for three.
const THREE: u16 = 170;

/// From so many rows on the worst signal has a large chart.
const CHART_FROM: u16 = 30;

/// So many lines a rollback's progress may take of a small screen: room for three workloads and what came of it.
const PROGRESS_FROM: u16 = 9;

/// Each pane begins with a rule that has its title.
const RULE: u16 = 1;

/// So many lines below the signals there always are.
const LEAST_BENEATH: u16 = 8;

/// How a pane is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Under a rule with its title, with all its rows.
    Open,
    /// As one line.
    Line,
}

/// How many lines the content would like to have.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wishes {
    /// Lines of the headline.
    pub(super) headline: u16,
    /// A countdown, or a rollback's progress or report; zero where there is none.
    pub(super) progress: u16,
    /// Lines in the flags pane; none where nothing is to be told.
    pub(super) flags: u16,
    /// Rows of the signals pane or the board, its heading included.
    pub(super) signals: u16,
    /// Whether there is a signal that a large chart could show.
    pub(super) chart: bool,
    /// Lines in the rollout pane.
    pub(super) rollout: u16,
    /// Rows of the errors pane.
    pub(super) errors: u16,
    /// Entries of the timeline.
    pub(super) timeline: u16,
    /// Rows of the sources pane.
    pub(super) sources: u16,
    /// Lines of the footer.
    pub(super) footer: u16,
    /// Lines of a replay's ruler; zero where this is none.
    pub(super) ruler: u16,
}

/// Where everything goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// The first lines.
    pub(super) header: Rect,
    /// The one sentence and what belongs to it.
    pub(super) headline: Rect,
    /// A countdown, or a rollback's progress or report.
    pub(super) progress: Option<Rect>,
    /// The panes that are shown.
    pub(super) panes: Vec<(Pane, Rect, Shape)>,
    /// Where a replay is.
    pub(super) ruler: Rect,
    /// The last lines.
    pub(super) footer: Rect,
}

/// Lays a screen out. `alone` is a pane that has the body for itself.
pub(super) fn layout(area: Rect, wishes: Wishes, alone: Option<Pane>) -> Layout {
    let mut body = Body(area);
    let header = body.top(if area.height >= 20 { 2 } else { 1 });
    let footer = body.bottom(wishes.footer);
    let ruler = body.bottom(wishes.ruler);
    let most = (body.0.height * 2 / 5).max(PROGRESS_FROM.min(body.0.height / 2));
    let progress = (wishes.progress > 0).then(|| body.top((wishes.progress + 2).min(most)));
    let headline = body.top(wishes.headline.min(body.0.height / 3));
    let panes = match alone {
        Some(pane) => vec![(pane, body.0, Shape::Open)],
        None if area.width >= FULL.0 && area.height >= FULL.1 => full(body, wishes, area.height),
        None => narrow(body, wishes, area.height),
    };
    Layout { header, headline, progress, panes, ruler, footer }
}

/// The right column's part of the full screen.
pub(super) const fn right_width(width: u16) -> u16 {
    if width >= THREE { width * 11 / 40 } else { width - width * 3 / 5 }
}

/// The height of the signals' pane with its chart. Where the chart would press everything else flat there is none.
fn signals_height(wishes: Wishes, height: u16, rest: u16, beneath: u16) -> u16 {
    let table = wishes.signals + RULE;
    if !wishes.chart || height < CHART_FROM {
        return table.min(rest);
    }
    let chart = rest.saturating_sub(table + beneath).min(24);
    (table + if chart >= 7 { chart } else { 0 }).min(rest)
}

/// Everything over the whole width but for what happened and what it happened to, which share the last third.
fn full(mut body: Body, wishes: Wishes, height: u16) -> Vec<(Pane, Rect, Shape)> {
    let mut panes = Vec::new();
    if wishes.flags > 0 {
        panes.push((Pane::Flags, body.top((wishes.flags + RULE).min(body.0.height / 4)), Shape::Open));
    }
    let sources_alone = body.0.width >= THREE;
    let line = if sources_alone { Rect::default() } else { body.bottom(1) };
    // What they do not need is the chart's; a few entries more move nothing.
    let needed = (wishes.rollout + wishes.errors.max(1) + RULE * 2).max(wishes.timeline + RULE);
    let beneath = needed.max(LEAST_BENEATH).min(body.0.height / 3);
    let rest = body.0.height;
    let wanted = signals_height(wishes, height, rest, beneath).min(rest.saturating_sub(beneath));
    panes.push((Pane::Signals, body.top(wanted), Shape::Open));
    let right = right_width(body.0.width);
    let left = if sources_alone { body.0.width - right * 2 } else { body.0.width - right };
    let timeline = body.left(left);
    let mut middle = if sources_alone { body.left(right) } else { body };
    let rollout = middle.top((wishes.rollout + RULE).clamp(2, (middle.0.height / 2).max(2)));
    panes.push((Pane::Rollout, rollout, Shape::Open));
    panes.push((Pane::Errors, middle.0, Shape::Open));
    panes.push((Pane::Timeline, timeline.0, Shape::Open));
    if sources_alone {
        let sources = body.bottom((wishes.sources + RULE).min(body.0.height / 2));
        panes.push((Pane::Rollback, body.0, Shape::Open));
        panes.push((Pane::Sources, sources, Shape::Open));
    } else {
        panes.push((Pane::Sources, line, Shape::Line));
    }
    panes
}

/// Flags and signals, one line each for rollout and sources, and a timeline and errors where there is room.
fn narrow(mut body: Body, wishes: Wishes, height: u16) -> Vec<(Pane, Rect, Shape)> {
    let sources = body.bottom(1);
    let rollout = body.bottom(1);
    let mut panes = vec![(Pane::Rollout, rollout, Shape::Line), (Pane::Sources, sources, Shape::Line)];
    if wishes.flags > 0 {
        panes.push((Pane::Flags, body.top((wishes.flags + RULE).min(body.0.height * 2 / 5).max(2)), Shape::Open));
    }
    let rest = body.0.height;
    let signals = body.top(signals_height(wishes, height, rest, 5).min(rest));
    panes.push((Pane::Signals, signals, Shape::Open));
    if body.0.height < 2 {
        // Too little for another pane: the signals take it.
        if let Some((_, area, _)) = panes.iter_mut().find(|(pane, ..)| *pane == Pane::Signals) {
            area.height += body.0.height;
        }
    } else if body.0.height >= 8 && wishes.errors > 0 {
        panes.push((Pane::Errors, body.top((wishes.errors + RULE).min(body.0.height / 2)), Shape::Open));
        panes.push((Pane::Timeline, body.0, Shape::Open));
    } else {
        panes.push((Pane::Timeline, body.0, Shape::Open));
    }
    panes
}

/// What is still free.
#[derive(Clone, Copy)]
struct Body(Rect);

impl Body {
    fn top(&mut self, height: u16) -> Rect {
        let height = height.min(self.0.height);
        let part = Rect { height, ..self.0 };
        self.0.y += height;
        self.0.height -= height;
        part
    }

    fn bottom(&mut self, height: u16) -> Rect {
        let height = height.min(self.0.height);
        self.0.height -= height;
        Rect { y: self.0.y + self.0.height, height, ..self.0 }
    }

    fn left(&mut self, width: u16) -> Self {
        let width = width.min(self.0.width);
        let part = Rect { width, ..self.0 };
        self.0.x += width;
        self.0.width -= width;
        Self(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WISHES: Wishes = Wishes {
        headline: 3,
        progress: 0,
        flags: 4,
        signals: 8,
        chart: true,
        rollout: 3,
        errors: 3,
        timeline: 9,
        sources: 6,
        footer: 2,
        ruler: 1,
    };

    fn panes(width: u16, height: u16, wishes: Wishes) -> Vec<(Pane, Shape)> {
        let layout = layout(Rect::new(0, 0, width, height), wishes, None);
        layout.panes.iter().map(|(pane, _, shape)| (*pane, *shape)).collect()
    }

    #[test]
    fn large_terminals_show_every_pane() {
        let shown = panes(200, 50, WISHES);
        assert_eq!(shown.len(), Pane::ALL.len());
        assert!(shown.iter().all(|(_, shape)| *shape == Shape::Open));
        let shown = panes(120, 40, WISHES);
        assert!(!shown.iter().any(|(pane, _)| *pane == Pane::Rollback), "its line is in the footer");
        assert!(shown.contains(&(Pane::Sources, Shape::Line)));
        assert_eq!(shown.len(), Pane::ALL.len() - 1);
    }

    #[test]
    fn eighty_by_twenty_four_keeps_what_matters() {
        let shown = panes(80, 24, WISHES);
        assert!(shown.contains(&(Pane::Flags, Shape::Open)));
        assert!(shown.contains(&(Pane::Signals, Shape::Open)));
        assert!(shown.contains(&(Pane::Rollout, Shape::Line)));
        assert!(shown.contains(&(Pane::Sources, Shape::Line)));
    }

    #[test]
    fn without_flags_their_room_is_the_others() {
        for (width, height) in [(200, 50), (120, 40), (80, 24)] {
            let shown = panes(width, height, Wishes { flags: 0, ..WISHES });
            assert!(!shown.iter().any(|(pane, _)| *pane == Pane::Flags));
        }
    }

    #[test]
    fn nothing_overlaps_and_nothing_leaves_the_screen() {
        for width in (1..220).step_by(7) {
            for height in 1..70 {
                for flags in [0, 4, 30] {
                    let area = Rect::new(0, 0, width, height);
                    let layout = layout(area, Wishes { progress: 6, flags, ..WISHES }, None);
                    let mut parts = vec![layout.header, layout.headline, layout.ruler, layout.footer];
                    parts.extend(layout.progress);
                    parts.extend(layout.panes.iter().map(|(_, part, _)| *part));
                    for (index, part) in parts.iter().enumerate() {
                        assert_eq!(part.intersection(area), *part, "{width}×{height}");
                        for other in &parts[index + 1..] {
                            assert!(part.is_empty() || !part.intersects(*other), "{width}×{height}: {part} {other}");
                        }
                    }
                }
            }
        }
    }
}
