//! A signal over time: a small chart of one line, and a large one with axes, band, limit and deploy mark.
//! A gap is shown as a gap, never as zero.

use crate::deploy::{ServiceId, Time};
use crate::headline::toward;
use crate::signal::{Kind, Signal};
use crate::store::Series;
use crate::tui::rows;
use crate::watch::Watch;
use chrono::TimeDelta;

/// The time that charts show: from the baseline's beginning to somewhat after now. What came after the deploy has two
/// thirds of the width, however short it is beside what came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Axis {
    /// The left edge.
    pub(super) from: Time,
    /// The right edge.
    pub(super) to: Time,
    /// The deploy's mark, where the deploy is known.
    pub(super) deploy: Option<Time>,
    /// The rollback's mark, where there was one.
    pub(super) back: Option<Time>,
}

/// The right edge moves on in such steps: a scale that moved each second could not be read.
const STRIDE: TimeDelta = TimeDelta::minutes(10);
/// The part of the width for what came before the deploy.
const BEFORE: f64 = 1.0 / 3.0;

impl Axis {
    /// The axis of a service's charts, or of all where it is `None`.
    pub(super) fn of(watch: &Watch, service: Option<ServiceId>) -> Self {
        let (now, setup) = (watch.now(), watch.setup());
        let deploys = rows::workloads(watch, service).filter_map(|id| watch.workload(id).deploy.as_ref());
        let back = watch.rollback().execution().map(|done| done.confirmed);
        let Some(deploy) = deploys.map(|deploy| deploy.at).min() else {
            return Self { from: now - setup.baseline, to: now, deploy: None, back };
        };
        let strides = ((now - deploy).num_seconds().max(0) / STRIDE.num_seconds() + 1).min(10_000);
        let to = deploy + STRIDE * i32::try_from(strides).unwrap_or(1);
        Self { from: deploy - setup.baseline, to, deploy: Some(deploy), back }
    }

    /// The column of a moment on so many columns; `None` beyond the edges.
    pub(super) fn column(&self, at: Time, columns: usize) -> Option<usize> {
        if at < self.from || at > self.to || columns == 0 {
            return None;
        }
        let part = |from: Time, to: Time| {
            let length = (to - from).num_milliseconds();
            (length > 0).then(|| (at - from).num_milliseconds() as f64 / length as f64)
        };
        let share = match self.deploy.filter(|deploy| *deploy > self.from && *deploy < self.to) {
            None => part(self.from, self.to)?,
            Some(deploy) if at < deploy => part(self.from, deploy)? * BEFORE,
            Some(deploy) => BEFORE + part(deploy, self.to)? * (1.0 - BEFORE),
        };
        Some(((share * columns as f64) as usize).min(columns - 1))
    }
}

/// The worst value in each of so many columns, with a straight line to the next reading where columns are
/// finer than readings; `None` where nothing is known.
pub(super) fn bins(series: &Series, signal: &Signal, axis: &Axis, now: Time, columns: usize) -> Vec<Option<f64>> {
    let mut bins: Vec<Option<f64>> = vec![None; columns];
    let worse = |a: f64, b: f64| if signal.kind.lower_is_worse() { a.min(b) } else { a.max(b) };
    // A reading stands for the step after it, and half a step more for a source that is a little late.
    let reach = signal.step + signal.step / 2;
    let mut previous: Option<(Time, usize, f64)> = None;
    for reading in series.readings() {
        let (Some(value), Some(column)) = (reading.sample.value(), axis.column(reading.at, columns)) else {
            previous = None;
            continue;
        };
        if let Some((at, from, held)) = previous
            && reading.at - at <= reach
        {
            let steps = column.saturating_sub(from).max(1) as f64;
            for (step, bin) in bins[(from + 1).min(column)..column].iter_mut().enumerate() {
                *bin = Some(held + (value - held) * (step + 1) as f64 / steps);
            }
        }
        bins[column] = Some(bins[column].map_or(value, |other| worse(other, value)));
        previous = Some((reading.at, column, value));
    }
    // The newest reading stands until now, unless the next one is late.
    if let Some((at, from, held)) = previous
        && let Some(edge) = axis.column(now.min(at + reach), columns)
    {
        bins[(from + 1).min(edge)..edge].fill(Some(held));
        if edge > from && now <= at + reach {
            bins[edge] = Some(held);
        }
    }
    bins
}

