//! A rollback under way or ended: how far each step has come, in seconds since the key; what came of it.
//!
//! ```text
//! ┏ rollback → 1.8.3 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
//! ┃ … 34 s of about 70 s   ✔ key 14:12:03   ✔ accepted 1 s   … pods   … flags              ┃
//! ┃ deployment/app   accepted   ████████████████░░░░░░░░   8 ready, 3 starting              ┃
//! ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
//! ```

use super::text::{clean, hour_minute_second, width, wrap};
use super::{Brush, View, rollout};
use crate::deploy::{Time, brief};
use crate::rollback::{Covered, Rollback, StepState, Undertaking};
use crate::rollout::{Pod, PodPhase, Rollout};
use crate::tui::theme::Slot;
use crate::verdict::Level;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use std::fmt::Write;

/// Columns of a step's state.
const STATE: u16 = 10;
/// The widest a bar of pods gets.
const WIDEST_BAR: u16 = 40;

/// How many lines it would like; zero where there is nothing to tell.
pub(super) fn wish(view: &View<'_>, inner_width: u16) -> u16 {
    let Some(done) = view.ui.report(view.live) else { return 0 };
    let outcome = outcome(view).map_or(0, |(_, sentence)| wrap(&sentence, inner_width.saturating_sub(2)).len().min(3));
    (covered(done).count() + 1 + outcome) as u16
}

/// Every workload that is taken back, with the state of its step.
fn covered(done: &Undertaking) -> impl Iterator<Item = (&Covered, &StepState)> {
    let steps = done.plan.steps().zip(&done.steps);
    steps.flat_map(|(step, state)| step.covers.iter().map(move |covered| (covered, state)))
}

/// What came of it: sign, style and sentence; `None` while it runs.
fn outcome(view: &View<'_>) -> Option<(Level, String)> {
    let took = |done: &Undertaking, at: Time| brief(at - done.confirmed);
    Some(match view.live.rollback() {
        Rollback::Idle
        | Rollback::Planned { .. }
        | Rollback::Countdown { .. }
        | Rollback::Confirmed(_)
        | Rollback::Running(_) => return None,
        Rollback::Verified { done, at } => (
            Level::Clear,
            format!(
                "VERIFIED: {} serves, its pods are ready, the flags are clear, {} after the key",
                done.plan.target(),
                took(done, *at)
            ),
        ),
        Rollback::NotTheCause { done, .. } => (
            Level::Warning,
            format!(
                "NOT THE CAUSE: {} serves and the flags are still red; look elsewhere: a dependency, data, traffic",
                done.plan.target()
            ),
        ),
        Rollback::Failed { blocked, .. } => {
            let reason = blocked.reason.trim_end_matches('.');
            (Level::RedFlag, format!("FAILED: {reason}; {}", blocked.way_out))
        }
        Rollback::OutcomeUnknown { at, reason, .. } => {
            let since = brief(view.live.now() - *at);
            let text = format!("OUTCOME UNKNOWN for {since}: {reason}; reading what is there, sending nothing twice");
            (Level::NoData, text)
        }
    })
}

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let Some(done) = view.ui.report(view.live) else { return };
    let outcome = outcome(view);
    let border = match &outcome {
        None => Slot::BorderFocus,
        Some((level, _)) => Slot::from(*level),
    };
    let title = format!(" rollback {} {} ", view.glyphs.arrow(), done.plan.target());
    let title = Line::styled(title, view.style(Slot::Strong));
    // Reversal is for words: a border must stay a line.
    let border = view.style(border).remove_modifier(ratatui::style::Modifier::REVERSED);
    let inner = view.boxed(buffer, area, title, border, true);

    let mut line = 0;
    if let Some((level, sentence)) = outcome {
        let (glyph, style) = view.level(level);
        let sentence = view.glyphs.plain(clean(&sentence)).into_owned();
        Brush::new(buffer, view, inner, 0).put(glyph, style);
        for part in wrap(&sentence, inner.width.saturating_sub(2)).into_iter().take(3) {
            Brush::new(buffer, view, inner, line).gap(2).put(part, style);
            line += 1;
        }
    }
    draw_milestones(buffer, view, inner, line, done);
    let covered = covered(done);
    for (offset, (covered, state)) in covered.enumerate() {
        let line = line + 1 + offset as u16;
        let mut brush = Brush::new(buffer, view, inner, line);
        let reference = covered.reference.to_string();
        brush.put(&reference, Slot::Text).gap(2);
        draw_state(&mut brush, state);
        let Some(rollout) = &view.live.workload(covered.workload).rollout else { continue };
        let columns = (brush.left() / 3).min(WIDEST_BAR);
        rollout::bar(&mut brush, view, rollout, Some(&covered.to.hash), columns);
        brush.gap(2).put(&told(covered, rollout), Slot::Text);
    }
}

