//! Where a replay is: a line from the record's beginning to its end, with the deploy, flags and rollbacks on it.
//!
//! ```text
//!  14:02  ━━┊━━━━━━━━━━━▲━━✖━━━━━━━━●╌╌╌↺╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  14:35
//! ```

use super::text::{hour_minute, hour_minute_second};
use super::{Brush, View};
use crate::deploy::Time;
use crate::replay::Playing;
use crate::timeline::Mark;
use crate::tui::theme::Slot;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Columns of a time and what is beside it.
const TIME: u16 = 8;

/// How many lines it takes: one in a replay, none else.
pub(super) fn wish(view: &View<'_>) -> u16 {
    u16::from(view.ui.playing().is_some())
}

/// Where it is and how fast it goes on: `REPLAY 14:10:20 ×10`.
pub(super) fn told(view: &View<'_>, playing: &Playing) -> String {
    let at = hour_minute_second(playing.at, view.zone);
    if playing.paused { format!("REPLAY {at} paused") } else { format!("REPLAY {at} ×{}", playing.speed.times()) }
}

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let Some(playing) = view.ui.playing() else { return };
    let columns = area.width.saturating_sub(2 * TIME);
    let place = column(playing, playing.at, columns);
    let mut brush = Brush::new(buffer, view, area, 0);
    brush.gap(1).put(&hour_minute(playing.begins, view.zone), Slot::Muted).gap(2);
    for column in 0..columns {
        if column == place {
            brush.put(view.glyphs.position(), Slot::Strong);
        } else if let Some(mark) = worst(playing, column, columns) {
            brush.put(view.glyphs.mark(mark), Slot::from(mark));
        } else if column < place {
            brush.put(view.glyphs.passed(), Slot::Watching);
        } else {
            brush.put(view.glyphs.to_come(), Slot::Border);
        }
    }
    brush.gap(2).put(&hour_minute(playing.ends, view.zone), Slot::Muted);
}

/// The column of a moment.
fn column(playing: &Playing, at: Time, columns: u16) -> u16 {
    let length = (playing.ends - playing.begins).num_milliseconds();
    let passed = (at - playing.begins).num_milliseconds();
    if length <= 0 {
        return columns.saturating_sub(1);
    }
    let share = passed as f64 / length as f64;
    ((share * f64::from(columns)) as u16).min(columns.saturating_sub(1))
}

/// What is most worth seeing of what happened in a column.
fn worst(playing: &Playing, wanted: u16, columns: u16) -> Option<Mark> {
    let marks = playing.landmarks.iter().filter(|landmark| column(playing, landmark.at, columns) == wanted);
    marks.map(|landmark| landmark.mark).max_by_key(|mark| match mark {
        // Flags are many, a rollback is one.
        Mark::Rollback => 3,
        Mark::RedFlag => 2,
        Mark::Deploy => 1,
        _ => 0,
    })
}
