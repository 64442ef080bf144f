//! Error rate: judged on counts where the source has them, so that thin traffic is told from health.

use super::span::Recent;
use super::stats::poisson_tail;
use super::threshold::Threshold;
use super::{Evidence, Judgement, Level, Rule};
use crate::deploy::{Time, brief};
use crate::signal::{Sample, grouped};
use chrono::TimeDelta;

/// How rarely chance alone may bring this many errors at a rate of exactly the limit. Small, because a
/// window is looked at more than a hundred times.
const CHANCE: f64 = 1e-4;

/// See the module.
pub(super) struct ErrorRate;

/// Counts pooled over the newest bins.
struct Pool {
    errors: f64,
    requests: f64,
    since: Time,
}

impl Rule for ErrorRate {
    fn judge(&self, evidence: &Evidence<'_>) -> Judgement {
        let readings = evidence.series.since_deploy();
        if !readings.iter().any(|reading| matches!(reading.sample, Sample::Counts { .. })) {
            // A bare ratio: nothing tells thin traffic from health, so the plain limits have to do.
            return Threshold.judge(evidence);
        }
        let limits = evidence.signal.limits;
        let pool = pool(evidence);
        let rate = if pool.requests > 0.0 { 100.0 * pool.errors / pool.requests } else { 0.0 };
        let unit = evidence.signal.unit;
        let counts = format!("{} of {} requests", grouped(pool.errors), grouped(pool.requests));
        let against = against(evidence);
        let recent = Recent::of(evidence);

        for (level, limit) in [(Level::RedFlag, limits.red_flag), (Level::Warning, limits.warning)] {
            let Some(limit) = limit else { continue };
            let certain = poisson_tail(pool.errors, pool.requests * limit / 100.0) < CHANCE;
            let held = recent.holds(evidence.before >= level, |value| value > limit);
            let goes_on = evidence.before >= level && held && rate > limit;
            if (certain && held) || goes_on {
                let long = recent.for_how_long(|value| value > limit);
                let shown = unit.format(rate);
                let sentence = format!("{shown} ({counts}){against}; above {}{long}", unit.format(limit));
                let was_so = evidence
                    .series
                    .baseline()
                    .is_some_and(|b| b.requests > 0.0 && rate < 150.0 * b.errors / b.requests);
                if level == Level::RedFlag && was_so {
                    return Judgement::new(Level::Warning, format!("{sentence}, as before the deploy"));
                }
                return Judgement::new(level, sentence);
            }
        }
        let wanted = limits.min_requests as f64;
        if pool.requests < wanted {
            return Judgement::new(Level::Insufficient, too_few(evidence, &pool, &counts, wanted));
        }
        let limit = limits.warning.map_or_else(String::new, |limit| format!("; limit {}", unit.format(limit)));
        Judgement::new(Level::Clear, format!("{} ({counts}){against}{limit}", unit.format(rate)))
    }
}

/// The last `hold` bins, and as many before them (not past the deploy) as it takes for enough requests.
fn pool(evidence: &Evidence<'_>) -> Pool {
    let limits = evidence.signal.limits;
    let mut pool = Pool { errors: 0.0, requests: 0.0, since: evidence.now };
    let mut bins = 0;
    for reading in evidence.series.since_deploy().iter().rev() {
        if bins >= limits.hold && pool.requests >= limits.min_requests as f64 {
            break;
        }
        if let Sample::Counts { errors, requests } = reading.sample {
            pool.errors += errors.max(0.0);
            pool.requests += requests.max(0.0);
            pool.since = reading.at;
            bins += 1;
        }
    }
    pool
}

fn against(evidence: &Evidence<'_>) -> String {
    match evidence.series.baseline() {
        Some(baseline) if baseline.requests > 0.0 => {
            let before = 100.0 * baseline.errors / baseline.requests;
            format!(" against {} before the deploy", evidence.signal.unit.format(before))
        }
        _ => ", without a baseline".to_owned(),
    }
}

fn too_few(evidence: &Evidence<'_>, pool: &Pool, counts: &str, wanted: f64) -> String {
    let more = grouped((wanted - pool.requests).ceil());
    let span = evidence.now - pool.since;
    let pace = pool.requests / span.num_seconds().max(1) as f64;
    let eta = if pace > 0.0 {
        let seconds = ((wanted - pool.requests) / pace).min(86_400.0);
        format!(", about {} at this pace", brief(TimeDelta::seconds(seconds as i64)))
    } else {
        String::new()
    };
    format!("{counts} failed since the deploy: too few to tell; {more} more needed{eta}")
}
