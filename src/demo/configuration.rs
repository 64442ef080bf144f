//! The configuration with which redflag watches the demo, as it could be in a file.

use super::{Company, Peer, Scenario, TOKEN};
use crate::simulated::names::{DATA_SOURCE, FEATURE, ORGANIZATION, PROJECT};
use std::fmt::Write as _;

/// The whole of it, in TOML.
pub(super) fn write(company: &Company) -> String {
    let url = |peer| company.url(peer);
    let secret = format!("{{ env = \"{TOKEN}\" }}");
    // Hanging is part of that story: it should be seen within it.
    let timeout = if company.scenario == Scenario::FlakySources { "timeout = \"2s\"\n" } else { "" };
    let mut out = format!(
        r#"# The demo company, scenario {scenario}. Its one token is in {TOKEN}.

[sources.kubernetes]
kind = "kubernetes"
url = "{kubernetes}"
token = {secret}

[sources.grafana]
kind = "grafana"
url = "{grafana}"
token = {secret}
datasource = "{DATA_SOURCE}"
{timeout}
[sources.sentry]
kind = "sentry"
url = "{sentry}"
token = {secret}
organization = "{ORGANIZATION}"
{timeout}
[sources.datadog]
kind = "datadog"
url = "{datadog}"
api_key = {secret}
application_key = {secret}
{timeout}
[environments.production]
default = true
url = "{website}"
namespace = "production"
"#,
        scenario = company.scenario,
        kubernetes = url(Peer::Kubernetes),
        grafana = url(Peer::Grafana),
        sentry = url(Peer::Sentry),
        datadog = url(Peer::Datadog),
        website = url(Peer::Website),
    );
    let services = company.scenario.services();
    if let [only] = services.as_slice() {
        let _ = writeln!(out, "workloads = [\"deployment/{}\"]", only.name);
    }
    if services.len() > 1 {
        for service in &services {
            let _ = write!(
                out,
                "\n[[environments.production.services]]\nname = \"{0}\"\nworkloads = [\"deployment/{0}\"]\n",
                service.name
            );
        }
    }
    // The company's story is short: its flags are believed as soon as they are clear.
    out.push_str("\n[environments.production.rollback]\nclear_for = \"0s\"\nactor = \"on call\"\n");
    if company.scenario == Scenario::AutoCountdown {
        out.push_str("auto = \"countdown\"\n");
    }
    if company.scenario == Scenario::GitopsOwned {
        let _ = writeln!(out, "argocd = {{ url = \"{}\", token = {secret} }}", url(Peer::ArgoCd));
    }
    if company.scenario == Scenario::BadRelease {
        let _ = write!(
            out,
            "\n[[environments.production.flags]]\nprovider = \"unleash\"\nurl = \"{}\"\ntoken = {secret}\nproject = \"{PROJECT}\"\n\
             features = [\"{FEATURE}\"]\n",
            url(Peer::Unleash)
        );
    }
    out.push_str(ERROR_RATE);
    if company.scenario == Scenario::BadRelease {
        out.push_str("objective = 99.9\n");
    }
    out.push_str(SIGNALS);
    if services.len() == 1 {
        out.push_str(SIGNALS_OF_ONE);
    }
    out
}

/// What fails of each service.
const ERROR_RATE: &str = r#"
[[environments.production.signals]]
kind = "error_rate"
source = "grafana"
errors = 'sum(increase(http_requests_total{service="$service",status=~"5.."}[$__interval]))'
requests = 'sum(increase(http_requests_total{service="$service"}[$__interval]))'
"#;

/// What else is asked for each service.
const SIGNALS: &str = r#"
[[environments.production.signals]]
kind = "latency"
source = "grafana"
unit = "s"
query = 'histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{service="$service"}[$__rate_interval])))'

[[environments.production.signals]]
kind = "memory"
source = "grafana"
query = '100 * max(container_memory_working_set_bytes{service="$service",container="app"} / container_spec_memory_limit_bytes{service="$service",container="app"})'

[[environments.production.signals]]
kind = "connections"
source = "datadog"
query = "avg:db.pool.utilization{service:$service,env:$environment}"

[[environments.production.signals]]
kind = "new_issues"
source = "sentry"
projects = ["$service"]
"#;

/// Asked where there is room for them: with one service.
const SIGNALS_OF_ONE: &str = r#"
[[environments.production.signals]]
kind = "server_errors"
source = "grafana"
query = 'sum(rate(http_requests_total{service="$service",status=~"5.."}[$__rate_interval]))'

[[environments.production.signals]]
kind = "traffic"
source = "grafana"
query = 'sum(rate(http_requests_total{service="$service"}[$__rate_interval]))'

[[environments.production.signals]]
kind = "cpu"
source = "grafana"
query = '100 * sum(rate(container_cpu_usage_seconds_total{service="$service"}[$__rate_interval])) / sum(kube_pod_container_resource_limits{service="$service",resource="cpu"})'

[[environments.production.signals]]
kind = "crash_free"
source = "sentry"
projects = ["$service"]

[[environments.production.signals]]
kind = "alerts"
source = "grafana"
filter = "service=$service"

[[environments.production.signals]]
kind = "probe"
path = "/healthz"
"#;
