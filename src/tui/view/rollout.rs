//! Pane 3: Kubernetes' progress with each workload: new and old pods, restarts, and what is in the way.
//!
//! ```text
//! ✔ deployment/app   12/12 updated  12 ready  0 old   restarts 0
//!   ████████████████████████████████
//! ```

use super::text::{clean, width, wrap};
use super::{Brush, View};
use crate::deploy::WorkloadId;
use crate::rollout::{PodPhase, Progress, Replicas, Rollout};
use crate::tui::keymap::Pane;
use crate::tui::rows::{self, Row};
use crate::tui::theme::Slot;
use crate::verdict::Level;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::fmt::Write;

/// A sentence may take this many lines.
const MOST_LINES: usize = 2;

/// The sentences under a workload's bar: its pods where the bar does not tell all of them, then its troubles.
fn sentences(rollout: &Rollout) -> Vec<(String, Option<Level>)> {
    let mut sentences = Vec::with_capacity(1 + rollout.troubles.len());
    if says_more(rollout) {
        let mut text = states(rollout);
        if rollout.progress != Progress::Complete {
            text = if text.is_empty() { told(Some(rollout)) } else { format!("{text}; {}", told(Some(rollout))) };
        }
        sentences.push((text, None));
    }
    for trouble in &rollout.troubles {
        let level = if trouble.kind.is_red_flag() { Level::RedFlag } else { Level::Warning };
        sentences.push((trouble.sentence.clone(), Some(level)));
    }
    sentences
}

/// The columns that are left for a sentence after its margin and sign.
const fn room(columns: u16) -> u16 {
    columns.saturating_sub(4)
}

/// Lines that a workload takes on so many columns: of several, one that has come through takes one.
fn lines(view: &View<'_>, id: WorkloadId, columns: u16) -> u16 {
    let Some(rollout) = &view.watch.workload(id).rollout else { return 1 };
    if is_brief(view, rollout) {
        return 1;
    }
    let sentences = sentences(rollout);
    let told: usize = sentences.iter().map(|(text, _)| wrap(text, room(columns)).len().clamp(1, MOST_LINES)).sum();
    2 + told as u16
}

/// Whether there is nothing to tell of it but that it is there, beside others.
fn is_brief(view: &View<'_>, rollout: &Rollout) -> bool {
    let several = rows::workloads(view.watch, view.service()).nth(1).is_some();
    several && !says_more(rollout) && rollout.troubles.is_empty()
}

/// Whether the pods' states say more than the bar does.
fn says_more(rollout: &Rollout) -> bool {
    !matches!(rollout.progress, Progress::Complete) || rollout.pods.iter().any(|pod| pod.phase != PodPhase::Ready)
}

pub(super) fn wish(view: &View<'_>, columns: u16) -> u16 {
    rows::workloads(view.watch, view.service()).map(|id| lines(view, id, columns)).sum()
}

/// The sign and style of a rollout's progress.
fn progress(view: &View<'_>, rollout: Option<&Rollout>) -> (&'static str, ratatui::style::Style) {
    let Some(rollout) = rollout else { return view.level(Level::NoData) };
    match rollout.progress {
        Progress::Failed(_) | Progress::Gone => view.level(Level::RedFlag),
        _ if rollout.troubles.iter().any(|trouble| trouble.kind.is_red_flag()) => view.level(Level::RedFlag),
        _ if !rollout.troubles.is_empty() => view.level(Level::Warning),
        Progress::Complete => view.level(Level::Clear),
        Progress::Waiting(_) => (view.glyphs.ellipsis(), view.style(Slot::Watching)),
    }
}

/// What `kubectl rollout status` would say, in as many words as there are to say.
fn told(rollout: Option<&Rollout>) -> String {
    match rollout.map(|rollout| (&rollout.progress, rollout)) {
        None => "waiting for the cluster".to_owned(),
        Some((Progress::Waiting(text), _)) => text.clone(),
        Some((Progress::Complete, _)) => "rolled out".to_owned(),
        Some((Progress::Failed(text), _)) => format!("failed: {text}"),
        Some((Progress::Gone, _)) => "gone: deleted, or never there".to_owned(),
    }
}

