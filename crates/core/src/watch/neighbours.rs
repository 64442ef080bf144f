//! Which services can be held against a service: those that have the same signal, were not deployed in this push, and neither
//! call it nor are called by it. What hits them as well is not this deploy's doing.

use crate::deploy::ServiceId;
use crate::setup::Setup;
use crate::signal::{Kind, Signal, SignalId, Unit};
use crate::store::Store;
use crate::verdict::Neighbour;
use std::collections::BTreeMap;

/// More of them say nothing more.
const MOST: usize = 16;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Neighbours {
    /// The same signal in each service that has it.
    groups: Vec<Vec<SignalId>>,
    /// By signal.
    group: Vec<usize>,
    /// By service: all that it calls, and all that call it, directly or not. Sorted.
    related: Vec<Vec<ServiceId>>,
}

impl Neighbours {
    pub(super) fn new(setup: &Setup) -> Self {
        let mut groups: Vec<Vec<SignalId>> = Vec::new();
        let mut known: BTreeMap<(Kind, &str), Vec<(Unit, usize)>> = BTreeMap::new();
        let mut group = Vec::with_capacity(setup.signals.len());
        for (id, signal) in (0..).map(SignalId).zip(&setup.signals) {
            let Signal { kind, name, unit, .. } = signal;
            let places = known.entry((*kind, name)).or_default();
            let known = places.iter().find(|(of, _)| of == unit).map(|(_, place)| *place);
            let place = known.unwrap_or_else(|| {
                places.push((*unit, groups.len()));
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups[place].push(id);
            group.push(place);
        }
        let services = (0..setup.services.len() as u16).map(ServiceId);
        Self { groups, group, related: services.map(|service| related(setup, service)).collect() }
    }

    /// The neighbours of a signal.
    pub(super) fn of<'a>(
        &self,
        setup: &'a Setup,
        store: &'a Store,
        id: SignalId,
        is_deployed: &[bool],
    ) -> Vec<Neighbour<'a>> {
        let own = setup.signal(id).service;
        let deployed = |service: ServiceId| is_deployed.get(usize::from(service.0)).copied().unwrap_or(true);
        let others = self.groups[self.group[usize::from(id.0)]].iter().filter(|other| {
            let service = setup.signal(**other).service;
            // What was not deployed itself may be held against all others.
            let may = !deployed(service) || !deployed(own);
            may && service != own && self.related[usize::from(own.0)].binary_search(&service).is_err()
        });
        let others = others.take(MOST).map(|other| Neighbour {
            name: &setup.service(setup.signal(*other).service).name,
            series: store.series(*other),
        });
        others.collect()
    }
}

fn related(setup: &Setup, service: ServiceId) -> Vec<ServiceId> {
    let calls = |one: ServiceId| setup.service(one).depends_on.clone();
    let called_by = |one: ServiceId| {
        let all = (0..).map(ServiceId).zip(&setup.services);
        all.filter(|(_, other)| other.depends_on.contains(&one)).map(|(id, _)| id).collect()
    };
    let mut all = reached(service, calls);
    all.extend(reached(service, called_by));
    all.sort_unstable();
    all.dedup();
    all
}

/// All that are reached from a service, step by step.
fn reached(from: ServiceId, next: impl Fn(ServiceId) -> Vec<ServiceId>) -> Vec<ServiceId> {
    let (mut found, mut left) = (Vec::new(), next(from));
    while let Some(service) = left.pop() {
        if !found.contains(&service) {
            found.push(service);
            left.extend(next(service));
        }
    }
    found
}
