//! `strategy = "flux"`.

use super::Flux;
use crate::rollback::Blocked;
use crate::settings::resolve::Resolver;
use crate::systems::api::strategy::{Connected, StrategySpec, Surroundings};
use crate::systems::declaration::strategy::{InCluster, RollbackSettings, StrategyKind};
use std::sync::Arc;

/// The declaration of the strategy for the configuration.
pub(in crate::systems) static STRATEGY: StrategyKind = StrategyKind {
    name: "flux",
    about: "Suspend Flux, then Kubernetes' undo.",
    tables: &[],
    needs: &[],
    check: |_, _| Some(Box::new(FluxSpec)),
};

/// Suspend Flux, then Kubernetes' undo; it needs to know nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FluxSpec;

impl RollbackSettings for FluxSpec {
    fn resolve(&self, _: &InCluster<'_>, _: &mut Resolver<'_>) -> Option<Arc<dyn StrategySpec>> {
        Some(Arc::new(*self))
    }
}

impl StrategySpec for FluxSpec {
    fn connect(&self, to: &Surroundings<'_>) -> Result<Connected, Blocked> {
        Ok(Connected::by_the_cluster(Flux::new(to.cluster.clone())))
    }
}
