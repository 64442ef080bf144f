//! `[[environments.NAME.flags]]`, checked: which feature flags a person may turn off, and where.

use super::address::{self, Tail};
use super::at::At;
use super::length::Length;
use super::problem::{Problem, Problems};
use super::raw::flags as raw;
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
    timeout: Option<&'a At<Length>>,
}

/// Checks the flags of an environment; those that are wrong are left out and complained of.
pub(super) fn check(raw: &[raw::Flags], environment: &str, services: &[String], problems: &mut Problems) -> Vec<Flags> {
    raw.iter().filter_map(|raw| flags(raw, environment, services, problems)).collect()
}

fn flags(raw: &raw::Flags, named: &str, services: &[String], problems: &mut Problems) -> Option<Flags> {
    let (url, provider, common) = match raw {
        raw::Flags::Unleash(raw) => {
            let url = address::check(&raw.url, Tail::None, problems);
            let project = project(raw.project.as_ref(), problems);
            let provider = project.map(|project| Provider::Unleash {
                token: raw.token.clone(),
                project: project.unwrap_or_else(|| "default".to_owned()),
            });
            let raw::Unleash { environment, service, link, timeout, .. } = raw;
            (url, provider, common(environment, raw.features.as_ref(), service, link, timeout))
        }
        raw::Flags::LaunchDarkly(raw) => {
            let url = match &raw.url {
                Some(url) => address::check(url, Tail::None, problems),
                None => Some("https://app.launchdarkly.com".to_owned()),
            };
            let provider = project(Some(&raw.project), problems)
                .flatten()
                .map(|project| Provider::LaunchDarkly { token: raw.token.clone(), project });
            let raw::LaunchDarkly { environment, service, link, timeout, .. } = raw;
            (url, provider, common(environment, raw.features.as_ref(), service, link, timeout))
        }
        raw::Flags::Webhook(raw) => {
            let raw::Webhook { environment, service, link, timeout, .. } = raw;
            let common = common(environment, Some(&raw.features), service, link, timeout);
            (template(&raw.off_url, problems), webhook(raw, problems), common)
        }
    };
    let timeout = sources::length("timeout", common.timeout, TimeDelta::seconds(5), &TIMEOUTS, problems);
    let environment = texts::check_some(common.environment, &[], problems);
    let features = features(common.features, problems);
    let service = match common.service {
        Some(wanted) => service_named(wanted, services, problems).map(Some),
        None => Some(None),
    };
    let link = match common.link {
        Some(link) => template(link, problems).map(Some),
        None => Some(None),
    };
    Some(Flags {
        url: url?,
        timeout: timeout?.to_std().ok()?,
        provider: provider?,
        environment: environment?.unwrap_or_else(|| named.to_owned()),
        features: features?,
        service: service?,
        link: link?,
    })
}

fn common<'a>(
    environment: &'a Option<At<String>>,
    features: Option<&'a At<Vec<At<String>>>>,
    service: &'a Option<At<String>>,
    link: &'a Option<At<String>>,
    timeout: &'a Option<At<Length>>,
) -> Common<'a> {
    let (environment, service, link) = (environment.as_ref(), service.as_ref(), link.as_ref());
    Common { environment, features, service, link, timeout: timeout.as_ref() }
}

/// A project stands in paths and holds no variables.
fn project(written: Option<&At<String>>, problems: &mut Problems) -> Option<Option<String>> {
    texts::check_some(written, &[], problems)
}

fn webhook(raw: &raw::Webhook, problems: &mut Problems) -> Option<Provider> {
    let name = At::new("webhook".to_owned(), raw.off_url.span.clone());
    let auth = sources::auth(&name, raw.token.clone(), raw.user.clone(), raw.password.clone(), problems);
    let state_url = match &raw.state_url {
        Some(written) => template(written, problems).map(Some),
        None => Some(None),
    };
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
fn features(written: Option<&At<Vec<At<String>>>>, problems: &mut Problems) -> Option<Vec<String>> {
    let Some(written) = written else { return Some(Vec::new()) };
    if written.is_empty() {
        problems.push(
            Problem::new(&written.span, "`features` is empty")
                .way_out("name at least one, [\"checkout-v2\"]; without `features` a project's flags are all meant"),
        );
        return None;
    }
    let features: Vec<Option<String>> = written.iter().map(|key| texts::check(key, &[], problems)).collect();
    features.into_iter().collect()
}
