//! The scenarios of the demo, and the services of each.

use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A scenario of the demo.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Scenario {
    /// Errors and response times climb as the new pods take traffic.
    #[default]
    BadRelease,
    /// Nothing is wrong, for the whole window.
    Healthy,
    /// The new pods use a little more memory each minute until they are killed for it.
    MemoryLeak,
    /// The new version does not give its database connections back.
    PoolExhausted,
    /// The new pods start, crash and start again.
    CrashLoop,
    /// The registry does not have the new image.
    ImagePull,
    /// One or two requests a minute: too few to tell health from luck.
    LowTraffic,
    /// The deploy is fine; what watches it is not.
    FlakySources,
    /// Twenty services in one push, two of which go bad, each in its own way.
    Fleet,
    /// A bad release that also dropped a column: going back would do harm.
    Migration,
    /// A bad release of what Argo CD keeps as Git has it: an undo would be put back.
    GitopsOwned,
    /// A bad release whose earlier image is gone: the rollback fails to start.
    RollbackFails,
    /// Somebody else's outage, minutes after a harmless deploy.
    NotTheCause,
    /// A bad release that is rolled back automatically, unless somebody stops it.
    AutoCountdown,
}

impl Scenario {
    /// Every scenario, in the order in which help and errors list them.
    pub const ALL: [Self; 14] = [
        Self::BadRelease,
        Self::Healthy,
        Self::MemoryLeak,
        Self::PoolExhausted,
        Self::CrashLoop,
        Self::ImagePull,
        Self::LowTraffic,
        Self::FlakySources,
        Self::Fleet,
        Self::Migration,
        Self::GitopsOwned,
        Self::RollbackFails,
        Self::NotTheCause,
        Self::AutoCountdown,
    ];

    /// The name on the command line: `bad-release`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadRelease => "bad-release",
            Self::Healthy => "healthy",
            Self::MemoryLeak => "memory-leak",
            Self::PoolExhausted => "pool-exhausted",
            Self::CrashLoop => "crash-loop",
            Self::ImagePull => "image-pull",
            Self::LowTraffic => "low-traffic",
            Self::FlakySources => "flaky-sources",
            Self::Fleet => "fleet",
            Self::Migration => "migration",
            Self::GitopsOwned => "gitops-owned",
            Self::RollbackFails => "rollback-fails",
            Self::NotTheCause => "not-the-cause",
            Self::AutoCountdown => "auto-countdown",
        }
    }

    /// One line for help texts.
    pub const fn description(self) -> &'static str {
        match self {
            Self::BadRelease => "errors and response times climb as the new version takes traffic",
            Self::Healthy => "nothing goes wrong",
            Self::MemoryLeak => "the new version leaks memory until its pods are OOM-killed",
            Self::PoolExhausted => "the new version leaks database connections until the pool is empty",
            Self::CrashLoop => "the new pods crash on start; the rollout exceeds its deadline",
            Self::ImagePull => "the new image cannot be pulled; the rollout exceeds its deadline",
            Self::LowTraffic => "1 or 2 requests a minute: not enough data",
            Self::FlakySources => "the deploy is fine, the monitoring is not: 429, 500, timeouts, NaN, gaps, HTML",
            Self::Fleet => "20 services in one push, 2 of which go bad in different ways",
            Self::Migration => "a bad release that dropped a column: a rollback needs the typed name",
            Self::GitopsOwned => "a bad release managed by Argo CD: rolled back through Argo CD",
            Self::RollbackFails => "the earlier image is gone: the rollback fails to start",
            Self::NotTheCause => "a dependency fails after a harmless deploy: a rollback does not help",
            Self::AutoCountdown => "a bad release that is rolled back automatically unless somebody cancels it",
        }
    }

    /// The services of this scenario.
    pub(crate) fn services(self) -> Vec<Service> {
        let app = Service {
            name: "app".to_owned(),
            replicas: 12,
            history: vec!["1.7.2".to_owned(), "1.8.2".to_owned(), "1.8.3".to_owned()],
            version: "1.9.0".to_owned(),
            deployed_after: 2,
            requests_per_second: 40.0,
            latency: 460.0,
            error_share: 0.000_48,
            trouble: Trouble::None,
            migration: "none",
        };
        let with = |trouble| vec![Service { trouble, ..app.clone() }];
        match self {
            Self::Healthy | Self::FlakySources => with(Trouble::None),
            Self::BadRelease | Self::GitopsOwned | Self::AutoCountdown => with(Trouble::Errors),
            Self::Migration => vec![Service { trouble: Trouble::Errors, migration: DROPPED_COLUMN, ..app }],
            Self::RollbackFails => with(Trouble::ErrorsAndNoWayBack),
            Self::NotTheCause => with(Trouble::Dependency),
            Self::MemoryLeak => with(Trouble::MemoryLeak),
            Self::PoolExhausted => with(Trouble::PoolExhausted),
            Self::CrashLoop => with(Trouble::CrashLoop),
            Self::ImagePull => with(Trouble::ImagePull),
            // Now and then one of the few requests fails: as a share that looks terrible, and means nothing.
            Self::LowTraffic => vec![Service { requests_per_second: 0.025, error_share: 0.06, replicas: 3, ..app }],
            Self::Fleet => fleet(),
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no scenario of this name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no scenario `{given}`{}; there are: {}", .nearest.map(|name| format!(", did you mean \
         `{name}`?")).unwrap_or_default(), Scenario::ALL.map(Scenario::name).join(", "))]
pub struct UnknownScenario {
    /// What was asked for.
    pub given: String,
    /// The most similar name, where one is similar.
    pub nearest: Option<&'static str>,
}

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(found) = Self::ALL.into_iter().find(|scenario| scenario.name() == text) {
            return Ok(found);
        }
        let similarity = |name: &str| strsim::jaro_winkler(text, name);
        let nearest = Self::ALL
            .into_iter()
            .map(Self::name)
            .filter(|name| similarity(name) > 0.75)
            .max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
        Err(UnknownScenario { given: text.to_owned(), nearest })
    }
}

