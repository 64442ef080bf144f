//! The shape of `[[environments.NAME.flags]]`: feature flags that a person may turn off.

use crate::config::at::At;
use crate::config::duration::HumanDuration;
use crate::config::secrets::SecretRef;
use schemars::JsonSchema;
use serde::Deserialize;

/// Feature flags of one system that a person may turn off.
#[derive(Debug, JsonSchema)]
#[schemars(tag = "provider", rename_all = "lowercase")]
pub(in crate::config) enum Flags {
    /// An Unleash project.
    Unleash(Unleash),
    /// A LaunchDarkly project.
    LaunchDarkly(LaunchDarkly),
    /// Any address that takes a POST.
    Webhook(Webhook),
}

/// Flags of an Unleash project.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Unleash {
    /// Everything before `/api/admin`.
    pub(in crate::config) url: At<String>,
    /// An admin's, a service account's or a personal token; a client's token cannot turn flags off.
    pub(in crate::config) token: At<SecretRef>,
    /// Id of the project; default `default`.
    pub(in crate::config) project: Option<At<String>>,
    /// Unleash's name of the environment; default: the environment's own.
    pub(in crate::config) environment: Option<At<String>>,
    /// The flags; default: all of the project.
    pub(in crate::config) features: Option<At<Vec<At<String>>>>,
    /// The service that they belong to; default: the whole environment.
    pub(in crate::config) service: Option<At<String>>,
    /// Where a person can look at a flag; may hold `$feature` and `$environment`.
    pub(in crate::config) link: Option<At<String>>,
    /// How long an answer may take; default `5s`.
    pub(in crate::config) timeout: Option<At<HumanDuration>>,
}

/// Flags of a LaunchDarkly project.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct LaunchDarkly {
    /// Its address; default `https://app.launchdarkly.com`.
    pub(in crate::config) url: Option<At<String>>,
    /// An access token that may write flags.
    pub(in crate::config) token: At<SecretRef>,
    /// Key of the project.
    pub(in crate::config) project: At<String>,
    /// LaunchDarkly's key of the environment; default: the environment's own name.
    pub(in crate::config) environment: Option<At<String>>,
    /// The flags, by their keys; default: all of the project.
    pub(in crate::config) features: Option<At<Vec<At<String>>>>,
    /// The service that they belong to; default: the whole environment.
    pub(in crate::config) service: Option<At<String>>,
    /// Where a person can look at a flag; may hold `$feature` and `$environment`.
    pub(in crate::config) link: Option<At<String>>,
    /// How long an answer may take; default `5s`.
    pub(in crate::config) timeout: Option<At<HumanDuration>>,
}

/// Flags behind any address that takes a POST. Addresses may hold `$feature` and `$environment`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Webhook {
    /// The address that turns a flag off.
    pub(in crate::config) off_url: At<String>,
    /// Where to ask for a flag's state.
    pub(in crate::config) state_url: Option<At<String>>,
    /// Bearer token.
    pub(in crate::config) token: Option<At<SecretRef>>,
    /// User, with `password`, instead of a token.
    pub(in crate::config) user: Option<At<String>>,
    /// Password of `user`.
    pub(in crate::config) password: Option<At<SecretRef>>,
    /// Signs the body: `X-Signature-256: sha256=…`.
    pub(in crate::config) signing_key: Option<At<SecretRef>>,
    /// What `$environment` stands for; default: the environment's own name.
    pub(in crate::config) environment: Option<At<String>>,
    /// The flags.
    pub(in crate::config) features: At<Vec<At<String>>>,
    /// The service that they belong to; default: the whole environment.
    pub(in crate::config) service: Option<At<String>>,
    /// Where a person can look at a flag; may hold `$feature` and `$environment`.
    pub(in crate::config) link: Option<At<String>>,
    /// How long an answer may take; default `5s`.
    pub(in crate::config) timeout: Option<At<HumanDuration>>,
}
