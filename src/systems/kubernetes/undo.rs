//! `strategy = "kubernetes"`: Kubernetes' own undo, whoever keeps the workload.

use crate::rollback::Blocked;
use crate::rollback::workload::Undo;
use crate::settings::resolve::Resolver;
use crate::systems::api::strategy::{Connected, StrategySpec, Surroundings};
use crate::systems::declaration::strategy::{InCluster, RollbackSettings, StrategyKind};
use std::sync::Arc;

/// The declaration of the strategy for the configuration.
pub(in crate::systems) static STRATEGY: StrategyKind = StrategyKind {
    name: "kubernetes",
    about: "Kubernetes' own undo.",
    tables: &[],
    needs: &[],
    check: |_, _| Some(Box::new(UndoSpec)),
};

/// Kubernetes' own undo. It needs to know nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UndoSpec;

impl RollbackSettings for UndoSpec {
    fn resolve(&self, _: &InCluster<'_>, _: &mut Resolver<'_>) -> Option<Arc<dyn StrategySpec>> {
        Some(Arc::new(*self))
    }
}

impl StrategySpec for UndoSpec {
    fn connect(&self, to: &Surroundings<'_>) -> Result<Connected, Blocked> {
        Ok(Connected::by_the_cluster(Undo::new(to.cluster.clone())))
    }
}
