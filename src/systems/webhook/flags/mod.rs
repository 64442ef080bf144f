//! Any address that takes a POST: it is told which flag to turn off, and another address may tell the flag's state.

mod config;

pub(in crate::systems) use config::FLAGS;
pub use config::WebhookSpec;

use crate::clock::Clock;
use crate::feature_flags::provider::FlagProvider;
use crate::feature_flags::spec::FeatureFlagsSpec;
use crate::feature_flags::{Answer, FeatureFlag, FlagState, FlagStatus, Listing, Order, Permission, Rollout};
use crate::net::http::{Reply, RetryHint, authorization, clean, signature};
use crate::net::{Auth, fresh_id};
use crate::rollback::Blocked;
use crate::secret::Secret;
use crate::systems::shared::flags::client::{Client, address};
use crate::systems::shared::flags::listing::{a_few_at_a_time, link};
use futures_util::future::{BoxFuture, FutureExt, ready};
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

/// The team's own addresses.
pub(in crate::systems) struct Webhook {
    client: Client,
    spec: FeatureFlagsSpec,
    signing_key: Option<Secret>,
    state_url: Option<String>,
}

impl Webhook {
    pub(in crate::systems) fn new(
        spec: &FeatureFlagsSpec,
        auth: &Auth,
        signing_key: Option<&Secret>,
        state_url: Option<&str>,
        clock: Clock,
    ) -> Result<Self, String> {
        let headers = authorization(auth).map_err(|error| error.to_string())?;
        let client = Client::new("the webhook", &spec.endpoint, headers, RetryHint::RetryAfter, clock)?;
        let (signing_key, state_url) = (signing_key.cloned(), state_url.map(str::to_owned));
        Ok(Self { client, spec: spec.clone(), signing_key, state_url })
    }

    async fn state(&self, key: &str) -> FlagState {
        let Some(template) = &self.state_url else {
            return FlagState::Untold("the webhook has no state_url to query".to_owned());
        };
        let url = match address(template, key, &self.spec.environment) {
            Ok(url) => url,
            Err(why) => return FlagState::Untold(format!("cannot query its state_url: {why}")),
        };
        match self.client.read(self.client.http.get_at(url)).await {
            Ok(body) => standing(&body).map_or_else(FlagState::Unread, FlagState::Told),
            Err(why) => FlagState::Unread(why.alone()),
        }
    }
}

/// What a state says, in the words that flag systems use.
fn standing(body: &Value) -> Result<FlagStatus, String> {
    let on = ["enabled", "on", "active", "state", "status", "value"].iter().find_map(|name| is_on(&body[*name]));
    let on = on.or_else(|| is_on(body)).ok_or("the state_url's response has neither enabled nor state")?;
    let percent =
        ["rollout", "percentage", "rollout_percentage", "percent"].iter().find_map(|name| body[*name].as_f64());
    let changed = ["changed_at", "updated_at", "last_modified"].iter().find_map(|name| body[*name].as_str());
    let changed_by = ["changed_by", "updated_by"].iter().find_map(|name| body[*name].as_str());
    Ok(FlagStatus {
        on,
        rollout: percent.map(|percent| Rollout { percent: percent.clamp(0.0, 100.0), has_rules: false }),
        changed: changed.and_then(|at| chrono::DateTime::parse_from_rfc3339(at).ok()).map(|at| at.to_utc()),
        changed_by: changed_by.map(clean),
    })
}

fn is_on(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(on) => Some(*on),
        Value::String(word) => match word.to_ascii_lowercase().as_str() {
            "on" | "enabled" | "active" | "true" => Some(true),
            "off" | "disabled" | "inactive" | "false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

impl FlagProvider for Webhook {
    fn read(&self) -> BoxFuture<'_, Result<Listing, String>> {
        async move {
            let keys = &self.spec.features;
            let told = a_few_at_a_time(keys.iter().map(|key| self.state(key).boxed()).collect()).await;
            let flag = |(key, state): (&String, FlagState)| FeatureFlag {
                key: key.clone(),
                state,
                link: link(&self.spec, key, || None),
            };
            Ok(Listing { flags: keys.iter().zip(told).map(flag).collect(), ..Listing::default() })
        }
        .boxed()
    }

    fn read_one<'a>(&'a self, key: &'a str) -> BoxFuture<'a, FlagState> {
        self.state(key).boxed()
    }

    fn permission(&self) -> BoxFuture<'_, Permission> {
        // A POST is a POST: there is nothing that could be asked first.
        ready(Permission::Untold("known only once the webhook is asked to turn one off".to_owned())).boxed()
    }

    fn turn_off<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Answer> {
        async move {
            let environment = &self.spec.environment;
            let url = match address(&self.spec.endpoint.url, &order.key, environment) {
                Ok(url) => url,
                Err(why) => {
                    return Answer::Refused(Blocked {
                        reason: format!("cannot use the off_url: {why}"),
                        way_out: "fix off_url in this environment's flags".to_owned(),
                    });
                }
            };
            let idempotency_key = fresh_id(order.at);
            let body = json!({
                "event": "feature_off", "feature": order.key, "environment": environment,
                "reason": order.reason, "actor": order.actor, "idempotency_key": idempotency_key,
                "requested_at": order.at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            })
            .to_string();
            let mut request = self.client.http.post_at(url);
            request = request.header(CONTENT_TYPE, "application/json").header("idempotency-key", idempotency_key);
            if let Some(key) = &self.signing_key {
                request = request.header("x-signature-256", signature(key, &body));
            }
            self.client.turn_off(request.body(body), refused).await
        }
        .boxed()
    }
}

/// The refusal that only a webhook has.
fn refused(reply: &Reply) -> Option<Blocked> {
    matches!(reply.status, 401 | 403).then(|| Blocked {
        reason: format!("the webhook rejected the request: {}", reply.said),
        way_out: "fix the token or signing_key in this environment's flags".to_owned(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_state_may_be_told_in_many_words() {
        for (body, on) in [
            (json!({"enabled": true}), true),
            (json!({"state": "OFF"}), false),
            (json!({"status": "active"}), true),
            (json!(false), false),
        ] {
            assert_eq!(standing(&body).unwrap().on, on, "{body}");
        }
        assert!(standing(&json!({"state": "warming up"})).is_err(), "what is not understood is not off");
        let told =
            standing(&json!({"on": true, "rollout": 30, "changed_at": "2026-11-20T14:00:00Z", "changed_by": "ben"}));
        let told = told.unwrap();
        assert_eq!((told.rollout.unwrap().percent, told.changed_by.as_deref()), (30.0, Some("ben")));
        assert_eq!(told.changed.unwrap().timestamp(), 1_795_183_200);
    }
}
