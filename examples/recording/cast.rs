//! A recording as a terminal would have written it: asciicast v2, one line a picture, only what changed.
//! <https://docs.asciinema.org/manual/asciicast/v2/>

use crate::stage::Take;
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use std::error::Error;

pub(crate) fn of(takes: &[Take]) -> Result<String, Box<dyn Error>> {
    let Some(first) = takes.first() else { return Err("nothing was recorded".into()) };
    let area = first.screen.area;
    let header = serde_json::json!({ "version": 2, "width": area.width, "height": area.height, "title": "redflag" });
    let mut text = format!("{header}\n");
    let mut before = Buffer::empty(area);
    let mut at = 0.0;
    for take in takes {
        let mut bytes = if at == 0.0 { b"\x1b[?25l".to_vec() } else { Vec::new() };
        CrosstermBackend::new(&mut bytes).draw(before.diff(&take.screen).into_iter())?;
        let event = serde_json::json!([(at * 1000.0_f64).round() / 1000.0, "o", String::from_utf8(bytes)?]);
        text.push_str(&format!("{event}\n"));
        before = take.screen.clone();
        at += take.lasting;
    }
    Ok(text)
}
