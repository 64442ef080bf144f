//! The open plan: all that a rollback would do, before it is done, and what answers it.
//!
//! ```text
//! ┏ roll back production → 1.8.3 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
//! ┃ strategy        kubernetes at prod-eu (https://10.0.0.1:6443)         ┃
//! ┃ takes           about 70 s until all pods are ready                   ┃
//! ┃                                                                       ┃
//! ┃ roll back       deployment/app   1.9.0 → 1.8.3   (revision 42 → 41)   ┃
//! ┃ does            1. deployment/app gets the template of revision 41 …  ┃
//! ┃ ✔ permission    may patch deployments                                 ┃
//! ┃ y roll back now   Esc or any other key closes                         ┃
//! ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
//! ```

use super::dialog::{self, READ_IT_FIRST, field, open};
use super::lines::{self, LABEL, lay};
use super::text::{hour_minute, wrap};
use super::{Brush, View};
use crate::deploy::Time;
use crate::rollback::describe::{self, Line, Sign, Weight};
use crate::rollback::lease::{Holder, Holding};
use crate::rollback::{CheckOutcome, Goal, Plan};
use crate::tui::theme::Slot;
use crate::verdict::Level;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// The widest the dialog gets: longer lines are hard to read.
const WIDEST: u16 = 110;
/// Lines of the question at the bottom.
const QUESTION: u16 = 2;

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect, plan: &Plan, opened: Time) {
    let setup = view.live.setup();
    let why = |covered: &crate::rollback::Covered| match plan.goal {
        Goal::Undo => "it was rolled back in this watch".to_owned(),
        Goal::RollBack => describe::why(setup, covered, view.live.workload(covered.workload).deploy.as_ref()),
    };
    let mut told = describe::plan(setup, plan, why);
    if plan.step_count() == 1 && !view.ui.plan_details {
        fold(&mut told);
    }
    told.splice(0..0, calls_for(view, plan));
    let columns = area.width.saturating_sub(4).clamp(1, WIDEST).max(area.width.min(40));
    let laid = lay(view, &told, columns.saturating_sub(4).max(LABEL + 1));
    // The question, and a line above it free or for how much is seen.
    let height = (laid.len() as u16).saturating_add(QUESTION + 3);
    let inner = open(buffer, view, area, &title(view, plan), (columns, height), Slot::BorderFocus);
    let question = QUESTION.min(inner.height);
    let room = inner.height.saturating_sub(question + 1);
    let scroll = view.ui.plan_scroll.min((laid.len() as u16).saturating_sub(room));
    let shown = Rect { height: room, ..inner };
    for (y, part) in laid.iter().skip(usize::from(scroll)).take(usize::from(room)).enumerate() {
        lines::draw(buffer, view, shown, y as u16, part);
    }
    if laid.len() as u16 > room {
        let last = (scroll + room).min(laid.len() as u16);
        let more = format!("lines {} to {last} of {}, up and down scroll", scroll + 1, laid.len());
        Brush::new(buffer, view, inner, room).put(&more, Slot::Muted);
    }
    let question = Rect { y: inner.bottom().saturating_sub(question), height: question, ..inner };
    ask(buffer, view, question, plan, opened);
}

/// What calls for it: the headlines that are red.
fn calls_for(view: &View<'_>, plan: &Plan) -> Vec<Line> {
    if plan.goal == Goal::Undo || plan.without_red_flag {
        return Vec::new();
    }
    let red = view.headlines.iter().filter(|headline| headline.level() == Level::RedFlag);
    let line = |(index, headline): (usize, &crate::headline::Headline)| {
        Line::new(Weight::Plain, if index == 0 { "why" } else { "" }, headline.to_string())
    };
    red.enumerate().map(line).collect()
}

