//! Links that a terminal opens itself (OSC 8), beside the key that shows and copies them.
//!
//! A cell of the screen holds a sign, and may be the only one of its row that is rewritten: each cell of a link carries
//! the whole of it, opened and closed, and says how wide it really is. What was opened and closed for nothing between two
//! cells is taken out of the bytes of a frame (`join`).

use crate::net::fields::is_web;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use ratatui::buffer::{Buffer, CellDiffOption, CellWidth};
use ratatui::layout::Rect;
use std::num::NonZeroU16;

/// Ends a link: `OSC 8 ; ; ST`.
const CLOSE: &str = "\x1b]8;;\x1b\\";
/// Begins one, before its address and [`END`].
const OPEN: &str = "\x1b]8;;";
/// Ends a sequence.
const END: &str = "\x1b\\";
/// VTE takes no longer address, and the others are not known to take more.
const LONGEST: usize = 2083;
/// What stands in no address: what a terminal would obey, and spaces.
const FOREIGN: &AsciiSet = &CONTROLS.add(b' ');

/// Whether links are written for this terminal. One that does not know them passes over them, but for a few.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hyperlinks {
    /// It knows them, or somebody says so.
    On,
    /// It would show what it does not know, or somebody refused them.
    #[default]
    Off,
    /// Not known: on as soon as it answers a question of the same form (OSC 11), and so passes over what it does not know.
    WhenAnswered,
}

impl Hyperlinks {
    /// What the environment says. `FORCE_HYPERLINK` decides where it is set, as for many programs: 0 for none.
    /// `variable` reads an environment variable.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        if let Some(forced) = variable("FORCE_HYPERLINK") {
            return if forced.trim() == "0" { Self::Off } else { Self::On };
        }
        let is = |name: &str, known: &[&str]| variable(name).is_some_and(|value| known.contains(&value.as_str()));
        let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        if is("TERM", &["dumb", "linux", "vt100", "vt220"]) {
            return Self::Off;
        }
        // 0.50 is the first VTE without the crash of its first links.
        let vte = variable("VTE_VERSION").and_then(|version| version.parse::<u32>().ok());
        let knows = vte.is_some_and(|version| version >= 5000)
            || is("TERM_PROGRAM", &["iTerm.app", "WezTerm", "vscode", "ghostty", "rio", "Hyper"])
            || is("TERM", &["xterm-kitty", "xterm-ghostty", "alacritty", "foot", "foot-extra", "contour", "wezterm"])
            || ["WT_SESSION", "KITTY_WINDOW_ID", "KONSOLE_VERSION", "DOMTERM"].into_iter().any(is_set);
        if knows { Self::On } else { Self::WhenAnswered }
    }

    /// The terminal answered what it was asked; says whether that changes anything.
    pub fn answered(&mut self) -> bool {
        let changes = *self == Self::WhenAnswered;
        if changes {
            *self = Self::On;
        }
        changes
    }

    /// Makes what is written in an area a link, where that is wanted and the address is one of the web.
    pub(super) fn mark(self, buffer: &mut Buffer, area: Rect, link: &str) {
        let area = area.intersection(buffer.area);
        let Some(address) = address(link).filter(|_| self == Self::On) else { return };
        for y in area.top()..area.bottom() {
            let is_blank = |x: &u16| buffer[(*x, y)].symbol().trim().is_empty();
            let Some(first) = (area.left()..area.right()).find(|x| !is_blank(x)) else { continue };
            let end = (first..area.right()).rev().find(|x| !is_blank(x)).map_or(first, |last| last + 1);
            let mut x = first;
            while x < end {
                let cell = &mut buffer[(x, y)];
                let width = cell.cell_width().max(1);
                let linked = format!("{OPEN}{address}{END}{}{CLOSE}", cell.symbol());
                cell.set_symbol(&linked);
                cell.diff_option = NonZeroU16::new(width).map_or(CellDiffOption::None, CellDiffOption::ForcedWidth);
                x += width;
            }
        }
    }
}

/// The address as it may stand in a sequence: of the web, without anything that a terminal would obey.
fn address(link: &str) -> Option<String> {
    let address = is_web(link).then(|| utf8_percent_encode(link, FOREIGN).to_string());
    address.filter(|address| address.len() <= LONGEST)
}

