//! The input of a strategy: which workload to roll back, and where to.

use super::Goal;
use super::version_history::Known;
use crate::deploy::{Time, Version, WorkloadId, WorkloadRef};
use crate::template::Template;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// One question to a strategy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanRequest {
    /// Which way.
    pub goal: Goal,
    /// Which workload of the watch.
    pub workload: WorkloadId,
    /// Its kind, namespace and name.
    pub reference: WorkloadRef,
    /// The service it serves: `$service`.
    pub service: String,
    /// The environment's name: `$environment`.
    pub environment: String,
    /// Where to, and what the watch knows.
    pub wanted: Wanted,
}

impl PlanRequest {
    /// A name with `$service` and `$environment` filled in; `$$` is a dollar.
    pub fn fill(&self, name: &str) -> String {
        Template::ours(name).fill_known(|variable| match variable {
            "service" => Some(Cow::Borrowed(&self.service)),
            "environment" => Some(Cow::Borrowed(&self.environment)),
            _ => None,
        })
    }
}

/// What the watch knows that a rollback should heed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Where to go.
    pub choice: Choice,
    /// The main container, where the configuration names it: its image is the version.
    pub container: Option<String>,
    /// How long this workload's pods took from creation to readiness recently, where that was seen.
    pub pace: Option<TimeDelta>,
    /// What earlier watches found of its versions.
    pub known: Vec<Known>,
    /// Who is at the keys: `$actor`.
    pub actor: String,
    /// What speaks against the deploy at the moment: `$reason`. Empty while nothing does.
    pub reason: String,
    /// The workload as the watch sees it; `None` outside a watch.
    pub seen: Option<Seen>,
}

/// A workload as the watch sees it: for strategies that do not read the cluster themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its identity.
    pub uid: String,
    /// Its `metadata.generation`.
    pub generation: i64,
    /// How many pods it should have.
    pub replicas: i64,
    /// What runs now.
    pub running: Version,
    /// When that was deployed.
    pub deployed: Time,
    /// Its template history, newest first, what runs now among it.
    pub revisions: Vec<Version>,
    /// What served before that deploy, by its hash, where the watch saw that.
    pub served_before: Option<String>,
    /// What an old revision was put back over, if what runs now is one.
    pub rolled_back: Option<Version>,
}

/// Where a rollback should go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// What a person means who does not choose: see [`super::version_history::default_target`].
    Usual {
        /// The version that served before the deploy, by its pods' `pod-template-hash` or
        /// `controller-revision-hash`. Numbers move when a revision is undone to; this does not.
        served_before: Option<String>,
    },
    /// The version with this hash.
    Hash(String),
    /// The revision with this number, as a person typed it.
    Revision(i64),
}

impl Default for Choice {
    fn default() -> Self {
        Self::Usual { served_before: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::WorkloadKind;

    #[test]
    fn a_name_is_filled_in_once_and_by_whole_variables() {
        let request = PlanRequest {
            goal: Goal::RollBack,
            workload: WorkloadId(0),
            reference: WorkloadRef {
                kind: WorkloadKind::Deployment,
                namespace: "shop".to_owned(),
                name: "app".to_owned(),
            },
            service: "$environment".to_owned(),
            environment: "live".to_owned(),
            wanted: Wanted::default(),
        };
        assert_eq!(request.fill("${environment}-$service"), "live-$environment");
        assert_eq!(request.fill("$services of $$service"), "$services of $service");
    }
}
