//! What is written can be read: each letter of whole screens against the ground it stands on, by arithmetic.

use super::company::Scene;
use super::{board, faulty, healthy, running};
use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};
use redflag::tui::glyphs::Glyphs;
use redflag::tui::theme::ColorDepth;

/// The relative luminance of WCAG 2.
fn luminance(color: Color) -> f64 {
    let Color::Rgb(red, green, blue) = color else { panic!("{color:?} is what the terminal makes of it") };
    let part = |value: u8| {
        let share = f64::from(value) / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue)
}

/// How well a cell can be read on this ground; `None` where its text has the terminal's own colour, or nothing is written.
fn contrast(cell: &Cell, ground: Color) -> Option<f64> {
    let is_written = cell.symbol().chars().all(char::is_alphanumeric);
    let own = |color: Color| Some(color).filter(|color| *color != Color::Reset);
    let (ink, under) = (own(cell.fg)?, own(cell.bg).unwrap_or(ground));
    let (ink, under) = if cell.modifier.contains(Modifier::REVERSED) { (under, ink) } else { (ink, under) };
    let (ink, under) = (luminance(ink), luminance(under));
    is_written.then(|| (ink.max(under) + 0.05) / (ink.min(under) + 0.05))
}

#[test]
fn every_letter_of_a_screen_can_be_read() {
    let dark = Color::Rgb(0x1e, 0x1e, 0x1e);
    let light = Color::Rgb(0xff, 0xff, 0xff);
    let themes = [("dark", dark), ("colorblind", dark), ("light", light), ("colorblind-light", light)];
    for make in [healthy, faulty, running, board] {
        let mut scene: Scene = make();
        for keys in ["1", "2 j", "?", "esc R"] {
            for (theme, ground) in themes {
                let mut seen = scene.on(Glyphs::Unicode, theme, ColorDepth::True);
                seen.press(keys);
                let screen = seen.screen(120, 40);
                for (index, cell) in screen.content.iter().enumerate() {
                    let Some(found) = contrast(cell, ground) else { continue };
                    let place = (index % 120, index / 120);
                    assert!(found >= 4.5, "{theme}, {keys}: {:?} at {place:?} has {found:.2}", cell.symbol());
                }
                scene = seen;
            }
        }
    }
}
