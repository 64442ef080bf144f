//! Pictures as SVG. Of several, each is seen in its turn, round and round; a row that stands in many is written once.

use crate::stage::Take;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use std::collections::HashMap;
use std::fmt::Write;

/// Width and height of a cell.
const CELL: (f64, f64) = (8.4, 17.0);
/// Around all of it.
const MARGIN: f64 = 10.0;

/// The colours of what has none: the text's and the ground's.
struct Plain {
    ink: &'static str,
    ground: &'static str,
}

pub(crate) fn of(takes: &[Take], is_light: bool) -> String {
    let plain = if is_light {
        Plain { ink: "#24292f", ground: "#ffffff" }
    } else {
        Plain { ink: "#d8dee9", ground: "#16181d" }
    };
    let (columns, rows) = takes.first().map_or((0, 0), |take| (take.screen.area.width, take.screen.area.height));
    let width = f64::from(columns) * CELL.0 + 2.0 * MARGIN;
    let height = f64::from(rows) * CELL.1 + 2.0 * MARGIN;
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut defs = String::new();
    let mut frames = String::new();
    let total: f64 = takes.iter().map(|take| take.lasting).sum();
    let mut at = 0.0;
    for (number, take) in takes.iter().enumerate() {
        let mut body = String::new();
        for y in 0..rows {
            let row = row(&take.screen, y, &plain);
            if row.is_empty() {
                continue;
            }
            let next = known.len();
            let id = *known.entry(row.clone()).or_insert(next);
            if id == next {
                let _ = writeln!(defs, "<g id=\"r{id}\">{row}</g>");
            }
            let _ = write!(body, "<use href=\"#r{id}\" y=\"{:.1}\"/>", f64::from(y) * CELL.1);
        }
        if takes.len() == 1 {
            let _ = writeln!(frames, "<g>{body}</g>");
        } else {
            let hidden = if number == 0 { "visible" } else { "hidden" };
            let last = at + take.lasting;
            let (from, to) = (at / total, last / total);
            let times = format!("0;{from:.5};{to:.5};1");
            let values = match number {
                0 => "visible;visible;hidden;hidden",
                _ if number + 1 == takes.len() => "hidden;visible;visible;visible",
                _ => "hidden;visible;hidden;hidden",
            };
            let _ = writeln!(
                frames,
                "<g visibility=\"{hidden}\">{body}<animate attributeName=\"visibility\" calcMode=\"discrete\" \
                 dur=\"{total:.2}s\" repeatCount=\"indefinite\" keyTimes=\"{times}\" values=\"{values}\"/></g>"
            );
            at = last;
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\">\n\
         <style>text{{font:14px 'JetBrains Mono','DejaVu Sans Mono',Menlo,Consolas,monospace;white-space:pre;\
         fill:{ink}}}.b{{font-weight:bold}}</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{ground}\"/>\n<defs>\n{defs}</defs>\n\
         <g transform=\"translate({MARGIN} {MARGIN})\">\n{frames}</g>\n</svg>\n",
        ink = plain.ink,
        ground = plain.ground,
    )
}

/// One row: its grounds, then its texts, cells of one style together.
fn row(screen: &Buffer, y: u16, plain: &Plain) -> String {
    let mut grounds = String::new();
    let mut texts = String::new();
    let mut x = 0;
    while x < screen.area.width {
        let style = colors(&screen[(x, y)], plain);
        let start = x;
        let mut text = String::new();
        while x < screen.area.width && colors(&screen[(x, y)], plain) == style {
            text.push_str(screen[(x, y)].symbol());
            x += 1;
        }
        let (left, width) = (f64::from(start) * CELL.0, f64::from(x - start) * CELL.0);
        let (ink, ground, bold) = style;
        if let Some(ground) = ground {
            let _ =
                write!(grounds, "<rect x=\"{left:.1}\" width=\"{width:.1}\" height=\"{}\" fill=\"{ground}\"/>", CELL.1);
        }
        let fill = if ink == plain.ink { String::new() } else { format!(" style=\"fill:{ink}\"") };
        let class = if bold { " class=\"b\"" } else { "" };
        // Each word group by itself: a sign that a font lacks moves nothing but its own.
        for (place, part) in groups(&text) {
            let (left, length) = (left + place as f64 * CELL.0, part.chars().count() as f64 * CELL.0);
            let part = part.replace('&', "&amp;").replace('<', "&lt;");
            let _ = write!(
                texts,
                "<text x=\"{left:.1}\" y=\"13\" textLength=\"{length:.1}\" \
                 lengthAdjust=\"spacingAndGlyphs\"{class}{fill}>{part}</text>",
            );
        }
    }
    grounds + &texts
}

/// What stands between wide gaps, each with the column where it begins.
fn groups(text: &str) -> Vec<(usize, &str)> {
    let mut groups = Vec::new();
    let mut column = 0;
    for part in text.split("  ") {
        let begins = column + part.chars().take_while(|sign| *sign == ' ').count();
        if !part.trim().is_empty() {
            groups.push((begins, part.trim()));
        }
        column += part.chars().count() + 2;
    }
    groups
}

/// The text's colour, the ground where it has one of its own, and whether it is bold.
fn colors(cell: &Cell, plain: &Plain) -> (String, Option<String>, bool) {
    let color = |color: Color, otherwise: &str| match color {
        Color::Rgb(red, green, blue) => format!("#{red:02x}{green:02x}{blue:02x}"),
        _ => otherwise.to_owned(),
    };
    let mut ink = color(cell.fg, plain.ink);
    let mut ground = Some(color(cell.bg, plain.ground)).filter(|ground| ground != plain.ground);
    if cell.modifier.contains(Modifier::REVERSED) {
        let text = ground.take().unwrap_or_else(|| plain.ground.to_owned());
        ground = Some(std::mem::replace(&mut ink, text));
    }
    (ink, ground, cell.modifier.contains(Modifier::BOLD))
}
