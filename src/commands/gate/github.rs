//! What GitHub Actions shows of a gate: annotations in the log, and a summary of the job.
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use super::event::{Event, WatchSays};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;

/// A job of GitHub Actions that this runs in.
#[derive(Debug)]
pub(super) struct Job {
    /// The file of its summary.
    summary: Option<PathBuf>,
}

/// The job that this runs in; `None` elsewhere.
pub(super) fn here() -> Option<Job> {
    (std::env::var_os("GITHUB_ACTIONS")? == "true")
        .then(|| Job { summary: std::env::var_os("GITHUB_STEP_SUMMARY").map(PathBuf::from) })
}

impl Job {
    /// The annotation of an event, where it has one.
    pub(super) fn annotation(event: &Event) -> Option<String> {
        match event {
            Event::Finding(says) if says.is_bad() => {
                Some(format!("::error title={}::{}", property(&says.name()), data(says.sentence())))
            }
            Event::End { status, says } if *status != 0 => {
                Some(format!("::error title=redflag {}::{}", property(says.label()), data(says.sentence())))
            }
            _ => None,
        }
    }

    /// Adds what the watch came to to the job's summary.
    pub(super) fn summarize(&self, says: &WatchSays) -> io::Result<()> {
        let Some(path) = &self.summary else { return Ok(()) };
        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
        let mut text = format!("### redflag: {}\n\n{}\n", says.label(), markdown(says.sentence()));
        for line in says.facts() {
            text += &format!("- {}\n", markdown(line));
        }
        for line in says.missing() {
            text += &format!("- not known: {}\n", markdown(line));
        }
        file.write_all(crate::text::visible(&text).as_bytes())
    }
}

/// The text of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// An untrusted text in Markdown: nothing in it is a mark, a link or a tag.
fn markdown(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for sign in text.chars() {
        if matches!(sign, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!' | '@') {
            plain.push('\\');
        }
        plain.push(sign);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_no_command_and_no_link() {
        assert_eq!(data("100 %\n::error::x"), "100 %25%0A::error::x");
        assert_eq!(property("app: a, b"), "app%3A a%2C b");
        assert_eq!(markdown("[x](http://y) <b> @team"), "\\[x\\](http://y) \\<b\\> \\@team");
    }
}