/// Leaves out where a link is closed and the same one opened at once.
pub(super) fn join(frame: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(frame.len());
    let (mut rest, mut open): (&[u8], &[u8]) = (frame, b"");
    while let Some(start) = find(rest, OPEN.as_bytes()) {
        let (before, sequence) = rest.split_at(start);
        let Some(length) = find(sequence, END.as_bytes()) else { break };
        let (sequence, after) = sequence.split_at(length + END.len());
        joined.extend_from_slice(before);
        rest = after;
        match after.strip_prefix(open) {
            Some(same) if sequence == CLOSE.as_bytes() && !open.is_empty() => rest = same,
            _ => {
                joined.extend_from_slice(sequence);
                open = if sequence == CLOSE.as_bytes() { b"" } else { sequence };
            }
        }
    }
    joined.extend_from_slice(rest);
    joined
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Style;

    fn environment<'a>(set: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn who_knows_links_gets_them_who_would_show_them_does_not_and_the_person_decides() {
        for (set, wanted) in [
            (&[("TERM", "xterm-kitty")][..], Hyperlinks::On),
            (&[("TERM", "xterm-256color"), ("VTE_VERSION", "7600")], Hyperlinks::On),
            (&[("TERM", "xterm-256color"), ("VTE_VERSION", "4803")], Hyperlinks::WhenAnswered),
            (&[("TERM", "xterm-256color"), ("TERM_PROGRAM", "iTerm.app")], Hyperlinks::On),
            (&[("TERM", "xterm-256color"), ("WT_SESSION", "4b1c")], Hyperlinks::On),
            (&[("TERM", "xterm-256color"), ("WT_SESSION", "")], Hyperlinks::WhenAnswered),
            (&[("TERM", "tmux-256color")], Hyperlinks::WhenAnswered),
            (&[("TERM", "linux")], Hyperlinks::Off),
            (&[("TERM", "dumb"), ("VTE_VERSION", "7600")], Hyperlinks::Off),
            (&[("TERM", "xterm-kitty"), ("FORCE_HYPERLINK", "0")], Hyperlinks::Off),
            (&[("TERM", "linux"), ("FORCE_HYPERLINK", "1")], Hyperlinks::On),
        ] {
            assert_eq!(Hyperlinks::detect(environment(set)), wanted, "{set:?}");
        }
        let mut unknown = Hyperlinks::WhenAnswered;
        assert!(unknown.answered());
        assert_eq!(unknown, Hyperlinks::On);
        let mut refused = Hyperlinks::Off;
        assert!(!refused.answered());
        assert_eq!(refused, Hyperlinks::Off);
    }

    #[test]
    fn every_sign_carries_the_whole_link_and_takes_the_columns_that_it_took() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        buffer.set_string(1, 0, "a 日b", Style::new());
        let plain = buffer.clone();
        Hyperlinks::On.mark(&mut buffer, Rect::new(0, 0, 12, 1), "https://x.example/1");
        for (x, sign, width) in [(1, "a", 1), (2, " ", 1), (3, "日", 2), (5, "b", 1)] {
            let cell = &buffer[(x, 0)];
            assert_eq!(cell.symbol(), format!("\x1b]8;;https://x.example/1\x1b\\{sign}\x1b]8;;\x1b\\"));
            assert_eq!(cell.cell_width(), width);
        }
        for x in [0, 6, 11] {
            assert_eq!(buffer[(x, 0)], plain[(x, 0)], "nothing is written there");
        }
        let written: Vec<u16> = plain.diff(&buffer).into_iter().map(|(x, ..)| x).collect();
        assert_eq!(written, [1, 2, 3, 5], "what did not change is not written again");
        assert!(buffer.diff(&buffer).is_empty());
    }

    #[test]
    fn nothing_that_a_terminal_obeys_gets_into_a_link() {
        let mut buffer = Buffer::with_lines(["issue"]);
        let plain = buffer.clone();
        for link in ["javascript:alert(1)", "file:///etc/passwd", "", "x-help://a"] {
            Hyperlinks::On.mark(&mut buffer, plain.area, link);
        }
        Hyperlinks::On.mark(&mut buffer, plain.area, &format!("https://x.example/{}", "a".repeat(LONGEST)));
        for refused in [Hyperlinks::Off, Hyperlinks::WhenAnswered] {
            refused.mark(&mut buffer, plain.area, "https://x.example");
        }
        assert_eq!(buffer, plain);
        assert_eq!(address("https://x.example/\x1b\\\x07é").as_deref(), Some("https://x.example/%1B\\%07%C3%A9"));
    }

    #[test]
    fn a_link_over_many_cells_is_opened_once() {
        let of = |address: &str, sign: &str| format!("{OPEN}{address}{END}{sign}{CLOSE}");
        let (a, b) = ("https://a.example", "https://b.example");
        let frame = format!("x{}{}{}\x1b[1m{}y", of(a, "1"), of(a, "2"), of(b, "3"), of(b, "4"));
        let wanted = format!("x{OPEN}{a}{END}12{CLOSE}{OPEN}{b}{END}3{CLOSE}\x1b[1m{OPEN}{b}{END}4{CLOSE}y");
        assert_eq!(String::from_utf8_lossy(&join(frame.as_bytes())), wanted);
        assert_eq!(join(b"no links \x1b[31mat all"), b"no links \x1b[31mat all");
    }

    proptest::proptest! {
        /// What is shown, and what each sign links to, stays what it was.
        #[test]
        fn joining_changes_nothing_but_the_length(parts in proptest::collection::vec((0_u8..4, "[a-c]{1,2}"), 0..20)) {
            let frame: String = parts.iter().map(|(kind, sign)| match kind {
                0 => sign.clone(),
                1 => format!("\x1b[1m{sign}"),
                kind => format!("{OPEN}https://{kind}.example{END}{sign}{CLOSE}"),
            }).collect();
            let joined = String::from_utf8(join(frame.as_bytes())).unwrap_or_default();
            proptest::prop_assert!(joined.len() <= frame.len());
            proptest::prop_assert_eq!(signs(&joined), signs(&frame));
        }
    }

    /// Each sign with the link that is open there.
    fn signs(frame: &str) -> Vec<(char, String)> {
        let (mut rest, mut open, mut found) = (frame, String::new(), Vec::new());
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix(OPEN) {
                let Some((address, after)) = after.split_once(END) else { break };
                address.clone_into(&mut open);
                rest = after;
            } else {
                let mut all = rest.chars();
                found.extend(all.next().map(|sign| (sign, open.clone())));
                rest = all.as_str();
            }
        }
        found
    }
}
