//! Error rate: judged on counts, never on a ratio, so that thin traffic is told from health.

use super::detect::excess::{Count, Excess, Material};
use super::detect::past::Past;
use super::says::{Against, Change, Claim, Counted, Kept, Measured, Side, TooFew, Usual, told};
use super::stats::{poisson_tail, poisson_upper};
use super::{Evidence, Judgement, Level, Rule};
use crate::deploy::Time;
use crate::signal::{Reading, Sample};
use chrono::TimeDelta;

/// What counts as fine where no limit says so, as a share.
const FINE: f64 = 0.001;
/// The smallest rise that is looked for, as a share: half a percent.
const RISE: f64 = 0.005;
/// How likely chance alone may bring this many errors at exactly the limit, for the limit to count as passed.
const CHANCE: f64 = 0.1;
/// So long without a single request, and nothing is known any more.
const IDLE: TimeDelta = TimeDelta::minutes(3);

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ErrorRate {
    /// What was before the deploy, but for outages.
    before: Past,
    /// What is going on now: since the deploy, or since an excess calmed down.
    total: Count,
    begun: Option<Time>,
    calmed: bool,
    newest: Option<Time>,
    idle: Option<Time>,
    excess: Excess,
    /// The same of the version before, in the bins in which both served.
    beside: Excess,
}

impl ErrorRate {
    pub(super) fn begin(evidence: &Evidence<'_>) -> Self {
        let limits = evidence.signal.limits;
        let baseline: Vec<Count> =
            evidence.series.before().iter().filter_map(|reading| count_of(reading.sample)).collect();
        let fine = limits.warning.or(limits.red_flag).map_or(FINE, |limit| limit / 100.0);
        let material = Material { fine, rise: RISE, one_bin: f64::INFINITY, calm: limits.min_requests as f64 };
        let before = Past::new(&baseline, fine);
        let excess = Excess::new(&before, material);
        let beside = excess.clone();
        Self { before, total: Count::default(), begun: None, calmed: false, newest: None, idle: None, excess, beside }
    }

    /// So many errors, against those before the deploy.
    fn shown(&self, evidence: &Evidence<'_>, count: Count) -> Measured {
        let usual = Usual { middle: 100.0 * self.before.total.rate(), range: None };
        let against = if self.before.total.exposure > 0.0 { Against::Before(usual) } else { Against::Nothing };
        Measured { counted: Some(counted(count)), against, ..evidence.against_before(100.0 * count.rate()) }
    }

    /// What is said while there are more errors than chance brings.
    fn too_many(&self, evidence: &Evidence<'_>) -> Option<Judgement> {
        let since = self.excess.since()?;
        let limits = evidence.signal.limits;
        let run = self.excess.run();
        let passed = |limit: &f64| {
            let limit = limit / 100.0;
            run.rate() > limit && poisson_tail(run.events, run.exposure * limit) < CHANCE
        };
        let red = limits.red_flag.filter(passed);
        let level = if red.is_some() { Level::RedFlag } else { Level::Warning };
        let beside = self.so_does_the_version_before().map(|beside| (100.0 * beside.rate(), counted(beside)));
        let claim = match red.or(limits.warning) {
            Some(limit) => Claim::Beyond { limit, side: Side::Above, as_before: false, so_is_version_before: beside },
            None => Claim::Changed { how: Change::Increasing, limit: None, passed: false, yet: None },
        };
        let says = self.shown(evidence, run).claims(claim).lasts(evidence.lasting(since));
        let says = says.recovers(self.excess.is_recovering());
        Some(match beside {
            None => Judgement::new(level, says).of_this_deploy(),
            Some(_) => Judgement::new(Level::Warning, says),
        })
    }

    /// What the version before fails at, where it fails at least half as often as the new one: then it is not this
    /// deploy that made the difference.
    fn so_does_the_version_before(&self) -> Option<Count> {
        let run = self.beside.since().map(|_| self.beside.run())?;
        (2.0 * run.rate() >= self.excess.run().rate()).then_some(run)
    }

