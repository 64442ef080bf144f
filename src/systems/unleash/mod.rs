//! Unleash: a flag is on or off in each environment, and strategies say for whom.
//!
//! The admin API of Unleash 4 to 7: `GET …/projects/{project}/features[/{feature}]`,
//! `POST …/features/{feature}/environments/{environment}/off`; `GET /api/admin/user` for what the token may do.

mod config;
#[cfg(feature = "demo")]
pub(in crate::systems) mod peer;

pub(in crate::systems) use config::FLAGS;
pub use config::UnleashSpec;

use crate::clock::Clock;
use crate::feature_flags::provider::FlagProvider;
use crate::feature_flags::spec::FeatureFlagsSpec;
use crate::feature_flags::{Answer, FeatureFlag, FlagState, FlagStatus, Listing, Order, Permission, Rollout};
use crate::net::http::{Reply, RetryHint, clean, insert_secret};
use crate::rollback::Blocked;
use crate::secret::Secret;
use crate::systems::shared::flags::client::Client;
use crate::systems::shared::flags::listing::{MOST_LISTED, a_few_at_a_time, link};
use futures_util::future::{BoxFuture, FutureExt};
use reqwest::header::HeaderMap;
use serde::Deserialize;

/// A project's list tells no percentages; so many of its flags that are on are asked for theirs.
const MOST_ASKED: usize = 20;

/// So many of a flag's parents are asked for their share: Unleash itself knows no more than one level of them.
const MOST_PARENTS: usize = 5;

/// So many projects are named.
const NAMED: usize = 5;

/// The right to turn flags on and off in an environment, and the one that holds them all (`types/permissions.ts`).
const RIGHTS: [&str; 2] = ["UPDATE_FEATURE_ENVIRONMENT", "ADMIN"];

/// The flags of one project in one environment.
pub(in crate::systems) struct Unleash {
    client: Client,
    spec: FeatureFlagsSpec,
    project: String,
}

/// `projectFeaturesSchema`.
#[derive(Deserialize)]
struct Project {
    features: Vec<Feature>,
}

/// `featureSchema`, as far as it matters.
#[derive(Deserialize)]
struct Feature {
    name: String,
    #[serde(default)]
    environments: Vec<Environment>,
    /// Its parents. A project's list leaves them out.
    #[serde(default)]
    dependencies: Vec<Dependency>,
}

/// `dependentFeatureSchema`: a flag is on only for those for whom its parents are as it wants them.
#[derive(Deserialize)]
struct Dependency {
    feature: String,
    /// Whether the parent has to be on, which is what is meant where nothing is said.
    enabled: Option<bool>,
    #[serde(default)]
    variants: Vec<serde::de::IgnoredAny>,
}

/// `meSchema`, as far as it matters.
#[derive(Deserialize)]
struct Me {
    permissions: Vec<Right>,
}

/// `permissionSchema`: without a project or an environment, or with `*`, it holds in all of them.
#[derive(Deserialize)]
struct Right {
    permission: String,
    project: Option<String>,
    environment: Option<String>,
}

/// `projectsSchema`.
#[derive(Deserialize)]
struct Projects {
    projects: Vec<Id>,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

/// `featureEnvironmentSchema`. A project's list leaves the strategies out.
#[derive(Deserialize)]
struct Environment {
    name: String,
    enabled: bool,
    strategies: Option<Vec<Strategy>>,
}

#[derive(Deserialize)]
struct Strategy {
    name: String,
    #[serde(default)]
    disabled: Option<bool>,
    #[serde(default)]
    parameters: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    constraints: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    segments: Vec<serde::de::IgnoredAny>,
}

impl Unleash {
    pub(in crate::systems) fn new(
        spec: &FeatureFlagsSpec,
        token: &Secret,
        project: &str,
        clock: Clock,
    ) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        // As it is: Unleash knows no `Bearer`.
        insert_secret(&mut headers, "authorization", token, "token").map_err(|error| error.to_string())?;
        let client = Client::new("Unleash", &spec.endpoint, headers, RetryHint::RetryAfter, clock)?;
        Ok(Self { client, spec: spec.clone(), project: project.to_owned() })
    }

    fn flag(&self, key: &str, state: FlagState) -> FeatureFlag {
        let usual = || Some(self.client.http.link(&["projects", &self.project, "features", key]));
        FeatureFlag { key: key.to_owned(), state, link: link(&self.spec, key, usual) }
    }

    async fn feature(&self, key: &str) -> Result<Feature, String> {
        let path = ["api", "admin", "projects", &self.project, "features", key];
        self.client.read_as(self.client.http.get(&path)).await
    }

