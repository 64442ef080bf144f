//! When the deploy was made that a signal is held against, and from when on its pods are warm.

use super::WorkloadState;
use super::deploys::of_push;
use crate::deploy::{Deploy, Time};
use crate::setup::Setup;
use crate::signal::Signal;
use chrono::TimeDelta;

/// New pods fill caches, compile and open connections for this long after the rollout; it is not their steady
/// state. What fails meanwhile fails anyway.
const WARM_UP: TimeDelta = TimeDelta::seconds(60);
/// While a rollout goes on its pods are new again and again, yet it is not waited for longer than this.
const LONGEST_ROLLOUT: TimeDelta = TimeDelta::minutes(5);

/// When a deploy was made, and from when on its pods are warm.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) at: Time,
    pub(super) settled: Time,
}

impl From<&Deploy> for Moment {
    fn from(deploy: &Deploy) -> Self {
        let longest = deploy.at + LONGEST_ROLLOUT;
        let settled = deploy.finished.map_or(longest, |finished| longest.min(finished + WARM_UP));
        Self { at: deploy.at, settled }
    }
}

/// The deploys that signals are held against.
pub(super) struct Moments<'a> {
    workloads: &'a [WorkloadState],
    by_service: Vec<Option<Moment>>,
    earliest: Option<Moment>,
}

impl<'a> Moments<'a> {
    /// The earliest deploy of each service, and of all, in this push.
    pub(super) fn of_services(setup: &Setup, workloads: &'a [WorkloadState]) -> Self {
        let mut moments = Self { workloads, by_service: vec![None; setup.services.len()], earliest: None };
        for (place, deploy) in of_push(workloads) {
            let (workload, deploy) = (&setup.workloads[place], Moment::from(deploy));
            for slot in [&mut moments.by_service[usize::from(workload.service.0)], &mut moments.earliest] {
                if slot.is_none_or(|known| deploy.at < known.at) {
                    *slot = Some(deploy);
                }
            }
        }
        moments
    }

    /// The deploy that a signal is held against: its workload's, else its service's, else the earliest.
    pub(super) fn of(&self, signal: &Signal) -> Option<Moment> {
        match signal.workload {
            Some(workload) => self.workloads[usize::from(workload.0)].deploy.as_ref().map(Moment::from),
            None => self.by_service[usize::from(signal.service.0)].or(self.earliest),
        }
    }
}
