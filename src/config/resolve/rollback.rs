//! The specifications of strategies and feature flag systems, with their secrets and absolute paths.

use super::Resolver;
use crate::config::environments::Environment;
use crate::config::flags::Flags;
use crate::feature_flags::spec::FeatureFlagsSpec;
use crate::net::Endpoint;
use crate::repository::RepositorySpec;
use crate::settings::access::Access;
use crate::systems::api::strategy::RollbackSpec;
use crate::systems::declaration::strategy::InCluster;

impl Resolver<'_> {
    /// How an environment is rolled back; its cluster is reached by `access`.
    pub(in crate::config) fn rollback(&mut self, environment: &Environment, access: &Access) -> Option<RollbackSpec> {
        let written = &environment.rollback;
        let repository = written
            .repository
            .as_ref()
            .map(|repository| RepositorySpec { path: self.place(&repository.path), ..repository.clone() });
        let place = InCluster { context: environment.context.as_ref(), access };
        let strategy = written.strategy.settings.resolve(&place, self)?;
        Some(RollbackSpec { name: written.strategy.name, strategy, repository })
    }

    /// The flags of one system.
    pub(in crate::config) fn flag_system(&mut self, written: &Flags) -> Option<FeatureFlagsSpec> {
        let (name, url, timeout) = (written.provider.to_owned(), written.url.clone(), written.timeout);
        Some(FeatureFlagsSpec {
            endpoint: Endpoint { name, url, timeout },
            provider: written.settings.resolve(self)?,
            environment: written.environment.clone(),
            features: written.features.clone(),
            service: written.service,
            link: written.link.clone(),
        })
    }
}
