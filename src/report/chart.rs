//! A signal over time as SVG: readings, what was usual, limits, spans in which a flag was up, marks of deploys and rollbacks.
//! A gap is a gap.
//!
//! Drawn here and not by a plotting library: what is drawn has a class and no colour, so that the page's style sheet gives
//! it one by day and by night, and each chart a title and a description for who cannot see it. Of the libraries there are,
//! `plotters` (no release since 2024) and its younger relatives write colours into each shape and have neither.

use super::escape;
use super::facts::{Report, SignalTold};
use super::words;
use crate::deploy::Time;
use crate::signal::{Kind, Unit};
use crate::verdict::Level;
use chrono::{FixedOffset, TimeDelta};

/// What a chart measures, in the units of its `viewBox`.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 200.0;
/// Where the plot begins and ends.
const LEFT: f64 = 88.0;
const RIGHT: f64 = 708.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 176.0;
/// About so many lines of the grid lie one over the other.
const LINES: f64 = 4.0;
/// About so many times stand below it.
const TIMES: i64 = 6;

/// The time that all charts of a page show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    from: Time,
    to: Time,
}

impl Span {
    /// From before the first deploy to the end of the record: half as long before it as after it, at the most.
    pub(super) fn of(report: &Report) -> Self {
        let to = report.ended;
        let deployed = report.deploys.iter().map(|deploy| deploy.at).min().unwrap_or(report.began);
        let after = (to - deployed).max(TimeDelta::minutes(5));
        let first = report.signals.iter().filter_map(|signal| signal.readings.first()).map(|(at, _)| *at).min();
        let first = first.and_then(|at| report.began.checked_add_signed(TimeDelta::try_seconds(at)?));
        let before = deployed - after / 2;
        let from = first.map_or(before, |first| first.max(before)).min(to - TimeDelta::seconds(1));
        Self { from, to }
    }

    fn x(self, at: Time) -> f64 {
        let share = (at - self.from).num_milliseconds() as f64 / (self.to - self.from).num_milliseconds().max(1) as f64;
        LEFT + share.clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    fn holds(self, at: Time) -> bool {
        at >= self.from && at <= self.to
    }

    /// Whole minutes at which a time is written.
    fn times(self) -> impl Iterator<Item = Time> {
        let minutes = (self.to - self.from).num_minutes();
        let step = [1, 2, 5, 10, 15, 30, 60, 120, 360, 720].into_iter().find(|step| minutes / step <= TIMES);
        let step = step.unwrap_or(1440) * 60;
        let first = self.from.timestamp().div_euclid(step) + 1;
        (first..)
            .map(move |place| place * step)
            .map_while(move |at| Time::from_timestamp(at, 0).filter(|at| *at <= self.to))
    }
}

/// From which value to which a chart reaches, in steps that people count in.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scale {
    low: f64,
    high: f64,
    step: f64,
}

impl Scale {
    /// A scale for these values, in steps no smaller than this.
    fn of(values: impl Iterator<Item = f64>, least: f64) -> Self {
        let (low, high) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), it| (low.min(it), high.max(it)));
        if !(low.is_finite() && high.is_finite()) {
            return Self { low: 0.0, high: 1.0, step: 0.25 };
        }
        // What stays far from zero may begin there as well, unless that would press it flat.
        let low = if low >= 0.0 && low < high * 0.7 { 0.0 } else { low };
        let span = (high - low).max(high.abs() * 0.01).max(1e-9);
        let rough = (span / LINES).max(least);
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|it| it * power).find(|step| *step >= rough);
        let step = step.unwrap_or(power * 10.0);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        Self { low, high: if high > low { high } else { low + step }, step }
    }

    fn y(self, value: f64) -> f64 {
        BOTTOM - ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0) * (BOTTOM - TOP)
    }

    fn lines(self) -> impl Iterator<Item = f64> {
        let count = ((self.high - self.low) / self.step).round().clamp(0.0, 20.0) as u32;
        (0..=count).map(move |place| self.low + f64::from(place) * self.step)
    }
}

