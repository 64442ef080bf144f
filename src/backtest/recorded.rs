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
