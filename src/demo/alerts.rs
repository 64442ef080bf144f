//! Alert rules of the company's Grafana and monitors of its Datadog: the same conditions, told in two ways.
//! Their states follow from the metrics alone, so that they too have a past.

use super::history::{Seconds, iso, seconds};
use super::metrics::Metrics;
use super::world::World;
use crate::deploy::Time;
use serde_json::{Value, json};

/// How often rules are evaluated.
const EVERY: Seconds = 15.0;
/// No state is older than this.
const LONGEST: Seconds = 2.0 * 3600.0;

/// A condition that somebody is paged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// More than 1 % of the requests failed in the last minute, for two minutes.
    Errors,
    /// The 95th percentile is above 700 ms, for five minutes.
    Latency,
    /// More than 95 % of the database pool is in use, for two minutes.
    Pool,
}

/// What a rule is doing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum State {
    Inactive,
    Pending { since: Seconds },
    Firing { since: Seconds },
}

impl Condition {
    pub(super) const ALL: [Self; 3] = [Self::Errors, Self::Latency, Self::Pool];

    /// The rule's name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Errors => "High error rate",
            Self::Latency => "High response time",
            Self::Pool => "Database pool nearly exhausted",
        }
    }

    /// How long it must hold before it fires.
    pub(super) const fn hold(self) -> Seconds {
        match self {
            Self::Errors | Self::Pool => 120.0,
            Self::Latency => 300.0,
        }
    }

    const fn expr(self) -> &'static str {
        match self {
            Self::Errors => {
                "sum(rate(http_requests_total{status=~\"5..\"}[1m])) / sum(rate(http_requests_total[1m])) > 0.01"
            }
            Self::Latency => {
                "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[1m]))) > 0.7"
            }
            Self::Pool => "db_pool_connections_in_use / db_pool_connections_max > 0.95",
        }
    }

    fn holds(self, metrics: &Metrics<'_>, service: usize, at: Seconds) -> bool {
        match self {
            Self::Errors => {
                let requests = metrics.requests(service, at - 60.0, at);
                // Nobody is woken for one failure among a handful of requests.
                requests.all >= 30.0 && requests.failed / requests.all > 0.01
            }
            Self::Latency => {
                metrics.latency(service, at) > 700.0 && metrics.requests(service, at - 60.0, at).all >= 30.0
            }
            Self::Pool => metrics.pool(service, at) > 0.95,
        }
    }

    /// Its state at the last evaluation before `metrics.now`.
    pub(super) fn state(self, metrics: &Metrics<'_>, service: usize) -> State {
        let last = (metrics.now / EVERY).floor() * EVERY;
        let held = (0..(LONGEST / EVERY) as i32)
            .map(|back| last - f64::from(back) * EVERY)
            .take_while(|at| self.holds(metrics, service, *at))
            .last();
        match held {
            None => State::Inactive,
            Some(since) if last - since >= self.hold() => State::Firing { since },
            Some(since) => State::Pending { since },
        }
    }
}

/// The alerts that Grafana's own Alertmanager has: those that fire.
pub(super) fn firing(world: &World, now: Time) -> Vec<Value> {
    let metrics = world.metrics(now);
    let services = world.services.iter().enumerate();
    let all = services.flat_map(|(index, service)| Condition::ALL.map(|condition| (index, service, condition)));
    let firing = all.filter_map(|(index, service, condition)| match condition.state(&metrics, index) {
        State::Firing { since } => Some(json!({
            "labels": {"alertname": condition.name(), "service": service.name, "environment": "production", "severity": "page"},
            "startsAt": iso(since), "status": {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []}})),
        State::Inactive | State::Pending { .. } => None,
    });
    firing.collect()
}

/// The answer of Grafana's rules API, with the rules whose state is among those asked for (all when none is).
pub(super) fn rules(world: &World, now: Time, states: &[&str]) -> Value {
    let metrics = world.metrics(now);
    let evaluated = iso((seconds(now) / EVERY).floor() * EVERY);
    let mut groups = Vec::new();
    let mut totals = serde_json::Map::new();
    for (index, service) in world.services.iter().enumerate() {
        let mut rules = Vec::new();
        for condition in Condition::ALL {
            let (state, instance, since) = match condition.state(&metrics, index) {
                State::Inactive => ("inactive", "Normal", None),
                State::Pending { since } => ("pending", "Pending", Some(since)),
                State::Firing { since } => ("firing", "Alerting", Some(since)),
            };
            let wanted = |asked: &&str| {
                *asked == state
                    || (*asked == "alerting" && state == "firing")
                    || (*asked == "normal" && state == "inactive")
            };
            if !states.is_empty() && !states.iter().any(wanted) {
                continue;
            }
            let total = totals.entry(state).or_insert(json!(0));
            *total = json!(total.as_i64().unwrap_or(0) + 1);
            let labels = json!({"service": service.name, "environment": "production", "severity": "page"});
            let summary = json!({"summary": format!("{} of {}", condition.name(), service.name)});
            let active = since.map(iso);
            let alerts: Vec<Value> = active
                .iter()
                .map(|at| json!({"labels": labels, "annotations": summary, "state": instance, "activeAt": at, "value": "1e+00"}))
                .collect();
            let mut rule = json!({
                "uid": format!("{}-{}", service.name, condition.name().to_lowercase().replace(' ', "-")),
                "state": state, "name": condition.name(), "query": condition.expr(), "duration": condition.hold() as i64,
                "keepFiringFor": 0, "health": "ok", "lastError": "", "type": "alerting", "isPaused": false,
                "folderUid": "demo", "labels": labels, "annotations": summary, "lastEvaluation": evaluated,
                "evaluationTime": 0.004, "totals": {instance.to_lowercase(): 1}, "alerts": alerts});
            if let Some(at) = active {
                rule["activeAt"] = json!(at);
            }
            rules.push(rule);
        }
        if !rules.is_empty() {
            groups
                .push(json!({"name": service.name, "file": "Services", "folderUid": "demo", "interval": EVERY as i64,
                               "evaluationTime": 0.01, "lastEvaluation": evaluated, "rules": rules}));
        }
    }
    json!({"status": "success", "data": {"groups": groups, "totals": totals}})
}
