//! Peace: how many signals are ok and since when, how many requests the new version has served, and which signal is
//! nearest to its limit. What is not known is said as such.

use super::Scope;
use crate::rollback::Goal;
use crate::signal::{BurnRate, Kind, Objective, Sample, Signal, SignalId, Unit};
use crate::store::Series;
use crate::verdict::Level;
use crate::verdict::says::Why;
use chrono::TimeDelta;

/// What is looked at to tell how near a signal is to its limit: one reading that jumps makes it no other signal.
const RECENT: usize = 10;
/// So many of what is unknown are named.
const NAMED: usize = 4;

/// Nothing is wrong, as far as is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Quiet {
    /// What serves, where it is one version.
    pub version: Option<String>,
    /// Whether a deploy is known at all.
    pub deployed: bool,
    /// Whether its rollout has ended.
    pub rolled_out: bool,
    /// Signals that are ok.
    pub ok: usize,
    /// All of them.
    pub signals: usize,
    /// The names of the first that are not known.
    pub unknown: Vec<String>,
    /// How many that the verdict waits for are not known.
    pub required_unknown: usize,
    /// For how long all have been ok, where they are.
    pub lasting: Option<TimeDelta>,
    /// Whether the window has passed.
    pub over: bool,
    /// Requests that were counted since the rollout, or the rollback, ended.
    pub requests: Option<f64>,
    /// The signal that is nearest to its limit.
    pub nearest: Option<Nearest>,
}

/// A signal and its limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    /// Which.
    pub id: SignalId,
    /// What it is called.
    pub name: String,
    /// What both are in.
    pub unit: Unit,
    /// Its newest value.
    pub value: f64,
    /// Its limit.
    pub limit: f64,
}

impl Quiet {
    pub(super) fn of(scope: Scope<'_>) -> Self {
        let (watch, setup) = (scope.watch, scope.watch.setup());
        let (mut ok, mut signals, mut required_unknown) = (0, 0, 0);
        let mut unknown = Vec::new();
        let mut since = watch.window().opened;
        for id in scope.signals() {
            let (signal, finding) = (setup.signal(id), watch.finding(id));
            if matches!(finding.says.why_unknown(), Some(Why::RolledBack { .. })) {
                // It speaks of a version that is gone.
                continue;
            }
            signals += 1;
            if finding.level == Level::Clear {
                ok += 1;
            } else if finding.level.is_unknown() {
                required_unknown += usize::from(signal.required);
                if unknown.len() < NAMED {
                    unknown.push(signal.name.clone());
                }
            }
            since = since.map(|since| since.max(finding.since));
        }
        let window = watch.window();
        let mut deploys = scope.deploys(scope.service).peekable();
        let deployed = deploys.peek().is_some();
        let rolled_out = deployed && deploys.all(|deploy| deploy.finished.is_some());
        Self {
            version: scope.version(scope.service),
            deployed,
            rolled_out,
            ok,
            signals,
            unknown,
            required_unknown,
            lasting: since.filter(|_| ok == signals).map(|since| watch.now() - since),
            over: window.is_over(watch.now()),
            requests: scope.requests(),
            nearest: scope.nearest(),
        }
    }

    /// Clear only where everything that the verdict waits for is known.
    pub fn level(&self) -> Level {
        match (self.ok, self.required_unknown) {
            (0, _) => Level::NoData,
            (_, 0) => Level::Clear,
            _ => Level::Insufficient,
        }
    }
}

impl Scope<'_> {
    /// Requests that were counted since what serves now was rolled out or back, of the signal that counts the most of each service.
    fn requests(self) -> Option<f64> {
        let back = self.watch.rollback().execution().filter(|done| done.plan.goal == Goal::RollBack);
        let from = back.and_then(|done| done.ready).or(self.watch.window().opened)?;
        let counted = |id: SignalId| {
            let readings = self.watch.store().series(id).since_deploy();
            let first = readings.partition_point(|reading| reading.at < from);
            let counts = readings[first..].iter().filter_map(|reading| match reading.sample {
                Sample::Counts { requests, .. } => Some(requests),
                _ => None,
            });
            counts.fold(None, |sum: Option<f64>, requests| Some(sum.unwrap_or(0.0) + requests))
        };
        let of_errors = self.signals().filter(|id| self.watch.setup().signal(*id).kind == Kind::ErrorRate);
        let mut by_service: Vec<(u16, f64)> = Vec::new();
        for id in of_errors {
            let Some(requests) = counted(id) else { continue };
            let service = self.watch.setup().signal(id).service.0;
            match by_service.iter_mut().find(|(known, _)| *known == service) {
                Some((_, most)) => *most = most.max(requests),
                None => by_service.push((service, requests)),
            }
        }
        (!by_service.is_empty()).then(|| by_service.iter().map(|(_, requests)| requests).sum())
    }

    /// The signal that is ok and nearest to its limit. One that is judged by its change alone has none that says anything.
    fn nearest(self) -> Option<Nearest> {
        let near = self.signals().filter_map(|id| {
            let (signal, series) = (self.watch.setup().signal(id), self.watch.store().series(id));
            let is_ok = self.watch.finding(id).level == Level::Clear;
            if !is_ok || matches!(signal.kind, Kind::ServerErrors | Kind::NewIssues | Kind::Alerts | Kind::Probe) {
                return None;
            }
            let limit = limit(signal, series)?;
            let (_, value) = series.last_value()?;
            let recent = series.readings().iter().rev().filter_map(|reading| reading.sample.value()).take(RECENT);
            let (sum, count) = recent.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
            let (gone, room) = toward(signal, sum / f64::max(count, 1.0), limit);
            let share = if room > 0.0 { gone / room } else { 0.0 };
            Some((share, Nearest { id, name: signal.name.clone(), unit: signal.unit, value, limit }))
        });
        near.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, nearest)| nearest)
    }
}

/// How far a value has gone toward its limit, and how far that is; both from where all is well.
pub fn toward(signal: &Signal, value: f64, limit: f64) -> (f64, f64) {
    if signal.kind.lower_is_worse() { (100.0 - value, 100.0 - limit) } else { (value, limit) }
}

/// The limit that is shown beside a value: where a red flag begins, else where a warning does.
pub fn limit(signal: &Signal, series: &Series) -> Option<f64> {
    let relative = || {
        let baseline = series.baseline()?.median;
        Some(baseline * (1.0 + signal.limits.increase? / 100.0)).filter(|limit| *limit > 0.0)
    };
    let of_burning = |rate: fn(&Objective) -> Option<BurnRate>| {
        let objective = signal.objective.as_ref().filter(|_| signal.unit == Unit::Percent)?;
        let failing = 100.0 * objective.failing(rate(objective)?).min(1.0);
        Some(if signal.kind.lower_is_worse() { 100.0 - failing } else { failing })
    };
    let red_flag = signal.limits.red_flag.or_else(|| of_burning(|objective| objective.red_flag)).or_else(relative);
    red_flag.or(signal.limits.warning).or_else(|| of_burning(|objective| objective.warning))
}
