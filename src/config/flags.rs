//! `[[environments.NAME.flags]]`, checked: which feature flags a person may turn off, and where.

use super::at::At;
use super::checked::{each, optional};
use super::problem::{Problem, Problems, Whole};
use super::schema::{Parsed, flags as schema};
use super::signals::service_named;
use super::sources::{self, TIMEOUTS};
use crate::deploy::ServiceId;
use crate::settings::texts;
use crate::systems::declaration::flags::FlagSettings;
use chrono::TimeDelta;
use std::time::Duration;

/// Flags of one system without its secrets.
#[derive(Debug)]
pub(super) struct Flags {
    pub(super) url: String,
    pub(super) timeout: Duration,
    /// The system that keeps them, as the file names it.
    pub(super) provider: &'static str,
    pub(super) settings: Box<dyn FlagSettings>,
    pub(super) environment: String,
    pub(super) features: Vec<String>,
    pub(super) service: Option<ServiceId>,
    pub(super) link: Option<String>,
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
    let schema::Flags { provider, table } = raw;
    let common = table.common();
    let own = table.check(problems);
    let timeout = sources::duration("timeout", common.timeout, TimeDelta::seconds(5), &TIMEOUTS, problems);
    let environment = optional(common.environment, |name| texts::check(name, &[], problems));
    let features = optional(common.features, |keys| features(keys, problems));
    let service = optional(common.service, |name| service_named(name, services, problems));
    let link = optional(common.link, |link| texts::flag_address(link, problems));
    let (url, settings) = own?;
    Some(Flags {
        url,
        timeout: timeout?.to_std().ok()?,
        provider: provider.name,
        settings,
        environment: environment?.unwrap_or_else(|| named.to_owned()),
        features: features?.unwrap_or_default(),
        service: service?,
        link: link?,
    })
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
