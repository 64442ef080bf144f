//! Checked settings with their secrets: the specifications of sources, strategies and feature flag systems.

mod rollback;

pub(super) use crate::settings::resolve::Resolver;

use super::environments::Environment;
use super::sources::Source;
use crate::systems::api::SourceSpec;
use crate::systems::declaration::Place;

/// The specification of a source for an environment, still without queries.
pub(super) fn source(resolver: &mut Resolver<'_>, source: &Source, environment: &Environment) -> Option<SourceSpec> {
    let place = Place {
        name: &source.name,
        timeout: source.timeout,
        environment: &environment.name,
        context: environment.context.as_ref(),
        workloads: &environment.workloads,
    };
    source.settings.resolve(&place, resolver)
}
