//! Reads a style as theme files write it: `bold #ff5c57 on black`.

use ratatui::style::{Color, Modifier, Style};

const COLORS: [(&str, Color); 18] = [
    ("default", Color::Reset),
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("white", Color::White),
    ("gray", Color::Gray),
    ("grey", Color::Gray),
    ("dark_gray", Color::DarkGray),
    ("light_red", Color::LightRed),
    ("light_green", Color::LightGreen),
    ("light_yellow", Color::LightYellow),
    ("light_blue", Color::LightBlue),
    ("light_magenta", Color::LightMagenta),
    ("light_cyan", Color::LightCyan),
];

const MODIFIERS: [(&str, Modifier); 5] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underline", Modifier::UNDERLINED),
    ("reverse", Modifier::REVERSED),
];

/// A style from its words; the error says what was expected.
pub(super) fn parse(text: &str) -> Result<Style, String> {
    let mut style = Style::new();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        if let Some((_, modifier)) = MODIFIERS.into_iter().find(|(name, _)| *name == word) {
            style = style.add_modifier(modifier);
        } else if word == "on" {
            let ground = words.next().ok_or("a colour is missing after `on`")?;
            // The terminal's own ground is what an unset one is.
            style.bg = Some(color(ground)?).filter(|color| *color != Color::Reset);
        } else {
            style.fg = Some(color(word)?).filter(|color| *color != Color::Reset);
        }
    }
    Ok(style)
}

fn color(word: &str) -> Result<Color, String> {
    if let Some((_, color)) = COLORS.into_iter().find(|(name, _)| *name == word) {
        return Ok(color);
    }
    if let Ok(index) = word.parse::<u8>() {
        return Ok(Color::Indexed(index));
    }
    if let Some(digits) = word.strip_prefix('#').filter(|digits| digits.len() == 6)
        && let Ok(rgb) = u32::from_str_radix(digits, 16)
    {
        return Ok(Color::from_u32(rgb));
    }
    let words = COLORS.iter().map(|(name, _)| *name).chain(MODIFIERS.iter().map(|(name, _)| *name));
    Err(format!(
        "`{word}` is neither a colour (a name, #rrggbb, 0 to 255) nor one of bold, dim, italic, underline, reverse{}",
        super::nearest(word, words)
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_style_is_its_words_in_any_order() {
        let style = parse("bold #ff5c57 on black underline").unwrap();
        assert_eq!(style.fg, Some(Color::Rgb(0xff, 0x5c, 0x57)));
        assert_eq!(style.bg, Some(Color::Black));
        assert_eq!(style.add_modifier, Modifier::BOLD | Modifier::UNDERLINED);
        assert_eq!(parse("default").unwrap(), Style::new());
        assert_eq!(parse("208").unwrap().fg, Some(Color::Indexed(208)));
    }

    #[test]
    fn a_style_that_cannot_be_read_says_why() {
        assert_eq!(parse("bold on").unwrap_err(), "a colour is missing after `on`");
        assert!(parse("#12345").unwrap_err().starts_with("`#12345` is neither a colour"));
    }
}
