//! The open plan: all that a rollback would do, before it is done.
//!
//! ```text
//! ┏ roll back production → 1.8.3 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
//! ┃ cluster      prod-eu (https://10.0.0.1:6443)                          ┃
//! ┃ namespace    production                                               ┃
//! ┃ deployment/app   revision 42 → 41   1.9.0 → 1.8.3                     ┃
//! ┃   ✔ permission   may patch deployments                                ┃
//! ┃ y roll back now   Esc or any other key closes                         ┃
//! ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
//! ```

use super::dialog::{field, open};
use super::text::{clean, wrap};
use super::{Brush, View};
use crate::deploy::brief;
use crate::rollback::{CheckOutcome, Covered, Plan, Step};
use crate::tui::keymap::Action;
use crate::tui::theme::Slot;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Columns of the labels at the left.
const LABEL: u16 = 14;
/// The widest the dialog gets: longer lines are hard to read.
const WIDEST: u16 = 110;

/// One line of the plan, before it is broken to the dialog's width.
struct Item {
    sign: &'static str,
    sign_slot: Slot,
    label: String,
    text: String,
    slot: Slot,
}

impl Item {
    fn plain(label: &str, text: impl Into<String>) -> Self {
        Self { sign: "", sign_slot: Slot::Text, label: label.to_owned(), text: text.into(), slot: Slot::Text }
    }
}

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect, plan: &Plan, takes_keys: bool) {
    let items = items(view, plan);
    let columns = area.width.saturating_sub(4).clamp(1, WIDEST).max(area.width.min(40));
    let text_width = columns.saturating_sub(4 + LABEL + 2);
    let mut lines: Vec<(Option<&Item>, String, Slot)> = Vec::new();
    for item in &items {
        let text = view.glyphs.plain(clean(&item.text)).into_owned();
        let parts = wrap(&text, text_width);
        let mut parts = parts.into_iter();
        lines.push((Some(item), parts.next().unwrap_or("").to_owned(), item.slot));
        lines.extend(parts.map(|part| (None, part.to_owned(), item.slot)));
    }
    let title = format!("roll back {} {} {}", view.live.setup().environment, view.glyphs.arrow(), plan.target());
    // Two lines for the question, one above it free.
    let height = lines.len() as u16 + 5;
    let inner = open(buffer, view, area, &title, (columns, height), Slot::BorderAlarm);
    let question = 2.min(inner.height);
    let room = inner.height.saturating_sub(question + 1);
    let scroll = view.ui.plan_scroll.min((lines.len() as u16).saturating_sub(room));
    for (line, (item, text, slot)) in lines.iter().skip(usize::from(scroll)).take(usize::from(room)).enumerate() {
        let mut brush = Brush::new(buffer, view, inner, line as u16);
        match item {
            Some(item) if item.sign.is_empty() => brush.cell(&item.label, LABEL, Slot::Muted).gap(2),
            Some(item) => {
                brush.gap(2).put(item.sign, item.sign_slot).gap(1).cell(&item.label, LABEL - 4, Slot::Text).gap(3)
            }
            None => brush.gap(LABEL + 2),
        };
        brush.put(text, *slot);
    }
    if lines.len() as u16 > room {
        let more = format!("{} of {} lines, up and down scroll", room, lines.len());
        Brush::new(buffer, view, inner, room).put(&more, Slot::Muted);
    }
    let question = Rect { y: inner.bottom().saturating_sub(question), height: question, ..inner };
    ask(buffer, view, question, takes_keys);
}

