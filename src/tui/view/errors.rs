//! Pane 4: issues that are new or back in this version, with their counts; alerts that are not quiet.
//!
//! ```text
//! NEW        TypeError: cart.total is None                1 204   12 users
//! ALERT      checkout is slow                            since 14:08
//! ```

use super::text::{hour_minute, width};
use super::{Brush, View};
use crate::poll::{Alert, AlertState, Issue, Novelty};
use crate::signal::grouped;
use crate::tui::keymap::Pane;
use crate::tui::rows::Row;
use crate::tui::theme::Slot;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Columns of the first word: `REGRESSED` is the longest.
const WORD: u16 = 11;
/// Columns of a count.
const COUNT: u16 = 7;
/// Columns of how many people saw it.
const USERS: u16 = 13;

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let inner = view.pane(buffer, area, Pane::Errors, Pane::Errors.title());
    let rows = view.rows(Pane::Errors);
    if rows.is_empty() {
        let asks = view
            .watch
            .setup()
            .signals
            .iter()
            .any(|signal| matches!(signal.kind, crate::signal::Kind::NewIssues | crate::signal::Kind::Alerts));
        let text = if asks { "no new issues, no alerts" } else { "no source of issues or alerts is configured" };
        Brush::new(buffer, view, inner, 0).put(text, Slot::Muted);
        return;
    }
    let (first, cursor) = view.scrolled(Pane::Errors, &rows, inner.height);
    for (line, (index, row)) in rows.iter().enumerate().skip(first).take(usize::from(inner.height)).enumerate() {
        let line = line as u16;
        if view.ui.focus == Pane::Errors && index == cursor {
            view.point_at(buffer, inner, line, 1);
        }
        let mut brush = Brush::new(buffer, view, inner, line);
        match *row {
            Row::Issue(index) => draw_issue(&mut brush, view, &view.watch.issues()[index]),
            Row::Alert(index) => draw_alert(&mut brush, view, &view.watch.alerts()[index]),
            _ => {}
        }
    }
}

fn draw_issue(brush: &mut Brush<'_>, view: &View<'_>, issue: &Issue) {
    let (word, slot) = match (issue.novelty, issue.fatal) {
        (Novelty::New, true) => ("NEW FATAL", Slot::RedFlag),
        (Novelty::New, false) => ("NEW", Slot::Warning),
        (Novelty::Regressed, _) => ("REGRESSED", Slot::RedFlag),
    };
    let users = if issue.users == 1 { "1 user".to_owned() } else { format!("{} users", grouped(issue.users as f64)) };
    let with_users = brush.left() >= 70;
    let numbers = COUNT + if with_users { USERS } else { 0 };
    brush.cell(word, WORD, slot);
    let title = match &issue.culprit {
        Some(culprit) if brush.left() > numbers + width(&issue.title) + 12 => {
            format!("{}  {} {culprit}", issue.title, view.glyphs.dot())
        }
        _ => issue.title.clone(),
    };
    let room = brush.left().saturating_sub(numbers);
    brush.cell(&title, room, Slot::Text).number(&grouped(issue.count as f64), COUNT, Slot::Strong);
    if with_users {
        brush.number(&users, USERS, Slot::Muted);
    }
}

fn draw_alert(brush: &mut Brush<'_>, view: &View<'_>, alert: &Alert) {
    let (word, slot) = match alert.state {
        AlertState::Firing => ("ALERT", Slot::RedFlag),
        AlertState::Pending => ("pending", Slot::Warning),
        AlertState::Unknown => ("no data", Slot::Unknown),
    };
    let since = alert.since.map_or_else(String::new, |since| format!("since {}", hour_minute(since, view.zone)));
    brush.cell(word, WORD, slot);
    let room = brush.left().saturating_sub(width(&since) + 1);
    brush.cell(&alert.name, room, Slot::Text).gap(1).put(&since, Slot::Muted);
}
