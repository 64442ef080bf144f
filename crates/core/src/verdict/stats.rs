//! The little statistics that the rules share.

/// Above this mean, chances are approximated.
const LARGE_MEAN: f64 = 500.0;
/// So many terms hold all of the distribution of the largest mean that is summed: 22 standard deviations above it.
const MOST_TERMS: u32 = 1_000;

/// The chance of `count` or more events where `mean` are expected (Poisson). From 0 to 1.
///
/// Summed directly for small means, and no further than terms still count: never as far as `count`, which may be any
/// number. Beyond 500 by the Wilson–Hilferty cube-root approximation of the chi-squared distribution, which is good to
/// three digits there.
pub(super) fn poisson_tail(count: f64, mean: f64) -> f64 {
    if count <= 0.0 {
        return 1.0;
    }
    if mean <= 0.0 {
        return 0.0;
    }
    if mean > LARGE_MEAN {
        // P(X ≥ k | mean) = P(chi² with 2k degrees ≤ 2·mean).
        let spread = 1.0 / (9.0 * count);
        if spread == 0.0 || mean / count == 0.0 {
            // Beyond what a division can tell apart: infinitely more than expected, or as many.
            return 0.0;
        }
        let z = ((mean / count).cbrt() - (1.0 - spread)) / spread.sqrt();
        return normal_cdf(z);
    }
    let mut term = (-mean).exp();
    let mut below = 0.0;
    for index in 1_u32..=MOST_TERMS {
        if f64::from(index) > count.ceil() {
            break;
        }
        below += term;
        term *= mean / f64::from(index);
    }
    (1.0 - below).clamp(0.0, 1.0)
}

/// The largest mean that `count` events leave possible, at 95 % (Poisson): 3 for none, the rule of three.
///
/// Wilson and Hilferty's approximation, within 2 % of the printed tables.
pub(super) fn poisson_upper(count: f64) -> f64 {
    const NORMAL_95: f64 = 1.644_853_626_951;
    if count <= 0.0 {
        return -0.05_f64.ln();
    }
    let degrees = count.max(0.0) + 1.0;
    let spread = 1.0 / (9.0 * degrees);
    degrees * (1.0 - spread + NORMAL_95 * spread.sqrt()).powi(3)
}

/// The standard normal distribution function (Abramowitz and Stegun 7.1.26, error below 1.5e-7).
fn normal_cdf(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let poly =
        t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let half_tail = 0.5 * poly * (-x * x).exp();
    if z >= 0.0 { 1.0 - half_tail } else { half_tail }
}

/// The middle of some values; `None` of none.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    let middle = values.len().checked_sub(1)? / 2;
    let even = values.len().is_multiple_of(2);
    let (_, &mut low, above) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if !even {
        return Some(low);
    }
    let high = above.iter().copied().min_by(f64::total_cmp)?;
    Some(low.midpoint(high))
}

/// The median of all pairwise slopes of evenly spaced values (Theil and Sen): what a line through them climbs
/// by from one to the next, unmoved by a third of them being wild. `None` of fewer than two.
pub(super) fn theil_sen(values: &[f64]) -> Option<f64> {
    let mut slopes = Vec::with_capacity(values.len() * values.len() / 2);
    for (index, first) in values.iter().enumerate() {
        for (distance, second) in (1_u32..).zip(&values[index + 1..]) {
            slopes.push((second - first) / f64::from(distance));
        }
    }
    median(slopes)
}

/// How much of one value is left in the next: the lag-1 autocorrelation, from 0 to 0.95. A negative one counts
/// as none, for it makes evidence no stronger.
pub(super) fn persistence(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let (mut together, mut apart) = (0.0, 0.0);
    for (index, value) in values.iter().enumerate() {
        apart += (value - mean).powi(2);
        if let Some(next) = values.get(index + 1) {
            together += (value - mean) * (next - mean);
        }
    }
    // What is left of equal values is rounding, and that does hang together.
    let rounding = values.len() as f64 * (1e-9 * mean).powi(2);
    if apart > rounding { (together / apart).clamp(0.0, 0.95) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_poisson_tail_agrees_with_printed_tables() {
        for (count, mean, expected) in
            [(3.0, 1.0, 0.080_301), (12.0, 3.6, 0.000_370), (1.0, 0.5, 0.393_469), (40.0, 36.0, 0.273_696)]
        {
            let got = poisson_tail(count, mean);
            assert!((got - expected).abs() < 1e-6, "P(X ≥ {count} | {mean}) = {got}, not {expected}");
        }
        // 600 expected, 700 seen: four standard deviations.
        assert!((poisson_tail(700.0, 600.0) - 3.69e-5).abs() < 1e-6);
        assert!((poisson_tail(600.0, 600.0) - 0.505_43).abs() < 1e-3);
    }

    #[test]
    fn a_chance_takes_no_longer_for_a_larger_count_and_is_always_one() {
        for count in [-1e308, -1.0, 0.0, 0.5, 3.0, 1e9, 1e17, 1e308, f64::INFINITY] {
            for mean in [-1e308, 0.0, 1e-308, 0.5, 500.0, 501.0, 1e9, 1e308, f64::INFINITY] {
                let chance = poisson_tail(count, mean);
                assert!((0.0..=1.0).contains(&chance), "P(X ≥ {count} | {mean}) = {chance}");
            }
        }
        assert!(poisson_tail(1e17, 1.0) < 1e-9 && poisson_tail(1e17, 600.0) < 1e-9);
        assert!(poisson_tail(900.0, 500.0) < 1e-9 && (poisson_tail(500.0, 500.0) - 0.506).abs() < 1e-2);
    }

    #[test]
    fn no_event_leaves_a_mean_of_three_possible() {
        for (count, expected) in [(0.0, 2.996), (1.0, 4.744), (5.0, 10.513), (20.0, 29.062)] {
            let got = poisson_upper(count);
            assert!((got / expected - 1.0).abs() < 0.02, "{count}: {got}, not {expected}");
        }
    }

    #[test]
    fn a_slope_is_not_moved_by_a_wild_value() {
        let mut values: Vec<f64> = (0..9).map(|x| f64::from(x) * 2.0).collect();
        values[4] = 1000.0;
        assert_eq!(theil_sen(&values), Some(2.0));
        assert_eq!(theil_sen(&[1.0]), None);
    }

    #[test]
    fn what_lasts_is_persistent_and_what_alternates_is_not() {
        assert!(persistence(&[1.0, 1.0, 1.0, 1.0, 5.0, 5.0, 5.0, 5.0]) > 0.5);
        assert!(persistence(&[1.0, 5.0, 1.0, 5.0, 1.0, 5.0]) < 1e-9);
        assert!(persistence(&[]) < 1e-9);
        assert!(persistence(&[0.1 + 0.2; 119]) < 1e-9, "equal values say nothing of each other");
    }
}
