//! What the commit that reverts a deploy says: what, why, by whom, and how redflag finds it again.

use crate::net::http::clean;
use crate::repository::{Commit, short};

/// The trailer by which a revert is found again after its push.
pub(super) const ID: &str = "Redflag-Id";

/// The trailer that names the version a revert rolled back: undoing it begins there.
pub(super) const REVERTS: &str = "Redflag-Reverts";

/// What a message is made of.
pub(super) struct Facts<'a> {
    /// The first line: `Revert deploy of shop 1.9.0`.
    pub(super) title: String,
    /// What it does: `Rolls back deployment/shop of production to 1.8.3`.
    pub(super) summary: String,
    /// What speaks against the deploy; may be empty.
    pub(super) reason: &'a str,
    /// Who is at the keys; may be empty.
    pub(super) actor: &'a str,
    /// The reverted commits, newest first.
    pub(super) commits: &'a [Commit],
    /// See [`ID`].
    pub(super) marker: &'a str,
    /// See [`REVERTS`]; `None` when a rollback is undone.
    pub(super) reverts: Option<&'a str>,
}

/// The whole message.
pub(super) fn write(facts: &Facts<'_>) -> String {
    let mut text = format!("{}\n\n{}.\n", tame(&facts.title), tame(&facts.summary));
    if !facts.reason.trim().is_empty() {
        text.push_str(&format!("Because of: {}.\n", tame(facts.reason)));
    }
    text.push('\n');
    for commit in facts.commits {
        text.push_str(&format!("Reverts {} ({}).\n", tame(&commit.subject), short(&commit.hash)));
    }
    text.push('\n');
    for commit in facts.commits {
        // Git's own words for it, by which other tools know a revert.
        text.push_str(&format!("This reverts commit {}.\n", commit.hash));
    }
    text.push('\n');
    if !facts.actor.trim().is_empty() {
        text.push_str(&format!("Redflag-Actor: {}\n", tame(facts.actor)));
    }
    if let Some(version) = facts.reverts {
        text.push_str(&format!("{REVERTS}: {}\n", tame(version)));
    }
    text.push_str(&format!("{ID}: {}\n", facts.marker));
    text
}

/// On one line, and without the brackets by which CI systems are told not to run: a reverted commit's `[skip ci]`
/// would keep the revert from being deployed.
fn tame(text: &str) -> String {
    clean(text).replace('[', "(").replace(']', ")")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(hash: &str, subject: &str) -> Commit {
        Commit { hash: hash.repeat(8), parents: 1, author: "Ana".to_owned(), subject: subject.to_owned() }
    }

    #[test]
    fn a_message_says_what_why_and_by_whom() {
        let text = write(&Facts {
            title: "Revert deploy of shop 1.9.0".to_owned(),
            summary: "Rolls back deployment/shop of production to 1.8.3".to_owned(),
            reason: "error rate 2.4 %\nabove 1 %",
            actor: "ana@laptop",
            commits: &[commit("0a1b2c3", "faster carts"), commit("4d5e6f7", "new totals")],
            marker: "1-2",
            reverts: Some("1.9.0"),
        });
        let [first, second] = ["0a1b2c3", "4d5e6f7"].map(|hash| hash.repeat(8));
        let wanted = format!(
            "Revert deploy of shop 1.9.0\n\n\
             Rolls back deployment/shop of production to 1.8.3.\n\
             Because of: error rate 2.4 % above 1 %.\n\n\
             Reverts faster carts (0a1b2c3).\n\
             Reverts new totals (4d5e6f7).\n\n\
             This reverts commit {first}.\n\
             This reverts commit {second}.\n\n\
             Redflag-Actor: ana@laptop\n\
             Redflag-Reverts: 1.9.0\n\
             Redflag-Id: 1-2\n"
        );
        assert_eq!(text, wanted);
    }

    #[test]
    fn a_word_that_stops_ci_does_not_get_into_the_message() {
        let text = write(&Facts {
            title: "Revert [skip ci]".to_owned(),
            summary: "x".to_owned(),
            reason: "[ci skip]",
            actor: "",
            commits: &[commit("0a1b2c3", "docs [skip ci]\u{1b}[31m")],
            marker: "1",
            reverts: None,
        });
        assert!(!text.contains('[') && !text.contains('\u{1b}'), "{text}");
        assert!(!text.contains("Redflag-Actor"), "{text}");
    }
}
