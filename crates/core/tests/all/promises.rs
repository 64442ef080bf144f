//! Promise 1, over arbitrary sequences of readings, gaps, errors and clock steps: redflag never says
//! healthy when it does not know.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::support::{CLUSTER, at, rolled_out, setup};
use chrono::TimeDelta;
use proptest::prelude::*;
use redflag_core::message::{Message, StreamNews};
use redflag_core::poll::{Poll, SourceError};
use redflag_core::setup::Setup;
use redflag_core::signal::{Point, Sample, SignalId, SourceId};
use redflag_core::verdict::{Level, Verdict};
use redflag_core::watch::Watch;

/// What may happen in a watch.
#[derive(Debug, Clone)]
pub(crate) enum Happening {
    /// Time goes on (or back) by so many seconds.
    Time(i64),
    /// A polled source answers for all its signals; each sample is drawn for itself.
    Answer(u16, Vec<Sample>),
    /// A polled source answers and has nothing.
    Nothing(u16),
    /// A polled source fails.
    Failure(u16),
    /// The cluster tells of a finished rollout.
    RolledOut,
    /// The cluster is there, or is not.
    Alive(bool),
}

fn any_sample() -> impl Strategy<Value = Sample> {
    prop_oneof![
        4 => (0.0..120.0).prop_map(Sample::Value),
        4 => (0.0..3.0, 500.0..5000.0).prop_map(|(errors, requests)| Sample::Counts { errors, requests }),
        1 => Just(Sample::Empty),
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(-1e300), Just(-5.0)].prop_map(Sample::from_number),
        1 => Just(Sample::Counts { errors: 0.0, requests: 0.0 }),
        1 => Just(Sample::Counts { errors: f64::NAN, requests: -1.0 }),
    ]
}

pub(crate) fn any_happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => (1_i64..20).prop_map(Happening::Time),
        1 => prop_oneof![Just(-7200_i64), Just(-3), Just(600), Just(7200)].prop_map(Happening::Time),
        8 => (0_u16..2, prop::collection::vec(any_sample(), 3)).prop_map(|(source, samples)| Happening::Answer(source, samples)),
        1 => (0_u16..2).prop_map(Happening::Nothing),
        2 => (0_u16..2).prop_map(Happening::Failure),
        3 => Just(Happening::RolledOut),
        4 => any::<bool>().prop_map(Happening::Alive),
    ]
}

/// A short window, so that many sequences reach its end.
fn short_setup() -> Setup {
    Setup { window: TimeDelta::seconds(60), ..setup() }
}

pub(crate) struct World {
    pub(crate) watch: Watch,
    now: i64,
    /// When each source last answered, kept apart from the code under test.
    answered: [Option<i64>; 3],
}

impl World {
    pub(crate) fn new(setup: Setup) -> Self {
        Self { watch: Watch::new(setup), now: 0, answered: [None; 3] }
    }

    fn happen(&mut self, happening: Happening) {
        let message = self.message(happening);
        self.watch.update(message);
        // The loop's next tick: what became unknown by mere age shows then.
        self.watch.update(Message::Tick(at(self.now)));
    }

