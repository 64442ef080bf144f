//! LaunchDarkly: a flag is on or off in each environment, and its fallthrough says for whom.
//!
//! REST API version 20240415: `GET /api/v2/flags/{project}[/{flag}]`, and a semantic patch with `turnFlagOff`.

use super::talk::Talk;
use super::{KillSwitch, a_few_at_a_time, link};
use crate::clock::Clock;
use crate::kill_switch::spec::SwitchSpec;
use crate::kill_switch::{Answer, FeatureFlag, FlagState, Listing, Order, Rollout, Standing};
use crate::rollback::Blocked;
use crate::secret::Secret;
use crate::source::http::{Reply, RetryHint, insert_secret};
use chrono::DateTime;
use futures_util::future::{BoxFuture, FutureExt};
use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;

/// The version of the API whose answers are read here.
const VERSION: &str = "20240415";

/// Without the parameter the body is taken for a JSON patch, and refused.
const SEMANTIC_PATCH: &str = "application/json; domain-model=launchdarkly.semanticpatch";

/// The most flags of a project that are listed, which is the most that one answer holds.
const MOST_LISTED: &str = "100";

/// Weights are thousandths of a percent.
const WEIGHTS_IN_A_PERCENT: f64 = 1000.0;

/// The flags of one project in one environment.
pub(super) struct LaunchDarkly {
    talk: Talk,
    spec: SwitchSpec,
    project: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Project {
    items: Vec<Flag>,
    total_count: Option<usize>,
}

#[derive(Deserialize)]
struct Flag {
    key: String,
    #[serde(default)]
    environments: HashMap<String, Environment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Environment {
    on: bool,
    off_variation: Option<i64>,
    fallthrough: Option<Fallthrough>,
    /// Epoch milliseconds.
    last_modified: Option<i64>,
    #[serde(default)]
    rules: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    targets: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    context_targets: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    prerequisites: Vec<serde::de::IgnoredAny>,
}

/// What those get whom no rule names.
#[derive(Deserialize)]
struct Fallthrough {
    variation: Option<i64>,
    rollout: Option<Shares>,
}

#[derive(Deserialize)]
struct Shares {
    variations: Vec<Share>,
}

#[derive(Deserialize)]
struct Share {
    variation: i64,
    weight: f64,
}

impl LaunchDarkly {
    pub(super) fn new(spec: &SwitchSpec, token: &Secret, project: &str, clock: Clock) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        // As it is: LaunchDarkly knows no `Bearer`.
        insert_secret(&mut headers, "authorization", token, "token").map_err(|error| error.to_string())?;
        headers.insert("ld-api-version", HeaderValue::from_static(VERSION));
        let hint = RetryHint::LaunchDarklyReset;
        let talk = Talk::new("LaunchDarkly", &spec.endpoint, headers, hint, clock)?;
        Ok(Self { talk, spec: spec.clone(), project: project.to_owned() })
    }

    fn flag(&self, key: &str, state: FlagState) -> FeatureFlag {
        let usual = || Some(self.talk.http.link(&["projects", &self.project, "flags", key]));
        FeatureFlag { key: key.to_owned(), state, link: link(&self.spec, key, usual) }
    }

    /// Only this environment: the whole of a flag can be large.
    fn only_here(&self, request: RequestBuilder) -> RequestBuilder {
        request.query(&[("env", self.spec.environment.as_str())])
    }

    async fn state(&self, key: &str) -> FlagState {
        let request = self.only_here(self.talk.http.get(&["api", "v2", "flags", &self.project, key]));
        let read = self.talk.read_as::<Flag>(request).await;
        read.map_or_else(FlagState::Unread, |flag| self.standing(&flag))
    }

    /// Its state in this environment.
    fn standing(&self, flag: &Flag) -> FlagState {
        let wanted = &self.spec.environment;
        match flag.environments.get(wanted) {
            Some(environment) => FlagState::Told(Standing {
                on: environment.on,
                rollout: environment.rollout(),
                changed: environment.last_modified.and_then(DateTime::from_timestamp_millis),
                changed_by: None,
            }),
            None => FlagState::Unread(format!("LaunchDarkly has no environment {wanted} for it")),
        }
    }

