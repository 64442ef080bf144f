//! The signs on the screen, in Unicode and in plain ASCII for terminals without a UTF-8 locale.

use crate::rollback::CheckOutcome;
use crate::store::Health;
use crate::timeline::Mark;
use crate::verdict::{Level, Verdict};
use ratatui::symbols::border;
use std::borrow::Cow;

/// Which signs the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Glyphs {
    /// Box drawing, block elements, braille, check marks: all one column wide.
    #[default]
    Unicode,
    /// Bytes below 128 only.
    Ascii,
}

/// Borders that any terminal can show.
const ASCII_BORDER: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// The same, for what must not be overlooked.
const ASCII_THICK_BORDER: border::Set<'static> = border::Set {
    top_left: "#",
    top_right: "#",
    bottom_left: "#",
    bottom_right: "#",
    vertical_left: "#",
    vertical_right: "#",
    horizontal_top: "=",
    horizontal_bottom: "=",
};

impl Glyphs {
    /// What the locale and the terminal allow. `variable` reads an environment variable.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        // The Linux console has a font of at most 512 signs, and ours are not among them.
        if variable("TERM").as_deref() == Some("linux") {
            return Self::Ascii;
        }
        if cfg!(windows) {
            return Self::Unicode;
        }
        // POSIX: the first of these that is set and not empty decides.
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(&variable).find(|value| !value.is_empty());
        let locale = locale.unwrap_or_default().to_ascii_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") { Self::Unicode } else { Self::Ascii }
    }

    const fn choose(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        match self {
            Self::Unicode => unicode,
            Self::Ascii => ascii,
        }
    }

    /// The sign of a finding's level.
    pub const fn level(self, level: Level) -> &'static str {
        match level {
            Level::Clear => self.choose("✔", "+"),
            Level::Insufficient => self.choose("◔", "~"),
            Level::NoData => "?",
            Level::Stale => self.choose("◌", "o"),
            Level::Warning => self.choose("▲", "!"),
            Level::RedFlag => self.choose("✖", "X"),
        }
    }

    /// The sign of the whole watch's verdict.
    pub const fn verdict(self, verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Watching => self.choose("●", "*"),
            Verdict::Healthy => self.level(Level::Clear),
            Verdict::Degraded => self.level(Level::Warning),
            Verdict::Faulty => self.level(Level::RedFlag),
            Verdict::Inconclusive => self.level(Level::NoData),
        }
    }

    /// The sign of a source's health.
    pub const fn health(self, health: &Health) -> &'static str {
        match health {
            Health::Waiting => self.ellipsis(),
            Health::Up => self.level(Level::Clear),
            Health::Partial(..) => self.level(Level::Warning),
            Health::Down(_) => self.level(Level::RedFlag),
        }
    }

    /// The sign of a preflight check.
    pub const fn check(self, outcome: CheckOutcome) -> &'static str {
        match outcome {
            CheckOutcome::Ok => self.level(Level::Clear),
            CheckOutcome::Warning => self.level(Level::Warning),
            CheckOutcome::Typed => self.choose("◆", "#"),
            CheckOutcome::Blocked => self.level(Level::RedFlag),
        }
    }

    /// The sign of an entry of the timeline.
    pub const fn mark(self, mark: Mark) -> &'static str {
        match mark {
            Mark::Deploy => self.choose("┊", ":"),
            Mark::RedFlag => self.level(Level::RedFlag),
            Mark::Warning => self.level(Level::Warning),
            Mark::Clear => self.level(Level::Clear),
            Mark::Unknown => self.level(Level::NoData),
            Mark::Rollback => self.choose("↺", "R"),
            Mark::Event => self.choose("·", "-"),
            Mark::Note => self.choose("✎", "n"),
        }
    }

    /// The eight heights of a small chart, lowest first.
    pub const fn heights(self) -> [&'static str; 8] {
        match self {
            Self::Unicode => ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
            Self::Ascii => ["_", ".", "-", "=", "+", "*", "%", "#"],
        }
    }

    /// Stands in a chart where the deploy was made.
    pub const fn deploy_mark(self) -> &'static str {
        self.choose("┊", ":")
    }

    /// The same in a small chart below one that is full: the two do not touch.
    pub const fn nearly_full(self) -> &'static str {
        self.choose("▇", "#")
    }

    /// Whether something is chosen.
    pub const fn checkbox(self, checked: bool) -> &'static str {
        if checked { self.choose("■", "x") } else { self.choose("□", ".") }
    }

    /// Where the next letter goes.
    pub const fn text_cursor(self) -> &'static str {
        self.choose("▏", "_")
    }

    /// Where an arrow points to.
    pub const fn pointer(self) -> &'static str {
        self.choose("▶", ">")
    }

    /// A limit's line.
    pub const fn limit_line(self) -> &'static str {
        self.choose("┄", "-")
    }

    /// The baseline's band in a large chart.
    pub const fn band(self) -> &'static str {
        self.choose("░", ".")
    }

    /// A part of a bar that is full.
    pub const fn full(self) -> &'static str {
        self.choose("█", "#")
    }

    /// A part of a bar that is on its way.
    pub const fn half(self) -> &'static str {
        self.choose("▒", "+")
    }

    /// A part of a bar that is still the old.
    pub const fn light(self) -> &'static str {
        self.choose("░", ".")
    }

    /// A progress line's passed part.
    pub const fn passed(self) -> &'static str {
        self.choose("━", "=")
    }

    /// A progress line's part to come.
    pub const fn to_come(self) -> &'static str {
        self.choose("╌", "-")
    }

    /// Where a replay is on its ruler.
    pub const fn position(self) -> &'static str {
        self.choose("●", "O")
    }

    /// The line of a rule between panes.
    pub const fn rule(self) -> &'static str {
        self.choose("─", "-")
    }

    /// The line at the left of a large chart.
    pub const fn axis(self) -> &'static str {
        self.choose("│", "|")
    }

    /// From one version to the other.
    pub const fn arrow(self) -> &'static str {
        self.choose("→", "->")
    }

    /// Points at the row under the cursor.
    pub const fn cursor(self) -> &'static str {
        self.choose("▸", ">")
    }

    /// Between things in one line.
    pub const fn dot(self) -> &'static str {
        self.choose("·", "-")
    }

    /// Text goes on beyond what is seen; also: being waited for.
    pub const fn ellipsis(self) -> &'static str {
        self.choose("…", "~")
    }

    /// The border of a pane.
    pub const fn border(self, thick: bool) -> border::Set<'static> {
        match (self, thick) {
            (Self::Unicode, false) => border::ROUNDED,
            (Self::Unicode, true) => border::THICK,
            (Self::Ascii, false) => ASCII_BORDER,
            (Self::Ascii, true) => ASCII_THICK_BORDER,
        }
    }

    /// Text that this set of signs can show: in ASCII the sentences' own signs are spelled plainly.
    pub fn plain(self, text: Cow<'_, str>) -> Cow<'_, str> {
        if self == Self::Unicode || text.is_ascii() {
            return text;
        }
        let mut out = String::with_capacity(text.len());
        for sign in text.chars() {
            match sign {
                '\0'..='\x7f' => out.push(sign),
                '→' => out.push_str("->"),
                '↑' => out.push_str("Up"),
                '↓' => out.push_str("Down"),
                '←' => out.push_str("Left"),
                '…' => out.push_str("..."),
                '–' | '—' | '−' | '·' => out.push('-'),
                '×' => out.push('x'),
                '±' => out.push_str("+-"),
                '“' | '”' => out.push('"'),
                '‘' | '’' => out.push('\''),
                '\u{a0}' | '\u{2009}' | '\u{202f}' => out.push(' '),
                _ => out.push('?'),
            }
        }
        out.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    fn with(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[cfg(not(windows))]
    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        assert_eq!(Glyphs::detect(with(&[("LANG", "en_GB.UTF-8")])), Glyphs::Unicode);
        assert_eq!(Glyphs::detect(with(&[("LC_ALL", ""), ("LANG", "C.utf8")])), Glyphs::Unicode);
        assert_eq!(Glyphs::detect(with(&[("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")])), Glyphs::Ascii);
        assert_eq!(Glyphs::detect(with(&[])), Glyphs::Ascii);
        assert_eq!(Glyphs::detect(with(&[("TERM", "linux"), ("LANG", "en_GB.UTF-8")])), Glyphs::Ascii);
    }

    #[test]
    fn every_severity_has_a_sign_of_its_own_that_is_one_column_wide() {
        for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
            let mut signs: Vec<_> = Level::ALL.iter().map(|level| glyphs.level(*level)).collect();
            assert!(signs.iter().all(|sign| sign.width() == 1), "{signs:?}");
            signs.sort_unstable();
            signs.dedup();
            assert_eq!(signs.len(), Level::ALL.len());
        }
    }

    #[test]
    fn without_utf_8_no_byte_above_127_reaches_the_screen() {
        let text = Glyphs::Ascii.plain("1.8.3 → 1.9.0 · “p95” 48× … ✖".into());
        assert_eq!(text, "1.8.3 -> 1.9.0 - \"p95\" 48x ... ?");
    }
}
