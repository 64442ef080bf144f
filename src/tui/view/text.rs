//! Text for the screen: cleaned of what could steer a terminal, measured in columns, wrapped, told in time.

use crate::deploy::{Time, brief};
use crate::text::visible;
use chrono::{FixedOffset, TimeDelta};
use std::borrow::Cow;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Text from outside without control characters and without marks that reorder what follows: neither an
/// escape sequence in an issue's title nor a line break in a log may reach the terminal.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    match visible(text) {
        clean if clean.contains('\n') => Cow::Owned(clean.replace('\n', " ")),
        clean => clean,
    }
}

/// Whether a text is of ASCII's visible signs and spaces alone: each takes a byte, and a column.
pub(super) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// How many columns a text takes.
pub(super) fn width(text: &str) -> u16 {
    let columns = if is_plain(text) { text.len() } else { text.width() };
    u16::try_from(columns).unwrap_or(u16::MAX)
}

/// The beginning of a text that fits into so many columns, with `ellipsis` where it had to be cut.
pub(super) fn fit<'a>(text: &'a str, columns: u16, ellipsis: &str) -> Cow<'a, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let room = columns.saturating_sub(width(ellipsis));
    let mut used = 0;
    let mut end = 0;
    for (index, sign) in text.char_indices() {
        used += sign.width().unwrap_or(0) as u16;
        if used > room {
            break;
        }
        end = index + sign.len_utf8();
    }
    if columns == 0 {
        return Cow::Borrowed("");
    }
    Cow::Owned(format!("{}{ellipsis}", text[..end].trim_end()))
}

/// Lines of at most so many columns, broken at spaces; a longer word is broken where it must be.
pub(super) fn wrap(text: &str, columns: u16) -> Vec<&str> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let mut used = 0;
        let mut end = rest.len();
        let mut space = None;
        for (index, sign) in rest.char_indices() {
            if sign == ' ' {
                space = Some(index);
            }
            used += sign.width().unwrap_or(0) as u16;
            if used > columns {
                // A sign wider than the whole line is taken all the same: progress must be made.
                end = space.unwrap_or(index).max(if index == 0 { sign.len_utf8() } else { 0 });
                break;
            }
        }
        lines.push(rest[..end].trim_end());
        rest = rest[end..].trim_start();
    }
    lines
}

/// The time of day, to the minute.
pub(super) fn hour_minute(at: Time, zone: FixedOffset) -> String {
    at.with_timezone(&zone).format("%H:%M").to_string()
}

/// The time of day, to the second.
pub(super) fn hour_minute_second(at: Time, zone: FixedOffset) -> String {
    at.with_timezone(&zone).format("%H:%M:%S").to_string()
}

/// A clock that counts: `18:41`, `1:02:03`.
pub(super) fn clock(span: TimeDelta) -> String {
    let seconds = span.num_seconds().max(0);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes:02}:{seconds:02}") }
}

/// A span in steps of five seconds below two minutes: what changes each second costs bytes and calm.
pub(super) fn coarse(delta: TimeDelta) -> String {
    let seconds = delta.num_seconds().max(0);
    if seconds < 120 { format!("{} s", seconds / 5 * 5) } else { brief(delta) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_escape_sequence_gets_through() {
        assert_eq!(clean("a\x1b[2Jb\nc\u{202e}d"), "a [2Jb cd");
        assert!(matches!(clean("p95 → 612 ms"), Cow::Borrowed(_)));
    }

    #[test]
    fn text_is_cut_by_columns_and_not_by_bytes() {
        assert_eq!(fit("deployment", 10, "…"), "deployment");
        assert_eq!(fit("deployment/app", 10, "…"), "deploymen…");
        assert_eq!(fit("漢字漢字", 5, "…"), "漢字…");
        assert_eq!(fit("漢字漢字", 4, "…"), "漢…");
        assert_eq!(fit("漢字", 1, "…"), "…");
        assert_eq!(fit("漢字", 0, "…"), "");
    }

    #[test]
    fn lines_break_at_spaces_and_long_words_where_they_must() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("漢字", 1), ["漢", "字"]);
        assert!(wrap("  ", 5).is_empty());
    }

    #[test]
    fn ages_move_in_steps_and_clocks_by_the_second() {
        assert_eq!(coarse(TimeDelta::seconds(14)), "10 s");
        assert_eq!(coarse(TimeDelta::seconds(-3)), "0 s");
        assert_eq!(clock(TimeDelta::seconds(18 * 60 + 41)), "18:41");
        assert_eq!(clock(TimeDelta::seconds(3723)), "1:02:03");
    }
}
