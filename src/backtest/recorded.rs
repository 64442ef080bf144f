//! Deploys by the records of watches on this machine: they also tell who was rolled back, by whom and when.

use super::case::{Case, Deployed, Origin, TakenBack};
use crate::deploy::Time;
use crate::hindsight::{Hindsight, Undertaking};
use crate::records::{Records, open};
use crate::rollback::Goal;
use std::io;

/// The deploys of an environment that were watched since then, and how many records could not be read.
///
/// # Errors
/// The system's, where the folder of records cannot be read.
pub fn find(records: &Records, environment: &str, since: Time) -> io::Result<(Vec<Case>, usize)> {
    // A name begins with the minute in which its watch began, and a watch begins after its deploy.
    let first = since.format("%Y-%m-%dT%H%MZ").to_string();
    let (mut cases, mut unread) = (Vec::new(), 0);
    for folder in records.all()? {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name < first {
            continue;
        }
        match open(&folder) {
            Ok(kept) if kept.record.header.setup.environment == environment => {
                cases.extend(case(&Hindsight::of(&kept.record), since));
            }
            Ok(_) => {}
            Err(_) => unread += 1,
        }
    }
    Ok((cases, unread))
}

fn case(hindsight: &Hindsight, since: Time) -> Option<Case> {
    let watch = &hindsight.watch;
    let services = watch.deployed_services();
    let workloads = watch.setup().workloads.iter().zip(watch.workloads());
    let deployed = workloads.filter_map(|(workload, state)| {
        let deploy = state.deploy.as_ref().filter(|_| services[usize::from(workload.service.0)])?;
        Some(Deployed {
            workload: workload.reference.clone(),
            at: deploy.at,
            finished: deploy.finished,
            from: deploy.from.clone(),
            to: deploy.to.clone(),
        })
    });
    let deploys: Vec<Deployed> = deployed.collect();
    let case = Case { origin: Origin::Record, deploys, taken_back: taken_back(&hindsight.rollbacks) };
    case.at().is_some_and(|at| at >= since).then_some(case)
}

/// The first rollback that somebody confirmed, also where it was undone later.
fn taken_back(all: &[Undertaking]) -> Option<TakenBack> {
    let first = all.iter().find(|done| done.goal == Goal::RollBack)?;
    Some(TakenBack { at: Some(first.confirmed), automatic: first.automatic })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    /// A record in which one rollback was made.
    fn rolled_back() -> Undertaking {
        let folder = tempfile::tempdir().unwrap();
        let journal = include_str!("../../tests/all/records/format-1.jsonl");
        std::fs::write(folder.path().join("journal.jsonl"), journal).unwrap();
        let hindsight = Hindsight::of(&open(folder.path()).unwrap().record);
        hindsight.rollbacks.into_iter().next().unwrap()
    }

    #[test]
    fn what_was_rolled_back_and_then_undone_was_rolled_back_by_people() {
        let back = Undertaking { automatic: false, ..rolled_back() };
        assert_eq!(back.goal, Goal::RollBack);
        let undone = Undertaking {
            goal: Goal::Undo,
            confirmed: back.confirmed + TimeDelta::minutes(5),
            automatic: true,
            ..back.clone()
        };
        let by_people = TakenBack { at: Some(back.confirmed), automatic: false };
        assert_eq!(taken_back(&[back, undone.clone()]), Some(by_people));
        assert_eq!(taken_back(&[undone]), None);
        assert_eq!(taken_back(&[]), None);
    }
}
