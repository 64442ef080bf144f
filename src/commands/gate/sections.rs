//! Collapsible sections of a job's log in GitLab: what is not news is folded away, and verdicts stay in sight.
//! <https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections>
//!
//! Jenkins has none of its own: there `--junit` shows what a gate came to.

use crate::deploy::Time;

/// What the names of sections begin with: letters, digits, lines below, and a number, for no two may have one name.
const NAME: &str = "redflag_";

/// The sections of a log in which a gate tells what is no news.
#[derive(Debug, Default)]
pub(super) struct Sections {
    count: u32,
    is_open: bool,
}

/// Those of the job of GitLab that this runs in; `None` elsewhere.
pub(super) fn here() -> Option<Sections> {
    (std::env::var_os("GITLAB_CI")? == "true").then(Sections::default)
}

impl Sections {
    /// The mark with which one begins, where none is open.
    pub(super) fn open(&mut self, at: Time) -> Option<String> {
        if std::mem::replace(&mut self.is_open, true) {
            return None;
        }
        self.count += 1;
        let (second, number) = (at.timestamp(), self.count);
        Some(format!("\x1b[0Ksection_start:{second}:{NAME}{number}[collapsed=true]\r\x1b[0Kredflag: details"))
    }

    /// The mark with which it ends, where one is open.
    pub(super) fn close(&mut self, at: Time) -> Option<String> {
        let was_open = std::mem::replace(&mut self.is_open, false);
        was_open.then(|| format!("\x1b[0Ksection_end:{}:{NAME}{}\r\x1b[0K", at.timestamp(), self.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_begins_and_ends_once_and_the_next_has_another_name() {
        let (mut sections, at) = (Sections::default(), Time::UNIX_EPOCH);
        assert_eq!(sections.close(at), None);
        let begin = "\u{1b}[0Ksection_start:0:redflag_1[collapsed=true]\r\u{1b}[0Kredflag: details";
        assert_eq!(sections.open(at).as_deref(), Some(begin));
        assert_eq!(sections.open(at), None);
        assert_eq!(sections.close(at).as_deref(), Some("\u{1b}[0Ksection_end:0:redflag_1\r\u{1b}[0K"));
        assert_eq!(sections.close(at), None);
        assert!(sections.open(at).is_some_and(|mark| mark.contains(":redflag_2[")));
    }
}
