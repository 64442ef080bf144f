//! What the company calls its things: named by the systems' peers, and in the configuration that watches it.

/// The namespace that it lives in.
pub(crate) const NAMESPACE: &str = "production";
/// The uid of its Grafana's one data source, a Prometheus.
pub(crate) const DATA_SOURCE: &str = "demo-prometheus";
/// The slug of its organization at Sentry.
pub(crate) const ORGANIZATION: &str = "demo";
/// Its project at Unleash.
pub(crate) const PROJECT: &str = "shop";
/// The one feature flag of that project.
pub(crate) const FEATURE: &str = "new-checkout";
