//! Every system: with the folder beside it the one place that names them all. A system that is read, a strategy, a
//! CI system and one that keeps feature flags are a line each.

pub(crate) mod ci;
pub mod owner;
#[cfg(feature = "demo")]
pub(crate) mod peers;
pub mod perform;
pub mod strategies;

use super::api::SourceSpec;
use super::declaration::System;
use super::declaration::flags::FlagProviderKind;
use super::declaration::strategy::{CiSystem, RollbackTable, StrategyKind};
use super::probe::ProbeSpec;
use crate::net::Endpoint;
use crate::signal::SignalId;

/// The systems that are read, in the order in which people are told of them.
pub(crate) static SYSTEMS: &[&System] = &[
    &super::kubernetes::SYSTEM,
    &super::grafana::SYSTEM,
    &super::prometheus::SYSTEM,
    &super::sentry::SYSTEM,
    &super::datadog::SYSTEM,
    &super::loki::SYSTEM,
];

/// The strategy that is meant where none is named.
pub(crate) static DEFAULT_STRATEGY: &StrategyKind = &owner::STRATEGY;

/// The strategies, the default first.
pub(crate) static STRATEGIES: &[&StrategyKind] = &[
    DEFAULT_STRATEGY,
    &super::kubernetes::undo::STRATEGY,
    &super::argo_rollouts::STRATEGY,
    &super::argocd::STRATEGY,
    &super::helm::STRATEGY,
    &super::flux::STRATEGY,
    &ci::STRATEGY,
    &super::git::STRATEGY,
    &super::command::STRATEGY,
];

/// The CI systems that roll back.
pub(crate) static CI_SYSTEMS: &[&CiSystem] =
    &[&super::github::CI, &super::gitlab::CI, &super::jenkins::CI, &super::webhook::job::CI];

/// The systems that keep feature flags.
pub(crate) static FLAG_PROVIDERS: &[&FlagProviderKind] =
    &[&super::unleash::FLAGS, &super::launchdarkly::FLAGS, &super::webhook::flags::FLAGS];

/// The tables of all strategies, each once.
pub(crate) fn rollback_tables() -> Vec<&'static RollbackTable> {
    let mut tables: Vec<&RollbackTable> = Vec::new();
    for table in STRATEGIES.iter().flat_map(|kind| kind.tables).copied() {
        if tables.iter().all(|known| known.key != table.key) {
            tables.push(table);
        }
    }
    tables
}

/// The source that a signal of the kind probe makes for itself; `status` is what it expects, else any 2xx.
pub(crate) fn probe(endpoint: Endpoint, signal: SignalId, status: Option<u16>) -> SourceSpec {
    SourceSpec::Polled(Box::new(ProbeSpec { endpoint, signal, status }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn each_once(names: impl Iterator<Item = &'static str>) -> bool {
        let mut seen = HashSet::new();
        names.into_iter().all(|name| seen.insert(name))
    }

    #[test]
    fn whatever_a_file_can_name_is_there_once() {
        assert!(each_once(SYSTEMS.iter().map(|system| system.name)));
        assert!(each_once(STRATEGIES.iter().map(|kind| kind.name)));
        assert!(each_once(CI_SYSTEMS.iter().map(|system| system.name)));
        assert!(each_once(FLAG_PROVIDERS.iter().map(|provider| provider.name)));
        assert!(each_once(rollback_tables().into_iter().map(|table| table.key)));
    }

    #[test]
    fn the_default_strategy_is_one_of_them_and_needs_nothing() {
        assert_eq!(STRATEGIES.first().map(|kind| kind.name), Some(DEFAULT_STRATEGY.name));
        assert_eq!(DEFAULT_STRATEGY.needs, [""; 0]);
    }

    #[test]
    fn what_a_strategy_needs_is_a_table_that_it_looks_at_or_the_repository() {
        for kind in STRATEGIES {
            let looks_at = |key: &&str| *key == "repository" || kind.tables.iter().any(|table| table.key == *key);
            assert!(kind.needs.iter().all(looks_at), "{}", kind.name);
        }
    }
}
