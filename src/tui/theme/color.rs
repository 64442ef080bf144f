//! How many colours a terminal has, and how to do with them: true colour → 256 → 16 → none.

use ratatui::style::{Color, Modifier, Style};

/// How many colours a terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ColorDepth {
    /// None, or none wanted (<https://no-color.org>).
    None,
    /// The 16 of ANSI.
    Ansi16,
    /// xterm's 256.
    Indexed256,
    /// 24 bits.
    True,
}

impl ColorDepth {
    /// What `NO_COLOR`, `COLORTERM` and `TERM` say. `variable` reads an environment variable.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        // no-color.org: present and not empty, whatever the value.
        if variable("NO_COLOR").is_some_and(|value| !value.is_empty()) {
            return Self::None;
        }
        let colorterm = variable("COLORTERM").unwrap_or_default();
        let term = variable("TERM").unwrap_or_default();
        if term == "dumb"
            || term.ends_with("-m")
            || term.contains("mono")
            || term.starts_with("vt1")
            || term.starts_with("vt2")
        {
            return Self::None;
        }
        if colorterm == "truecolor" || colorterm == "24bit" || term.ends_with("-direct") {
            return Self::True;
        }
        if cfg!(windows) {
            // Every console that knows escape sequences at all knows 24 bits.
            return Self::True;
        }
        if term.contains("256color") { Self::Indexed256 } else { Self::Ansi16 }
    }
}

/// The nearest style that a terminal of this depth can show.
pub(super) fn reduce(style: Style, depth: ColorDepth) -> Style {
    let mut reduced = style;
    if depth == ColorDepth::None {
        // A coloured ground is a cry for attention; without colours reversal keeps it one. A selection's faint
        // ground has no text colour with it, and would be too loud: weight is enough.
        match (style.fg, style.bg) {
            (Some(_), Some(_)) => reduced = reduced.add_modifier(Modifier::REVERSED),
            (None, Some(_)) => reduced = reduced.add_modifier(Modifier::BOLD),
            _ => {}
        }
        reduced.fg = None;
        reduced.bg = None;
        return reduced;
    }
    reduced.fg = style.fg.map(|color| nearest(color, depth));
    reduced.bg = style.bg.map(|color| nearest(color, depth));
    if depth == ColorDepth::Ansi16 && style.fg.is_none() && style.bg.is_some() {
        // Of 16 colours none is a faint ground.
        reduced.bg = None;
        reduced = reduced.add_modifier(Modifier::BOLD);
    }
    reduced
}

fn nearest(color: Color, depth: ColorDepth) -> Color {
    match (color, depth) {
        (Color::Rgb(r, g, b), ColorDepth::Indexed256) => Color::Indexed(nearest_256([r, g, b])),
        (Color::Rgb(r, g, b), ColorDepth::Ansi16) => nearest_16([r, g, b]),
        (Color::Indexed(index), ColorDepth::Ansi16) => nearest_16(rgb_of(index)),
        _ => color,
    }
}

/// xterm's levels of each channel in its 6×6×6 cube.
const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];

fn rgb_of(index: u8) -> [u8; 3] {
    match index {
        0..16 => ANSI[usize::from(index)].1,
        16..232 => {
            let cube = usize::from(index - 16);
            [LEVELS[cube / 36], LEVELS[cube / 6 % 6], LEVELS[cube % 6]]
        }
        232.. => [8 + 10 * (index - 232); 3],
    }
}

/// What xterm shows for one of the 256.
#[cfg(test)]
pub(super) fn rgb(index: u8) -> Color {
    let [r, g, b] = rgb_of(index);
    Color::Rgb(r, g, b)
}

/// The nearest of the cube and the grey ramp; the first 16 are whatever the person made of them.
fn nearest_256(rgb: [u8; 3]) -> u8 {
    (16..=255).min_by_key(|index| distance(rgb, rgb_of(*index))).unwrap_or(15)
}

