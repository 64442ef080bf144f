//! LaunchDarkly: a flag is on or off in each environment, and its fallthrough says for whom.
//!
//! REST API version 20240415: `GET /api/v2/flags/{project}[/{flag}]`, and a semantic patch with `turnFlagOff`, which
//! `?dryRun=true` only tries.

mod config;

pub(in crate::systems) use config::FLAGS;
pub use config::LaunchDarklySpec;

use crate::clock::Clock;
use crate::feature_flags::provider::FlagProvider;
use crate::feature_flags::spec::FeatureFlagsSpec;
use crate::feature_flags::{Answer, FeatureFlag, FlagState, FlagStatus, Listing, Order, Permission, Rollout};
use crate::net::http::{Reply, RetryHint, insert_secret};
use crate::rollback::Blocked;
use crate::secret::Secret;
use crate::systems::shared::flags::client::Client;
use crate::systems::shared::flags::listing::{AT_ONCE, MOST_LISTED, a_few_at_a_time, link};
use chrono::DateTime;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;

/// The version of the API whose answers are read here.
const VERSION: &str = "20240415";

/// Without the parameter the body is taken for a JSON patch, and refused.
const SEMANTIC_PATCH: &str = "application/json; domain-model=launchdarkly.semanticpatch";

/// The most flags that one answer holds.
const PAGE: usize = 100;

/// So many pages of a project's flags are read; how many flags are beyond them is said.
const MOST_PAGES: usize = 10;

/// So many prerequisites of a flag are asked for their share.
const MOST_PARENTS: usize = 5;

/// Weights are thousandths of a percent.
const WEIGHTS_IN_A_PERCENT: f64 = 1000.0;

/// The flags of one project in one environment.
pub(in crate::systems) struct LaunchDarkly {
    client: Client,
    spec: FeatureFlagsSpec,
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
    prerequisites: Vec<Prerequisite>,
}

/// The flag serves what it serves while it is off to all who do not get this variation of another flag.
#[derive(Deserialize)]
struct Prerequisite {
    key: String,
    variation: i64,
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
    pub(in crate::systems) fn new(
        spec: &FeatureFlagsSpec,
        token: &Secret,
        project: &str,
        clock: Clock,
    ) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        // As it is: LaunchDarkly knows no `Bearer`.
        insert_secret(&mut headers, "authorization", token, "token").map_err(|error| error.to_string())?;
        headers.insert("ld-api-version", HeaderValue::from_static(VERSION));
        let hint = RetryHint::LaunchDarklyReset;
        let client = Client::new("LaunchDarkly", &spec.endpoint, headers, hint, clock)?;
        Ok(Self { client, spec: spec.clone(), project: project.to_owned() })
    }

    fn flag(&self, key: &str, state: FlagState) -> FeatureFlag {
        let usual = || Some(self.client.http.link(&["projects", &self.project, "flags", key]));
        FeatureFlag { key: key.to_owned(), state, link: link(&self.spec, key, usual) }
    }

    /// Only this environment: the whole of a flag can be large.
    fn only_here(&self, request: RequestBuilder) -> RequestBuilder {
        request.query(&[("env", self.spec.environment.as_str())])
    }

    async fn read_flag(&self, key: &str) -> Result<Flag, String> {
        self.client.read_as(self.only_here(self.client.http.get(&["api", "v2", "flags", &self.project, key]))).await
    }

    async fn state(&self, key: &str) -> FlagState {
        let flag = match self.read_flag(key).await {
            Ok(flag) => flag,
            Err(why) => return FlagState::Unread(why),
        };
        let mut parents = HashMap::new();
        for parent in flag.prerequisites(&self.spec.environment).iter().take(MOST_PARENTS) {
            if let Ok(read) = self.read_flag(&parent.key).await {
                parents.insert(parent.key.clone(), read);
            }
        }
        self.standing(&flag, &|key| parents.get(key))
    }

    /// Its state in this environment; `parent` finds the flags that it depends on.
    fn standing<'f>(&self, flag: &Flag, parent: &dyn Fn(&str) -> Option<&'f Flag>) -> FlagState {
        let wanted = &self.spec.environment;
        let share = |of: &Prerequisite| parent(&of.key)?.environments.get(wanted)?.share_of(of.variation);
        match flag.environments.get(wanted) {
            Some(environment) => FlagState::Told(FlagStatus {
                on: environment.on,
                rollout: environment
                    .rollout()
                    .map(|own| environment.prerequisites.iter().fold(own, |rollout, of| rollout.within(share(of)))),
                changed: environment.last_modified.and_then(DateTime::from_timestamp_millis),
                changed_by: None,
            }),
            None => FlagState::Unread(format!("LaunchDarkly has no environment {wanted} for it")),
        }
    }

    async fn page(&self, number: usize) -> Result<Project, String> {
        let request = self.only_here(self.client.http.get(&["api", "v2", "flags", &self.project]));
        let (limit, offset) = (PAGE.to_string(), (number * PAGE).to_string());
        // Rules and targets are left out of summaries.
        let request = request.query(&[("summary", "0"), ("limit", &limit), ("offset", &offset), ("sort", "key")]);
        self.client.read_as(request).await
    }

    async fn project(&self) -> Result<Listing, String> {
        let first = self.page(0).await?;
        let total = first.total_count.unwrap_or(first.items.len());
        let pages = total.div_ceil(PAGE).min(MOST_PAGES);
        let more = stream::iter((1..pages).map(|number| self.page(number))).buffered(AT_ONCE);
        let mut all = first.items;
        for page in more.try_collect::<Vec<Project>>().await? {
            all.extend(page.items);
        }
        let by_key: HashMap<&str, &Flag> = all.iter().map(|flag| (flag.key.as_str(), flag)).collect();
        let told = |flag: &Flag| self.flag(&flag.key, self.standing(flag, &|key| by_key.get(key).copied()));
        let unread = total.saturating_sub(all.len());
        Ok(Listing::of_project(all.iter().map(told).collect(), unread, MOST_LISTED))
    }

    /// The change itself, or a dry run of it.
    fn off(&self, key: &str, comment: &str) -> RequestBuilder {
        let body = json!({
            "environmentKey": self.spec.environment,
            "comment": comment,
            "instructions": [{"kind": "turnFlagOff"}],
        });
        let request = self.client.http.patch(&["api", "v2", "flags", &self.project, key]);
        request.header(CONTENT_TYPE, SEMANTIC_PATCH).body(body.to_string())
    }

    /// Tries to turn one flag off: LaunchDarkly validates it, and changes nothing.
    async fn ask_permission(&self) -> Permission {
        let key = match self.spec.features.first() {
            Some(key) => key.clone(),
            None => match self.page(0).await.map(|page| page.items.into_iter().next()) {
                Ok(Some(flag)) => flag.key,
                Ok(None) => return Permission::Untold("no flag to try it with".to_owned()),
                Err(why) => return Permission::Untold(why),
            },
        };
        let request = self.off(&key, "tried by redflag").query(&[("dryRun", "true")]);
        self.client.try_to_turn_off(request, refused).await
    }

    async fn named(&self) -> Listing {
        let keys = &self.spec.features;
        let told = a_few_at_a_time(keys.iter().map(|key| self.state(key).boxed()).collect()).await;
        let flags = keys.iter().zip(told).map(|(key, state)| self.flag(key, state)).collect();
        Listing { flags, ..Listing::default() }
    }
}