/// How many pods are of which version, in as many words as fit.
fn put_counts(brush: &mut Brush<'_>, rollout: &Rollout) {
    let Replicas { desired, updated, ready, .. } = rollout.replicas;
    let old = rollout.replicas.old();
    let long = format!("{updated}/{desired} updated  {ready} ready  {old} old");
    let short = format!("{updated}/{desired} new  {ready} ready");
    brush.put(if width(&long) <= brush.left() { &long } else { &short }, Slot::Text);
}

fn restarts(rollout: &Rollout) -> u32 {
    rollout.pods.iter().map(|pod| pod.restarts).sum()
}

/// Pods by state, worst first, with the reasons of those that do not work: `2 failing (CrashLoopBackOff)`.
fn states(rollout: &Rollout) -> String {
    let mut text = String::new();
    for phase in PodPhase::ALL {
        let pods = || rollout.pods.iter().filter(move |pod| pod.phase == phase);
        let count = pods().count();
        if count == 0 {
            continue;
        }
        let separator = if text.is_empty() { "" } else { ", " };
        let mut reasons: Vec<&str> = pods().filter_map(|pod| pod.reason.as_deref()).collect();
        reasons.sort_unstable();
        reasons.dedup();
        let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
        // Writing into a string cannot fail.
        let _ = write!(text, "{separator}{count} {}{reasons}", phase.label());
    }
    text
}

/// A bar of pods: new and ready, new and on their way, old.
pub(super) fn bar(brush: &mut Brush<'_>, view: &View<'_>, rollout: &Rollout, hash: Option<&str>, columns: u16) {
    let (mut new, mut pending, mut old) = (0_u32, 0_u32, 0_u32);
    for pod in &rollout.pods {
        let is_new = hash.map_or(pod.is_new, |hash| pod.hash == hash);
        match pod.phase {
            PodPhase::Finished | PodPhase::Terminating => {}
            PodPhase::Ready if is_new => new += 1,
            _ if is_new => pending += 1,
            _ => old += 1,
        }
    }
    let total = (new + pending + old).max(u32::try_from(rollout.replicas.desired).unwrap_or(0)).max(1);
    // Cumulative, so that the parts always add up to the whole.
    let edge = |count: u32| (f64::from(count) / f64::from(total) * f64::from(columns)).round() as u16;
    let (first, second, third) = (edge(new), edge(new + pending), edge(new + pending + old));
    brush.repeat(view.glyphs.full(), first, Slot::PodNew);
    brush.repeat(view.glyphs.half(), second - first, Slot::PodPending);
    brush.repeat(view.glyphs.light(), third - second, Slot::PodOld);
    brush.gap(columns - third);
}

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let inner = view.pane(buffer, area, Pane::Rollout, Pane::Rollout.title());
    let rows = view.rows(Pane::Rollout);
    // As many workloads as it takes are scrolled away for the cursor's to be seen whole.
    let cursor = view.ui.cursor(Pane::Rollout, &rows);
    let height = |row: &Row| if let Row::Workload(id) = row { lines(view, *id, inner.width) } else { 0 };
    let mut first = 0;
    while first < cursor && rows[first..=cursor].iter().map(height).sum::<u16>() > inner.height {
        first += 1;
    }
    let mut line = 0;
    for (index, row) in rows.iter().enumerate().skip(first) {
        let Row::Workload(id) = *row else { continue };
        if line >= inner.height {
            break;
        }
        if view.ui.focus == Pane::Rollout && index == cursor {
            view.point_at(buffer, inner, line, 1);
        }
        draw_workload(buffer, view, inner, line, id);
        line += lines(view, id, inner.width);
    }
}

