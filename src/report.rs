//! The report of a watch, for the postmortem: facts first ([`Report`]), then the same facts as Markdown, as HTML or as JSON.
//! All that came from outside is cleaned where the facts are collected, and escaped where a format is made of them.

mod chart;
mod escape;
mod facts;
mod html;
mod json;
mod markdown;
mod schema;
mod words;

pub use facts::{Deployed, FlagTold, Moment, Report, RollbackTold, SaidTold, SignalTold, Took};

use chrono::FixedOffset;

/// What a report is made as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For GitHub, Notion or Slack.
    Markdown,
    /// One page with charts, that loads nothing.
    Html,
    /// For a program.
    Json,
}

impl Report {
    /// The report as text, with times as a clock in this zone shows them; JSON has them in UTC.
    ///
    /// # Errors
    /// For a number that JSON does not have.
    pub fn render(&self, format: Format, zone: FixedOffset) -> serde_json::Result<String> {
        Ok(match format {
            Format::Markdown => markdown::page(self, zone),
            Format::Html => html::page(self, zone),
            Format::Json => json::text(self)?,
        })
    }

    /// The JSON schema of [`Format::Json`].
    pub fn schema() -> String {
        json::schema()
    }
}
