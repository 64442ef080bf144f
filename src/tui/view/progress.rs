//! A rollback in progress or ended: how far each step has come, in seconds since the key; what came of it.
//!
//! ```text
//! ┏ rollback → 1.8.3 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
//! ┃ … 34 s of about 70 s   ✔ key 14:12:03   ✔ accepted 1 s   … pods   … flags              ┃
//! ┃ deployment/app   accepted   ████████████████░░░░░░░░   8 ready, 3 starting              ┃
//! ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
//! ```

use super::text::{clean, hour_minute_second, width, wrap};
use super::{Brush, View, footer, rollout};
use crate::deploy::brief;
use crate::rollback::deletion::{Deleted, PodId};
use crate::rollback::{Covered, Execution, Goal, Rollback, Run, StepState, describe};
use crate::rollout::{Pod, PodPhase, Rollout};
use crate::tui::keymap::Action;
use crate::tui::rows;
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

/// One line of the steps: a workload with its pods, or the run that carries its step out.
enum Part<'a> {
    Workload(&'a Covered, &'a StepState),
    Run(&'a Run),
}

/// So many lines of what came of it are told at most; what to do about it is told whole.
const MOST_LINES: usize = 3;

/// What came of a rollback.
struct Outcome {
    level: Level,
    sentence: String,
    /// What to do about it.
    way_out: Option<String>,
}

impl Outcome {
    fn new(level: Level, sentence: impl Into<String>) -> Self {
        Self { level, sentence: sentence.into(), way_out: None }
    }

    /// Broken to this width, in so much room. The way out is never cut: the sentence gives way to it.
    fn lines(&self, view: &View<'_>, columns: u16, room: u16) -> Vec<String> {
        let fit = |text: &str| view.glyphs.plain(clean(text)).into_owned();
        let way_out = self.way_out.as_ref().map(|way_out| fit(&format!("→ {way_out}"))).unwrap_or_default();
        let (sentence, cut) = (fit(&self.sentence), fit("…"));
        let (way_out, sentence) = (wrap(&way_out, columns), wrap(&sentence, columns));
        let most = usize::from(room).saturating_sub(way_out.len()).clamp(1, MOST_LINES);
        let mut lines: Vec<String> = sentence.iter().take(most).map(|line| (*line).to_owned()).collect();
        if let (true, Some(last)) = (sentence.len() > most, lines.last_mut()) {
            while width(last) + width(&cut) > columns && last.pop().is_some() {}
            last.push_str(&cut);
        }
        lines.extend(way_out.into_iter().map(str::to_owned));
        lines
    }
}

/// How many lines it would like; zero where there is nothing to tell.
pub(super) fn wish(view: &View<'_>, inner_width: u16) -> u16 {
    let Some(done) = view.ui.report(view.live) else { return 0 };
    let outcome = outcome(view).map_or(0, |outcome| outcome.lines(view, inner_width.saturating_sub(2), u16::MAX).len());
    (parts(done).len() + 1 + outcome + usize::from(next(view).is_some())) as u16
}

/// Every workload that is rolled back with the state of its step, and the runs.
fn parts(done: &Execution) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    for (step, state) in done.plan.steps().zip(&done.steps) {
        parts.extend(step.covers.iter().map(|covered| Part::Workload(covered, state)));
        if let StepState::Accepted { run: Some(run), .. } = state {
            parts.push(Part::Run(run));
        }
    }
    parts
}

/// What came of it: sign, style and sentence; `None` while it runs.
fn outcome(view: &View<'_>) -> Option<Outcome> {
    Some(match view.live.rollback() {
        Rollback::Idle
        | Rollback::Planned { .. }
        | Rollback::Countdown { .. }
        | Rollback::Confirmed(_)
        | Rollback::Running(_) => return None,
        Rollback::Verified { done, at } => {
            let since = done.beginning();
            let (serves, took) = (done.plan.serves(), brief(*at - done.confirmed));
            let flags = match done.plan.goal {
                Goal::RollBack => ", recovered",
                // Whoever brings it back knows that its flags may come with it.
                Goal::Undo => "",
            };
            Outcome::new(Level::Clear, format!("VERIFIED: {serves}, its pods are ready{flags}, {took} after {since}"))
        }
        Rollback::NotTheCause { done, .. } => {
            let serves = done.plan.serves();
            let text = format!(
                "NOT THE CAUSE: {serves} and the flags are still red; look elsewhere: a dependency, data, traffic"
            );
            Outcome::new(Level::Warning, text)
        }
        Rollback::Failed { blocked, .. } => {
            let reason = blocked.reason.trim_end_matches('.');
            let way_out = Some(blocked.way_out.clone()).filter(|way_out| !way_out.is_empty());
            Outcome { way_out, ..Outcome::new(Level::RedFlag, format!("FAILED: {reason}")) }
        }
        Rollback::OutcomeUnknown { at, reason, .. } => {
            let since = brief(view.live.now() - *at);
            let text = format!("OUTCOME UNKNOWN for {since}: {reason}; reading what is there, sending nothing twice");
            Outcome::new(Level::NoData, text)
        }
    })
}

