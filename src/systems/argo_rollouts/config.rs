//! `strategy = "argo-rollouts"`.

use super::ArgoRollouts;
use crate::rollback::Blocked;
use crate::settings::resolve::Resolver;
use crate::systems::api::strategy::{Connected, StrategySpec, Surroundings};
use crate::systems::declaration::strategy::{InCluster, RollbackSettings, StrategyKind};
use std::sync::Arc;

/// The declaration of the strategy for the configuration.
pub(in crate::systems) static STRATEGY: StrategyKind = StrategyKind {
    name: "argo-rollouts",
    about: "Abort or undo of an Argo Rollout.",
    tables: &[],
    needs: &[],
    check: |_, _| Some(Box::new(ArgoRolloutsSpec)),
};

/// Abort or undo of an Argo Rollout; it needs to know nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArgoRolloutsSpec;

impl RollbackSettings for ArgoRolloutsSpec {
    fn resolve(&self, _: &InCluster<'_>, _: &mut Resolver<'_>) -> Option<Arc<dyn StrategySpec>> {
        Some(Arc::new(*self))
    }
}

impl StrategySpec for ArgoRolloutsSpec {
    fn connect(&self, to: &Surroundings<'_>) -> Result<Connected, Blocked> {
        Ok(Connected::by_the_cluster(ArgoRollouts::new(to.cluster.clone())))
    }
}