/// A chart of a signal; `None` where it has no readings. `place` makes its identifiers different from all others'.
pub(super) fn svg(report: &Report, signal: &SignalTold, place: usize, span: Span, zone: FixedOffset) -> Option<String> {
    let at = |seconds: i64| report.began.checked_add_signed(TimeDelta::try_seconds(seconds)?);
    let readings: Vec<(Time, Option<f64>)> =
        signal.readings.iter().filter_map(|(seconds, value)| Some((at(*seconds)?, *value))).collect();
    let shown: Vec<(Time, Option<f64>)> = readings.into_iter().filter(|(at, _)| span.holds(*at)).collect();
    let values = || shown.iter().filter_map(|(_, value)| *value);
    let top = values().fold(f64::NEG_INFINITY, f64::max);
    if !top.is_finite() {
        return None;
    }
    let limits = [(signal.warning, "warning"), (signal.limit, "limit")];
    // A limit that is far away would press the readings flat; it is told below the chart.
    let limits = limits.into_iter().filter_map(|(limit, class)| Some((limit.filter(|it| *it <= top * 4.0)?, class)));
    let mut limits: Vec<(f64, &str)> = limits.collect();
    if limits.len() == 2 && limits[0].0.total_cmp(&limits[1].0).is_eq() {
        limits.remove(0);
    }
    let usual = signal.usual.into_iter().flat_map(|(low, high)| [low, high]);
    // Of alerts there is no half.
    let least = if signal.kind == Kind::Alerts { 1.0 } else { 0.0 };
    let scale = Scale::of(values().chain(usual).chain(limits.iter().map(|(limit, _)| *limit)), least);

    let name = words::signal(report, &signal.service, &signal.name);
    let mut out = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"t{place} d{place}\">\
         <title id=\"t{place}\">{}</title><desc id=\"d{place}\">{}</desc>\n",
        escape::html(&name),
        escape::html(&described(signal, top)),
    );
    spans(&mut out, report, signal, span);
    grid(&mut out, signal.unit, scale, span, zone);
    if let Some((low, high)) = signal.usual {
        let (top, bottom) = (scale.y(high), scale.y(low));
        rect(&mut out, "band", (LEFT, RIGHT), (top, bottom.max(top + 1.0)));
    }
    for (limit, class) in &limits {
        let y = scale.y(*limit);
        out += &format!("<line class=\"{class}\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\n");
    }
    marks(&mut out, report, span);
    out += &format!("<path class=\"course\" d=\"{}\"/>\n</svg>\n", course(&shown, signal.step_seconds, span, scale));
    Some(out)
}

/// What a chart shows, for who cannot see it.
fn described(signal: &SignalTold, top: f64) -> String {
    let format = |value: f64| signal.unit.format(value);
    let usual =
        signal.usual.map(|(low, high)| format!(" Usual before the deploy: {} to {}.", format(low), format(high)));
    let limit = signal.limit.map(|limit| format!(" Limit: {}.", format(limit)));
    format!("{}. Highest: {}.{}{}", signal.sentence, format(top), usual.unwrap_or_default(), limit.unwrap_or_default())
}

/// When a flag of the signal was up.
fn spans(out: &mut String, report: &Report, signal: &SignalTold, span: Span) {
    let own = |flag: &&super::FlagTold| flag.service == signal.service && flag.signal == signal.name;
    for flag in report.flags.iter().filter(own) {
        let class = if flag.level == Level::RedFlag { "red" } else { "warned" };
        let (from, to) = (span.x(flag.rose), span.x(flag.ended.unwrap_or(report.ended)));
        rect(out, class, (from, to.max(from + 1.0)), (TOP, BOTTOM));
    }
}

fn rect(out: &mut String, class: &str, (left, right): (f64, f64), (top, bottom): (f64, f64)) {
    let (width, height) = (right - left, bottom - top);
    *out += &format!(
        "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>\n"
    );
}

