//! Objectives, checked: what is promised over a long time, and how fast its error budget may go.

use super::at::At;
use super::duration::format_duration;
use super::kinds::Limit;
use super::problem::{Part, Problem, Problems};
use super::schema;
use super::sources;
use crate::signal::{BurnRate, Kind, Objective};
use crate::store::reach;
use chrono::TimeDelta;
use std::ops::RangeInclusive;

/// The keys of an objective beside its limits.
pub(super) const KEYS: [&str; 2] = ["objective", "period"];

/// Over which time an objective may be.
const PERIODS: RangeInclusive<TimeDelta> = TimeDelta::days(1)..=TimeDelta::days(30);
/// Where nothing is said.
const PERIOD: TimeDelta = TimeDelta::days(30);
/// Below this more may fail than not.
const LEAST: f64 = 50.0;

/// What a watch knows of a signal at its end.
pub(super) struct Known {
    /// How far back its readings are asked for.
    pub(super) baseline: TimeDelta,
    pub(super) window: TimeDelta,
    pub(super) step: TimeDelta,
}

/// The objective of a signal, if it has one; `None` where something is wrong with it.
#[expect(clippy::option_option, reason = "the outer one is the check's, the inner one is the file's")]
pub(super) fn check(
    raw: &schema::Signal,
    kind: Kind,
    known: &Known,
    problems: &mut Problems,
) -> Option<Option<Objective>> {
    let limits = [("warning", &raw.warning), ("red_flag", &raw.red_flag)];
    let burning = |(_, limit): &(&str, &Option<At<Limit>>)| limit.as_ref().is_some_and(|at| at.value.burn().is_some());
    let Some(written) = &raw.objective else {
        let of_limit = limits.into_iter().find(burning).and_then(|(_, limit)| limit.as_ref());
        let span = raw.period.as_ref().map(|at| &at.span).or(of_limit.map(|at| &at.span));
        let Some(span) = span else { return Some(None) };
        let what = if raw.period.is_some() { "a `period`" } else { "a burn rate" };
        problems.push(
            Problem::new(span, format!("{what} says nothing without an objective"))
                .way_out("add objective = 99.9: so many percent are good over the period")
                .needs(Part::Table),
        );
        return None;
    };
    if !kind.tells_failures() {
        problems.push(
            Problem::new(&written.span, format!("the readings of {} do not tell which share failed", kind.as_str()))
                .way_out(
                    "error_rate, crash_free and probe may have an objective; for one of latency write an error_rate whose \
                     `errors` count what was too slow",
                ),
        );
        return None;
    }
    let good = good(written, problems);
    let period = sources::duration("period", raw.period.as_ref(), PERIOD, &PERIODS, problems);
    let rates = in_order(raw, problems).and_then(|()| in_sight(raw, kind, known, problems));
    let ((), good, period) = (rates?, good?, period?);
    let rate = |limit: &Option<At<Limit>>| limit.as_ref().and_then(|at| at.value.burn());
    Some(Some(Objective { good, period, warning: rate(&raw.warning), red_flag: rate(&raw.red_flag) }))
}

/// The share that should be good, in percent.
fn good(written: &At<f64>, problems: &mut Problems) -> Option<f64> {
    let value = written.value;
    let problem = |message: &str| Problem::new(&written.span, message);
    problems.push(match value {
        _ if !value.is_finite() => problem("`objective` must be a finite number"),
        _ if value > 100.0 => problem("`objective` is in percent, and nothing is above 100 %"),
        100.0 => problem("an objective of 100 % leaves no error budget: nothing may ever fail")
            .way_out("99.9 lets 1 of 1 000 fail"),
        LEAST..100.0 => return Some(value),
        // 0.999, and the budget itself.
        _ if (LEAST / 100.0..1.0).contains(&value) => {
            problem("`objective` is in percent").label(format!("did you mean {}?", shown(100.0 * value)))
        }
        _ if value > 0.0 && value < 1.0 => problem("`objective` is the share that is good, in percent")
            .label(format!("did you mean {}?", shown(100.0 - value))),
        _ => problem("`objective` is the share that is good, in percent")
            .label(format!("expected {LEAST} or more, below 100")),
    });
    None
}

/// A number without what binary fractions add to it.
fn shown(value: f64) -> String {
    format!("{value:.6}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Whether the red flag comes at a higher burn rate than the warning.
fn in_order(raw: &schema::Signal, problems: &mut Problems) -> Option<()> {
    let (Some(warning), Some(red_flag)) = (&raw.warning, &raw.red_flag) else { return Some(()) };
    let (Some(slow), Some(fast)) = (warning.value.burn(), red_flag.value.burn()) else { return Some(()) };
    if fast.factor() > slow.factor() {
        return Some(());
    }
    let message =
        format!("the red flag at burn {} must be faster than the warning at burn {}", fast.factor(), slow.factor());
    problems.push(Problem::new(&red_flag.span, message));
    None
}

/// Whether the watch ever knows as much as a limit looks back on: what the verdict waits for must come.
fn in_sight(raw: &schema::Signal, kind: Kind, known: &Known, problems: &mut Problems) -> Option<()> {
    // Nobody has recorded what a probe would have met before.
    let baseline = if kind == Kind::Probe { TimeDelta::zero() } else { known.baseline };
    let at_the_end = reach(baseline, known.window, known.step);
    let mut fine = Some(());
    for limit in [&raw.warning, &raw.red_flag].into_iter().flatten() {
        let Some(rate) = limit.value.burn() else { continue };
        if raw.required == Some(false) || rate.is_known_by(at_the_end) {
            continue;
        }
        fine = None;
        let (long, known) = (format_duration(rate.long()), format_duration(at_the_end));
        problems.push(
            Problem::new(
                &limit.span,
                format!("burn {} looks {long} back, and a watch knows {known} at its end", rate.factor()),
            )
            .way_out(way_out(kind, rate))
            .needs(Part::Table)
            .needs(Part::Environment),
        );
    }
    fine
}

fn way_out(kind: Kind, rate: BurnRate) -> String {
    const NOT_REQUIRED: &str = "required = false, so that the verdict does not wait for it";
    match (kind, rate) {
        (Kind::Probe, _) => NOT_REQUIRED.to_owned(),
        (_, BurnRate::Fast) => format!("a longer `baseline`, or {NOT_REQUIRED}"),
        (_, BurnRate::Medium) => {
            format!("\"burn 14.4\"; or `baseline` = \"6h\" and here step = \"1m\"; or {NOT_REQUIRED}")
        }
        (_, BurnRate::Slow) => format!("\"burn 14.4\"; or {NOT_REQUIRED}"),
    }
}
