//! What answers a plan: the key that does it, once it may be struck; the others; and what is still in its way.

use crate::rollback::lease::{Holder, Holding};
use crate::rollback::{Goal, Plan, describe};
use crate::tui::keymap::Action;
use crate::tui::theme::Slot;
use crate::tui::ui::{PlanKey, PlanSight};
use crate::tui::view::dialog::field;
use crate::tui::view::text::{hour_minute, width};
use crate::tui::view::{Brush, View};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

/// Said while the key that confirms is not taken for a moment.
const IN_A_MOMENT: &str = "active in a moment: release all keys";

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect, plan: &Plan, sight: &PlanSight) {
    if let Holding::Theirs(holder) = view.live.holding() {
        return refuse(buffer, view, area, holder);
    }
    if view.live.wants_typing() {
        return ask_for_name(buffer, view, area, plan, sight);
    }
    let mut brush = Brush::new(buffer, view, area, 0);
    let takes = view.live.takes_confirmation() && sight.is_read();
    let does = match plan.goal {
        Goal::RollBack => "roll back",
        Goal::Undo => "undo the rollback",
    };
    match view.keymap.label(Action::Confirm) {
        Some(key) => {
            let button = format!(" {key}  {does} ");
            let live = view.style(Slot::Key).add_modifier(Modifier::REVERSED | Modifier::BOLD);
            brush.put(&button, if takes { live } else { view.style(Slot::Muted) }).gap(2);
        }
        None => {
            brush.put("no key is set for `confirm`", Slot::Warning).gap(2);
        }
    }
    others(&mut brush, view);
    status(buffer, view, Rect { y: area.y + 1, height: 1, ..area }, sight);
}

/// Every other key that does something here.
fn others(brush: &mut Brush<'_>, view: &View<'_>) {
    brush.put("Esc", Slot::Key).gap(1).put("cancel", Slot::Muted).gap(2);
    for pressed in PlanKey::ALL {
        let Some(key) = pressed.key(view.keymap, view.ui, view.live) else { continue };
        let (key, word) = (key.to_string(), label(view, pressed));
        if brush.left() < width(&key) + 1 + width(&word) {
            continue;
        }
        brush.put(&key, Slot::Key).gap(1).put(&word, Slot::Muted).gap(2);
    }
}

fn label(view: &View<'_>, pressed: PlanKey) -> String {
    match pressed {
        PlanKey::Details if view.ui.plan_details => "fewer".to_owned(),
        // A flag that is the only one has a name.
        PlanKey::Features => match view.live.flags(view.service()).as_slice() {
            [only] => format!("flag {} instead", only.id.key),
            _ => pressed.label().to_owned(),
        },
        _ => pressed.label().to_owned(),
    }
}

/// What is still in the way of the key, or what came of another one.
fn status(buffer: &mut Buffer, view: &View<'_>, line: Rect, sight: &PlanSight) {
    let mut brush = Brush::new(buffer, view, line, 0);
    if let Some(copied) = &view.ui.copied {
        brush.put(&copied.sentence(), Slot::Text);
        return;
    }
    if !sight.is_read() {
        brush.put(&unread(sight), Slot::Warning);
        return;
    }
    let takes = view.live.takes_confirmation();
    match view.live.holding() {
        Holding::Asking | Holding::Nobody if !takes && view.live.wakes_at().is_none() => {
            brush.put("checking the lock: is anybody else rolling back?", Slot::Muted);
        }
        Holding::Unavailable(why) if takes => {
            brush.put(&format!("no lock: {why}"), Slot::Warning);
        }
        _ if !takes => {
            brush.put(IN_A_MOMENT, Slot::Muted);
        }
        _ => {}
    }
}

fn unread(sight: &PlanSight) -> String {
    match sight.unread() {
        1 => "1 line that is not ok was not on the screen yet: ↓ shows it".to_owned(),
        many => format!("{many} lines that are not ok were not on the screen yet: ↓ shows them"),
    }
}

/// Somebody else is at it: there is no key that does it.
fn refuse(buffer: &mut Buffer, view: &View<'_>, area: Rect, holder: &Holder) {
    let since = hour_minute(holder.since, view.zone);
    let text = format!("{} holds the lock since {since}: {}", holder.who, holder.what);
    Brush::new(buffer, view, area, 0).put(&text, Slot::RedFlag);
    others(&mut Brush::new(buffer, view, area, 1), view);
}

fn ask_for_name(buffer: &mut Buffer, view: &View<'_>, area: Rect, plan: &Plan, sight: &PlanSight) {
    let mut brush = Brush::new(buffer, view, area, 0);
    brush.put("type ", Slot::Text).put(&view.live.setup().environment, Slot::Key).put(" and ", Slot::Text);
    brush.put("Enter", Slot::Key).put(" to confirm   ", Slot::Text);
    others(&mut brush, view);
    let line = Rect { y: area.y + 1, height: 1, ..area };
    let room = field(buffer, view, line, 0, &view.ui.typed) + 3;
    let beside = Rect { x: (line.x + room).min(line.right()), width: line.width.saturating_sub(room), ..line };
    let mut brush = Brush::new(buffer, view, beside, 0);
    if let Some(notice) = &view.ui.notice {
        brush.put(notice, Slot::Warning);
    } else if let Some(copied) = &view.ui.copied {
        brush.put(&copied.sentence(), Slot::Text);
    } else if !sight.is_read() {
        brush.put(&unread(sight), Slot::Warning);
    } else if !view.live.takes_confirmation() {
        brush.put("in a moment", Slot::Muted);
    } else if let Some(harm) = describe::harm(plan).first() {
        brush.put_whole(&view.glyphs.plain(harm.into()), Slot::RedFlag);
    }
}
