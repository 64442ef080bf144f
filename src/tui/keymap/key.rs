//! One key stroke: how it is written in the configuration, shown on the screen and read from the terminal.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::fmt;
use std::str::FromStr;

/// One key stroke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// Which key. Letters carry their case: `R` is not `r`.
    pub code: KeyCode,
    /// Ctrl and Alt. Shift is part of the sign that it makes.
    pub modifiers: KeyModifiers,
}

/// Keys that have a name: as written, as shown.
const NAMED: [(&str, KeyCode, &str); 15] = [
    ("space", KeyCode::Char(' '), "Space"),
    ("enter", KeyCode::Enter, "Enter"),
    ("esc", KeyCode::Esc, "Esc"),
    ("tab", KeyCode::Tab, "Tab"),
    ("shift-tab", KeyCode::BackTab, "Shift-Tab"),
    ("backspace", KeyCode::Backspace, "Backspace"),
    ("delete", KeyCode::Delete, "Delete"),
    ("up", KeyCode::Up, "↑"),
    ("down", KeyCode::Down, "↓"),
    ("left", KeyCode::Left, "←"),
    ("right", KeyCode::Right, "→"),
    ("home", KeyCode::Home, "Home"),
    ("end", KeyCode::End, "End"),
    ("page-up", KeyCode::PageUp, "PgUp"),
    ("page-down", KeyCode::PageDown, "PgDn"),
];

impl Key {
    /// Ctrl-C.
    pub const INTERRUPT: Self = Self { code: KeyCode::Char('c'), modifiers: KeyModifiers::CONTROL };
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        let modifiers = event.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT);
        let code = match event.code {
            // Terminals disagree on the case of a letter that comes with Ctrl or Shift.
            KeyCode::Char(sign) if modifiers.contains(KeyModifiers::CONTROL) => {
                KeyCode::Char(sign.to_ascii_lowercase())
            }
            KeyCode::Char(sign) if event.modifiers.contains(KeyModifiers::SHIFT) => {
                KeyCode::Char(sign.to_ascii_uppercase())
            }
            KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
            code => code,
        };
        Self { code, modifiers }
    }
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut rest = text;
        let mut modifiers = KeyModifiers::NONE;
        loop {
            if let Some(after) = strip_prefix(rest, "ctrl-") {
                modifiers |= KeyModifiers::CONTROL;
                rest = after;
            } else if let Some(after) = strip_prefix(rest, "alt-") {
                modifiers |= KeyModifiers::ALT;
                rest = after;
            } else {
                break;
            }
        }
        let named = NAMED.iter().find(|(name, ..)| name.eq_ignore_ascii_case(rest)).map(|(_, code, _)| *code);
        let mut signs = rest.chars();
        let code = match (named, signs.next(), signs.as_str()) {
            (Some(code), ..) => Some(code),
            (None, Some(sign), "") if modifiers.contains(KeyModifiers::CONTROL) => {
                Some(KeyCode::Char(sign.to_ascii_lowercase()))
            }
            (None, Some(sign), "") if !sign.is_control() => Some(KeyCode::Char(sign)),
            (None, Some('f' | 'F'), number) => {
                number.parse().ok().filter(|number| (1..=12).contains(number)).map(KeyCode::F)
            }
            _ => None,
        };
        code.map(|code| Self { code, modifiers }).ok_or_else(|| {
            format!(
                "`{text}` is not a key; keys are written like R, ctrl-r, alt-x, f5, enter, esc, tab, space, up, page-down"
            )
        })
    }
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    (head.eq_ignore_ascii_case(prefix) && !rest.is_empty()).then_some(rest)
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            f.write_str("Ctrl-")?;
        }
        if self.modifiers.contains(KeyModifiers::ALT) {
            f.write_str("Alt-")?;
        }
        if let Some((.., label)) = NAMED.iter().find(|(_, code, _)| *code == self.code) {
            return f.write_str(label);
        }
        match self.code {
            KeyCode::Char(sign) if self.modifiers.contains(KeyModifiers::CONTROL) => {
                write!(f, "{}", sign.to_ascii_uppercase())
            }
            KeyCode::Char(sign) => write!(f, "{sign}"),
            KeyCode::F(number) => write!(f, "F{number}"),
            other => write!(f, "{other:?}"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_people_write_it_and_shown_as_they_know_it() {
        for (written, shown) in [
            ("R", "R"),
            ("ctrl-r", "Ctrl-R"),
            ("Ctrl-R", "Ctrl-R"),
            ("ctrl-alt-x", "Ctrl-Alt-X"),
            ("space", "Space"),
            ("page-down", "PgDn"),
            ("f12", "F12"),
            ("-", "-"),
            ("ctrl--", "Ctrl--"),
            ("up", "↑"),
        ] {
            assert_eq!(written.parse::<Key>().unwrap().to_string(), shown);
        }
        for wrong in ["", "ctrl-", "f13", "rr", "\u{7}"] {
            assert!(wrong.parse::<Key>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_letter_with_shift_is_the_capital_however_the_terminal_says_it() {
        for code in ['r', 'R'] {
            let event = KeyEvent::new(KeyCode::Char(code), KeyModifiers::SHIFT);
            assert_eq!(Key::from(event), "R".parse().unwrap());
        }
        assert_eq!(Key::from(KeyEvent::new(KeyCode::Tab, KeyModifiers::SHIFT)), "shift-tab".parse().unwrap());
    }
}
