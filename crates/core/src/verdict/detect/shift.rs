//! Whether a number has left where it was before the deploy: two lanes of evidence, one quick and one patient.
//!
//! Each bin is ranked among the baseline's, after the baseline was moved by the least effect that matters. The
//! rank gives a chance `p`; a calibrator makes of it a bet whose worth on average does not grow while nothing
//! changed (Vovk and Wang 2021, “E-values: calibration, combination and applications”). The worth of such bets
//! multiplied reaches 1/α with a chance of at most α *however often it is looked at* (Ville): that is why
//! looking at each bin costs no false alarms here. Worth is kept as a logarithm and never falls below nothing,
//! so that a change is found wherever it begins (Page's CUSUM).
//!
//! Bins that hang together tell less than they seem to, and count for less. A jump is the opposite: what one bin
//! leads to expect of the next makes it less likely, not more. A bin that is improbable by its rank and also by how
//! far it lies from what the bin before leads to expect counts in full.

use super::past::outages;
use super::ranks::Ranks;
use crate::deploy::Time;
use crate::verdict::stats::persistence;

/// The quick lane's calibrator, κ·p^(κ−1): it lives off what is far out.
const KAPPA: f64 = 0.2;
/// What the quick lane's bets must be worth: ln 21.
const QUICK: f64 = 3.044_522_437_723;
/// What a single bin may add at most to the quick lane: never one bin alone, and never three to be sure.
const ONE_BIN: f64 = 2.25;
/// The patient lane's calibrator, 1 + λ·(1 − 2p): it lives off what is a little high again and again.
const LAMBDA: f64 = 0.9;
/// What the patient lane's bets must be worth by default: ln 60.
pub(in crate::verdict) const PATIENT: f64 = 4.094_344_562_222;
/// What either lane must be worth before anybody should act on it without looking twice: ln 1 000.
const SURE: f64 = 6.907_755_278_982;
/// With fewer values than this there is nothing to rank against.
pub(in crate::verdict) const LEAST_BASELINE: usize = 10;
/// So many bins in a row within the normal range end it.
const CALM: u32 = 4;
/// How many of the newest values say where the number is now.
const RECENT: usize = 5;

/// The least change that matters, in the signal's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::verdict) struct Effect {
    /// As a share of the value before.
    pub(in crate::verdict) share: f64,
    /// Never less than this: 3 ms more are no regression whatever their share.
    pub(in crate::verdict) least: f64,
    /// More than this always matters.
    pub(in crate::verdict) most: f64,
    /// What the patient lane's bets must be worth, as a logarithm: the less, the larger the effect that is looked for.
    pub(in crate::verdict) patient: f64,
    /// Whether a run of numbers far out before the deploy was an outage: so it is of what should stand still.
    pub(in crate::verdict) steady: bool,
}

/// Which way a number went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::verdict) enum Way {
    /// It rose.
    Up,
    /// It fell.
    Down,
}

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::verdict) struct Shift {
    scale: Scale,
    /// The baseline, moved by the least effect, as [`Scale::place`] has it.
    reference: Ranks,
    /// What the patient lane's bets must be worth.
    enough: f64,
    /// What went on for so many bins before the deploy, and was left out as an outage, may go on for as many again
    /// before anybody should act on it.
    outlast: u32,
    /// How many bins it has been going on for.
    bins: u32,
    /// What a bin's evidence counts for, given how much of it was in the bin before: 0 to 1.
    news: f64,
    /// Where that is less than all of it.
    jumps: Option<Jumps>,
    quick: Lane,
    patient: Lane,
    /// The first bin of what raised it.
    since: Option<Time>,
    /// Whether either lane has been worth enough since then to be sure.
    sure: bool,
    calm: u32,
    recent: Vec<f64>,
}

/// The worth of one lane's bets, as a logarithm.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Lane {
    worth: f64,
    since: Option<Time>,
}

impl Lane {
    fn add(&mut self, at: Time, gain: f64) {
        if self.worth <= 0.0 && gain > 0.0 {
            self.since = Some(at);
        }
        // Beyond what is sure it need not go: what is over must be able to end.
        self.worth = (self.worth + gain).clamp(0.0, SURE);
    }
}

/// Where values stand: their logarithm, straightened out around zero; larger is worse.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scale {
    way: Way,
    /// Values smaller than this are all much the same: where the logarithm begins.
    least: f64,
}

impl Scale {
    fn place(self, value: f64) -> f64 {
        let place = (value.abs() / self.least).ln_1p().copysign(value);
        if self.way == Way::Up { place } else { -place }
    }
}

/// How far each bin lies from what the bin before leads to expect (an autoregression of the first order).
#[derive(Debug, Clone, PartialEq)]
struct Jumps {
    middle: f64,
    lasting: f64,
    before: f64,
    /// The baseline's own, moved by the least effect.
    usual: Ranks,
}

impl Jumps {
    fn new(placed: &[f64], moved: &[f64]) -> Option<Self> {
        let middle = placed.iter().sum::<f64>() / placed.len() as f64;
        let lasting = persistence(placed);
        let expected = |before: f64| middle + lasting * (before - middle);
        let jumps = placed.iter().zip(moved.iter().skip(1)).map(|(&before, moved)| moved - expected(before));
        Some(Self { middle, lasting, before: middle, usual: Ranks::new(jumps.collect())? })
    }

