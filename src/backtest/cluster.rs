//! Deploys by the cluster's own history: each template that a workload had, when it was made, and which of them were put
//! back over a newer one.

use super::case::{Case, Deployed, Origin, TakenBack, pushes};
use crate::clock::Clock;
use crate::cluster;
use crate::deploy::{Time, WorkloadId, WorkloadRef};
use crate::message::{Message, StreamNews};
use crate::poll::SourceError;
use crate::rollout::{Revision, Rollout};
use crate::signal::SourceId;
use crate::systems::api::Streamed;
use futures_util::future::{Either, select};
use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long the cluster may take to tell of its workloads.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many of its messages may wait.
const QUEUE: usize = 64;

/// The workloads as the cluster tells them now.
///
/// # Errors
/// Why it does not tell.
pub async fn rollouts(
    spec: &dyn Streamed,
    workloads: usize,
    clock: &Clock,
) -> Result<BTreeMap<WorkloadId, Rollout>, SourceError> {
    let cluster = cluster::connect(spec.cluster()).await?;
    let (out, mut news) = mpsc::channel(QUEUE);
    let stream = spec.stream(SourceId(0), cluster, clock.clone(), out);
    let listen = async {
        let mut told = BTreeMap::new();
        while told.len() < workloads
            && let Some(message) = news.recv().await
        {
            match message {
                Message::Streamed { news: StreamNews::Rollout(id, rollout), .. } => {
                    told.insert(id, *rollout);
                }
                Message::Streamed { news: StreamNews::Down(error), .. } => return Err(error),
                _ => {}
            }
        }
        Ok(told)
    };
    match timeout(PATIENCE, select(pin!(listen), pin!(stream))).await {
        Ok(Either::Left((told, _))) => told,
        Ok(Either::Right(_)) => Err(SourceError::unreachable("the stream has ended".to_owned())),
        Err(_) => Err(cluster::timed_out(PATIENCE)),
    }
}

/// The deploys since then that a history shows.
pub fn cases<'a>(told: impl IntoIterator<Item = (&'a WorkloadRef, &'a Rollout)>, since: Time) -> Vec<Case> {
    let of = |(workload, rollout): (&WorkloadRef, &Rollout)| deploys(workload, rollout, since);
    pushes(Origin::Cluster, told.into_iter().flat_map(of).collect())
}

fn deploys(workload: &WorkloadRef, rollout: &Rollout, since: Time) -> Vec<(Deployed, Option<TakenBack>)> {
    let mut made: Vec<(Time, &Revision)> =
        rollout.revisions.iter().filter_map(|revision| Some((revision.created?, revision))).collect();
    made.sort_by_key(|(at, _)| *at);
    let put_over = put_over(&made);
    let mut found = Vec::new();
    for (place, (at, revision)) in made.iter().enumerate() {
        // Nothing ran before the first: it is no deploy over anything.
        let Some((_, before)) = place.checked_sub(1).and_then(|before| made.get(before)) else { continue };
        if *at < since {
            continue;
        }
        let current = rollout.deploy.as_ref().filter(|deploy| deploy.to.hash == revision.version.hash);
        let finished = current.and_then(|deploy| deploy.finished).filter(|finished| finished >= at);
        let deployed = Deployed {
            workload: workload.clone(),
            at: *at,
            // One that came back was rolled out again much later.
            finished: finished.filter(|_| current.is_some_and(|deploy| deploy.at == *at)),
            from: Some(before.version.clone()),
            to: revision.version.clone(),
        };
        let is_taken_back = put_over.contains(&revision.version.hash.as_str());
        found.push((deployed, is_taken_back.then_some(TakenBack { at: None, automatic: false })));
    }
    found
}

/// The templates over which an older one was put back. Putting one back gives it a new number: the one with the number
/// before, made after it, was taken back.
fn put_over<'a>(made: &[(Time, &'a Revision)]) -> Vec<&'a str> {
    let mut by_number: Vec<&(Time, &Revision)> = made.iter().collect();
    by_number.sort_by_key(|(_, revision)| revision.version.revision);
    let pairs = by_number.windows(2).filter(|pair| pair[0].0 > pair[1].0);
    pairs.map(|pair| pair[0].1.version.hash.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backtest::case::tests::{at, workload};
    use crate::deploy::Version;
    use crate::rollout::{Deadline, Progress, Replicas};

    fn rollout(revisions: &[(&str, i64, i64)]) -> Rollout {
        let revision = |(label, minutes, number): &(&str, i64, i64)| Revision {
            version: Version {
                images: vec![format!("app:{label}")],
                revision: *number,
                hash: (*label).to_owned(),
                ..Version::default()
            },
            created: Some(at(*minutes)),
            cause: None,
            ready: 0,
        };
        Rollout {
            uid: "u".to_owned(),
            generation: 1,
            progress: Progress::Complete,
            replicas: Replicas::default(),
            pods: Vec::new(),
            troubles: Vec::new(),
            deadline: Deadline::default(),
            changed_by: None,
            deploy: None,
            revisions: revisions.iter().map(revision).collect(),
        }
    }

    fn told(revisions: &[(&str, i64, i64)]) -> Vec<(String, bool)> {
        let (app, rollout) = (workload("app"), rollout(revisions));
        let cases = cases([(&app, &rollout)], at(-10_000));
        cases.iter().map(|case| (case.label().to_owned(), case.taken_back.is_some())).collect()
    }

    #[test]
    fn each_template_over_another_is_a_deploy() {
        let plain = told(&[("1.7", 0, 1), ("1.8", 100, 2), ("1.9", 200, 3)]);
        assert_eq!(plain, [("1.8".to_owned(), false), ("1.9".to_owned(), false)]);
    }

    #[test]
    fn an_old_template_with_a_new_number_was_put_back_over_the_one_before() {
        // 1.8 was undone to 1.7, which has number 3 since; then 1.9 came, and was undone too.
        let undone = told(&[("1.7", 0, 5), ("1.8", 100, 2), ("1.9", 200, 4)]);
        assert_eq!(undone, [("1.8".to_owned(), false), ("1.9".to_owned(), true)]);
        let then_forward = told(&[("1.7", 0, 3), ("1.8", 100, 2), ("1.9", 200, 4)]);
        assert_eq!(then_forward, [("1.8".to_owned(), true), ("1.9".to_owned(), false)]);
    }
}