/// Checks that came out well are a number: what differs from that is what is read.
fn fold(told: &mut Vec<Line>) {
    let is_ok = |line: &Line| line.sign == Some(Sign::Check(CheckOutcome::Ok));
    let is_check = |line: &&Line| matches!(line.sign, Some(Sign::Check(_)));
    let Some(place) = told.iter().position(is_ok) else { return };
    let all = told.iter().filter(is_check).count();
    let names: Vec<String> = told.iter().filter(|line| is_ok(line)).map(|line| line.label.clone()).collect();
    let text = format!("{} of {all} passed: {}   (d details)", names.len(), names.join(" · "));
    told.retain(|line| !is_ok(line));
    told.insert(place, Line::signed(Sign::Check(CheckOutcome::Ok), "checks", text));
}

fn title(view: &View<'_>, plan: &Plan) -> String {
    let text = match plan.goal {
        Goal::RollBack => format!("roll back {} → {}", view.live.setup().environment, plan.target()),
        Goal::Undo => {
            format!("undo the rollback of {}: {}", view.live.setup().environment, describe::versions(plan))
        }
    };
    view.glyphs.plain(text.into()).into_owned()
}

/// What answers it.
fn ask(buffer: &mut Buffer, view: &View<'_>, area: Rect, plan: &Plan, opened: Time) {
    if let Holding::Theirs(holder) = view.live.holding() {
        return refuse(buffer, view, area, holder);
    }
    let takes_keys = view.live.takes_confirmation();
    if view.live.wants_typing() {
        ask_for_name(buffer, view, area, plan, takes_keys);
        return;
    }
    let does = match plan.goal {
        Goal::RollBack => "roll back now",
        Goal::Undo => "undo the rollback now",
    };
    dialog::answers(buffer, view, area, does, takes_keys);
    let mut brush = Brush::new(buffer, view, area, 1);
    match view.live.holding() {
        _ if view.live.now() - opened < view.live.setup().confirm_grace => {
            brush.put(READ_IT_FIRST, Slot::Muted);
        }
        Holding::Asking | Holding::Nobody if !takes_keys => {
            brush.put("asking whether somebody else is at it", Slot::Muted);
        }
        Holding::Unavailable(why) => {
            brush.put(&format!("whether somebody else is at it is not known: {why}"), Slot::Warning);
        }
        _ => {}
    }
}

/// Somebody else is at it: there is no key that does it.
fn refuse(buffer: &mut Buffer, view: &View<'_>, area: Rect, holder: &Holder) {
    let since = hour_minute(holder.since, view.zone);
    let text = format!("{} is at it since {since}: {}", holder.who, holder.what);
    Brush::new(buffer, view, area, 0).put(&text, Slot::RedFlag);
    let mut brush = Brush::new(buffer, view, area, 1);
    brush.put("Esc", Slot::Key).put(" closes; nothing is sent from here while they are", Slot::Muted);
}

fn ask_for_name(buffer: &mut Buffer, view: &View<'_>, area: Rect, plan: &Plan, takes_keys: bool) {
    let mut brush = Brush::new(buffer, view, area, 0);
    match (&view.ui.notice, describe::harm(plan).first()) {
        (Some(notice), _) => {
            brush.put(notice, Slot::Warning);
        }
        (None, harm) => {
            brush
                .put("type ", Slot::Text)
                .put(&view.live.setup().environment, Slot::Key)
                .put(" and press ", Slot::Text);
            brush.put("Enter", Slot::Key).put(" to do it   ", Slot::Text);
            brush.put("Esc", Slot::Key).put(" closes   ", Slot::Text);
            if !takes_keys {
                brush.put("in a moment", Slot::Muted);
            } else if let Some(harm) = harm {
                let harm = view.glyphs.plain(harm.into()).into_owned();
                let room = brush.left();
                if let [whole] = wrap(&harm, room).as_slice() {
                    brush.put(whole, Slot::RedFlag);
                }
            }
        }
    }
    field(buffer, view, area, 1, &view.ui.typed);
}