/// What answers it.
fn ask(buffer: &mut Buffer, view: &View<'_>, area: Rect, takes_keys: bool) {
    let environment = &view.live.setup().environment;
    let mut brush = Brush::new(buffer, view, area, 0);
    if view.live.wants_typing() {
        match &view.ui.notice {
            Some(notice) => brush.put(notice, Slot::Warning),
            None => brush
                .put("type ", Slot::Text)
                .put(environment, Slot::Key)
                .put(" and press ", Slot::Text)
                .put("Enter", Slot::Key)
                .put(" to roll back   ", Slot::Text)
                .put("Esc", Slot::Key)
                .put(" closes", Slot::Text),
        };
        field(buffer, view, area, 1, &view.ui.typed);
        return;
    }
    let Some(key) = view.keymap.label(Action::Confirm) else {
        brush.put("no key is set for `confirm`: any key closes", Slot::Warning);
        return;
    };
    brush.put(&key, if takes_keys { Slot::Key } else { Slot::Muted }).gap(1);
    brush.put("roll back now", if takes_keys { Slot::Strong } else { Slot::Muted }).gap(3);
    brush.put("Esc", Slot::Key).put(" or any other key closes, nothing happens", Slot::Muted);
    if !takes_keys {
        Brush::new(buffer, view, area, 1).put("read it first: keys are taken in a moment", Slot::Muted);
    }
}

fn items(view: &View<'_>, plan: &Plan) -> Vec<Item> {
    let mut items = Vec::new();
    if let Some(first) = plan.steps().next() {
        items.push(Item::plain("cluster", first.place.clone()));
        if let Some(covered) = first.covers.first() {
            items.push(Item::plain("namespace", covered.reference.namespace.clone()));
        }
    }
    items.push(Item::plain("takes", format!("about {} until all pods are ready", brief(plan.expected()))));
    let many = plan.step_count() > 1;
    if many {
        let order = match plan.stages.len() {
            1 => "side by side".to_owned(),
            stages => format!("in {stages} stages, each when the one before is ready"),
        };
        items.push(Item::plain("workloads", format!("{}, {order}", plan.step_count())));
    }
    for step in plan.steps() {
        items.push(Item::plain("", ""));
        step_items(view, step, many, &mut items);
    }
    if !plan.left_out.is_empty() {
        items.push(Item::plain("", ""));
        for left in &plan.left_out {
            let text = format!("{}: {}", left.reference, left.why);
            items.push(Item { slot: Slot::Warning, ..Item::plain("left alone", text) });
        }
    }
    items
}

/// A workload that goes back, and what of its images changes by that.
fn covered_items(view: &View<'_>, covered: &Covered, many: bool, items: &mut Vec<Item>) {
    let arrow = view.glyphs.arrow();
    let Covered { reference, from, to, .. } = covered;
    let heading = format!(
        "{reference}   {} {arrow} {}   (revision {} {arrow} {})",
        from.label(),
        to.label(),
        from.revision,
        to.revision
    );
    items.push(Item { slot: Slot::Strong, ..Item::plain("roll back", heading) });
    for index in 0..from.images.len().max(to.images.len()) {
        let image = |images: &[String]| images.get(index).map_or_else(|| "none".to_owned(), Clone::clone);
        let (from, to) = (image(&from.images), image(&to.images));
        // With many steps only what changes is worth a line.
        if !many || from != to {
            items.push(Item::plain("image", format!("{from} {arrow} {to}")));
        }
    }
}

fn step_items(view: &View<'_>, step: &Step, many: bool, items: &mut Vec<Item>) {
    for covered in &step.covers {
        covered_items(view, covered, many, items);
    }
    for check in &step.checks {
        if many && check.outcome == CheckOutcome::Ok {
            continue;
        }
        let slot = match check.outcome {
            CheckOutcome::Ok => Slot::Clear,
            CheckOutcome::Warning => Slot::Warning,
            CheckOutcome::Typed | CheckOutcome::Blocked => Slot::RedFlag,
        };
        items.push(Item {
            sign: view.glyphs.check(check.outcome),
            sign_slot: slot,
            label: check.name.to_owned(),
            text: check.sentence.clone(),
            slot: Slot::Text,
        });
    }
    if many {
        let passed = step.checks.iter().filter(|check| check.outcome == CheckOutcome::Ok).count();
        items.push(Item {
            sign: view.glyphs.check(CheckOutcome::Ok),
            sign_slot: Slot::Clear,
            label: "checks".to_owned(),
            text: format!("{passed} of {} passed", step.checks.len()),
            slot: Slot::Text,
        });
    }
    for thing in &step.not_restored {
        items.push(Item::plain("not restored", thing.clone()));
    }
    items.push(Item { slot: Slot::Muted, ..Item::plain("by hand", step.by_hand.clone()) });
}
