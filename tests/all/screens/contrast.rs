//! What is written can be read: each letter of whole screens against the ground it stands on, by arithmetic.

#[path = "../../../src/tui/theme/luminance.rs"]
mod luminance;

use super::company::Scene;
use super::{board, faulty, healthy, running};
use luminance::contrast;
use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};
use redflag::tui::glyphs::Glyphs;
use redflag::tui::theme::ColorDepth;

/// How well a cell can be read on this ground; `None` where its text has the terminal's own colour, or nothing is written.
fn of(cell: &Cell, ground: Color) -> Option<f64> {
    let is_written = cell.symbol().chars().all(char::is_alphanumeric);
    let own = |color: Color| Some(color).filter(|color| *color != Color::Reset);
    let (ink, under) = (own(cell.fg)?, own(cell.bg).unwrap_or(ground));
    let (ink, under) = if cell.modifier.contains(Modifier::REVERSED) { (under, ink) } else { (ink, under) };
    is_written.then(|| contrast(ink, under))
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
                    let Some(found) = of(cell, ground) else { continue };
                    let place = (index % 120, index / 120);
                    assert!(found >= 4.5, "{theme}, {keys}: {:?} at {place:?} has {found:.2}", cell.symbol());
                }
                scene = seen;
            }
        }
    }
}
