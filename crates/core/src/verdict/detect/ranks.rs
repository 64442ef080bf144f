//! How likely a value is among those of a baseline: by its rank, and beyond the largest by how thin their tail is.

/// The baseline's upper tail is never taken to be thinner than this, in logarithms: 60 samples know no better.
const THINNEST_TAIL: f64 = 0.08;
/// The share of the baseline that its tail is measured above, and that counts as its normal range.
const TAIL_FROM: f64 = 0.8;

/// See the module. Never empty.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ranks {
    sorted: Box<[f64]>,
    /// How fast the chance of a value falls beyond the last of them.
    tail: f64,
}

impl Ranks {
    /// `None` of nothing.
    pub(super) fn new(mut places: Vec<f64>) -> Option<Self> {
        places.sort_by(f64::total_cmp);
        let mut ranks = Self { sorted: places.into(), tail: THINNEST_TAIL };
        if ranks.sorted.is_empty() {
            return None;
        }
        let from = ranks.normal();
        let (mut beyond, mut sum) = (0_u32, 0.0);
        for place in ranks.sorted.iter().filter(|&&place| place > from) {
            (beyond, sum) = (beyond + 1, sum + place - from);
        }
        ranks.tail = (sum / f64::from(beyond.max(1))).max(THINNEST_TAIL);
        Some(ranks)
    }

    /// The chance of a value like this or above, as the baseline's ranks have it.
    pub(super) fn chance(&self, place: f64) -> f64 {
        (self.as_bad(place) + 1) as f64 / (self.sorted.len() + 1) as f64
    }

    /// The same as a logarithm, which goes on to fall beyond the largest.
    pub(super) fn log_chance(&self, place: f64) -> f64 {
        let beyond = if self.as_bad(place) == 0 { (place - self.largest()) / self.tail } else { 0.0 };
        self.chance(place).ln() - beyond
    }

    /// Up to here it is the normal range.
    pub(super) fn normal(&self) -> f64 {
        self.at(TAIL_FROM)
    }

    /// Half lie below.
    pub(super) fn middle(&self) -> f64 {
        self.at(0.5)
    }

    fn as_bad(&self, place: f64) -> usize {
        self.sorted.len() - self.sorted.partition_point(|&other| other < place)
    }

    fn largest(&self) -> f64 {
        self.sorted[self.sorted.len() - 1]
    }

    fn at(&self, share: f64) -> f64 {
        let count = self.sorted.len();
        self.sorted[((share * count as f64) as usize).min(count - 1)]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_chance_falls_with_the_rank_and_goes_on_to_fall_beyond_the_largest() {
        let ranks = Ranks::new((0..9).map(f64::from).collect()).unwrap();
        assert!((ranks.chance(-1.0) - 1.0).abs() < 1e-9);
        assert!((ranks.chance(4.0) - 0.6).abs() < 1e-9);
        assert!((ranks.chance(100.0) - 0.1).abs() < 1e-9, "nine values know of no chance below one in ten");
        assert!((ranks.log_chance(8.5) - (0.1_f64.ln() - 0.5)).abs() < 1e-9, "its tail is one long");
        assert_eq!(Ranks::new(Vec::new()), None);
    }
}