    /// How many requests it takes to know that the rate is below the limit, at 95 %.
    fn wanted(&self, evidence: &Evidence<'_>) -> f64 {
        let limits = evidence.signal.limits;
        let bound = limits.red_flag.map_or(0.0, |limit| poisson_upper(self.total.events) / (limit / 100.0));
        // A rate that was near the limit before can only be told to be no worse, and that the counts above do.
        let was_near = limits.red_flag.is_some_and(|limit| 2.0 * self.before.total.rate() > limit / 100.0);
        let least = limits.min_requests as f64;
        if was_near { least } else { bound.max(least).ceil() }
    }

    fn too_few(&self, evidence: &Evidence<'_>, wanted: f64) -> Judgement {
        let more = (wanted - self.total.exposure).ceil();
        let span = self
            .newest
            .zip(self.begun)
            .map_or(0, |(newest, begun)| (newest + evidence.signal.step - begun).num_seconds());
        let pace = self.total.exposure / span.max(1) as f64;
        let eta = (pace > 0.0).then(|| told(TimeDelta::seconds((more / pace).min(86_400.0) as i64)));
        let few = TooFew::Requests { counted: counted(self.total), calmed: self.calmed, more, eta };
        Judgement::new(Level::Insufficient, few)
    }
}

impl Rule for ErrorRate {
    fn take(&mut self, reading: &Reading, beside: Option<Sample>) {
        let Some(bin) = count_of(reading.sample) else { return };
        if let Some(beside) = beside.and_then(count_of) {
            self.beside.take(reading.at, beside);
        }
        self.begun = self.begun.or(Some(reading.at));
        self.newest = Some(reading.at);
        if bin.exposure > 0.0 {
            self.idle = None;
        } else {
            self.idle = self.idle.or(Some(reading.at));
        }
        self.total.add(bin);
        if let Some((since, calm)) = self.excess.take(reading.at, bin) {
            (self.total, self.begun, self.calmed) = (calm, Some(since), true);
            // What begins next may be this deploy's alone.
            self.beside.end();
        }
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Judgement {
        if let Some(too_many) = self.too_many(evidence) {
            return too_many;
        }
        let wanted = self.wanted(evidence);
        if self.total.exposure < wanted {
            return self.too_few(evidence, wanted);
        }
        let idle = self.newest.zip(self.idle).map(|(newest, idle)| newest + evidence.signal.step - idle);
        if let Some(idle) = idle.filter(|idle| *idle >= IDLE) {
            return Judgement::new(Level::Insufficient, TooFew::Idle { long: told(idle) });
        }
        let limits = evidence.signal.limits;
        let shown = self.shown(evidence, self.total);
        let rate = 100.0 * self.total.rate();
        let beyond = |limit: &f64| rate > *limit && 100.0 * self.before.middle > *limit;
        if let Some(limit) = limits.red_flag.filter(beyond).or(limits.warning.filter(beyond)) {
            let claim = Claim::Beyond { limit, side: Side::Above, as_before: true, so_is_version_before: None };
            return Judgement::new(Level::Warning, shown.claims(claim));
        }
        if let Some(limit) = limits.red_flag.filter(|limit| rate > *limit) {
            // Not more than chance may bring, and no less above the limit for it.
            let claim = Claim::Beyond { limit, side: Side::Above, as_before: false, so_is_version_before: None };
            return Judgement::new(Level::Warning, shown.claims(claim));
        }
        let kept = limits.warning.filter(|limit| rate > *limit).map(|_| Kept::Chance);
        Judgement::new(Level::Clear, shown.claims(Claim::Within { limit: limits.warning, kept }))
    }
}

fn counted(count: Count) -> Counted {
    Counted { events: count.events, all: count.exposure }
}

/// A counter that went backwards, or is no number, counts for nothing.
fn count_of(sample: Sample) -> Option<Count> {
    match sample {
        Sample::Counts { errors, requests }
            if errors.is_finite() && requests.is_finite() && errors >= 0.0 && requests >= 0.0 =>
        {
            Some(Count { events: errors, exposure: requests })
        }
        _ => None,
    }
}
