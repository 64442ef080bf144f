//! What others report and no statistics judge: alert rules, issues, the probe, the rollout.

use super::{Lasting, Quantity};
use crate::deploy::Time;
use crate::poll::SourceError;
use crate::rollout::Trouble;

/// What other people's alert rules say.
#[derive(Debug, Clone, PartialEq)]
pub enum AlertsSay {
    /// None fires.
    None,
    /// Some do, or cannot.
    Some {
        /// What they do.
        what: Calling,
        /// Their names, and until when those that are muted are.
        names: Vec<(String, Option<Time>)>,
    },
    /// So many rules were not read.
    Unread(usize),
}

/// What alert rules do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calling {
    /// They began to fire after the deploy.
    SinceDeploy,
    /// They are about to.
    Pending,
    /// They fired before the deploy already.
    SinceBefore,
    /// They fire, and somebody has muted them.
    Muted,
    /// They cannot be evaluated.
    Blind,
}

/// What is said of the new version's issues.
#[derive(Debug, Clone, PartialEq)]
pub enum IssuesSay {
    /// There is none.
    None,
    /// Nobody has counted any yet.
    Uncounted,
    /// Some are counted, and none is listed.
    Unlisted {
        /// How often they come.
        rate: Quantity,
    },
    /// There are some.
    Some {
        /// How many.
        issues: usize,
        /// How often they come.
        rate: Quantity,
        /// The worst one's title.
        worst: String,
        /// How often that one came.
        times: u64,
        /// The limit that their rate passed, where it did.
        above: Option<f64>,
    },
}

/// What is said of the environment's own URL.
#[derive(Debug, Clone, PartialEq)]
pub enum ProbeSays {
    /// It was not tried since the deploy.
    NotTried,
    /// It fails.
    Fails {
        /// Why.
        error: Option<SourceError>,
        /// How many tries in a row.
        tries: usize,
        /// For how long.
        lasting: Lasting,
    },
    /// It answers.
    Answers {
        /// In what time.
        time: Quantity,
        /// The limit that it is above, where it is.
        above: Option<f64>,
        /// Whether one more answer is waited for, after it failed.
        again: bool,
    },
}

/// What is said of a workload's rollout.
#[derive(Debug, Clone, PartialEq)]
pub enum RolloutSays {
    /// Nobody has told of it yet.
    Untold {
        /// Who should.
        source: String,
    },
    /// Something is wrong.
    Trouble(Trouble),
    /// It failed.
    Failed(String),
    /// The workload is not there.
    Gone,
    /// Nothing runs.
    Empty {
        /// How many pods are asked for.
        desired: i64,
    },
    /// It goes on.
    Waiting(String),
    /// It is through.
    Ready {
        /// So many pods are ready.
        ready: i64,
        /// Of so many.
        desired: i64,
    },
}
