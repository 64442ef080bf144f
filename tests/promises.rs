//! Promise 1, over arbitrary sequences of readings, gaps, errors and clock steps: redflag never says
//! healthy when it does not know.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use chrono::TimeDelta;
use proptest::prelude::*;
use redflag::message::{Message, StreamNews};
use redflag::poll::{Poll, SourceError};
use redflag::setup::Setup;
use redflag::signal::{Point, Sample, SignalId, SourceId};
use redflag::verdict::{Level, Verdict};
use redflag::watch::Watch;
use support::{CLUSTER, at, rolled_out, setup};

/// What may happen in a watch.
#[derive(Debug, Clone)]
enum Happening {
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

fn any_happening() -> impl Strategy<Value = Happening> {
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

struct World {
    watch: Watch,
    now: i64,
    /// When each source last answered, kept apart from the code under test.
    answered: [Option<i64>; 3],
}

impl World {
    fn happen(&mut self, happening: Happening) {
        let now = self.now;
        let message = match happening {
            Happening::Time(step) => {
                self.now += step;
                // A clock set back makes every age start anew.
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
                support::answered(SourceId(source), now, points)
            }
            Happening::Nothing(source) => {
                self.answered[usize::from(source)] = Some(now);
                let result = Ok(Poll::default());
                Message::Polled { source: SourceId(source), at: at(now), result }
            }
            Happening::Failure(source) => support::failed(SourceId(source), now, SourceError::Timeout(5)),
            Happening::RolledOut => {
                self.answered[2] = Some(now);
                support::told(now, rolled_out(2, "1.8.3", "1.9.0", -120, Some(-50)))
            }
            Happening::Alive(alive) => {
                let news = if alive {
                    self.answered[2] = Some(now);
                    StreamNews::Alive
                } else {
                    StreamNews::Down(SourceError::Unreachable("connection refused".to_owned()))
                };
                Message::Streamed { source: CLUSTER, at: at(now), news }
            }
        };
        self.watch.update(message);
        // The loop's next tick: what became unknown by mere age shows then.
        self.watch.update(Message::Tick(at(self.now)));
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let setup = self.watch.setup();
        for (index, signal) in setup.signals.iter().enumerate() {
            let finding = self.watch.finding(SignalId(index as u16));
            prop_assert!(!finding.sentence.is_empty());
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
                    finding.sentence
                );
            }
            if self.watch.verdict() == Verdict::Healthy {
                prop_assert_eq!(finding.level, Level::Clear, "healthy, though {}: {}", signal.name, &finding.sentence);
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
        let mut world = World { watch: Watch::new(short_setup()), now: 0, answered: [None; 3] };
        for happening in happenings {
            world.happen(happening);
            world.check()?;
        }
    }
}

#[test]
fn a_watch_in_which_all_is_known_and_well_does_end_healthy() {
    // The property above would hold of a program that never says healthy.
    let mut world = World { watch: Watch::new(short_setup()), now: 0, answered: [None; 3] };
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
