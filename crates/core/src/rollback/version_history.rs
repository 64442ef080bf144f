//! What earlier watches found about a workload's versions, and which of them is the default target.

use crate::deploy::{Time, Version};
use serde::{Deserialize, Serialize};

/// What is remembered of one version of one workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Its pods' `pod-template-hash` or `controller-revision-hash`.
    pub hash: String,
    /// Its images, with digests where the cluster told them.
    pub images: Vec<String>,
    /// What was found.
    pub standing: VersionStatus,
    /// When that was found.
    pub at: Time,
    /// Whose word it is, where a watch on another machine found it; `None`: this machine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What holds the words of others.
pub const SHARED: &str = "redflag-versions";

/// A finding of an earlier watch, and of which workload it speaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recalled {
    /// What was found.
    pub known: Known,
    /// The workload's identity then; `None` in what was written before identities were.
    pub uid: Option<String>,
}

impl Recalled {
    /// What it says of the workload with this identity; `None` where it speaks of another one.
    ///
    /// One without an identity may be of another cluster whose environment had the same name, and called bad whatever a
    /// person rolled back: that it was good counts for nothing, and that it was bad for no more than that.
    pub fn of(&self, uid: &str) -> Option<Known> {
        let standing = match (&self.uid, self.known.standing) {
            (Some(known), standing) => (known == uid).then_some(standing)?,
            (None, VersionStatus::Good) => return None,
            (None, VersionStatus::Bad | VersionStatus::RolledBack) => VersionStatus::RolledBack,
            (None, VersionStatus::Unproven) => VersionStatus::Unproven,
        };
        Some(Known { standing, ..self.known.clone() })
    }
}

/// What is known of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionStatus {
    /// It passed a whole watch.
    Good,
    /// It was rolled back for a red flag, or was under one for minutes.
    Bad,
    /// A person took it back while nothing was red: why is not known.
    RolledBack,
    /// It was rolled back, and the flags stayed red without it: nothing speaks against it, nothing for it.
    Unproven,
}

impl Known {
    /// Whose word it is, to follow what is said: ` by ana's word (redflag-versions)`; empty for this machine's own.
    pub fn by_whom(&self) -> String {
        self.by.as_ref().map_or_else(String::new, |by| format!(" by {by}'s word ({SHARED})"))
    }

    /// Whether this speaks of that version: the same template, or the very same images by digest. The same
    /// tag is not enough, for tags move.
    pub fn is_of(&self, version: &Version) -> bool {
        let by_digest = || {
            let digests = |images: &[String]| -> Option<Vec<String>> {
                images.iter().map(|image| image.split_once('@').map(|(_, digest)| digest.to_owned())).collect()
            };
            let mine = digests(&self.images).filter(|digests| !digests.is_empty());
            mine.is_some() && mine == digests(&version.images)
        };
        self.hash == version.hash || by_digest()
    }
}

/// The newest thing that is remembered of a version. What was found bad or taken back under our own eyes is not made good
/// by the word of somebody else, whenever that was given.
pub fn newest<'a>(known: &'a [Known], version: &Version) -> Option<&'a Known> {
    let of_it = || known.iter().filter(|entry| entry.is_of(version));
    let newest = of_it().max_by_key(|entry| entry.at)?;
    if newest.by.is_none() || newest.standing != VersionStatus::Good {
        return Some(newest);
    }
    let own = of_it().filter(|entry| entry.by.is_none()).max_by_key(|entry| entry.at);
    let is_against = |own: &&Known| matches!(own.standing, VersionStatus::Bad | VersionStatus::RolledBack);
    own.filter(is_against).or(Some(newest))
}