/// What can be done: about pods that hold it up, and about a rollback that did not help its rest, and the way back.
fn next(view: &View<'_>) -> Option<Vec<(Action, String)>> {
    let live = view.live;
    let mut keys: Vec<(Action, String)> = deletion(view).into_iter().collect();
    let helped = !matches!(live.rollback(), Rollback::Failed { .. } | Rollback::NotTheCause { .. });
    if helped || live.setup().read_only {
        return (!keys.is_empty()).then_some(keys);
    }
    let rest = live.plan(Goal::RollBack, &[]);
    if !rest.is_empty() {
        let mut subjects = rest.steps().map(|step| step.subject.as_str());
        let what = match (subjects.next(), rest.step_count()) {
            (Some(only), 1) => only.to_owned(),
            (_, count) => format!("{count} others"),
        };
        // Where nothing was done yet there is nothing to continue.
        let word = if live.can_go_forward() { "continues with" } else { "reopens the plan:" };
        keys.push((Action::Rollback, format!("{word} {what}")));
    }
    if footer::offers_forward(live) {
        let forward = live.plan(Goal::Undo, &[]);
        let to = if forward.is_empty() { String::new() } else { format!(": {}", describe::versions(&forward)) };
        keys.push((Action::Forward, format!("undo the rollback{to}")));
    }
    (!keys.is_empty()).then_some(keys)
}

/// The pods that hold it up and the key that deletes them; why they were not, where that was tried.
fn deletion(view: &View<'_>) -> Option<(Action, String)> {
    let live = view.live;
    let pods: Vec<PodId> = rows::workloads(live, None).flat_map(|id| live.deletable_pods(id)).collect();
    let names: Vec<&str> = pods.iter().map(|pod| pod.name.as_str()).collect();
    let tried = pods.iter().find_map(|pod| live.deleted(pod)).map(Deleted::told);
    let (them, tried) = (names.join(", "), tried.map_or_else(String::new, |told| format!(" ({told})")));
    (!pods.is_empty()).then(|| (Action::DeletePods, format!("deletes {them}, which OrderedReady waits for{tried}")))
}

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let Some(done) = view.ui.report(view.live) else { return };
    let outcome = outcome(view);
    let border = match &outcome {
        None => Slot::BorderFocus,
        Some(outcome) => Slot::from(outcome.level),
    };
    let title = Line::styled(title(view, done), view.style(Slot::Strong));
    // Reversal is for words: a border must stay a line.
    let inner = view.boxed(buffer, area, title, view.ink(border), true);

    let mut line = 0;
    if let Some(outcome) = outcome {
        let (glyph, style) = view.level(outcome.level);
        Brush::new(buffer, view, inner, 0).put(glyph, style);
        for part in outcome.lines(view, inner.width.saturating_sub(2), inner.height) {
            Brush::new(buffer, view, inner, line).gap(2).put(&part, style);
            line += 1;
        }
    }
    draw_milestones(buffer, view, inner, line, done);
    line += 1;
    let next = next(view);
    let steps = Rect {
        y: inner.y + line.min(inner.height),
        height: inner.height.saturating_sub(line + u16::from(next.is_some())),
        ..inner
    };
    draw_steps(buffer, view, steps, done);
    if let Some(keys) = next {
        let mut brush = Brush::new(buffer, view, inner, inner.height.saturating_sub(1));
        for (action, text) in keys {
            if let Some(key) = view.keymap.label(action) {
                brush.put(&key, Slot::Key).gap(1).put(&text, Slot::Text).gap(3);
            }
        }
    }
}

fn title(view: &View<'_>, done: &Execution) -> String {
    let word = match done.plan.goal {
        Goal::RollBack => "rollback",
        Goal::Undo => "undo of the rollback",
    };
    let all = done.steps.len();
    let ready = done.steps.iter().filter(|state| matches!(state, StepState::Ready { .. })).count();
    // Once it has ended its pods are no longer counted as its own.
    let of = if all > 1 && view.live.rollback().is_in_progress() {
        format!("{} {ready} of {all} ready ", view.glyphs.dot())
    } else {
        String::new()
    };
    format!(" {word} {} {} {of}", view.glyphs.arrow(), done.plan.target())
}