    async fn state(&self, key: &str) -> FlagState {
        let feature = match self.feature(key).await {
            Ok(feature) => feature,
            Err(why) => return FlagState::Unread(why),
        };
        let mut state = self.standing(&feature);
        if let FlagState::Told(standing) = &mut state {
            for parent in feature.dependencies.iter().take(MOST_PARENTS) {
                let share = self.share_under(parent).await;
                standing.rollout = standing.rollout.map(|rollout| rollout.within(share));
            }
        }
        state
    }

    /// For whom a parent is as its child wants it; `None` where that is not known.
    async fn share_under(&self, dependency: &Dependency) -> Option<Rollout> {
        let parent = self.feature(&dependency.feature).await.ok()?;
        let FlagState::Told(standing) = self.standing(&parent) else { return None };
        let rollout = if standing.on { standing.rollout? } else { Rollout { percent: 0.0, has_rules: false } };
        let has_rules = rollout.has_rules || !dependency.variants.is_empty();
        let percent = if dependency.enabled == Some(false) { 100.0 - rollout.percent } else { rollout.percent };
        Some(Rollout { percent, has_rules })
    }

    /// What the token's owner may do, as Unleash itself decides it (`hasPermission` of its access service).
    async fn ask_permission(&self) -> Permission {
        let me: Me = match self.client.read_as(self.client.http.get(&["api", "admin", "user"])).await {
            Ok(me) => me,
            Err(why) => return Permission::Untold(why),
        };
        let (project, environment) = (&self.project, &self.spec.environment);
        let holds_in = |of: &Option<String>, here: &str| of.as_ref().is_none_or(|of| of == "*" || of == here);
        let is_enough = |right: &Right| {
            RIGHTS.contains(&right.permission.as_str())
                && holds_in(&right.project, project)
                && holds_in(&right.environment, environment)
        };
        if me.permissions.iter().any(is_enough) {
            return Permission::Given;
        }
        Permission::Denied(Blocked {
            reason: format!("the token can read flags of {project} in Unleash, but not turn them off in {environment}"),
            way_out: format!(
                "give its owner {} in project {project} and environment {environment}, or use a token that has it",
                RIGHTS[0]
            ),
        })
    }

    /// Why a project has no flags: Unleash lists none of one that is not there, too.
    async fn is_there(&self) -> Result<(), String> {
        let known: Projects =
            self.client.read_as(self.client.http.get(&["api", "admin", "projects"])).await.map_err(|why| {
                format!(
                    "Unleash lists no flags of {}, and does not say whether that project exists: {why}",
                    self.project
                )
            })?;
        if known.projects.iter().any(|project| project.id == self.project) {
            return Ok(());
        }
        let mut ids: Vec<String> = known.projects.iter().map(|project| clean(&project.id)).collect();
        let more = ids.len().saturating_sub(NAMED);
        ids.truncate(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let ids = if ids.is_empty() { "no projects".to_owned() } else { ids.join(", ") };
        Err(format!("Unleash has no project {}, or the token cannot see it; it sees {ids}{more}", self.project))
    }

    /// Its state in this environment.
    fn standing(&self, feature: &Feature) -> FlagState {
        let wanted = &self.spec.environment;
        match feature.environments.iter().find(|environment| environment.name == *wanted) {
            Some(environment) => FlagState::Told(FlagStatus {
                on: environment.enabled,
                rollout: environment.strategies.as_deref().map(rollout),
                changed: None,
                changed_by: None,
            }),
            None => FlagState::Unread(format!("Unleash has no environment {wanted} for it")),
        }
    }

    async fn project(&self) -> Result<Listing, String> {
        let path = ["api", "admin", "projects", &self.project, "features"];
        let project: Project = self.client.read_as(self.client.http.get(&path)).await?;
        if project.features.is_empty() {
            self.is_there().await?;
        }
        let told = project.features.iter().map(|feature| self.flag(&feature.name, self.standing(feature))).collect();
        let mut listing = Listing::of_project(told, 0, MOST_LISTED);
        let on = |flag: &&mut FeatureFlag| flag.state.is_on() == Some(true);
        let mut asked: Vec<&mut FeatureFlag> = listing.flags.iter_mut().filter(on).take(MOST_ASKED).collect();
        let keys: Vec<String> = asked.iter().map(|flag| flag.key.clone()).collect();
        let told = a_few_at_a_time(keys.iter().map(|key| self.state(key).boxed()).collect()).await;
        for (flag, state) in asked.iter_mut().zip(told) {
            // The list has said that it is on: where this failed, only its percentage stays unknown.
            if state.is_on().is_some() {
                flag.state = state;
            }
        }
        Ok(listing)
    }

    async fn named(&self) -> Listing {
        let keys = &self.spec.features;
        let told = a_few_at_a_time(keys.iter().map(|key| self.state(key).boxed()).collect()).await;
        let flags = keys.iter().zip(told).map(|(key, state)| self.flag(key, state)).collect();
        Listing { flags, ..Listing::default() }
    }
}

/// For whom an environment's strategies let the flag be on: any of them is enough.
fn rollout(strategies: &[Strategy]) -> Rollout {
    if strategies.is_empty() {
        return Rollout { percent: 100.0, has_rules: false };
    }
    let (mut percent, mut has_rules) = (0.0_f64, false);
    for strategy in strategies.iter().filter(|strategy| strategy.disabled != Some(true)) {
        let of = match strategy.name.as_str() {
            "default" => Some(100.0),
            "flexibleRollout" => strategy.parameters.get("rollout").and_then(number),
            "gradualRolloutRandom" | "gradualRolloutSessionId" | "gradualRolloutUserId" => {
                strategy.parameters.get("percentage").and_then(number)
            }
            // User ids, addresses, hosts, and strategies of the team's own.
            _ => None,
        };
        match of {
            Some(of) if strategy.constraints.is_empty() && strategy.segments.is_empty() => {
                has_rules |= percent > 0.0;
                percent = percent.max(of.clamp(0.0, 100.0));
            }
            _ => has_rules = true,
        }
    }
    Rollout { percent, has_rules: has_rules && percent < 100.0 }
}

/// Unleash writes parameters as texts.
fn number(value: &serde_json::Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    number.is_finite().then_some(number)
}

impl FlagProvider for Unleash {
    fn read(&self) -> BoxFuture<'_, Result<Listing, String>> {
        async move {
            let listed =
                async { if self.spec.features.is_empty() { self.project().await } else { Ok(self.named().await) } };
            let (listing, permission) = tokio::join!(listed, self.permission());
            Ok(Listing { denied: permission.denied(), ..listing? })
        }
        .boxed()
    }