    /// The logarithm of the chance of such a jump.
    fn take(&mut self, place: f64) -> f64 {
        let expected = self.middle + self.lasting * (self.before - self.middle);
        self.before = place;
        self.usual.log_chance(place - expected)
    }
}

impl Shift {
    /// `None` where there is too little from before the deploy to hold anything against. In order of time.
    pub(in crate::verdict) fn new(baseline: &[f64], way: Way, effect: Effect) -> Option<Self> {
        if baseline.len() < LEAST_BASELINE {
            return None;
        }
        let scale = Scale { way, least: effect.least.max(f64::MIN_POSITIVE) };
        let mut baseline = baseline.to_vec();
        let mut placed: Vec<f64> = baseline.iter().map(|&value| scale.place(value)).collect();
        let mut outlast = 0;
        if effect.steady {
            for (first, last) in outages(&placed).into_iter().rev() {
                baseline.drain(first..=last);
                placed.drain(first..=last);
                outlast = outlast.max((last - first + 1) as u32);
            }
        }
        let unsure = unsure_of_level(&placed);
        let moved = baseline.iter().map(|&value| {
            let by = (value.abs() * effect.share).clamp(effect.least, effect.most);
            scale.place(if way == Way::Up { value + by } else { value - by }) + unsure
        });
        let moved: Vec<f64> = moved.collect();
        let news = news_of_a_bin(&placed);
        Some(Self {
            scale,
            jumps: if news < 1.0 { Jumps::new(&placed, &moved) } else { None },
            reference: Ranks::new(moved)?,
            enough: effect.patient,
            outlast,
            bins: 0,
            news,
            quick: Lane::default(),
            patient: Lane::default(),
            since: None,
            sure: false,
            calm: 0,
            recent: Vec::with_capacity(RECENT),
        })
    }

    pub(in crate::verdict) fn take(&mut self, at: Time, value: f64) {
        let place = self.scale.place(value);
        let log_chance = self.reference.log_chance(place);
        let sudden = self.jumps.as_mut().map(|jumps| quick_bet(jumps.take(place).max(log_chance)));
        let quick = self.discounted(quick_bet(log_chance)).max(sudden.unwrap_or(f64::NEG_INFINITY));
        self.quick.add(at, quick.min(ONE_BIN));
        let patient = (LAMBDA * (1.0 - 2.0 * self.reference.chance(place))).ln_1p();
        self.patient.add(at, self.discounted(patient));
        if self.recent.len() == RECENT {
            self.recent.remove(0);
        }
        self.recent.push(value);
        self.settle(place);
    }

    /// Evidence that was half in the bin before counts but half; what speaks against it counts in full.
    fn discounted(&self, gain: f64) -> f64 {
        if gain > 0.0 { gain * self.news } else { gain }
    }

    fn settle(&mut self, place: f64) {
        self.calm = if place <= self.reference.normal() { self.calm + 1 } else { 0 };
        if self.since.is_none() {
            let enough = |lane: Lane, worth: f64| lane.since.filter(|_| lane.worth >= worth);
            self.since = enough(self.quick, QUICK).or_else(|| enough(self.patient, self.enough));
        } else if self.calm >= CALM && self.patient.worth <= self.enough / 2.0 {
            (self.since, self.sure) = (None, false);
            (self.quick, self.patient) = (Lane::default(), Lane::default());
        }
        let beyond = place > self.reference.middle();
        self.bins = if beyond || self.since.is_some() { self.bins + 1 } else { 0 };
        self.sure |= self.bins > self.outlast && self.quick.worth.max(self.patient.worth) >= SURE;
    }

    /// Since when the number is elsewhere; `None` while it is not, for all that is known.
    pub(in crate::verdict) fn since(&self) -> Option<Time> {
        self.since
    }

    /// Whether it is so sure that chance would bring it in less than one of 1 000 windows.
    pub(in crate::verdict) fn is_sure(&self) -> bool {
        self.sure
    }

    /// Whether the newest bins are back in the old range: some more of them, and it is over.
    pub(in crate::verdict) fn is_recovering(&self) -> bool {
        self.since.is_some() && 2 * self.calm >= CALM
    }

    /// Where the number is now: the middle of its newest values that have left the old range, or of all.
    pub(in crate::verdict) fn now(&self) -> Option<f64> {
        let middle = self.reference.middle();
        let left: Vec<f64> = self.recent.iter().copied().filter(|&value| self.scale.place(value) > middle).collect();
        crate::verdict::stats::median(if left.is_empty() { self.recent.clone() } else { left })
    }
}

/// What the quick lane gains by a bin of such a chance.
fn quick_bet(log_chance: f64) -> f64 {
    KAPPA.ln() - (1.0 - KAPPA) * log_chance
}

/// How much of the autocorrelation is not chance, at so many standard errors.
fn surely_lasting(placed: &[f64], errors: f64) -> f64 {
    (persistence(placed) - errors / (placed.len() as f64).sqrt()).max(0.0)
}

