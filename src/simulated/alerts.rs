//! What somebody is paged for: rules of the company's Grafana and monitors of its Datadog are the same conditions, told in
//! two ways. Their states follow from the metrics alone, so that they too have a past.

use super::history::Seconds;
use super::metrics::Metrics;

/// How often rules are evaluated.
pub(crate) const EVERY: Seconds = 15.0;
/// No state is older than this.
const LONGEST: Seconds = 2.0 * 3600.0;

/// A condition that somebody is paged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// More than 1 % of the requests failed in the last minute, for two minutes.
    Errors,
    /// The 95th percentile is above 700 ms, for five minutes.
    Latency,
    /// More than 95 % of the database pool is in use, for two minutes.
    Pool,
}

/// What a rule is doing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum State {
    Inactive,
    Pending { since: Seconds },
    Firing { since: Seconds },
}

impl Condition {
    pub(crate) const ALL: [Self; 3] = [Self::Errors, Self::Latency, Self::Pool];

    /// The rule's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Errors => "High error rate",
            Self::Latency => "High response time",
            Self::Pool => "Database pool nearly exhausted",
        }
    }

    /// How long it must hold before it fires.
    pub(crate) const fn hold(self) -> Seconds {
        match self {
            Self::Errors | Self::Pool => 120.0,
            Self::Latency => 300.0,
        }
    }

    fn holds(self, metrics: &Metrics<'_>, service: usize, at: Seconds) -> bool {
        match self {
            Self::Errors => {
                let requests = metrics.requests(service, at - 60.0, at);
                // Nobody is woken for one failure among a handful of requests.
                requests.all >= 30.0 && requests.failed / requests.all > 0.01
            }
            Self::Latency => {
                metrics.latency(service, at) > 700.0 && metrics.requests(service, at - 60.0, at).all >= 30.0
            }
            Self::Pool => metrics.pool(service, at) > 0.95,
        }
    }

    /// Its state at the last evaluation before `metrics.now`.
    pub(crate) fn state(self, metrics: &Metrics<'_>, service: usize) -> State {
        let last = (metrics.now / EVERY).floor() * EVERY;
        let held = (0..(LONGEST / EVERY) as i32)
            .map(|back| last - f64::from(back) * EVERY)
            .take_while(|at| self.holds(metrics, service, *at))
            .last();
        match held {
            None => State::Inactive,
            Some(since) if last - since >= self.hold() => State::Firing { since },
            Some(since) => State::Pending { since },
        }
    }
}
