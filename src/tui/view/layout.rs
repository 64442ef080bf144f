//! Which pane goes where, by the terminal's size. Pure arithmetic.

use crate::tui::keymap::Pane;
use ratatui::layout::Rect;

/// Below this many columns or rows only the verdict and the worst flag are shown.
pub(super) const SMALLEST: (u16, u16) = (60, 16);

/// From this size on every pane is shown.
const FULL: (u16, u16) = (110, 32);

/// So many lines a rollback's progress may take of a small screen: room for three workloads and what came of it.
const PROGRESS_FROM: u16 = 9;

/// So many lines for it and the errors together are room for the rollback's pane.
const ROLLBACK_FROM: u16 = 16;

/// How a pane is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// With a border and all its rows.
    Boxed,
    /// As one line.
    Line,
}

/// How many lines the content would like to have.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wishes {
    /// A countdown, or a rollback's progress or report; zero where there is none.
    pub(super) progress: u16,
    /// Lines in the flags pane.
    pub(super) flags: u16,
    /// Rows of the signals pane or the board, its heading included.
    pub(super) signals: u16,
    /// Lines in the rollout pane.
    pub(super) rollout: u16,
    /// Rows of the errors pane.
    pub(super) errors: u16,
    /// Rows of the sources pane.
    pub(super) sources: u16,
    /// Lines of the rollback pane.
    pub(super) rollback: u16,
    /// Lines of the footer.
    pub(super) footer: u16,
}

/// Where everything goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// The first line.
    pub(super) header: Rect,
    /// A countdown, or a rollback's progress or report.
    pub(super) progress: Option<Rect>,
    /// The panes that are shown.
    pub(super) panes: Vec<(Pane, Rect, Shape)>,
    /// The last lines.
    pub(super) footer: Rect,
}

/// Lays a screen out. `alone` is a pane that has the body for itself.
pub(super) fn layout(area: Rect, wishes: Wishes, alone: Option<Pane>) -> Layout {
    let mut body = Body(area);
    let header = body.top(1);
    let footer = body.bottom(wishes.footer);
    let most = (body.0.height * 2 / 5).max(PROGRESS_FROM.min(body.0.height / 2));
    let progress = (wishes.progress > 0).then(|| body.top((wishes.progress + 2).min(most)));
    let panes = match alone {
        Some(pane) => vec![(pane, body.0, Shape::Boxed)],
        None if area.width >= FULL.0 && area.height >= FULL.1 => full(body, wishes),
        None => narrow(body, wishes),
    };
    Layout { header, progress, panes, footer }
}

/// The right column's part of the full screen.
pub(super) const fn right_width(width: u16) -> u16 {
    width - width * 3 / 5
}

/// All of them: flags over the whole width, then two columns. The rollback's pane is there where the errors leave
/// it room; it never takes any from the flags and the signals.
fn full(mut body: Body, wishes: Wishes) -> Vec<(Pane, Rect, Shape)> {
    // Never below five lines: a first warning must not move the rest of the screen.
    let flags = body.top((wishes.flags.max(5) + 2).min(body.0.height / 3));
    let left_width = body.0.width - right_width(body.0.width);
    let mut left = body.left(left_width);
    let mut right = body;
    let height = left.0.height;

    // The charts take what they need, the timeline the rest, each at least a quarter.
    let signals = left.top((wishes.signals + 2).clamp(height / 4, height * 3 / 4));
    let timeline = left.0;
    let rollout = right.top((wishes.rollout + 2).clamp(4, (height / 2).max(4)));
    let sources = (wishes.sources + 2).min(height / 4);
    let spare = right.0.height.saturating_sub(sources);
    // By the room alone, so that one issue more moves nothing.
    let rollback = if spare < ROLLBACK_FROM { 0 } else { (wishes.rollback + 2).min(spare * 3 / 5) };
    let rollback = right.bottom(rollback);
    let sources = right.bottom(sources);
    let errors = right.0;
    let mut panes = vec![
        (Pane::Flags, flags, Shape::Boxed),
        (Pane::Signals, signals, Shape::Boxed),
        (Pane::Rollout, rollout, Shape::Boxed),
        (Pane::Errors, errors, Shape::Boxed),
        (Pane::Timeline, timeline, Shape::Boxed),
        (Pane::Sources, sources, Shape::Boxed),
    ];
    if !rollback.is_empty() {
        panes.push((Pane::Rollback, rollback, Shape::Boxed));
    }
    panes
}

/// Flags and signals, one line each for rollout and sources, and a timeline and errors where there is room.
fn narrow(mut body: Body, wishes: Wishes) -> Vec<(Pane, Rect, Shape)> {
    let sources = body.bottom(1);
    let rollout = body.bottom(1);
    let height = body.0.height;
    let flags = body.top((wishes.flags.max(3) + 2).min(height / 2).max(3));
    let spare = body.0.height.saturating_sub(wishes.signals + 2);
    let timeline = (spare >= 5).then(|| body.bottom(spare.min(height / 3)));
    let mut panes = vec![
        (Pane::Flags, flags, Shape::Boxed),
        (Pane::Signals, body.0, Shape::Boxed),
        (Pane::Rollout, rollout, Shape::Line),
        (Pane::Sources, sources, Shape::Line),
    ];
    match timeline {
        Some(area) if area.height >= 10 && wishes.errors > 0 => {
            let mut area = Body(area);
            panes.push((Pane::Errors, area.top((wishes.errors + 2).min(area.0.height / 2)), Shape::Boxed));
            panes.push((Pane::Timeline, area.0, Shape::Boxed));
        }
        Some(area) => panes.push((Pane::Timeline, area, Shape::Boxed)),
        None => {}
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

    const WISHES: Wishes =
        Wishes { progress: 0, flags: 4, signals: 8, rollout: 3, errors: 3, sources: 6, rollback: 12, footer: 2 };

    fn panes(width: u16, height: u16) -> Vec<(Pane, Shape)> {
        let layout = layout(Rect::new(0, 0, width, height), WISHES, None);
        layout.panes.iter().map(|(pane, _, shape)| (*pane, *shape)).collect()
    }

    #[test]
    fn large_terminals_show_every_pane() {
        for (width, height) in [(200, 50), (120, 40)] {
            let shown = panes(width, height);
            assert_eq!(shown.len(), Pane::ALL.len());
            assert!(shown.iter().all(|(_, shape)| *shape == Shape::Boxed));
        }
    }

    #[test]
    fn eighty_by_twenty_four_keeps_what_matters() {
        let shown = panes(80, 24);
        assert!(shown.contains(&(Pane::Flags, Shape::Boxed)));
        assert!(shown.contains(&(Pane::Signals, Shape::Boxed)));
        assert!(shown.contains(&(Pane::Rollout, Shape::Line)));
        assert!(shown.contains(&(Pane::Sources, Shape::Line)));
    }

    #[test]
    fn nothing_overlaps_and_nothing_leaves_the_screen() {
        for width in (1..220).step_by(7) {
            for height in 1..70 {
                let area = Rect::new(0, 0, width, height);
                let layout = layout(area, Wishes { progress: 6, ..WISHES }, None);
                let mut parts = vec![layout.header, layout.footer];
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
