//! Pane 4: issues that are new or back in this version, with their counts; alerts that are not quiet.
//!
//! ```text
//! NEW        TypeError: cart.total is None                1 204   12 users
//! ALERT      checkout is slow                            since 14:08
//! ```

use super::text::{hour_minute, width};
use super::{Brush, View};
use crate::poll::{Alert, AlertState, Issue, Novelty};
use crate::signal::{Kind, grouped};
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
    // What is not listed is told apart: none, not known, not asked for.
    let beneath = rows.len().min(usize::from(inner.height)) as u16;
    for (line, (text, slot)) in (beneath..inner.height).zip(unlisted(view, &rows)) {
        Brush::new(buffer, view, inner, line).put(&text, slot);
    }
    if rows.is_empty() {
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
        view.link(buffer, inner, (line, 1), *row);
    }
}

/// What can be said of the issues and of the alerts beyond those that are listed.
fn unlisted(view: &View<'_>, rows: &[Row]) -> Vec<(String, Slot)> {
    let watch = view.watch;
    let of = |kind: Kind| {
        let signals = watch.setup().signals.iter().zip(watch.findings());
        signals.filter(move |(signal, _)| {
            signal.kind == kind && view.service().is_none_or(|service| service == signal.service)
        })
    };
    if of(Kind::NewIssues).chain(of(Kind::Alerts)).next().is_none() {
        return vec![("no source of issues or alerts is configured".to_owned(), Slot::Muted)];
    }
    let has_issues = rows.iter().any(|row| matches!(row, Row::Issue(_)));
    let has_alerts = rows.iter().any(|row| matches!(row, Row::Alert(_)));
    let mut lines = Vec::new();
    for (kind, noun, listed) in [(Kind::NewIssues, "new issues", has_issues), (Kind::Alerts, "alerts", has_alerts)] {
        let (all, mut unknown) = (of(kind).count(), of(kind).filter(|(_, finding)| finding.level.is_unknown()));
        match unknown.next() {
            _ if all == 0 => {}
            Some((signal, finding)) => {
                let whose = match (watch.setup().services.len(), unknown.count()) {
                    (1, _) => String::new(),
                    (_, 0) => format!(" of {}", watch.setup().service(signal.service).name),
                    (_, more) => format!(" of {} and {more} more", watch.setup().service(signal.service).name),
                };
                lines.push((format!("{noun}{whose} not known: {}", finding.says), Slot::Unknown));
            }
            None if listed => {}
            None => lines.push((format!("no {noun}"), Slot::Muted)),
        }
    }
    if let [(one, Slot::Muted), (other, Slot::Muted)] = lines.as_slice() {
        return vec![(format!("{one}, {other}"), Slot::Muted)];
    }
    lines
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
