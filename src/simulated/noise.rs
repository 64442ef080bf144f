//! Noise that can be asked for at any time, in any order, and is always the same: no state, only hashes.

/// A well mixed number of a seed, a stream and a place in it (`SplitMix64`).
pub(crate) fn hash(seed: u64, stream: u64, place: i64) -> u64 {
    let mut z =
        seed ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ place.cast_unsigned().wrapping_mul(0xd1b5_4a32_d192_ed03);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A stream of its own for a name (FNV-1a).
pub(crate) fn stream(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Uniform from 0 up to, not including, 1.
pub(crate) fn unit(seed: u64, stream: u64, place: i64) -> f64 {
    (hash(seed, stream, place) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Evenly spread over 0 to 1, place after place (multiples of the golden ratio): rounding with it keeps
/// rare events rare in every short span, where true randomness would bunch them up.
pub(crate) fn even(seed: u64, stream: u64, place: i64) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    // Modulo a Fibonacci-like large number so that the product keeps its fraction's precision.
    (unit(seed, stream, 0) + (place.rem_euclid(1 << 24)) as f64 * GOLDEN).fract()
}

/// A slow wander between -1 and 1: what happened a moment ago is still nearly true.
/// `at` is in seconds.
pub(crate) fn drift(seed: u64, stream: u64, at: f64) -> f64 {
    0.45 * smooth(seed, stream, at, 40.0)
        + 0.35 * smooth(seed, stream ^ 1, at, 180.0)
        + 0.20 * smooth(seed, stream ^ 2, at, 1100.0)
}

/// Random heights, one every `period` seconds, joined by half waves.
fn smooth(seed: u64, stream: u64, at: f64, period: f64) -> f64 {
    let place = (at / period).floor();
    let within = at / period - place;
    let from = 2.0 * unit(seed, stream, place as i64) - 1.0;
    let to = 2.0 * unit(seed, stream, place as i64 + 1) - 1.0;
    from + (to - from) * (1.0 - (within * std::f64::consts::PI).cos()) / 2.0
}

/// The wave of a day between -1 and 1, highest in the afternoon (UTC). `at` is in seconds.
pub(crate) fn daily(at: f64) -> f64 {
    const DAY: f64 = 86_400.0;
    ((at.rem_euclid(DAY) / DAY - 0.375) * std::f64::consts::TAU).sin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_question_has_the_same_answer_in_any_order() {
        let forwards: Vec<f64> = (0..50).map(|n| drift(7, 3, f64::from(n) * 13.0)).collect();
        let backwards: Vec<f64> = (0..50).rev().map(|n| drift(7, 3, f64::from(n) * 13.0)).collect();
        assert!(forwards.iter().eq(backwards.iter().rev()));
        assert!(forwards.iter().all(|value| (-1.0..=1.0).contains(value)));
    }

    #[test]
    fn neighbours_are_alike_and_distant_moments_are_not() {
        let step = |span: f64| {
            (0..500)
                .map(|n| (drift(7, 3, f64::from(n) * 97.0) - drift(7, 3, f64::from(n) * 97.0 + span)).abs())
                .sum::<f64>()
        };
        assert!(step(1.0) * 10.0 < step(600.0));
    }

    #[test]
    fn even_spreading_never_puts_two_rare_events_side_by_side() {
        let hits: Vec<bool> = (0..10_000).map(|place| 0.2 + even(1, 2, place) >= 1.0).collect();
        assert!(hits.windows(3).all(|span| span.iter().filter(|hit| **hit).count() <= 1));
        assert!((1900..2100).contains(&hits.iter().filter(|hit| **hit).count()));
    }
}
