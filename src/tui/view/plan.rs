//! The open plan: from which version to which, why, what is not ok, how; then what answers it.
//!
//! ```text
//! ┏ roll back production · app ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
//! ┃   1.9.0      ━━━━━━━━━━▶   1.8.3        ~72 s · last known good       ┃
//! ┃   revision 4               revision 3                                 ┃
//! ┃                                                                       ┃
//! ┃ why             ✖ error rate 3.4 % (limit 1 %)   ✖ 5xx 1.3 /s         ┃
//! ┃ how             1. deployment/app gets the template of revision 3 …   ┃
//! ┃ stays           ConfigMap app-config                                  ┃
//! ┃ ✔ checks        20 of 20 passed: permission · dry run · …             ┃
//! ┃                                                                       ┃
//! ┃  y  roll back    Esc cancel   f feature flags instead   d details     ┃
//! ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
//! ```

mod answer;
mod told;

use super::dialog::open;
use super::lines::{self, LABEL, Laid, lay};
use super::text::width;
use super::{Brush, View};
use crate::deploy::Time;
use crate::rollback::version_history::VersionStatus;
use crate::rollback::{Covered, Goal, Plan, describe};
use crate::tui::theme::Slot;
use crate::tui::ui::PlanSight;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

/// The widest the dialog gets: longer lines are hard to read.
const WIDEST: u16 = 110;
/// Lines of the answers at the bottom.
const ANSWERS: u16 = 2;
/// Smaller than this inside its frame, a plan cannot be read and is not confirmed.
const LEAST: (u16, u16) = (36, 6);
/// From this height inside on the versions have a line for their revisions and a free one below.
const ROOMY: u16 = 14;

/// Paints it; returns what of it is on the screen.
pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect, plan: &Plan, opened: Time) -> PlanSight {
    let told = told::lines(view, plan);
    let columns = area.width.saturating_sub(4).clamp(1, WIDEST).max(area.width.min(40));
    let laid = lay(view, &told, columns.saturating_sub(4).max(LABEL + 1));
    let roomy = area.height.saturating_sub(2) >= ROOMY;
    let head = match (roomy, revisions(plan)) {
        (true, Some(_)) => 3,
        (true, None) => 2,
        (false, _) => 1,
    };
    // The answers, and a line above them, free or for how much is seen.
    let height = (laid.len() as u16).saturating_add(head + ANSWERS + 3);
    let inner = open(buffer, view, area, &title(view, plan), (columns, height), Slot::BorderFocus);
    if inner.width < LEAST.0 || inner.height < LEAST.1 {
        let text = format!("too small to confirm: {}×{} shows the plan", LEAST.0 + 8, LEAST.1 + 2);
        Brush::new(buffer, view, inner, 0).put(&text, Slot::Warning);
        Brush::new(buffer, view, inner, 1).put("Esc", Slot::Key).gap(1).put("cancel", Slot::Muted);
        return PlanSight { opened, fits: false, rows: Vec::new() };
    }
    versions(buffer, view, Rect { height: head, ..inner }, plan);

    let room = inner.height.saturating_sub(head + ANSWERS + 1);
    let scroll = view.ui.plan_scroll.min((laid.len() as u16).saturating_sub(room));
    let body = Rect { y: inner.y + head, height: room, ..inner };
    let on_screen = usize::from(scroll)..usize::from(scroll + room);
    for (y, part) in laid[on_screen.start..].iter().take(usize::from(room)).enumerate() {
        lines::draw(buffer, view, body, y as u16, part);
        lines::tint(buffer, view, body, y as u16);
    }
    let rows = laid.iter().enumerate().filter(|(_, part)| must_be_read(part));
    let rows = rows.map(|(index, _)| on_screen.contains(&index)).collect();
    let sight = PlanSight { opened, fits: true, rows }.after(view.ui.sight.as_ref());
    if laid.len() as u16 > room {
        let last = (scroll + room).min(laid.len() as u16);
        let more = format!("lines {} to {last} of {}, ↑ ↓ scroll", scroll + 1, laid.len());
        Brush::new(buffer, view, inner, head + room).put(&more, Slot::Muted);
    }
    let answers = Rect { y: inner.bottom().saturating_sub(ANSWERS), height: ANSWERS, ..inner };
    answer::draw(buffer, view, answers, plan, &sight);
    sight
}