/// How much a step needs to be looked at, most first.
const fn attention(part: &Part<'_>) -> u8 {
    match part {
        Part::Workload(_, StepState::Failed(_)) => 0,
        Part::Workload(_, StepState::Unknown(_)) => 1,
        Part::Workload(_, StepState::Sent | StepState::Accepted { .. }) | Part::Run(_) => 2,
        Part::Workload(_, StepState::Waiting) => 3,
        Part::Workload(_, StepState::Ready { .. }) => 4,
    }
}

fn draw_steps(buffer: &mut Buffer, view: &View<'_>, area: Rect, done: &Execution) {
    let mut parts = parts(done);
    let height = usize::from(area.height);
    let hidden = if parts.len() > height { parts.len() + 1 - height.max(1) } else { 0 };
    if hidden > 0 {
        parts.sort_by_key(attention);
        let text = format!("{hidden} more");
        Brush::new(buffer, view, area, area.height.saturating_sub(1)).put(&text, Slot::Muted);
    }
    let names = done.plan.steps().flat_map(|step| &step.covers).map(|covered| width(&covered.reference.to_string()));
    let name = names.max().unwrap_or(0).min(area.width / 3);
    for (line, part) in parts.iter().take(parts.len() - hidden).enumerate() {
        let mut brush = Brush::new(buffer, view, area, line as u16);
        match part {
            Part::Workload(covered, state) => draw_workload(&mut brush, view, name, covered, state),
            Part::Run(run) => draw_run(&mut brush, view, run),
        }
    }
}

fn draw_workload(brush: &mut Brush<'_>, view: &View<'_>, name: u16, covered: &Covered, state: &StepState) {
    brush.cell(&covered.reference.to_string(), name, Slot::Text).gap(2);
    draw_state(brush, state);
    match state {
        StepState::Waiting => {
            brush.put("for the stage before it", Slot::Muted);
        }
        StepState::Failed(blocked) => {
            brush.put(&blocked.reason, Slot::Text);
        }
        StepState::Unknown(why) => {
            brush.put(why, Slot::Text);
        }
        StepState::Sent | StepState::Accepted { .. } | StepState::Ready { .. } => {
            let Some(rollout) = &view.live.workload(covered.workload).rollout else { return };
            let columns = (brush.left() / 3).min(WIDEST_BAR);
            rollout::bar(brush, view, rollout, Some(&covered.to.hash), columns);
            brush.gap(2).put(&told(covered, rollout), Slot::Text);
        }
    }
}

/// The run of another system that carries a step out.
fn draw_run(brush: &mut Brush<'_>, view: &View<'_>, run: &Run) {
    let slot = if run.ended { Slot::Clear } else { Slot::Watching };
    brush.gap(2).put(&format!("run {}", run.id), Slot::Muted).gap(2).put(&run.state, slot).gap(2);
    if let Some(link) = &run.link {
        if let Some(key) = view.keymap.label(Action::Open) {
            brush.put(&key, Slot::Key).gap(1);
        }
        brush.put(link, Slot::Muted);
    }
}

/// The way from the key to clear flags, each with the seconds it took.
fn draw_milestones(buffer: &mut Buffer, view: &View<'_>, inner: Rect, line: u16, done: &Execution) {
    let clear = match view.live.rollback() {
        Rollback::Verified { at, .. } => Some(*at),
        _ => None,
    };
    let mut brush = Brush::new(buffer, view, inner, line);
    if matches!(view.live.rollback(), Rollback::Confirmed(_) | Rollback::Running(_)) {
        let ago = |since| brief(view.live.now() - since);
        let text = match (done.ready, done.clear_since) {
            (Some(_), Some(since)) => format!("recovered for {}", ago(since)),
            (Some(_), None) => "verifying".to_owned(),
            (None, _) => format!("{} of about {}", ago(done.confirmed), describe::span(done.plan.expected())),
        };
        brush.cell(&text, (width(&text) + 2).max(22), Slot::Strong);
    }
    let who = if done.automatic { "automatically" } else { "key" };
    let key = format!("{who} {}", hour_minute_second(done.confirmed, view.zone));
    brush.put(view.glyphs.level(Level::Clear), Slot::Clear).gap(1).put(&key, Slot::Text);
    for (word, at) in [("accepted", done.accepted), ("ready", done.ready), ("recovered", clear)] {
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
        StepState::Waiting => ("waits", Slot::Muted),
        StepState::Sent => ("sent", Slot::Muted),
        StepState::Accepted { .. } => ("accepted", Slot::Watching),
        StepState::Ready { .. } => ("ready", Slot::Clear),
        StepState::Unknown(_) => ("unknown", Slot::Unknown),
        StepState::Failed(_) => ("failed", Slot::RedFlag),
    };
    brush.cell(word, STATE, slot);
}