/// From which value to which a chart reaches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    /// At the bottom.
    pub(super) low: f64,
    /// At the top.
    pub(super) high: f64,
}

impl Scale {
    /// A scale for these values. It takes the limit in where that does not press the values flat, and leaves
    /// room above what is normal, so that a rise is seen to rise. Shares and counts begin at zero; times and
    /// traffic, which never come near it, somewhat below what is normal.
    pub(super) fn of(bins: &[Option<f64>], signal: &Signal, series: &Series, limit: Option<f64>) -> Self {
        let values = || bins.iter().flatten().copied();
        let top = values().fold(f64::NEG_INFINITY, f64::max);
        let bottom = values().fold(f64::INFINITY, f64::min);
        if !top.is_finite() || !bottom.is_finite() {
            return Self { low: 0.0, high: limit.filter(|limit| *limit > 0.0).unwrap_or(1.0) };
        }
        if signal.kind.lower_is_worse() {
            let low = limit.map_or(bottom, |limit| bottom.min(limit));
            let span = (top - low).max(top.abs() * 0.01).max(f64::MIN_POSITIVE);
            return Self { low: low - span * 0.1, high: top };
        }
        let normal = series.baseline().map_or(bottom, |baseline| baseline.median).max(0.0);
        let reachable = limit.filter(|limit| *limit <= top * 4.0 || matches!(signal.kind, Kind::ErrorRate));
        let high = reachable.map_or(top, |limit| top.max(limit)).max(normal * 1.6);
        let floor = match signal.kind {
            Kind::Latency | Kind::Probe | Kind::Traffic => normal * 0.4,
            _ => 0.0,
        };
        let low = bottom.min(floor);
        Self { low, high: if high > low { high } else { low + 1.0 } }
    }

    /// The row of dots of a value, of four to each of so many rows, from the top.
    fn dot(&self, value: f64, rows: usize) -> usize {
        let bottom = (rows * 4).saturating_sub(1);
        bottom - (self.share(value) * bottom as f64).round() as usize
    }

    /// The row of a value, from the top: where its dot is.
    pub(super) fn row(&self, value: f64, rows: usize) -> usize {
        self.dot(value, rows) / 4
    }