    /// What a watch is told when this happens.
    pub(crate) fn message(&mut self, happening: Happening) -> Message {
        let now = self.now;
        match happening {
            Happening::Time(step) => {
                self.now += step;
                // A clock set back makes every age start again.
                self.answered = self.answered.map(|answered| answered.map(|at| at.min(self.now)));
                Message::Tick(at(self.now))
            }
            Happening::Answer(source, samples) => {
                self.answered[usize::from(source)] = Some(now);
                let setup = self.watch.setup();
                let of_source = (0..setup.signals.len() as u16).map(SignalId);
                let of_source = of_source.filter(|id| setup.signal(*id).source == SourceId(source));
                let points: Vec<(SignalId, Vec<Point>)> = of_source
                    .zip(samples)
                    .map(|(id, sample)| (id, (0..4).map(|back| (at(now - back * 30), sample)).collect()))
                    .collect();
                crate::support::answered(SourceId(source), now, points)
            }
            Happening::Nothing(source) => {
                self.answered[usize::from(source)] = Some(now);
                let result = Ok(Poll::default());
                Message::Polled { source: SourceId(source), at: at(now), result }
            }
            Happening::Failure(source) => crate::support::failed(SourceId(source), now, SourceError::Timeout(5)),
            Happening::RolledOut => {
                self.answered[2] = Some(now);
                crate::support::told(now, rolled_out(2, "1.8.3", "1.9.0", -120, Some(-50)))
            }
            Happening::Alive(alive) => {
                let news = if alive {
                    self.answered[2] = Some(now);
                    StreamNews::Alive
                } else {
                    StreamNews::Down(SourceError::unreachable("connection refused".to_owned()))
                };
                Message::Streamed { source: CLUSTER, at: at(now), news }
            }
        }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let setup = self.watch.setup();
        for (index, signal) in setup.signals.iter().enumerate() {
            let finding = self.watch.finding(SignalId(index as u16));
            prop_assert!(!finding.sentence().is_empty());
            let interval = setup.source(signal.source).interval.num_seconds();
            let silent = match self.answered[usize::from(signal.source.0)] {
                Some(answered) => self.now - answered >= 2 * interval,
                None => true,
            };
            if silent {
                prop_assert!(
                    matches!(finding.level, Level::Stale | Level::NoData),
                    "{} is {:?} though {} is silent: {}",
                    signal.name,
                    finding.level,
                    setup.source(signal.source).name,
                    finding.sentence()
                );
            }
            if self.watch.verdict() == Verdict::Healthy {
                prop_assert_eq!(
                    finding.level,
                    Level::Clear,
                    "healthy, though {}: {}",
                    signal.name,
                    &finding.sentence()
                );
            }
        }
        if self.watch.verdict() == Verdict::Healthy {
            prop_assert!(self.watch.window().is_over(self.watch.now()));
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_healthy_while_a_required_signal_is_unknown(happenings in prop::collection::vec(any_happening(), 1..120)) {
        let mut world = World::new(short_setup());
        for happening in happenings {
            world.happen(happening);
            world.check()?;
        }
    }
}

#[test]
fn a_watch_in_which_all_is_known_and_well_does_end_healthy() {
    // The property above would hold of a program that never says healthy.
    let mut world = World::new(short_setup());
    for _ in 0..40 {
        world.happen(Happening::RolledOut);
        world.happen(Happening::Answer(
            0,
            vec![Sample::Counts { errors: 0.0, requests: 2000.0 }, Sample::Value(80.0), Sample::Value(40.0)],
        ));
        world.happen(Happening::Answer(1, vec![Sample::Value(90.0)]));
        world.happen(Happening::Time(5));
    }
    assert_eq!(world.watch.verdict(), Verdict::Healthy, "{:#?}", world.watch.findings());
}

/// One history in three parts: an hour before the deploy, the window, and whether anything is told after it.
mod histories {
    use super::*;
    use crate::support::{ERROR_RATE, GRAFANA, ROLLOUT};
    use fastrand::Rng;
    use redflag_core::signal::{Kind, Signal};

    /// Bins of the baseline and of the window, thirty seconds each.
    const BEFORE: i64 = 24;
    const WINDOW: i64 = 30;
    const STEP: i64 = 30;
    /// So many histories in `cargo test`; `REDFLAG_HISTORIES` asks for others.
    const HISTORIES: u64 = 4_000;

    /// A number that repeats itself in so many bins, where it moved in each of twenty-four, is stuck for certain.
    const STUCK: usize = 22;
    /// And in so few it is not.
    const MOVES: usize = 12;

    /// What is told of a bin.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Bin {
        /// A number that moves.
        Known,
        /// The bin is there and has nothing in it, or no number.
        Nothing(Sample),
        /// What cannot be.
        Impossible(f64),
        /// The number of the bin before again.
        Again,
        /// It is not in the answer.
        Missing,
    }

    /// A history, and what of it can be known, computed apart from the code under test.
    struct History {
        kind: Kind,
        bins: Vec<Bin>,
        /// The last bins of each answer; those that fail tell nothing.
        answers: Vec<(i64, bool)>,
    }

    impl History {
        fn any(rng: &mut Rng) -> Self {
            let kind = [Kind::ErrorRate, Kind::Latency, Kind::Memory, Kind::Traffic, Kind::Cpu][rng.usize(..5)];
            // One in three is whole, one in three has a hole of one sort, one is torn to pieces.
            let (sort, torn) = (rng.u8(..3), rng.f64());
            let odd = |rng: &mut Rng| match rng.u8(..6) {
                0 => Bin::Nothing(Sample::Empty),
                1 => Bin::Nothing(Sample::from_number(f64::NAN)),
                2 => Bin::Impossible([-1000.0, -0.5, 1e308, 1e16][rng.usize(..4)]),
                3 | 4 => Bin::Again,
                _ => Bin::Missing,
            };
            let (what, from) = (odd(rng), rng.i64(-4..WINDOW));
            let to = from + rng.i64(1..=WINDOW + 4);
            let bins = (-BEFORE..WINDOW + 12).map(|bin| match sort {
                1 if (from..to).contains(&bin) => what,
                2 if bin >= 0 && rng.f64() < torn => odd(rng),
                _ => Bin::Known,
            });
            let bins = bins.collect();
            let mut answers: Vec<(i64, bool)> = (0..4).map(|_| (rng.i64(0..WINDOW), rng.u8(..4) > 0)).collect();
            answers.push((WINDOW + rng.i64(0..12), rng.u8(..8) > 0));
            answers.sort_unstable();
            Self { kind, bins, answers }
        }

        fn bin(&self, bin: i64) -> Bin {
            self.bins[(bin + BEFORE) as usize]
        }

        fn sample(&self, bin: i64) -> Option<Sample> {
            let number = |bin: i64| 10.0 + ((bin + BEFORE) * 37 % 101) as f64 / 5.0;
            let sample = |number: f64| match self.kind {
                Kind::ErrorRate if !(0.0..=1e15).contains(&number) => {
                    Sample::Counts { errors: number, requests: 1000.0 }
                }
                Kind::ErrorRate => Sample::Counts { errors: 0.0, requests: 100.0 * number },
                _ => Sample::Value(number),
            };
            match self.bin(bin) {
                Bin::Known => Some(sample(number(bin))),
                Bin::Again => {
                    let last = (-BEFORE..=bin).rev().find(|earlier| self.bin(*earlier) != Bin::Again);
                    Some(sample(number(last.unwrap_or(-BEFORE))))
                }
                Bin::Impossible(number) => Some(sample(number)),
                Bin::Nothing(sample) => Some(sample),
                Bin::Missing => None,
            }
        }

        /// Whether a bin can be known by what was told until then: an answer that came, with a number in it. A bin that
        /// repeats the one before may be known, in a run of so many at the longest.
        fn is_known(&self, bin: i64, longest: usize) -> bool {
            let newest = self.answers.iter().filter(|(_, came)| *came).map(|(newest, _)| *newest).max().unwrap_or(-1);
            let told = newest >= bin;
            let run = || {
                let before = (-BEFORE..=bin).rev().take_while(|bin| self.bin(*bin) == Bin::Again).count();
                let after = (bin..=newest.max(bin)).take_while(|bin| self.bin(*bin) == Bin::Again).count();
                before + after
            };
            told && match self.bin(bin) {
                Bin::Known => true,
                Bin::Again => run() <= longest,
                Bin::Nothing(_) | Bin::Impossible(_) | Bin::Missing => false,
            }
        }

        /// For how many bins of the window it can be known, and for how many on end it cannot.
        fn coverage(&self) -> (usize, usize) {
            let known: Vec<bool> = (0..WINDOW).map(|bin| self.is_known(bin, STUCK)).collect();
            let hole = known.split(|known| *known).map(<[bool]>::len).max().unwrap_or(0);
            (known.iter().filter(|known| **known).count(), hole)
        }
    }

    /// Plays a history; gives the verdict at its end, and what is said of the signal.
    fn play(setup: &Setup, history: &History) -> Watch {
        let mut setup = Setup::clone(setup);
        let kind = history.kind;
        setup.signals[0] = Signal {
            kind,
            unit: kind.unit(),
            limits: redflag_core::signal::Limits { warning: Some(99.0), ..Kind::Custom.limits() },
            objective: None,
            ..setup.signals[0].clone()
        };
        let mut watch = Watch::new(setup);
        watch.update(crate::support::told(0, rolled_out(2, "1.8.3", "1.9.0", -1, Some(0))));
        for &(newest, came) in &history.answers {
            let now = (newest + 1) * STEP;
            if came {
                let bins = (-BEFORE..=newest).filter_map(|bin| Some((at(bin * STEP), history.sample(bin)?)));
                watch.update(crate::support::answered(GRAFANA, now, vec![(ERROR_RATE, bins.collect())]));
            } else {
                watch.update(crate::support::failed(GRAFANA, now, SourceError::Partial("1 of 3 stores".to_owned())));
            }
            watch.update(Message::Streamed { source: CLUSTER, at: at(now), news: StreamNews::Alive });
            watch.update(Message::Tick(at(now)));
        }
        watch
    }

    #[test]
    fn no_history_with_holes_is_healthy_and_nothing_is_clear_without_proof() {
        let mut setup = Setup { window: TimeDelta::seconds(WINDOW * STEP), ..setup() };
        setup.signals = [ERROR_RATE, ROLLOUT].map(|id| setup.signal(id).clone()).to_vec();
        let histories = std::env::var("REDFLAG_HISTORIES").ok().and_then(|text| text.parse().ok());
        let histories = histories.unwrap_or(HISTORIES);
        let (mut healthy, mut whole) = (0_u64, 0_u64);
        for seed in 0..histories {
            let history = History::any(&mut Rng::with_seed(seed));
            let (known, hole) = history.coverage();
            let watch = play(&setup, &history);
            let finding = watch.finding(SignalId(0));
            let context = || {
                format!(
                    "seed {seed}: {:?}, {known} bins known, {hole} on end not: {}",
                    history.kind,
                    finding.sentence()
                )
            };
            let (newest, came) = history.answers[history.answers.len() - 1];
            if watch.verdict() == Verdict::Healthy {
                healthy += 1;
                // Half a bin at either end of a hole is as near as stamps can tell.
                assert!(known + 1 >= 27 && hole <= 5 && came, "{}", context());
            }
            if finding.level == Level::Clear {
                let recent = (newest - 8..=newest).any(|bin| history.is_known(bin, STUCK));
                assert!(recent && came, "clear without proof: {}", context());
                assert!(!matches!(history.bin(newest), Bin::Impossible(_)), "{}", context());
            }
            if (0..WINDOW).all(|bin| history.is_known(bin, MOVES))
                && came
                && (newest - 2..=newest).all(|bin| history.bin(bin) == Bin::Known)
            {
                whole += 1;
                // Numbers that repeat themselves may look like a change.
                let is_known = !matches!(watch.verdict(), Verdict::Watching | Verdict::Inconclusive);
                assert!(is_known, "{}", context());
            }
        }
        // The property would hold of a program that never says healthy.
        assert!(
            whole * 10 >= histories && healthy * 10 >= histories,
            "{healthy} healthy, {whole} known whole, of {histories}"
        );
    }
}
