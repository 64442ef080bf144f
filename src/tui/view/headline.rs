//! The one sentence: what is wrong and where it comes from, or that nothing is; the facts below it; what the key does.
//!
//! ```text
//!  ✖ 1.9.0 fails 3.4 % of requests: TypeError: cart.total is None (checkout.views)
//!    168 of 7 074 requests, was 0.05 % · 112 users · began 20 s after the deploy · significant in 4 signals
//!    R roll back to 1.8.3   ready · ~72 s · last known good
//! ```

use super::text::{clean, width};
use super::{Brush, View, footer};
use crate::headline::Headline;
use crate::tui::keymap::Action;
use crate::tui::rows;
use crate::tui::theme::Slot;
use crate::verdict::Level;
use crate::watch::Watch;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// More services than these have no headline of their own; the board lists all of them.
const MOST: usize = 3;

/// One headline, or on a board one for each service that is bad.
pub(super) fn of(watch: &Watch, service: Option<crate::deploy::ServiceId>) -> Vec<Headline> {
    if rows::is_board(watch, service) {
        let bad = rows::red_services(watch).into_iter();
        let each: Vec<Headline> = bad.take(MOST).map(|id| Headline::of(watch, Some(id))).collect();
        if !each.is_empty() {
            return each;
        }
    }
    vec![Headline::of(watch, service)]
}

/// How many lines it takes: each sentence, the facts of a single one, and what the key would do while that is asked for.
pub(super) fn wish(view: &View<'_>) -> u16 {
    let several = view.headlines.len() > 1;
    let sentences = view.headlines.len() as u16;
    sentences + u16::from(!several) + u16::from(key(view).is_some())
}

/// What the key would do, where that is worth a line here, too: while something is red, and nothing is in progress.
fn key(view: &View<'_>) -> Option<footer::State> {
    let red = view.headlines.iter().any(|headline| headline.level() == Level::RedFlag);
    red.then(|| footer::state(view)).filter(|state| state.key == view.keymap.label(Action::Rollback))
}

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let mut line = 0;
    for headline in view.headlines {
        let (glyph, style) = view.level(headline.level());
        let slot = if headline.level() == Level::RedFlag { Slot::RedFlag } else { Slot::Strong };
        let mut brush = Brush::new(buffer, view, area, line);
        brush.gap(2).put(glyph, style).gap(1);
        brush.put(&clean(&sentence(view, headline)), view.ink(slot));
        line += 1;
    }
    if let [only] = view.headlines {
        let mut brush = Brush::new(buffer, view, area, line);
        brush.gap(4);
        let dot = format!(" {} ", view.glyphs.dot());
        // Whole facts only: what is left out stands in the table below.
        for (index, fact) in only.facts().iter().enumerate() {
            let fact = view.glyphs.plain(clean(fact)).into_owned();
            let gap = if index == 0 { "" } else { dot.as_str() };
            if index > 0 && brush.left() < width(gap) + width(&fact) {
                continue;
            }
            brush.put(gap, Slot::Muted).put(&fact, Slot::Text);
        }
        line += 1;
    }
    if line < area.height
        && let Some(footer::State { key, slot, text }) = key(view)
    {
        let mut brush = Brush::new(buffer, view, area, line);
        brush.gap(4).put(&key.unwrap_or_default(), Slot::Key).gap(2);
        brush.put(&view.glyphs.plain(clean(&text)), slot);
    }
}

/// The sentence, with its service where there are several and it names the version alone.
fn sentence(view: &View<'_>, headline: &Headline) -> String {
    match headline {
        Headline::Trouble(trouble)
            if view.watch.setup().services.len() > 1 && !trouble.who().starts_with(&trouble.service) =>
        {
            format!("{} {headline}", trouble.service)
        }
        _ => headline.to_string(),
    }
}
