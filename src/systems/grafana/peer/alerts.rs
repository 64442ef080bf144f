//! Alert rules as Grafana tells them: by its rules API, and as the alerts of its own Alertmanager.

use crate::deploy::Time;
use crate::simulated::alerts::{Condition, EVERY, State};
use crate::simulated::history::{iso, seconds};
use crate::simulated::world::World;
use serde_json::{Value, json};

/// The rule in PromQL.
const fn expr(condition: Condition) -> &'static str {
    match condition {
        Condition::Errors => {
            "sum(rate(http_requests_total{status=~\"5..\"}[1m])) / sum(rate(http_requests_total[1m])) > 0.01"
        }
        Condition::Latency => {
            "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[1m]))) > 0.7"
        }
        Condition::Pool => "db_pool_connections_in_use / db_pool_connections_max > 0.95",
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
                "state": state, "name": condition.name(), "query": expr(condition), "duration": condition.hold() as i64,
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