/// Which of `others` (newest first, without the one that runs) a rollback goes to when nobody chose, by place.
///
/// The version that served before the deploy, unless it is known to be bad: after two bad deploys in a row
/// that would bring the first of them back. Then the newest one that passed a watch, else the newest that
/// is not known to be bad. `served_before` is its hash, where the watch saw it serve.
pub fn default_target(others: &[&Version], served_before: Option<&str>, known: &[Known]) -> Option<usize> {
    let standing = |version: &Version| newest(known, version).map(|entry| entry.standing);
    let before = match served_before {
        Some(hash) => others.iter().position(|version| version.hash == hash),
        None => (!others.is_empty()).then_some(0),
    };
    if let Some(place) = before
        && standing(others[place]) != Some(VersionStatus::Bad)
    {
        return Some(place);
    }
    if before.is_none() && served_before.is_some() {
        // It is not there any more; what else to do is for a person to choose.
        return None;
    }
    let good = others.iter().position(|version| standing(version) == Some(VersionStatus::Good));
    good.or_else(|| others.iter().position(|version| standing(version) != Some(VersionStatus::Bad)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn version(tag: &str) -> Version {
        Version { images: vec![format!("app:{tag}")], revision: 1, hash: format!("hash-{tag}"), ..Version::default() }
    }

    fn known(tag: &str, standing: VersionStatus, second: i64) -> Known {
        let at = DateTime::from_timestamp(second, 0).unwrap_or_default();
        Known { hash: format!("hash-{tag}"), images: vec![format!("app:{tag}")], standing, at, by: None }
    }

    fn target(others: &[&str], served_before: Option<&str>, known: &[Known]) -> Option<String> {
        let others: Vec<Version> = others.iter().map(|tag| version(tag)).collect();
        let hash = served_before.map(|tag| format!("hash-{tag}"));
        let place = default_target(&others.iter().collect::<Vec<_>>(), hash.as_deref(), known)?;
        Some(others[place].label().to_owned())
    }

    #[test]
    fn what_was_found_counts_for_the_very_same_workload() {
        let found = known("1.8.3", VersionStatus::Good, 1);
        let own = Recalled { known: found.clone(), uid: Some("uid-1".to_owned()) };
        assert_eq!(own.of("uid-1"), Some(found.clone()));
        assert_eq!(own.of("uid-2"), None, "another cluster has a workload of that name too");
        let old = |standing| Recalled { known: Known { standing, ..found.clone() }, uid: None }.of("uid-1");
        assert_eq!(old(VersionStatus::Good), None);
        assert_eq!(old(VersionStatus::Bad).map(|known| known.standing), Some(VersionStatus::RolledBack));
    }

    #[test]
    fn it_goes_to_what_served_before() {
        assert_eq!(target(&["1.9", "1.8"], Some("1.9"), &[]).as_deref(), Some("1.9"));
        assert_eq!(target(&["1.9", "1.8"], None, &[]).as_deref(), Some("1.9"));
        let older_is_good = [known("1.8", VersionStatus::Good, 1)];
        assert_eq!(target(&["1.9", "1.8"], Some("1.9"), &older_is_good).as_deref(), Some("1.9"));
    }

    #[test]
    fn two_bad_deploys_in_a_row_go_back_past_both() {
        let memory = [known("1.9", VersionStatus::Bad, 9), known("1.7", VersionStatus::Good, 1)];
        assert_eq!(target(&["1.9", "1.8", "1.7"], Some("1.9"), &memory).as_deref(), Some("1.7"));
        let nothing_good = [known("1.9", VersionStatus::Bad, 9)];
        assert_eq!(target(&["1.9", "1.8", "1.7"], Some("1.9"), &nothing_good).as_deref(), Some("1.8"));
        let all_bad = [known("1.9", VersionStatus::Bad, 9)];
        assert_eq!(target(&["1.9"], Some("1.9"), &all_bad), None);
    }

    #[test]
    fn the_newest_word_on_a_version_counts() {
        let forgiven = [known("1.9", VersionStatus::Bad, 1), known("1.9", VersionStatus::Good, 2)];
        assert_eq!(target(&["1.9", "1.8"], Some("1.9"), &forgiven).as_deref(), Some("1.9"));
    }

    #[test]
    fn somebody_elses_word_warns_and_never_makes_good_what_was_bad_here() {
        let theirs = |standing, second| Known { by: Some("ana".to_owned()), ..known("1.9", standing, second) };
        let standing = |entries: &[Known]| newest(entries, &version("1.9")).map(|entry| entry.standing);
        let own_bad = known("1.9", VersionStatus::Bad, 1);
        assert_eq!(standing(&[own_bad.clone(), theirs(VersionStatus::Good, 9)]), Some(VersionStatus::Bad));
        let own_again = known("1.9", VersionStatus::Good, 5);
        assert_eq!(standing(&[own_bad, own_again, theirs(VersionStatus::Good, 9)]), Some(VersionStatus::Good));
        let own_good = known("1.9", VersionStatus::Good, 1);
        assert_eq!(standing(&[own_good, theirs(VersionStatus::Bad, 9)]), Some(VersionStatus::Bad));
        let only_theirs = [theirs(VersionStatus::Good, 9)];
        assert_eq!(
            newest(&only_theirs, &version("1.9")).map(Known::by_whom).as_deref(),
            Some(" by ana's word (redflag-versions)")
        );
    }

    #[test]
    fn what_served_before_and_is_gone_is_not_replaced_by_a_guess() {
        assert_eq!(target(&["1.7"], Some("1.9"), &[]), None);
    }

    #[test]
    fn a_tag_does_not_identify_a_version_and_a_digest_does() {
        let other_template = Version { hash: "other".to_owned(), ..version("1.9") };
        assert!(!known("1.9", VersionStatus::Good, 1).is_of(&other_template));
        let images = vec!["app@sha256:01".to_owned()];
        let digest = Known { images: images.clone(), ..known("1.9", VersionStatus::Good, 1) };
        assert!(digest.is_of(&Version { images, ..other_template }));
    }
}