impl Flag {
    fn prerequisites(&self, environment: &str) -> &[Prerequisite] {
        self.environments.get(environment).map_or(&[], |environment| &environment.prerequisites)
    }
}

impl Environment {
    /// For whom this variation is served.
    fn share_of(&self, variation: i64) -> Option<Rollout> {
        let all_or_none = |served: i64| if served == variation { 100.0 } else { 0.0 };
        if !self.on {
            return Some(Rollout { percent: all_or_none(self.off_variation?), has_rules: false });
        }
        let fallthrough = self.fallthrough.as_ref()?;
        let percent = match (&fallthrough.rollout, fallthrough.variation) {
            (Some(shares), _) => {
                let shares = shares.variations.iter().filter(|share| share.variation == variation);
                shares.map(|share| share.weight).sum::<f64>() / WEIGHTS_IN_A_PERCENT
            }
            (None, served) => all_or_none(served?),
        };
        let rules = [&self.rules, &self.targets, &self.context_targets];
        let has_rules = !self.prerequisites.is_empty() || rules.iter().any(|rules| !rules.is_empty());
        Some(Rollout { percent, has_rules })
    }

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
        let rules = [&self.rules, &self.targets, &self.context_targets];
        Some(Rollout { percent: percent.clamp(0.0, 100.0), has_rules: rules.iter().any(|rules| !rules.is_empty()) })
    }
}

impl FlagProvider for LaunchDarkly {
    fn read(&self) -> BoxFuture<'_, Result<Listing, String>> {
        async move {
            let listed =
                async { if self.spec.features.is_empty() { self.project().await } else { Ok(self.named().await) } };
            let (listing, permission) = tokio::join!(listed, self.permission());
            Ok(Listing { denied: permission.denied(), ..listing? })
        }
        .boxed()
    }

    fn read_one<'a>(&'a self, key: &'a str) -> BoxFuture<'a, FlagState> {
        self.state(key).boxed()
    }

    fn permission(&self) -> BoxFuture<'_, Permission> {
        self.client.permission_lately(self.ask_permission()).boxed()
    }

    fn turn_off<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Answer> {
        let why = if order.reason.is_empty() { String::new() } else { format!(": {}", order.reason) };
        let request = self.off(&order.key, &format!("turned off by {} with redflag{why}", order.actor));
        async move { self.client.turn_off(request, refused).await }.boxed()
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
            reason: format!("LaunchDarkly requires approval for changes to this flag{said}"),
            way_out: "request approval there, or ask somebody who may bypass it to turn it off".to_owned(),
        },
        409 => Blocked {
            reason: format!("somebody else is changing this flag in LaunchDarkly{said}"),
            way_out: "check its state here in a moment, then retry if it is still on".to_owned(),
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

    #[test]
    fn a_variation_s_share_is_that_of_the_fallthrough_or_all_of_what_is_served_while_it_is_off() {
        let share = |environment: Value, variation| {
            serde_json::from_value::<Environment>(environment).unwrap().share_of(variation).map(|share| share.percent)
        };
        let shares = json!({"variations": [{"variation": 0, "weight": 10_000}, {"variation": 1, "weight": 90_000}]});
        let on = json!({"on": true, "offVariation": 1, "fallthrough": {"rollout": shares}});
        assert_eq!((share(on.clone(), 0), share(on, 1)), (Some(10.0), Some(90.0)));
        let off = json!({"on": false, "offVariation": 1, "fallthrough": {"variation": 0}});
        assert_eq!((share(off.clone(), 0), share(off, 1)), (Some(0.0), Some(100.0)));
        assert_eq!(share(json!({"on": true}), 0), None);
    }
}
