//! The keys that say what a signal reads: the checker refuses all others, and the schema offers no others.

use crate::config::sources::SystemKind;
use crate::signal::Kind;

/// Those of a probe, which asks by itself.
pub(in crate::config) const OF_A_PROBE: [&str; 5] = ["path", "url", "status", "interval", "timeout"];

/// Those of a signal that is read from a source of this kind.
pub(in crate::config) const fn of(system: SystemKind, kind: Kind) -> &'static [&'static str] {
    match (system, kind) {
        (SystemKind::Sentry, Kind::Custom) => &["projects", "release", "filter", "want", "step"],
        (SystemKind::Sentry, _) => &["projects", "release", "filter", "step"],
        (_, Kind::Alerts) => &["filter"],
        (SystemKind::Grafana, _) => &["query", "errors", "requests", "unit", "step", "datasource", "scrape"],
        (SystemKind::Prometheus, _) => &["query", "errors", "requests", "unit", "step", "scrape"],
        (SystemKind::Datadog | SystemKind::Kubernetes, _) => &["query", "errors", "requests", "unit", "step"],
    }
}