/// Whether a row tells of something that is not ok.
fn must_be_read(part: &Laid<'_>) -> bool {
    use crate::rollback::CheckOutcome;
    use crate::rollback::describe::{Sign, Weight};
    let check = matches!(part.line.sign, Some(Sign::Check(outcome)) if outcome > CheckOutcome::Ok);
    check || matches!(part.line.weight, Weight::Warning | Weight::Alarm)
}

fn title(view: &View<'_>, plan: &Plan) -> String {
    let setup = view.live.setup();
    let mut services: Vec<&str> = plan
        .steps()
        .flat_map(|step| &step.covers)
        .map(|covered| setup.service(setup.workload(covered.workload).service).name.as_str())
        .collect();
    services.dedup();
    let what = match services.as_slice() {
        [one] => format!("{} {} {one}", setup.environment, view.glyphs.dot()),
        many => format!("{} {} {} services", setup.environment, view.glyphs.dot(), many.len()),
    };
    match plan.goal {
        Goal::RollBack => format!("roll back {what}"),
        Goal::Undo => format!("undo the rollback of {what}"),
    }
}

/// From which version to which, large, with what is expected of it beside.
fn versions(buffer: &mut Buffer, view: &View<'_>, area: Rect, plan: &Plan) {
    let strong = view.style(Slot::Strong).add_modifier(Modifier::BOLD);
    let covered: Vec<&Covered> = plan.steps().flat_map(|step| &step.covers).collect();
    let pair = |one: &Covered| (one.from.label().to_owned(), one.to.label().to_owned());
    let same = covered.first().map(|one| pair(one)).filter(|it| covered.iter().all(|other| pair(other) == *it));
    let mut brush = Brush::new(buffer, view, area, 0);
    brush.gap(2);
    let arrow = if area.width >= 60 { 10 } else { 2 };
    if let Some((from, to)) = &same {
        let column = width(from).max(13).min(area.width / 3);
        brush.cell(from, column, strong).gap(1);
        brush.repeat(view.glyphs.passed(), arrow, Slot::Key).put(view.glyphs.pointer(), Slot::Key).gap(2);
        brush.cell(to, width(to).max(13).min(area.width / 3), strong).gap(2);
    } else {
        let text = format!("{} workloads, each to the version before", covered.len());
        brush.put(&text, strong).gap(3);
    }
    brush.put(&expected(view, plan, &covered), Slot::Muted);
    if let (Some((old, new)), Some((from, _)), true) = (revisions(plan), &same, area.height > 2) {
        let column = width(from).max(13).min(area.width / 3);
        let mut brush = Brush::new(buffer, view, area, 1);
        brush.gap(2).cell(&format!("revision {old}"), column, Slot::Muted);
        brush.gap(1 + arrow + 3).put(&format!("revision {new}"), Slot::Muted);
    }
}

/// The numbers of the only workload's revisions, where its cluster has any.
fn revisions(plan: &Plan) -> Option<(i64, i64)> {
    let mut covered = plan.steps().flat_map(|step| &step.covers);
    let only = covered.next().filter(|_| covered.next().is_none())?;
    (only.from.revision > 0 && only.to.revision > 0).then_some((only.from.revision, only.to.revision))
}

/// `~72 s · last known good`.
fn expected(view: &View<'_>, plan: &Plan, covered: &[&Covered]) -> String {
    let mut parts = vec![format!("~{}", describe::span(plan.expected()))];
    let good = |one: &&Covered| describe::standing(view.live.setup(), one) == Some(VersionStatus::Good);
    if !covered.is_empty() && covered.iter().all(good) {
        parts.push("last known good".to_owned());
    }
    if plan.stages.len() > 1 {
        parts.push(format!("{} stages", plan.stages.len()));
    }
    parts.join(&format!(" {} ", view.glyphs.dot()))
}