/// The way from the key to clear flags, each with the seconds it took.
fn draw_milestones(buffer: &mut Buffer, view: &View<'_>, inner: Rect, line: u16, done: &Undertaking) {
    let clear = match view.live.rollback() {
        Rollback::Verified { at, .. } => Some(*at),
        _ => None,
    };
    let mut brush = Brush::new(buffer, view, inner, line);
    if matches!(view.live.rollback(), Rollback::Confirmed(_) | Rollback::Running(_)) {
        let so_far = brief(view.live.now() - done.confirmed);
        let text = format!("{so_far} of about {}", brief(done.plan.expected()));
        brush.cell(&text, 22, Slot::Strong);
    }
    let key = format!("key {}", hour_minute_second(done.confirmed, view.zone));
    brush.put(view.glyphs.level(Level::Clear), Slot::Clear).gap(1).put(&key, Slot::Text);
    for (word, at) in [("accepted", done.accepted), ("ready", done.ready), ("flags clear", clear)] {
        let (sign, slot) = match at {
            Some(_) => (view.glyphs.level(Level::Clear), Slot::Clear),
            None => (view.glyphs.ellipsis(), Slot::Muted),
        };
        let text = at.map_or_else(|| word.to_owned(), |at| format!("{word} {}", brief(at - done.confirmed)));
        if brush.left() < width(&text) + 6 {
            break;
        }
        brush.gap(1).put(view.glyphs.arrow(), Slot::Muted).gap(1).put(sign, slot).gap(1);
        brush.put(&text, if at.is_some() { Slot::Text } else { Slot::Muted });
    }
}

/// Which pods serve, which are on their way and which are still of the version that goes.
fn told(covered: &Covered, rollout: &Rollout) -> String {
    let count = |wanted: &dyn Fn(&Pod) -> bool| rollout.pods.iter().filter(|pod| wanted(pod)).count();
    let is_back = |pod: &Pod| pod.hash == covered.to.hash;
    let leaves = |pod: &Pod| matches!(pod.phase, PodPhase::Terminating | PodPhase::Finished);
    let ready = count(&|pod| is_back(pod) && pod.phase == PodPhase::Ready);
    let mut text = format!("{ready} of {} ready on {}", rollout.replicas.desired, covered.to.label());
    let failing = count(&|pod| is_back(pod) && pod.phase == PodPhase::Failing);
    let coming = count(&|pod| is_back(pod) && matches!(pod.phase, PodPhase::Starting | PodPhase::Unready));
    let left = count(&|pod| !is_back(pod) && !leaves(pod));
    let leaving = count(&leaves);
    for (count, word) in [
        (failing, "failing".to_owned()),
        (coming, "starting".to_owned()),
        (left, format!("still on {}", covered.from.label())),
        (leaving, "terminating".to_owned()),
    ] {
        if count > 0 {
            // Writing into a string cannot fail.
            let _ = write!(text, ", {count} {word}");
        }
    }
    text
}

fn draw_state(brush: &mut Brush<'_>, state: &StepState) {
    let (word, slot) = match state {
        StepState::Waiting => ("waiting", Slot::Muted),
        StepState::Sent => ("sent", Slot::Muted),
        StepState::Accepted { .. } => ("accepted", Slot::Watching),
        StepState::Ready { .. } => ("ready", Slot::Clear),
        StepState::Unknown(_) => ("unknown", Slot::Unknown),
        StepState::Failed(_) => ("failed", Slot::RedFlag),
    };
    brush.cell(word, STATE, slot);
}