fn grid(out: &mut String, unit: Unit, scale: Scale, span: Span, zone: FixedOffset) {
    for value in scale.lines() {
        let y = scale.y(value);
        *out += &format!("<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
        let text = escape::html(&unit.format(value));
        *out += &format!("<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>\n", LEFT - 6.0, y + 4.0);
    }
    for at in span.times() {
        let (x, y) = (span.x(at), BOTTOM + 16.0);
        let text = at.with_timezone(&zone).format("%H:%M");
        *out += &format!("<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{text}</text>\n");
    }
}

/// The deploys and the rollbacks.
fn marks(out: &mut String, report: &Report, span: Span) {
    // The word of a deploy is on the left of its line, that of a rollback on the right: often they are minutes apart.
    let deploys: Vec<Time> = report.deploys.iter().map(|deploy| deploy.at).collect();
    marks_of(out, &deploys, span, ("deploy", "deploy", "end"));
    let rollbacks: Vec<Time> = report.rollbacks.iter().map(|done| done.confirmed).collect();
    marks_of(out, &rollbacks, span, ("back", "rollback", "start"));
}

fn marks_of(out: &mut String, moments: &[Time], span: Span, (class, word, anchor): (&str, &str, &str)) {
    // The deploys of a push lie on each other: one word is enough where there would be no room for two.
    let mut last = f64::NEG_INFINITY;
    for at in moments.iter().filter(|at| span.holds(**at)) {
        let x = span.x(*at);
        *out += &format!("<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{BOTTOM}\"/>");
        if (x - last).abs() > 50.0 {
            *out += &format!(
                "<text class=\"{class}\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{word}</text>",
                TOP - 6.0
            );
            last = x;
        }
        out.push('\n');
    }
}

/// The line through the readings, broken where they are: `M64.0 120.5L70.2 118.0`.
fn course(readings: &[(Time, Option<f64>)], step: i64, span: Span, scale: Scale) -> String {
    // A reading that comes half a step late is not missing.
    let reach = TimeDelta::try_seconds(step.max(1)).unwrap_or(TimeDelta::minutes(1)) * 3 / 2;
    let mut out = String::new();
    let mut last: Option<Time> = None;
    for (at, value) in readings {
        let Some(value) = value else {
            last = None;
            continue;
        };
        let joined = last.is_some_and(|last| *at - last <= reach);
        let (x, y) = (span.x(*at), scale.y(*value));
        // A point on its own is a line of no length with a round end.
        out += &if joined { format!("L{x:.1} {y:.1}") } else { format!("M{x:.1} {y:.1}h0") };
        last = Some(*at);
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Time {
        Time::from_timestamp(1_790_000_000 + second, 0).unwrap()
    }

    #[test]
    fn a_line_is_broken_where_nothing_was_known() {
        let (span, scale) = (Span { from: at(0), to: at(620) }, Scale { low: 0.0, high: 154.0, step: 1.0 });
        let readings =
            [(at(0), Some(0.0)), (at(30), Some(10.0)), (at(60), None), (at(90), Some(0.0)), (at(300), Some(1.0))];
        assert_eq!(course(&readings, 30, span, scale), "M88.0 176.0h0L118.0 166.0M178.0 176.0h0M388.0 175.0h0");
    }

    #[test]
    fn a_scale_goes_in_steps_that_people_count_in() {
        let lines = |values: &[f64]| Scale::of(values.iter().copied(), 0.0).lines().collect::<Vec<_>>();
        assert_eq!(lines(&[0.1, 3.9]), [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(lines(&[480.0, 500.0]), [480.0, 485.0, 490.0, 495.0, 500.0]);
        assert_eq!(lines(&[]).len(), 5);
        assert_eq!(Scale::of([0.0, 1.0].into_iter(), 1.0).lines().collect::<Vec<_>>(), [0.0, 1.0]);
    }

    proptest! {
        #[test]
        fn every_value_lies_within_its_scale(values in prop::collection::vec(-1e9..1e9_f64, 1..20)) {
            let scale = Scale::of(values.iter().copied(), 0.0);
            prop_assert!(scale.lines().count() >= 2);
            for value in values {
                prop_assert!(scale.low <= value && value <= scale.high, "{:?} {}", scale, value);
                prop_assert!((TOP..=BOTTOM).contains(&scale.y(value)));
            }
        }
    }
}
