//! A deploy that was made: when, of what, and whether it was rolled back; and the same deploy, told by several.

use crate::deploy::{Time, Version, WorkloadRef};
use crate::watch::PUSH;
use chrono::TimeDelta;
use serde::Serialize;

/// The same version within this time is the same deploy, whoever tells of it.
const SAME: TimeDelta = TimeDelta::minutes(30);
/// So many deploys are played, the newest of them.
pub const MOST: usize = 200;

/// Who tells of a deploy, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A record of a watch.
    Record,
    /// The cluster's own history.
    Cluster,
    /// A tag in Git: when it was made, and not when it was deployed.
    Tag,
    /// Whoever called.
    Listed,
}

/// A workload's part of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployed {
    /// The workload.
    pub workload: WorkloadRef,
    /// When its template was changed.
    pub at: Time,
    /// When its rollout ended, where that is known; else it counts as through at once.
    pub finished: Option<Time>,
    /// The version before, where it is known.
    pub from: Option<Version>,
    /// The new version.
    pub to: Version,
}

/// How a deploy was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenBack {
    /// When, where that is known: a cluster does not keep it.
    pub at: Option<Time>,
    /// Whether redflag did it by itself.
    pub automatic: bool,
}

/// A deploy that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Who tells of it.
    pub origin: Origin,
    /// What was deployed; never empty.
    pub deploys: Vec<Deployed>,
    /// Whether it was rolled back.
    pub taken_back: Option<TakenBack>,
}

impl Case {
    /// When the first of it was deployed.
    pub fn at(&self) -> Option<Time> {
        self.deploys.iter().map(|deployed| deployed.at).min()
    }

    /// When the last of it was rolled out, as far as that is known.
    pub fn finished(&self) -> Option<Time> {
        self.deploys.iter().map(|deployed| deployed.finished.unwrap_or(deployed.at)).max()
    }

    /// What people call it: the version of its first workload.
    pub fn label(&self) -> &str {
        self.deploys.first().map_or("?", |deployed| deployed.to.label())
    }

    /// Whether both tell of one deploy: a version that one of them does not know is no other.
    pub fn is(&self, other: &Self) -> bool {
        let (Some(one), Some(another)) = (self.at(), other.at()) else { return false };
        let shares = |mine: &Deployed| {
            other.deploys.iter().any(|theirs| {
                let (mine, theirs) = (mine.to.label() == theirs.to.label(), theirs.workload == mine.workload);
                theirs && mine
            })
        };
        let is_named = |case: &Self| case.label() != Version::default().label();
        let same_name = !is_named(self) || !is_named(other) || self.deploys.iter().any(shares);
        (one - another).abs() <= SAME && same_name
    }
}

/// A version of which only the name is known.
pub fn named(workload: &WorkloadRef, label: Option<&str>) -> Version {
    let Some(label) = label else { return Version::default() };
    let images = vec![format!("{}:{label}", workload.name)];
    Version { images, hash: label.to_owned(), ..Version::default() }
}

/// Puts the deploys of single workloads together that were one push, as a watch does: within [`PUSH`] of the newest of
/// them. The oldest first.
pub fn pushes(origin: Origin, mut deploys: Vec<(Deployed, Option<TakenBack>)>) -> Vec<Case> {
    deploys.sort_by_key(|(deployed, _)| deployed.at);
    let mut cases: Vec<Case> = Vec::new();
    for (deployed, taken_back) in deploys {
        let open = cases.last_mut().filter(|case| {
            let is_another = case.deploys.iter().all(|known| known.workload != deployed.workload);
            is_another && case.at().is_some_and(|first| deployed.at - first < PUSH)
        });
        if let Some(case) = open {
            case.taken_back = case.taken_back.or(taken_back);
            case.deploys.push(deployed);
        } else {
            cases.push(Case { origin, deploys: vec![deployed], taken_back });
        }
    }
    cases
}

/// Each deploy once, by whoever knows it best; the oldest first, and of more than [`MOST`] the newest.
pub fn merged(mut found: Vec<Case>) -> Vec<Case> {
    found.sort_by_key(|case| (case.origin, case.at()));
    let mut cases: Vec<Case> = Vec::new();
    for case in found.into_iter().filter(|case| !case.deploys.is_empty()) {
        match cases.iter_mut().find(|known| known.is(&case)) {
            Some(known) => known.taken_back = known.taken_back.or(case.taken_back),
            None => cases.push(case),
        }
    }
    cases.sort_by_key(Case::at);
    cases.drain(..cases.len().saturating_sub(MOST));
    cases
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::deploy::WorkloadKind;
    use chrono::DateTime;

    pub(in crate::backtest) fn workload(name: &str) -> WorkloadRef {
        WorkloadRef { kind: WorkloadKind::Deployment, namespace: "production".to_owned(), name: name.to_owned() }
    }

    pub(in crate::backtest) fn at(minutes: i64) -> Time {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
    }

    pub(in crate::backtest) fn deployed(name: &str, minutes: i64, to: Option<&str>) -> Deployed {
        let workload = workload(name);
        let to = named(&workload, to);
        Deployed { workload, at: at(minutes), finished: None, from: None, to }
    }

    fn case(origin: Origin, minutes: i64, to: Option<&str>) -> Case {
        Case { origin, deploys: vec![deployed("app", minutes, to)], taken_back: None }
    }

    #[test]
    fn the_same_deploy_is_told_once_by_whoever_knows_it_best() {
        let taken_back = Some(TakenBack { at: None, automatic: false });
        let cluster = Case { taken_back, ..case(Origin::Cluster, 1, Some("1.9.0")) };
        let cases = merged(vec![
            case(Origin::Listed, 3, None),
            cluster,
            case(Origin::Record, 0, Some("1.9.0")),
            case(Origin::Tag, -20, Some("1.9.0")),
            case(Origin::Cluster, -20, Some("1.8.3")),
            case(Origin::Cluster, 60, Some("1.9.0")),
        ]);
        let told: Vec<_> = cases.iter().map(|case| (case.origin, case.label(), case.taken_back.is_some())).collect();
        assert_eq!(
            told,
            [(Origin::Cluster, "1.8.3", false), (Origin::Record, "1.9.0", true), (Origin::Cluster, "1.9.0", false)]
        );
    }

    #[test]
    fn what_is_deployed_together_is_one_push_and_one_workload_twice_is_two() {
        let of = |name, minutes| (deployed(name, minutes, Some("2.0")), None);
        let cases =
            pushes(Origin::Cluster, vec![of("cart", 4), of("app", 0), of("app", 8), of("mail", 119), of("web", 128)]);
        let sizes: Vec<usize> = cases.iter().map(|case| case.deploys.len()).collect();
        assert_eq!(sizes, [2, 2, 1], "web is two hours after the second app");
        assert_eq!(cases[0].at(), Some(at(0)));
    }

    #[test]
    fn of_very_many_the_newest_are_kept() {
        let many = (0..300).map(|day| case(Origin::Cluster, day * 1440, Some("1")));
        let kept = merged(many.collect());
        assert_eq!((kept.len(), kept[0].at()), (MOST, Some(at(100 * 1440))));
    }
}
