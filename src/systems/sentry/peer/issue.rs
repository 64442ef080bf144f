//! The errors that the company's Sentry knows, and how often each was seen.

use crate::simulated::history::{Seconds, seconds};
use crate::simulated::metrics::Metrics;
use crate::simulated::noise;
use crate::simulated::scenario::Trouble;
use crate::simulated::world::World;

/// First and last events are looked for this finely.
const LOOK: Seconds = 10.0;

/// An error that the company knows.
pub(super) struct Issue {
    pub(super) service: usize,
    pub(super) title: &'static str,
    pub(super) kind: &'static str,
    pub(super) value: &'static str,
    pub(super) culprit: &'static str,
    pub(super) level: &'static str,
    pub(super) handled: bool,
    what: What,
}

/// Which failures an issue is made of.
#[derive(Clone, Copy, PartialEq)]
enum What {
    /// Those that any version has.
    Usual,
    /// The new version's, but for the rare ones.
    NewMost,
    /// A few of the new version's.
    NewRare,
    /// One for each start of a new container.
    Starts,
}

impl Issue {
    pub(super) fn known(world: &World) -> Vec<Self> {
        let mut known = Vec::new();
        for (service, profile) in world.services.iter().enumerate() {
            let mut add = |(kind, value, title), culprit, level, handled, what| {
                known.push(Self { service, title, kind, value, culprit, level, handled, what });
            };
            add(
                ("UpstreamTimeout", "upstream timed out", "UpstreamTimeout: upstream timed out"),
                "app.clients in fetch",
                "error",
                true,
                What::Usual,
            );
            match profile.trouble {
                Trouble::Errors | Trouble::ErrorsAndNoWayBack => {
                    add(
                        ("TypeError", "cart.total is None", "TypeError: cart.total is None"),
                        "checkout.views in pay",
                        "error",
                        false,
                        What::NewMost,
                    );
                    add(
                        ("IntegrityError", "orders_fk", "IntegrityError: orders_fk"),
                        "orders.models in save",
                        "error",
                        true,
                        What::NewRare,
                    );
                }
                Trouble::PoolExhausted => add(
                    (
                        "TimeoutError",
                        "QueuePool limit of size 50 reached",
                        "TimeoutError: QueuePool limit of size 50 reached",
                    ),
                    "db.pool in acquire",
                    "error",
                    false,
                    What::NewMost,
                ),
                Trouble::CrashLoop => add(
                    ("KeyError", "'PAYMENT_URL'", "KeyError: 'PAYMENT_URL'"),
                    "app.settings in load",
                    "fatal",
                    false,
                    What::Starts,
                ),
                Trouble::None | Trouble::MemoryLeak | Trouble::ImagePull | Trouble::Dependency => {}
            }
        }
        known
    }

    pub(super) fn id(&self) -> String {
        (4_000_000_000 + noise::stream(&format!("{}{}", self.service, self.title)) % 1_000_000_000).to_string()
    }

    pub(super) fn short_id(&self, world: &World) -> String {
        let name = world.services[self.service].name.to_uppercase();
        format!("{name}-{:X}", noise::stream(self.title) % 4096)
    }

    pub(super) fn is_new(&self) -> bool {
        self.what != What::Usual
    }

    /// The release that it was first seen in.
    pub(super) fn first_release(&self, world: &World) -> String {
        let profile = &world.services[self.service];
        let version = if self.is_new() { &profile.version } else { &profile.history[0] };
        format!("{}@{version}", profile.name)
    }

    /// How often it was seen in a window, in a release (any when not given).
    pub(super) fn events(&self, metrics: &Metrics<'_>, release: Option<&str>, from: Seconds, to: Seconds) -> f64 {
        let profile = &metrics.services[self.service];
        let new_release = format!("{}@{}", profile.name, profile.version);
        if self.is_new() && release.is_some_and(|release| release != new_release) {
            return 0.0;
        }
        let (new, rare) = metrics.new_failures(self.service, from, to);
        match self.what {
            What::NewMost => (new - rare).floor(),
            What::NewRare => rare.floor(),
            What::Starts => {
                let starts = metrics.history.pods(self.service).filter(|pod| pod.faulty).flat_map(|pod| &pod.starts);
                starts.filter(|start| (from..to).contains(*start)).count() as f64
            }
            What::Usual => {
                let usual = (metrics.requests(self.service, from, to).failed - new).max(0.0);
                let faulty = metrics.history.serving(self.service, f64::midpoint(from, to)).faulty;
                match release {
                    None => usual.floor(),
                    Some(release) if release == new_release => (usual * faulty).round(),
                    Some(release)
                        if profile.history.last().is_some_and(|old| release == format!("{}@{old}", profile.name)) =>
                    {
                        (usual * (1.0 - faulty)).round()
                    }
                    Some(_) => 0.0,
                }
            }
        }
    }

    /// When it was first and last seen.
    pub(super) fn seen(&self, world: &World, metrics: &Metrics<'_>) -> Option<(Seconds, Seconds)> {
        if !self.is_new() {
            return Some((seconds(world.start) - 90.0 * 86_400.0, metrics.now - 40.0));
        }
        let start = (seconds(world.start) / LOOK).floor() * LOOK;
        let bins = ((metrics.now - start) / LOOK).ceil().max(0.0) as i64;
        let has = |bin: &i64| {
            let from = start + *bin as f64 * LOOK;
            self.events(metrics, None, from, from + LOOK) >= 1.0
        };
        let first = (0..bins).find(has)?;
        let last = (first..bins).rev().find(has)?;
        let at = |bin: i64| (start + bin as f64 * LOOK + 4.0).min(metrics.now);
        Some((at(first), at(last)))
    }
}