/// xterm's defaults for the 16.
const ANSI: [(Color, [u8; 3]); 16] = [
    (Color::Black, [0, 0, 0]),
    (Color::Red, [205, 0, 0]),
    (Color::Green, [0, 205, 0]),
    (Color::Yellow, [205, 205, 0]),
    (Color::Blue, [0, 0, 238]),
    (Color::Magenta, [205, 0, 205]),
    (Color::Cyan, [0, 205, 205]),
    (Color::Gray, [229, 229, 229]),
    (Color::DarkGray, [127, 127, 127]),
    (Color::LightRed, [255, 0, 0]),
    (Color::LightGreen, [0, 255, 0]),
    (Color::LightYellow, [255, 255, 0]),
    (Color::LightBlue, [92, 92, 255]),
    (Color::LightMagenta, [255, 0, 255]),
    (Color::LightCyan, [0, 255, 255]),
    (Color::White, [255, 255, 255]),
];

/// The nearest of the 16, by hue first: a pale red must stay a red, not become a grey.
fn nearest_16(rgb: [u8; 3]) -> Color {
    let [r, g, b] = rgb;
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    if max - min < 40 {
        return match max {
            0..64 => Color::Black,
            64..160 => Color::DarkGray,
            160..230 => Color::Gray,
            230.. => Color::White,
        };
    }
    // A channel counts as lit where it is in the upper half of the colour's own range.
    let lit = |channel: u8| channel - min > (max - min) / 2;
    let hue = match (lit(r), lit(g), lit(b)) {
        (true, false, false) => 1,
        (false, true, false) => 2,
        (true, true, false) => 3,
        (false, true, true) => 6,
        (true, false, true) => 5,
        _ => 4,
    };
    ANSI[hue + if max > 205 { 8 } else { 0 }].0
}

/// Squared distance, weighted by how well eyes tell the channels apart.
fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    let square = |index: usize| u32::from(a[index].abs_diff(b[index])).pow(2);
    3 * square(0) + 4 * square(1) + 2 * square(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[cfg(not(windows))]
    #[test]
    fn the_environment_says_how_many_colours_there_are() {
        let cases: [(&'static [(&str, &str)], ColorDepth); 8] = [
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")], ColorDepth::True),
            (&[("TERM", "tmux-256color")], ColorDepth::Indexed256),
            (&[("TERM", "screen")], ColorDepth::Ansi16),
            (&[("TERM", "xterm-mono")], ColorDepth::None),
            (&[("TERM", "xterm-mono"), ("COLORTERM", "truecolor")], ColorDepth::None),
            (&[("TERM", "dumb"), ("COLORTERM", "truecolor")], ColorDepth::None),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "1")], ColorDepth::None),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "")], ColorDepth::Indexed256),
        ];
        for (variables, depth) in cases {
            assert_eq!(ColorDepth::detect(with(variables)), depth, "{variables:?}");
        }
    }

    #[test]
    fn a_colour_becomes_its_nearest_neighbour() {
        assert_eq!(nearest(Color::Rgb(255, 0, 0), ColorDepth::Indexed256), Color::Indexed(196));
        assert_eq!(nearest(Color::Rgb(0x8a, 0x8f, 0x98), ColorDepth::Indexed256), Color::Indexed(246));
        assert_eq!(nearest(Color::Rgb(255, 92, 87), ColorDepth::Ansi16), Color::LightRed);
        assert_eq!(nearest(Color::Rgb(127, 201, 127), ColorDepth::Ansi16), Color::Green);
        assert_eq!(nearest(Color::Rgb(138, 143, 152), ColorDepth::Ansi16), Color::DarkGray);
        assert_eq!(nearest(Color::Rgb(1, 2, 3), ColorDepth::True), Color::Rgb(1, 2, 3));
    }

    #[test]
    fn without_colours_a_coloured_ground_is_reversed() {
        let style = reduce(Style::new().fg(Color::White).bg(Color::Red), ColorDepth::None);
        assert_eq!(style, Style::new().add_modifier(Modifier::REVERSED));
    }
}
