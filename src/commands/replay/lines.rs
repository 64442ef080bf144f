//! A record as lines: what happened when, and what it came to.

use crate::commands::records::name;
use crate::headline::Headline;
use crate::records::Kept;
use crate::watch::Watch;
use chrono::Local;

/// What happened when, and what it came to.
pub(super) fn text(kept: &Kept, watch: &Watch) -> String {
    let setup = watch.setup();
    let clock = |at: crate::deploy::Time| at.with_timezone(&Local).format("%H:%M:%S").to_string();
    let mut text = format!(
        "{}: {}, from {} to {}, by redflag {}\n\n",
        name(&kept.folder),
        setup.environment,
        setup.started.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S"),
        clock(watch.now()),
        kept.record.header.program,
    );
    for entry in watch.timeline().entries() {
        text += &format!("{}  {:<8}  {}\n", clock(entry.at), entry.mark.label(), entry.text);
    }
    let headline = Headline::of(watch, None);
    text += &format!("\n{}\n{}\n", watch.verdict().label(), headline);
    let facts = headline.facts();
    if !facts.is_empty() {
        text += &format!("{}\n", facts.join(" · "));
    }
    if let Some(torn) = kept.record.torn {
        text += &format!("the last line ({}) was not written whole: one message is missing\n", torn.line);
    }
    if !kept.is_closed {
        text += "this record was not ended: the watch still runs, or was killed\n";
    }
    text.truncate(text.trim_end().len());
    text
}