    async fn project(&self) -> Result<Listing, String> {
        let request = self.only_here(self.talk.http.get(&["api", "v2", "flags", &self.project]));
        // Rules and targets are left out of summaries.
        let request = request.query(&[("summary", "0"), ("limit", MOST_LISTED), ("sort", "key")]);
        let project: Project = self.talk.read_as(request).await?;
        let flags: Vec<FeatureFlag> =
            project.items.iter().map(|flag| self.flag(&flag.key, self.standing(flag))).collect();
        let unlisted = project.total_count.unwrap_or_default().saturating_sub(flags.len());
        Ok(Listing { flags, unlisted })
    }

    async fn named(&self) -> Listing {
        let keys = &self.spec.features;
        let told = a_few_at_a_time(keys.iter().map(|key| self.state(key).boxed()).collect()).await;
        Listing { flags: keys.iter().zip(told).map(|(key, state)| self.flag(key, state)).collect(), unlisted: 0 }
    }
}

impl Environment {
    /// The share of those who do not get what everybody gets while it is off.
    fn rollout(&self) -> Option<Rollout> {
        let fallthrough = self.fallthrough.as_ref()?;
        let percent = match (&fallthrough.rollout, fallthrough.variation) {
            (Some(shares), _) => {
                let shares = shares.variations.iter().filter(|share| Some(share.variation) != self.off_variation);
                shares.map(|share| share.weight).sum::<f64>() / WEIGHTS_IN_A_PERCENT
            }
            (None, Some(variation)) if Some(variation) == self.off_variation => 0.0,
            (None, Some(_)) => 100.0,
            (None, None) => return None,
        };
        let rules = [&self.rules, &self.targets, &self.context_targets, &self.prerequisites];
        Some(Rollout { percent: percent.clamp(0.0, 100.0), has_rules: rules.iter().any(|rules| !rules.is_empty()) })
    }
}

impl KillSwitch for LaunchDarkly {
    fn read(&self) -> BoxFuture<'_, Result<Listing, String>> {
        async move { if self.spec.features.is_empty() { self.project().await } else { Ok(self.named().await) } }.boxed()
    }

    fn read_one<'a>(&'a self, key: &'a str) -> BoxFuture<'a, FlagState> {
        self.state(key).boxed()
    }

    fn turn_off<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Answer> {
        let why = if order.reason.is_empty() { String::new() } else { format!(": {}", order.reason) };
        let body = json!({
            "environmentKey": self.spec.environment,
            "comment": format!("turned off by {} with redflag{why}", order.actor),
            "instructions": [{"kind": "turnFlagOff"}],
        });
        let request = self.talk.http.patch(&["api", "v2", "flags", &self.project, &order.key]);
        let request = request.header(CONTENT_TYPE, SEMANTIC_PATCH).body(body.to_string());
        async move { self.talk.order(request, refused).await }.boxed()
    }
}

/// The refusals that only LaunchDarkly has.
fn refused(reply: &Reply) -> Option<Blocked> {
    let said = match &reply.body["message"] {
        Value::String(_) => format!(": {}", reply.said),
        _ => String::new(),
    };
    Some(match reply.status {
        405 => Blocked {
            reason: format!("LaunchDarkly takes changes of this flag only with an approval{said}"),
            way_out: "ask for the approval there, or have somebody turn it off who may bypass it".to_owned(),
        },
        409 => Blocked {
            reason: format!("somebody else changes this flag in LaunchDarkly at the moment{said}"),
            way_out: "look at its state here in a moment, then try again if it is still on".to_owned(),
        },
        _ => return None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(environment: Value) -> Option<(f64, bool)> {
        let rollout = serde_json::from_value::<Environment>(environment).unwrap().rollout()?;
        Some((rollout.percent, rollout.has_rules))
    }

    #[test]
    fn those_count_who_do_not_get_what_everybody_gets_while_it_is_off() {
        assert_eq!(of(json!({"on": true, "offVariation": 1, "fallthrough": {"variation": 0}})), Some((100.0, false)));
        assert_eq!(of(json!({"on": true, "offVariation": 1, "fallthrough": {"variation": 1}})), Some((0.0, false)));
        let shares = json!({"variations": [{"variation": 0, "weight": 12_500}, {"variation": 1, "weight": 87_500}]});
        assert_eq!(
            of(json!({"on": true, "offVariation": 1, "fallthrough": {"rollout": shares}, "targets": [{"values": []}]})),
            Some((12.5, true))
        );
        assert_eq!(of(json!({"on": true})), None);
    }
}