    fn permission(&self) -> BoxFuture<'_, Permission> {
        self.client.permission_lately(self.ask_permission()).boxed()
    }

    fn read_one<'a>(&'a self, key: &'a str) -> BoxFuture<'a, FlagState> {
        self.state(key).boxed()
    }

    fn turn_off<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Answer> {
        let (project, environment) = (self.project.as_str(), self.spec.environment.as_str());
        let path = ["api", "admin", "projects", project, "features", &order.key, "environments", environment, "off"];
        let request = self.client.http.post(&path);
        async move { self.client.turn_off(request, |reply| refused(reply, environment)).await }.boxed()
    }
}

/// The refusal that only Unleash has: changes of a guarded environment are requests that somebody approves.
fn refused(reply: &Reply, environment: &str) -> Option<Blocked> {
    let asks_for_review = reply.body["permissions"]
        .as_array()
        .is_some_and(|permissions| permissions.iter().any(|permission| permission == "SKIP_CHANGE_REQUEST"))
        || ["SKIP_CHANGE_REQUEST", "change request", "Change request"].iter().any(|word| reply.said.contains(word));
    (reply.status == 403 && asks_for_review).then(|| Blocked {
        reason: format!("Unleash accepts changes to {} only as change requests", clean(environment)),
        way_out: "create and apply a change request there, or give the token's owner permission to skip them"
            .to_owned(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(strategies: Value) -> (f64, bool) {
        let rollout = rollout(&serde_json::from_value::<Vec<Strategy>>(strategies).unwrap());
        (rollout.percent, rollout.has_rules)
    }

    #[test]
    fn any_strategy_is_enough_to_be_let_in() {
        assert_eq!(of(json!([])), (100.0, false), "without strategies it is on for everybody");
        assert_eq!(of(json!([{"name": "default"}])), (100.0, false));
        assert_eq!(of(json!([{"name": "flexibleRollout", "parameters": {"rollout": "25"}}])), (25.0, false));
        assert_eq!(
            of(json!([
                {"name": "flexibleRollout", "parameters": {"rollout": "25"}},
                {"name": "userWithId", "parameters": {"userIds": "ana,ben"}},
            ])),
            (25.0, true)
        );
        assert_eq!(
            of(json!([{"name": "flexibleRollout", "parameters": {"rollout": "100"}, "constraints": [{"x": 1}]}])),
            (0.0, true),
            "a constraint limits it to some of them"
        );
        assert_eq!(of(json!([{"name": "default", "disabled": true}])), (0.0, false));
        assert_eq!(of(json!([{"name": "default"}, {"name": "userWithId"}])), (100.0, false));
    }
}