    /// Where a value lies, from 0 at the bottom to 1 at the top.
    pub(super) fn share(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// Whether a value is beyond a limit.
pub(super) fn beyond(value: f64, limit: f64, signal: &Signal) -> bool {
    if signal.kind.lower_is_worse() { value < limit } else { value > limit }
}

/// How high a value stands in a cell whose top is its limit, from 0 to 5 of the eight heights; `None` beyond the limit,
/// where the whole cell is full, or nearly. Without a limit the largest value seen is nearly at the top.
pub(super) fn height(value: f64, limit: Option<f64>, most: f64, signal: &Signal) -> Option<usize> {
    if limit.is_some_and(|limit| beyond(value, limit, signal)) {
        return None;
    }
    let share = match limit {
        Some(limit) => {
            let (gone, room) = toward(signal, value, limit);
            gone / room
        }
        None => value / most,
    };
    // Nothing of nothing, and a limit of zero that is kept.
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    Some(((share * 6.0) as usize).min(5))
}

/// A line of dots, two columns and four rows of them to a cell, as braille has them.
pub(super) struct Dots {
    columns: usize,
    rows: usize,
    cells: Vec<u8>,
}

impl Dots {
    /// Dots of a column of a braille sign, top to bottom, left then right (Unicode's order of the bits).
    const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

    /// Draws a line through the bins, of which there are two to a column. It is broken where they are.
    pub(super) fn line(bins: &[Option<f64>], scale: Scale, rows: usize) -> Self {
        let columns = bins.len().div_ceil(2);
        let mut dots = Self { columns, rows, cells: vec![0; columns * rows] };
        let mut previous: Option<usize> = None;
        for (x, bin) in bins.iter().enumerate() {
            let y = bin.map(|value| scale.dot(value, rows));
            if let Some(y) = y {
                let from = previous.unwrap_or(y);
                for y in from.min(y)..=from.max(y) {
                    dots.set(x, y);
                }
            }
            previous = y;
        }
        dots
    }

    fn set(&mut self, x: usize, y: usize) {
        if let Some(cell) = self.cells.get_mut(y / 4 * self.columns + x / 2) {
            *cell |= Self::BITS[x % 2][y % 4];
        }
    }

    /// The braille sign of a cell; `None` where it has no dot.
    pub(super) fn cell(&self, column: usize, row: usize) -> Option<char> {
        let bits = *self.cells.get(row * self.columns + column).filter(|_| row < self.rows)?;
        (bits != 0).then(|| char::from_u32(0x2800 + u32::from(bits))).flatten()
    }
}

/// The signal's change over its baseline, short: `+28 %`, `48×`, `±0 %`.
pub(super) fn change(signal: &Signal, series: &Series, value: f64) -> Option<String> {
    let before = series.baseline()?.median;
    if signal.kind == Kind::CrashFree {
        // Of a share near 100 % only the points tell anything.
        return Some(format!("{:+.1}", value - before).replace('-', "−"));
    }
    if before <= 0.0 {
        return (value > 0.0).then(|| "from 0".to_owned());
    }
    let percent = 100.0 * (value / before - 1.0);
    Some(match percent {
        900.0.. => format!("{:.0}×", (value / before).min(9999.0)),
        -0.5..0.5 => "±0 %".to_owned(),
        _ => format!("{}{:.0} %", if percent < 0.0 { "−" } else { "+" }, percent.abs()),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::signal::Sample;
    use crate::verdict::recorded;
    use chrono::TimeDelta;

    fn at(seconds: i64) -> Time {
        Time::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn signal(kind: Kind) -> Signal {
        recorded::signal(kind, TimeDelta::seconds(30))
    }

    fn series(points: &[(i64, f64)]) -> Series {
        let mut series = Series::default();
        let points: Vec<_> = points.iter().map(|(second, value)| (at(*second), Sample::from_number(*value))).collect();
        series.insert(&points, at(600));
        series
    }

    /// Ten columns of 60 s.
    const fn axis(from: Time, to: Time) -> Axis {
        Axis { from, to, deploy: None, back: None }
    }

    fn bins_of(points: &[(i64, f64)], now: i64) -> Vec<Option<f64>> {
        bins(&series(points), &signal(Kind::Latency), &axis(at(0), at(600)), at(now), 10)
    }

    #[test]
    fn a_column_shows_its_worst_reading() {
        assert_eq!(
            bins_of(&[(0, 5.0), (30, 9.0), (60, 7.0)], 60),
            [vec![Some(9.0), Some(7.0)], vec![None; 8]].concat()
        );
        let crash_free = signal(Kind::CrashFree);
        let lowest = bins(&series(&[(0, 99.9), (30, 99.1)]), &crash_free, &axis(at(0), at(600)), at(30), 10);
        assert_eq!(lowest[0], Some(99.1));
    }

    #[test]
    fn a_gap_is_a_gap_and_never_zero() {
        let bins = bins_of(&[(0, 5.0), (30, 5.0), (300, 6.0)], 300);
        assert_eq!(bins[2..5], [None, None, None]);
        let not_a_number = bins_of(&[(0, 5.0), (60, f64::NAN), (120, 5.0)], 120);
        assert_eq!(not_a_number[..3], [Some(5.0), None, Some(5.0)]);
    }

    #[test]
    fn the_newest_reading_stands_only_until_the_next_one_is_late() {
        assert_eq!(bins_of(&[(0, 5.0), (30, 5.0)], 65)[1], Some(5.0));
        assert_eq!(bins_of(&[(0, 5.0), (30, 5.0)], 200)[2..], [None; 8]);
    }

    #[test]
    fn what_is_beyond_the_axis_is_not_drawn() {
        let axis = axis(at(0), at(600));
        assert_eq!(axis.column(at(-1), 10), None);
        assert_eq!(axis.column(at(600), 10), Some(9));
        assert_eq!(axis.column(at(601), 10), None);
        assert_eq!(axis.column(at(10), 0), None);
    }

    #[test]
    fn what_came_after_the_deploy_has_two_thirds_of_the_width() {
        let axis = Axis { from: at(0), to: at(3900), deploy: Some(at(3600)), back: None };
        assert_eq!(axis.column(at(0), 90), Some(0));
        assert_eq!(axis.column(at(3599), 90), Some(29));
        assert_eq!(axis.column(at(3600), 90), Some(30));
        assert_eq!(axis.column(at(3750), 90), Some(60));
        assert_eq!(axis.column(at(3900), 90), Some(89));
    }

    #[test]
    fn below_its_limit_no_value_fills_its_cell_and_beyond_it_each_does() {
        for (kind, limit, below, above) in [
            (Kind::Memory, 70.0, [0.0, 42.0, 69.99, 70.0], [70.01, 88.0]),
            (Kind::ErrorRate, 1.0, [0.0, 0.08, 0.99, 1.0], [1.01, 50.0]),
            (Kind::CrashFree, 99.0, [100.0, 99.8, 99.01, 99.0], [98.9, 0.0]),
            (Kind::Alerts, 0.0, [0.0; 4], [1.0, 2.0]),
        ] {
            let signal = signal(kind);
            for value in below {
                assert!(height(value, Some(limit), 1.0, &signal).is_some_and(|height| height < 6), "{kind:?} {value}");
            }
            for value in above {
                assert_eq!(height(value, Some(limit), 1.0, &signal), None, "{kind:?} {value}");
            }
        }
        assert_eq!(height(42.0, Some(70.0), 0.0, &signal(Kind::Memory)), Some(3));
        assert_eq!(height(39.0, None, 39.0, &signal(Kind::Traffic)), Some(5));
        assert_eq!(height(0.0, None, 0.0, &signal(Kind::Traffic)), Some(0));
    }

    proptest::proptest! {
        #[test]
        fn no_dot_of_a_value_below_its_limit_is_above_the_limits_row(
            low in -100.0..100.0_f64, span in 0.001..1e6_f64, one in 0.0..1.0_f64, other in 0.0..1.0_f64, rows in 1_usize..60
        ) {
            let scale = Scale { low, high: low + span };
            let (value, limit) = (low + span * one.min(other), low + span * one.max(other));
            proptest::prop_assert!(scale.row(value, rows) >= scale.row(limit, rows));
        }
    }

    #[test]
    fn the_change_is_told_the_way_people_say_it() {
        let told = |kind: Kind, before: f64, now: f64| {
            let mut series = series(&[(0, before), (30, before)]);
            series.set_deploy(at(60));
            change(&signal(kind), &series, now)
        };
        assert_eq!(told(Kind::Latency, 478.0, 612.0).as_deref(), Some("+28 %"));
        assert_eq!(told(Kind::Traffic, 41.0, 38.5).as_deref(), Some("−6 %"));
        assert_eq!(told(Kind::ErrorRate, 0.05, 2.4).as_deref(), Some("48×"));
        assert_eq!(told(Kind::Memory, 41.0, 41.1).as_deref(), Some("±0 %"));
        assert_eq!(told(Kind::CrashFree, 99.9, 99.1).as_deref(), Some("−0.8"));
        assert_eq!(told(Kind::ErrorRate, 0.0, 2.4).as_deref(), Some("from 0"));
        assert_eq!(change(&signal(Kind::Latency), &series(&[(0, 5.0)]), 6.0), None, "without a baseline");
    }

    #[test]
    fn a_line_of_dots_is_broken_where_the_readings_are() {
        let dots =
            Dots::line(&[Some(0.0), Some(1.0), None, None, Some(1.0), Some(1.0)], Scale { low: 0.0, high: 1.0 }, 1);
        assert_eq!([dots.cell(0, 0), dots.cell(1, 0), dots.cell(2, 0)], [Some('⣸'), None, Some('⠉')]);
        assert_eq!(dots.cell(0, 1), None);
    }
}