/// What is wrong with a service's new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    Errors,
    MemoryLeak,
    PoolExhausted,
    CrashLoop,
    ImagePull,
    /// As [`Trouble::Errors`], and no earlier image can be pulled any more.
    ErrorsAndNoWayBack,
    /// What it depends on fails, whichever version runs.
    Dependency,
}

impl Trouble {
    /// Whether the new version itself fails requests and is slow.
    pub(crate) const fn is_errors(self) -> bool {
        matches!(self, Self::Errors | Self::ErrorsAndNoWayBack)
    }
}

/// What the pipeline writes on a Deployment whose release drops a column.
const DROPPED_COLUMN: &str =
    "destructive: shop/migrations/0042_drop_legacy_id.py drops orders.legacy_id, which 1.8.3 reads";

/// One service of the company and the deploy it is about to get.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    /// Its name; also its Deployment's and its Sentry project's.
    pub(crate) name: String,
    pub(crate) replicas: i64,
    /// Versions that ran before, oldest first; the last one runs when the story begins.
    pub(crate) history: Vec<String>,
    /// The version that is deployed.
    pub(crate) version: String,
    /// Seconds from the story's begin to its deploy.
    pub(crate) deployed_after: i64,
    pub(crate) requests_per_second: f64,
    /// The usual 95th percentile of its response time, milliseconds.
    pub(crate) latency: f64,
    /// The usual share of its requests that fail, 0 to 1.
    pub(crate) error_share: f64,
    /// What the new version brings.
    pub(crate) trouble: Trouble,
    /// What the pipeline says of the migrations that ship with the new version.
    pub(crate) migration: &'static str,
}

impl Service {
    /// The image of one of its versions.
    pub(crate) fn image(&self, version: &str) -> String {
        format!("registry.example.com/{}:{version}", self.name)
    }
}

/// Twenty services. Their numbers differ, deterministically, by their place in the list.
fn fleet() -> Vec<Service> {
    const NAMES: [&str; 20] = [
        "checkout",
        "cart",
        "search",
        "catalog",
        "payments",
        "accounts",
        "sessions",
        "orders",
        "inventory",
        "pricing",
        "shipping",
        "reviews",
        "recommendations",
        "notifications",
        "mailer",
        "media",
        "gateway",
        "storefront",
        "loyalty",
        "invoices",
    ];
    NAMES
        .into_iter()
        .zip(0_u32..)
        .map(|(name, place)| {
            let major = 1 + place % 4;
            let minor = 3 + place * 7 % 19;
            let patch = place * 5 % 6;
            Service {
                name: name.to_owned(),
                replicas: i64::from(3 + place * 3 % 4),
                history: vec![
                    format!("{major}.{}.0", minor - 2),
                    format!("{major}.{}.{patch}", minor - 1),
                    format!("{major}.{minor}.{patch}"),
                ],
                version: format!("{major}.{minor}.{}", patch + 1),
                deployed_after: 2 + i64::from(place % 5),
                requests_per_second: 18.0 + f64::from(place * 11 % 25),
                latency: 180.0 + f64::from(place * 37 % 240),
                error_share: 0.000_4,
                trouble: match name {
                    "checkout" => Trouble::Errors,
                    "search" => Trouble::PoolExhausted,
                    _ => Trouble::None,
                },
                migration: "none",
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn every_scenario_is_found_by_its_name() {
        for scenario in Scenario::ALL {
            assert_eq!(scenario.name().parse::<Scenario>(), Ok(scenario));
        }
    }

    #[test]
    fn a_misspelt_scenario_is_answered_with_the_nearest_name_and_the_list() {
        let error = "bad-relaese".parse::<Scenario>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "no scenario `bad-relaese`, did you mean `bad-release`?; there are: bad-release, healthy, \
             memory-leak, pool-exhausted, crash-loop, image-pull, low-traffic, flaky-sources, fleet, migration, \
             gitops-owned, rollback-fails, not-the-cause, auto-countdown"
        );
        assert_eq!("zzz".parse::<Scenario>().unwrap_err().nearest, None);
    }

    #[test]
    fn a_fleet_is_twenty_services_of_which_two_go_bad_differently() {
        let fleet = Scenario::Fleet.services();
        let bad: Vec<Trouble> = fleet.iter().map(|service| service.trouble).filter(|t| *t != Trouble::None).collect();
        assert_eq!(fleet.len(), 20);
        assert_eq!(bad, [Trouble::Errors, Trouble::PoolExhausted]);
        assert!(fleet.iter().all(|service| (3..=6).contains(&service.replicas)));
    }
}
