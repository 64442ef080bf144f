//! `system = "webhook"` of the strategy `ci`: its table, that table validated, and what the strategy is told.

use super::Webhook;
use crate::net;
use crate::net::Endpoint;
use crate::rollback::Blocked;
use crate::rollback::variables::VARIABLES;
use crate::secret::Secret;
use crate::settings::address;
use crate::settings::at::At;
use crate::settings::auth::{self, Auth};
use crate::settings::checked::optional;
use crate::settings::duration::HumanDuration;
use crate::settings::problem::Problem;
use crate::settings::problem::Problems;
use crate::settings::resolve::Resolver;
use crate::settings::secrets::SecretRef;
use crate::settings::texts;
use crate::systems::api::strategy::{Connected, StrategySpec, Surroundings};
use crate::systems::declaration::Shape;
use crate::systems::declaration::strategy::{CiSystem, CiTable, InCluster, RollbackSettings};
use crate::systems::shared::ci::{self, config::Where};
use crate::template::Template;
use schemars::JsonSchema;
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// The declaration of the system for the configuration.
pub(in crate::systems) static CI: CiSystem =
    CiSystem { name: "webhook", about: "Any address that takes a POST.", table: Shape::<dyn CiTable>::of::<Table>() };

/// Any address that takes a POST.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The address.
    url: At<String>,
    /// Bearer token.
    token: Option<At<SecretRef>>,
    /// User, with `password`, instead of a token.
    user: Option<At<String>>,
    /// Password of `user`.
    password: Option<At<SecretRef>>,
    /// Signs the body: `X-Signature-256: sha256=…`.
    signing_key: Option<At<SecretRef>>,
    /// The body, JSON; default: one with the service, environment, versions, reason and actor.
    body: Option<At<String>>,
    /// Where to ask how it goes on; may hold `$run` too, from the answer.
    status_url: Option<At<String>>,
    /// How long an answer may take; default `10s`.
    timeout: Option<At<HumanDuration>>,
    /// How long it may take; default `15m`.
    run_timeout: Option<At<HumanDuration>>,
}

impl CiTable for Table {
    fn check(&self, _: &str, problems: &mut Problems) -> Option<Box<dyn RollbackSettings>> {
        let url = address::check_as_written(&self.url, problems);
        let name = At::new("webhook".to_owned(), self.url.span.clone());
        let auth = auth::check(&name, self.token.clone(), self.user.clone(), self.password.clone(), problems);
        let body = optional(self.body.as_ref(), |text| body(text, problems));
        let status_url = optional(self.status_url.as_ref(), |url| {
            let known = texts::check(url, &texts::of_a_run(), problems);
            address::check_as_written(url, problems).filter(|_| known.is_some())
        });
        let place = Where::check(url, self.timeout.as_ref(), self.run_timeout.as_ref(), problems);
        Some(Box::new(Settings {
            place: place?,
            auth: auth?,
            signing_key: self.signing_key.clone(),
            body: body?,
            status_url: status_url?,
        }))
    }
}

/// A body is JSON whatever its variables hold: a digit may stand within quotes and without.
fn body(written: &At<String>, problems: &mut Problems) -> Option<String> {
    let text = texts::check(written, &VARIABLES, problems)?;
    let digit = |name: &str| VARIABLES.contains(&name).then_some(Cow::Borrowed("0"));
    let filled = Template::ours(&text).fill_known(digit);
    let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&filled) else { return Some(text) };
    problems.push(
        Problem::new(&written.span, format!("this body is not JSON: {error}"))
            .way_out("put variables in quotes: '{ \"service\": \"$service\", \"version\": \"$to\" }'"),
    );
    None
}

/// Its table, checked.
#[derive(Debug)]
struct Settings {
    place: Where,
    auth: Auth,
    signing_key: Option<At<SecretRef>>,
    body: Option<String>,
    status_url: Option<String>,
}

impl RollbackSettings for Settings {
    fn resolve(&self, _: &InCluster<'_>, resolver: &mut Resolver<'_>) -> Option<Arc<dyn StrategySpec>> {
        // Both are tried, so that both can be reported.
        let auth = resolver.auth(&self.auth);
        let signing_key = optional(self.signing_key.as_ref(), |key| resolver.secret(key));
        Some(Arc::new(WebhookSpec {
            endpoint: self.place.endpoint("webhook"),
            run_timeout: self.place.run_timeout,
            auth: auth?,
            signing_key: signing_key?,
            body: self.body.clone(),
            status_url: self.status_url.clone(),
        }))
    }
}

/// Any address that takes a POST.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookSpec {
    /// The address itself.
    pub endpoint: Endpoint,
    /// How long a run may take before it counts as failed to answer.
    pub run_timeout: Duration,
    /// How it knows us.
    pub auth: net::Auth,
    /// Signs the body: `X-Signature-256: sha256=…`.
    pub signing_key: Option<Secret>,
    /// The body, JSON; by default one with the event, service, environment, versions, reason and actor.
    pub body: Option<String>,
    /// Where to ask how it goes on: JSON with `status` or `state`. `$id` and `$run` may be in it, the `run`,
    /// `run_id` or `id` of the answer; with `$id` alone it is asked for a lost answer, too.
    pub status_url: Option<String>,
}

impl StrategySpec for WebhookSpec {
    fn connect(&self, to: &Surroundings<'_>) -> Result<Connected, Blocked> {
        let system = Arc::new(Webhook::new(self, to.clock.clone())?);
        Ok(ci::connected(system, self.run_timeout, to))
    }
}
