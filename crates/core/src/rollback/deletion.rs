//! Deleting the pods that block a rollback: a `StatefulSet` that goes pod by pod waits for a broken pod for ever,
//! even when its template was rolled back. A person is asked first; what came of it is told.

use super::Blocked;
use crate::deploy::{Time, WorkloadId};
use serde::{Deserialize, Serialize};

/// One pod, and no other that gets its name later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodId {
    /// Its name, in the namespace of its workload.
    pub name: String,
    /// Its `metadata.uid`: the request is for this one alone.
    pub uid: String,
}

/// The question whether these pods are to be deleted, on the screen until it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// When it was opened; keys in its first moments are ignored.
    pub opened: Time,
    /// The pods by workload, frozen: no other one is deleted by the answer.
    pub pods: Vec<(WorkloadId, Vec<PodId>)>,
}

/// What came of asking the cluster to delete one pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deleted {
    /// It was taken: the pod is on its way out, or gone.
    Taken,
    /// There was no such pod any more.
    GoneAlready,
    /// Another pod has its name by now, and was left alone.
    Replaced,
    /// It was refused and changed nothing.
    Refused(Blocked),
    /// Sent, and no answer: it may or may not have happened. The text says what was heard last.
    Unknown(String),
}

/// Where the deletion of one pod stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The request is on its way.
    Sent,
    /// It was answered, or its answer was lost.
    Answered(Deleted),
}

impl Attempt {
    /// Whether a person may ask again: it certainly changed nothing, or nobody knows. Asking again is harmless, the
    /// request is for this very pod.
    pub const fn may_be_repeated(&self) -> bool {
        matches!(self, Self::Answered(Deleted::Refused(_) | Deleted::Unknown(_)))
    }
}

impl Deleted {
    /// What is said of it, after the pod's name.
    pub fn told(&self) -> String {
        match self {
            Self::Taken => "deletion accepted".to_owned(),
            Self::GoneAlready => "already gone".to_owned(),
            Self::Replaced => "not deleted: another pod now has that name".to_owned(),
            Self::Refused(Blocked { reason, way_out }) => format!("not deleted: {reason}; {way_out}"),
            Self::Unknown(why) => format!("unknown whether it was deleted: {why}"),
        }
    }
}