/// What the evidence of one bin among its neighbours counts for. Of what surely hangs together (at 95 %) as much as
/// there are independent bins in it: (1 − ρ)/(1 + ρ). Of what may be chance the root of that.
fn news_of_a_bin(placed: &[f64]) -> f64 {
    let independent = |lasting: f64| (1.0 - lasting) / (1.0 + lasting);
    independent(surely_lasting(placed, 1.645)).min(independent(persistence(placed)).sqrt())
}

/// How unsure the baseline's own level is because its values hang together: by one standard error, less what it
/// would be if they did not.
fn unsure_of_level(placed: &[f64]) -> f64 {
    let count = placed.len() as f64;
    let lasting = surely_lasting(placed, 1.0);
    let mean = placed.iter().sum::<f64>() / count;
    let variance = placed.iter().map(|place| (place - mean).powi(2)).sum::<f64>() / count;
    (variance * 2.0 * lasting / (1.0 - lasting) / count).sqrt()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use chrono::{DateTime, TimeDelta};

    const LATENCY: Effect = Effect { share: 0.08, least: 2.5, most: f64::INFINITY, patient: PATIENT, steady: true };

    fn baseline() -> Vec<f64> {
        (0..60).map(|index| 400.0 + f64::from(index * 37 % 60)).collect()
    }

    /// The bin at which it is found.
    fn found(shift: &mut Shift, values: impl IntoIterator<Item = f64>) -> Option<usize> {
        let mut at = DateTime::UNIX_EPOCH;
        values.into_iter().position(|value| {
            at += TimeDelta::seconds(30);
            shift.take(at, value);
            shift.since().is_some()
        })
    }

    #[test]
    fn a_large_change_is_found_at_its_second_bin_and_never_at_its_first() {
        let mut shift = Shift::new(&baseline(), Way::Up, LATENCY).unwrap();
        assert_eq!(found(&mut shift, [420.0, 430.0, 9000.0, 420.0, 430.0]), None);
        let mut shift = Shift::new(&baseline(), Way::Up, LATENCY).unwrap();
        assert_eq!(found(&mut shift, [420.0, 430.0, 900.0, 900.0]), Some(3));
    }

    #[test]
    fn a_change_within_the_old_range_takes_patience() {
        let wide: Vec<f64> = (0..60).map(|index| 200.0 + 10.0 * f64::from(index * 37 % 60)).collect();
        let mut shift = Shift::new(&wide, Way::Up, LATENCY).unwrap();
        let bin = found(&mut shift, (0..30).map(|index| 650.0 + 10.0 * f64::from(index % 10)));
        assert!(bin.is_some_and(|bin| (3..15).contains(&bin)), "{bin:?}");
    }

    #[test]
    fn of_what_hangs_together_a_jump_is_news_and_its_neighbours_are_not() {
        // A wave of eight bins around 700: each bin tells of the next.
        let wave = |index: u32| 700.0 + 15.0 * (f64::from(index) * std::f64::consts::FRAC_PI_4).sin();
        let before: Vec<f64> = (0..60).map(wave).collect();
        let fallen = |effect| Shift::new(&before, Way::Down, effect).unwrap();
        let tenth = Effect { share: 0.1, least: 50.0, most: f64::INFINITY, patient: PATIENT, steady: false };
        assert!(fallen(tenth).news < 0.6);
        assert_eq!(found(&mut fallen(tenth), (60..120).map(wave)), None);
        assert_eq!(found(&mut fallen(tenth), [700.0, 480.0, 690.0, 700.0, 690.0]), None, "never one bin alone");
        assert_eq!(found(&mut fallen(tenth), [700.0, 480.0, 690.0, 480.0, 480.0]), Some(4));
    }

    #[test]
    fn an_outage_in_the_hour_before_is_no_measure() {
        for length in [3, 6, 12] {
            let mut before = baseline();
            before[20..20 + length].fill(2000.0);
            let mut shift = Shift::new(&before, Way::Up, LATENCY).unwrap();
            assert_eq!(found(&mut shift, [900.0; 8]), Some(1), "an outage of {length} bins");
        }
    }

    #[test]
    fn what_is_over_is_over_after_some_calm_bins() {
        let mut shift = Shift::new(&baseline(), Way::Up, LATENCY).unwrap();
        found(&mut shift, [900.0, 900.0]);
        assert!(shift.since().is_some());
        let at = DateTime::UNIX_EPOCH;
        for _ in 0..3 {
            shift.take(at, 420.0);
        }
        assert!(shift.since().is_some());
        shift.take(at, 420.0);
        assert!(shift.since().is_none());
    }

    #[test]
    fn a_fall_is_a_rise_seen_from_below() {
        let mut shift = Shift::new(&baseline(), Way::Down, LATENCY).unwrap();
        assert_eq!(found(&mut shift, [900.0, 900.0, 900.0]), None);
        assert_eq!(found(&mut shift, [150.0, 150.0]), Some(1));
        assert_eq!(shift.now(), Some(150.0));
    }
}