fn draw_workload(buffer: &mut Buffer, view: &View<'_>, inner: Rect, line: u16, id: WorkloadId) {
    let rollout = view.watch.workload(id).rollout.as_ref();
    let (glyph, style) = progress(view, rollout);
    let reference = view.watch.setup().workload(id).reference.to_string();
    let mut brush = Brush::new(buffer, view, inner, line);
    brush.put(glyph, style).gap(1).put(&reference, Slot::Strong).gap(2);
    let Some(rollout) = rollout else {
        brush.put(&told(None), Slot::Muted);
        return;
    };
    put_counts(&mut brush, rollout);
    if is_brief(view, rollout) {
        return;
    }

    let restarts = format!("restarts {}", restarts(rollout));
    let mut brush = Brush::new(buffer, view, inner, line + 1);
    brush.gap(2);
    let columns = brush.left().saturating_sub(width(&restarts) + 2).min(60);
    bar(&mut brush, view, rollout, None, columns);
    brush.gap(2).put(&restarts, Slot::Muted);

    let mut line = line + 2;
    for (text, level) in sentences(rollout) {
        let (glyph, style) = level.map_or_else(|| ("", view.style(Slot::Text)), |level| view.level(level));
        let text = view.glyphs.plain(clean(&text)).into_owned();
        let mut parts = wrap(&text, room(inner.width));
        if parts.len() > MOST_LINES {
            // The last line is cut with a sign that it goes on.
            parts = vec![parts[0], text[parts[0].len()..].trim_start()];
        }
        let margin = if glyph.is_empty() { 2 } else { 4 };
        Brush::new(buffer, view, inner, line).gap(2).put(glyph, style);
        for part in parts {
            Brush::new(buffer, view, inner, line).gap(margin).put(part, style);
            line += 1;
        }
    }
}

/// All of it in one line: the only workload, or how many have come how far.
pub(super) fn draw_line(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let mut brush = Brush::new(buffer, view, area, 0);
    brush.gap(1).cell(Pane::Rollout.title(), 9, Slot::Muted);
    let ids: Vec<WorkloadId> = rows::workloads(view.watch, view.service()).collect();
    if let [id] = ids.as_slice() {
        let rollout = view.watch.workload(*id).rollout.as_ref();
        let (glyph, style) = progress(view, rollout);
        let reference = view.watch.setup().workload(*id).reference.to_string();
        brush.put(glyph, style).gap(1).put(&reference, Slot::Text).gap(2);
        if let Some(rollout) = rollout {
            bar(&mut brush, view, rollout, None, 12);
            brush.gap(1);
            put_counts(&mut brush, rollout);
            brush.gap(2);
            if let Some(trouble) = rollout.troubles.first() {
                brush.put(&trouble.sentence, style);
                return;
            }
        }
        match rollout.map(|rollout| &rollout.progress) {
            // The sign says it too: it is left out rather than cut.
            Some(Progress::Complete) => brush.put_whole(&told(rollout), Slot::Muted),
            _ => brush.put(&told(rollout), Slot::Muted),
        };
        return;
    }
    let all = ids.iter().map(|id| view.watch.workload(*id).rollout.as_ref());
    let (mut done, mut going, mut failed, mut unknown) = (0, 0, 0, 0);
    for rollout in all {
        match rollout.map(|rollout| &rollout.progress) {
            Some(Progress::Complete) => done += 1,
            Some(Progress::Waiting(_)) => going += 1,
            Some(Progress::Failed(_) | Progress::Gone) => failed += 1,
            None => unknown += 1,
        }
    }
    for (count, word, level) in [
        (failed, "failed", Level::RedFlag),
        (going, "rolling out", Level::Insufficient),
        (unknown, "not known", Level::NoData),
        (done, "rolled out", Level::Clear),
    ] {
        if count > 0 {
            let (glyph, style) = view.level(level);
            brush.put(glyph, style).gap(1).put(&format!("{count} {word}"), Slot::Text).gap(3);
        }
    }
}
