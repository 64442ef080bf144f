//! The question whether to delete the pods that block a rollback, and what answers it.
//!
//! ```text
//! ┏ delete the pods that block the rollback? ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
//! ┃ OrderedReady waits for this pod forever, even after the undo. Once deleted,  ┃
//! ┃ it is recreated as 1.0.0.                                                    ┃
//! ┃                                                                              ┃
//! ┃ statefulset/db   db-1   1.1.0   CrashLoopBackOff, 4 restarts                 ┃
//! ┃                                                                              ┃
//! ┃ y delete db-1 now   Esc or any other key closes, nothing happens             ┃
//! ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
//! ```

use super::dialog::{self, READ_IT_FIRST, open};
use super::text::wrap;
use super::{Brush, View};
use crate::deploy::WorkloadId;
use crate::rollback::deletion::{PodId, Question};
use crate::tui::theme::Slot;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// The widest the dialog gets.
const WIDEST: u16 = 84;
/// Lines of the question at the bottom.
const QUESTION: u16 = 2;

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect, question: &Question) {
    let columns = area.width.min(WIDEST);
    let why = why(view, question);
    let mut lines: Vec<String> = wrap(&why, columns.saturating_sub(4)).into_iter().map(str::to_owned).collect();
    lines.push(String::new());
    for (workload, pods) in &question.pods {
        lines.extend(pods.iter().map(|pod| line(view, *workload, pod)));
    }
    let height = (lines.len() as u16).saturating_add(QUESTION + 3);
    let inner =
        open(buffer, view, area, "delete the pods that block the rollback?", (columns, height), Slot::BorderFocus);
    let keys = QUESTION.min(inner.height);
    let room = usize::from(inner.height.saturating_sub(keys));
    // A screen too low for all of them says how many it does not show.
    let hidden = if lines.len() > room { lines.len() + 1 - room.max(1) } else { 0 };
    for (y, line) in lines.iter().take(lines.len() - hidden).enumerate() {
        Brush::new(buffer, view, inner, y as u16).put(line, Slot::Text);
    }
    if hidden > 0 && room > 0 {
        let more = format!("and {hidden} more");
        Brush::new(buffer, view, inner, room as u16 - 1).put(&more, Slot::Warning);
    }
    let keys = Rect { y: inner.bottom().saturating_sub(keys), height: keys, ..inner };
    let takes_keys = view.live.takes_deletion();
    dialog::answers(buffer, view, keys, &does(question), takes_keys);
    if !takes_keys {
        Brush::new(buffer, view, keys, 1).put(READ_IT_FIRST, Slot::Muted);
    }
}

/// What the confirming key does.
fn does(question: &Question) -> String {
    let mut pods = question.pods.iter().flat_map(|(_, pods)| pods);
    match (pods.next(), pods.count()) {
        (Some(only), 0) => format!("delete {} now", only.name),
        (_, more) => format!("delete {} pods now", more + 1),
    }
}

fn why(view: &View<'_>, question: &Question) -> String {
    let back = question.pods.iter().filter_map(|(workload, _)| view.live.rolled_back(*workload));
    let mut versions: Vec<&str> = back.map(|covered| covered.to.label()).collect();
    versions.dedup();
    let is_one = question.pods.iter().map(|(_, pods)| pods.len()).sum::<usize>() == 1;
    let (them, each) = if is_one { ("this pod", "it") } else { ("these pods", "each") };
    let versions = versions.join(" or ");
    format!(
        "OrderedReady waits for {them} forever, even after the undo. Once deleted, {each} is recreated as {versions}."
    )
}

/// `statefulset/db   db-1   1.1.0   CrashLoopBackOff, 4 restarts`.
fn line(view: &View<'_>, workload: WorkloadId, pod: &PodId) -> String {
    let reference = &view.live.setup().workload(workload).reference;
    let version = view.live.rolled_back(workload).map_or("?", |covered| covered.from.label());
    let rollout = view.live.workload(workload).rollout.as_ref();
    let seen = rollout.and_then(|rollout| rollout.pods.iter().find(|seen| seen.uid == pod.uid));
    let state = seen.map_or_else(
        || "gone".to_owned(),
        |seen| {
            let restarts = match seen.restarts {
                0 => String::new(),
                1 => ", 1 restart".to_owned(),
                many => format!(", {many} restarts"),
            };
            format!("{}{restarts}", seen.reason.as_deref().unwrap_or(seen.phase.label()))
        },
    );
    format!("{reference}   {}   {version}   {state}", pod.name)
}
