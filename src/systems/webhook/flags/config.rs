//! `provider = "webhook"`: its table, that table validated, and what the adapter is told.

use super::Webhook;
use crate::clock::Clock;
use crate::feature_flags::provider::FlagProvider;
use crate::feature_flags::spec::{FeatureFlagsSpec, ProviderSpec};
use crate::net;
use crate::secret::Secret;
use crate::settings::at::At;
use crate::settings::auth::{self, Auth};
use crate::settings::checked::optional;
use crate::settings::duration::HumanDuration;
use crate::settings::problem::Problem;
use crate::settings::problem::Problems;
use crate::settings::resolve::Resolver;
use crate::settings::secrets::SecretRef;
use crate::settings::texts;
use crate::setup::FlagSystem;
use crate::systems::declaration::Shape;
use crate::systems::declaration::flags::{Common, FlagProviderKind, FlagSettings, FlagTable};
use crate::template::Template;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// The declaration of the system for the configuration.
pub(in crate::systems) static FLAGS: FlagProviderKind = FlagProviderKind {
    name: "webhook",
    about: "Any address that takes a POST.",
    table: Shape::<dyn FlagTable>::of::<Table>(),
};

/// Flags behind any address that takes a POST. Addresses may hold `$feature` and `$environment`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The address that turns a flag off.
    off_url: At<String>,
    /// Where to ask for a flag's state.
    state_url: Option<At<String>>,
    /// Bearer token.
    token: Option<At<SecretRef>>,
    /// User, with `password`, instead of a token.
    user: Option<At<String>>,
    /// Password of `user`.
    password: Option<At<SecretRef>>,
    /// Signs the body: `X-Signature-256: sha256=…`.
    signing_key: Option<At<SecretRef>>,
    /// What `$environment` stands for; default: the environment's own name.
    environment: Option<At<String>>,
    /// The flags.
    features: At<Vec<At<String>>>,
    /// The service that they belong to; default: the whole environment.
    service: Option<At<String>>,
    /// Where a person can look at a flag; may hold `$feature` and `$environment`.
    link: Option<At<String>>,
    /// How long an answer may take; default `5s`.
    timeout: Option<At<HumanDuration>>,
}

impl FlagTable for Table {
    fn common(&self) -> Common<'_> {
        Common {
            environment: self.environment.as_ref(),
            features: Some(&self.features),
            service: self.service.as_ref(),
            link: self.link.as_ref(),
            timeout: self.timeout.as_ref(),
        }
    }

    fn check(&self, problems: &mut Problems) -> Option<(String, Box<dyn FlagSettings>)> {
        let url = texts::flag_address(&self.off_url, problems);
        let name = At::new("webhook".to_owned(), self.off_url.span.clone());
        let auth = auth::check(&name, self.token.clone(), self.user.clone(), self.password.clone(), problems);
        let state_url = optional(self.state_url.as_ref(), |url| texts::flag_address(url, problems));
        let tells_apart = self.tells_apart(problems);
        let signing_key = self.signing_key.clone();
        tells_apart.then_some(())?;
        Some((url?, Box::new(Settings { auth: auth?, signing_key, state_url: state_url? })))
    }
}

impl Table {
    /// Whether the address of states tells several flags apart.
    fn tells_apart(&self, problems: &mut Problems) -> bool {
        let Some(written) = &self.state_url else { return true };
        if self.features.len() < 2 || Template::ours(written).mentions("feature") {
            return true;
        }
        problems.push(
            Problem::new(
                &written.span,
                format!("all {} flags would be asked for at this one address", self.features.len()),
            )
            .way_out("use $feature in it, or write each flag in a table of its own"),
        );
        false
    }
}

/// Its table, checked.
#[derive(Debug)]
struct Settings {
    auth: Auth,
    signing_key: Option<At<SecretRef>>,
    state_url: Option<String>,
}

impl FlagSettings for Settings {
    fn resolve(&self, resolver: &mut Resolver<'_>) -> Option<Arc<dyn ProviderSpec>> {
        // Both are tried, so that both can be reported.
        let auth = resolver.auth(&self.auth);
        let signing_key = optional(self.signing_key.as_ref(), |key| resolver.secret(key));
        Some(Arc::new(WebhookSpec { auth: auth?, signing_key: signing_key?, state_url: self.state_url.clone() }))
    }
}

/// Any address that takes a POST. Addresses may hold `$feature` and `$environment`.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookSpec {
    /// How it knows us.
    pub auth: net::Auth,
    /// Signs the body: `X-Signature-256: sha256=…`.
    pub signing_key: Option<Secret>,
    /// Where to ask for a flag's state.
    pub state_url: Option<String>,
}

impl ProviderSpec for WebhookSpec {
    fn system(&self) -> FlagSystem {
        FlagSystem::Webhook
    }

    fn build(&self, spec: &FeatureFlagsSpec, clock: Clock) -> Result<Box<dyn FlagProvider>, String> {
        Ok(Box::new(Webhook::new(spec, &self.auth, self.signing_key.as_ref(), self.state_url.as_deref(), clock)?))
    }
}
