//! `[[environments.NAME.flags]]`, checked: which feature flags a person may turn off, and where.

use super::address::{self, Tail};
use super::at::At;
use super::checked::{each, optional};
use super::duration::HumanDuration;
use super::problem::{Problem, Problems, Whole};
use super::schema::{Parsed, flags as schema};
use super::secrets::SecretRef;
use super::signals::service_named;
use super::sources::{self, Auth, TIMEOUTS};
use super::texts::{self, OF_A_FLAG};
use super::variables::mentions;
use crate::deploy::ServiceId;
use chrono::TimeDelta;
use std::time::Duration;

/// Flags of one system without its secrets.
#[derive(Debug)]
pub(super) struct Flags {
    pub(super) url: String,
    pub(super) timeout: Duration,
    pub(super) provider: Provider,
    pub(super) environment: String,
    pub(super) features: Vec<String>,
    pub(super) service: Option<ServiceId>,
    pub(super) link: Option<String>,
}

/// The system that keeps them.
#[derive(Debug)]
pub(super) enum Provider {
    Unleash { token: At<SecretRef>, project: String },
    LaunchDarkly { token: At<SecretRef>, project: String },
    Webhook { auth: Auth, signing_key: Option<At<SecretRef>>, state_url: Option<String> },
}

impl Provider {
    /// Its name in the file.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Unleash { .. } => "unleash",
            Self::LaunchDarkly { .. } => "launchdarkly",
            Self::Webhook { .. } => "webhook",
        }
    }
}

/// What every system's table has.
struct Common<'a> {
    environment: Option<&'a At<String>>,
    features: Option<&'a At<Vec<At<String>>>>,
    service: Option<&'a At<String>>,
    link: Option<&'a At<String>>,
    timeout: Option<&'a At<HumanDuration>>,
}

/// Checks the flags of an environment, which was read `whole` or not; those that are wrong are left out and reported.
pub(super) fn check(
    raw: &[Parsed<schema::Flags>],
    environment: &str,
    services: &[String],
    whole: bool,
    problems: &mut Problems,
) -> Vec<Flags> {
    let check = |Parsed { value, whole: table }: &Parsed<schema::Flags>| {
        let whole = Whole { table: *table, environment: whole };
        problems.of_table(whole, |problems| flags(value, environment, services, problems))
    };
    raw.iter().filter_map(check).collect()
}

fn flags(raw: &schema::Flags, named: &str, services: &[String], problems: &mut Problems) -> Option<Flags> {
    let (url, provider, common) = match raw {
        schema::Flags::Unleash(raw) => {
            let common = Common {
                environment: raw.environment.as_ref(),
                features: raw.features.as_ref(),
                service: raw.service.as_ref(),
                link: raw.link.as_ref(),
                timeout: raw.timeout.as_ref(),
            };
            (address::check(&raw.url, Tail::None, problems), unleash(raw, problems), common)
        }
        schema::Flags::LaunchDarkly(raw) => {
            let common = Common {
                environment: raw.environment.as_ref(),
                features: raw.features.as_ref(),
                service: raw.service.as_ref(),
                link: raw.link.as_ref(),
                timeout: raw.timeout.as_ref(),
            };
            let url = address::or_usual(raw.url.as_ref(), "https://app.launchdarkly.com", problems);
            (url, launchdarkly(raw, problems), common)
        }
        schema::Flags::Webhook(raw) => {
            let common = Common {
                environment: raw.environment.as_ref(),
                features: Some(&raw.features),
                service: raw.service.as_ref(),
                link: raw.link.as_ref(),
                timeout: raw.timeout.as_ref(),
            };
            (template(&raw.off_url, problems), webhook(raw, problems), common)
        }
    };
    let timeout = sources::duration("timeout", common.timeout, TimeDelta::seconds(5), &TIMEOUTS, problems);
    let environment = optional(common.environment, |name| texts::check(name, &[], problems));
    let features = optional(common.features, |keys| features(keys, problems));
    let service = optional(common.service, |name| service_named(name, services, problems));
    let link = optional(common.link, |link| template(link, problems));
    Some(Flags {
        url: url?,
        timeout: timeout?.to_std().ok()?,
        provider: provider?,
        environment: environment?.unwrap_or_else(|| named.to_owned()),
        features: features?.unwrap_or_default(),
        service: service?,
        link: link?,
    })
}

/// A project stands in paths, and holds no variables.
fn unleash(raw: &schema::Unleash, problems: &mut Problems) -> Option<Provider> {
    let project = optional(raw.project.as_ref(), |project| texts::check(project, &[], problems))?;
    let project = project.unwrap_or_else(|| "default".to_owned());
    Some(Provider::Unleash { token: raw.token.clone(), project })
}

fn launchdarkly(raw: &schema::LaunchDarkly, problems: &mut Problems) -> Option<Provider> {
    let project = texts::check(&raw.project, &[], problems)?;
    Some(Provider::LaunchDarkly { token: raw.token.clone(), project })
}

fn webhook(raw: &schema::Webhook, problems: &mut Problems) -> Option<Provider> {
    let name = At::new("webhook".to_owned(), raw.off_url.span.clone());
    let auth = sources::auth::check(&name, raw.token.clone(), raw.user.clone(), raw.password.clone(), problems);
    let state_url = optional(raw.state_url.as_ref(), |url| template(url, problems));
    if let Some(written) = &raw.state_url
        && raw.features.len() > 1
        && !mentions(written, "feature")
    {
        problems.push(
            Problem::new(
                &written.span,
                format!("all {} flags would be asked for at this one address", raw.features.len()),
            )
            .way_out("use $feature in it, or write each flag in a table of its own"),
        );
        return None;
    }
    Some(Provider::Webhook { auth: auth?, signing_key: raw.signing_key.clone(), state_url: state_url? })
}

/// An address with variables in it.
fn template(written: &At<String>, problems: &mut Problems) -> Option<String> {
    let known = texts::check(written, &OF_A_FLAG, problems);
    address::check_as_written(written, problems).filter(|_| known.is_some())
}

/// The flags' keys. None at all would be a table that does nothing.
fn features(written: &At<Vec<At<String>>>, problems: &mut Problems) -> Option<Vec<String>> {
    if written.is_empty() {
        problems.push(
            Problem::new(&written.span, "`features` is empty")
                .way_out("name at least one, [\"checkout-v2\"]; without `features` a project's flags are all meant"),
        );
        return None;
    }
    each(written.iter(), |key| texts::check(key, &[], problems))
}
