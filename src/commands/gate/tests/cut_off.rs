//! A source that falls silent: whatever happened until then, and whatever is waited for, a gate never ends with 0 by what
//! nobody tells any more. A thousand seeded runs of the pure core, with the frontend that a pipeline has.

use super::super::frontend::{Gate, Job, Wanted};
use crate::cli::{Output, Until};
use crate::config::{AssembleOptions, Config};
use crate::demo::{Company, Scenario};
use crate::deploy::{Deploy, Time, Version, WorkloadId, WorkloadKind};
use crate::message::{Message, StreamNews};
use crate::outcome::Outcome;
use crate::output::Cleaned;
use crate::poll::{Poll, SourceError};
use crate::rollout::{Deadline, Progress, Replicas, Rollout};
use crate::runtime::{Frontend, Intent};
use crate::setup::{Delivery, Setup};
use crate::signal::{Kind, Point, Sample, SignalId, SourceId};
use crate::watch::Watch;
use chrono::TimeDelta;
use fastrand::Rng;

/// So many runs, each of its own seed.
const RUNS: u64 = 1_000;
/// How far apart the ticks are, and the readings.
const STEP: TimeDelta = TimeDelta::seconds(10);
/// A signal counts as known for so many intervals of its source after that was last heard.
const SILENT_FOR: i32 = 2;

/// What goes on in a run.
#[derive(Debug, Clone, Copy)]
enum Course {
    /// Nothing is wrong.
    Well,
    /// It goes bad this long after the deploy.
    Bad(TimeDelta),
    /// The rollout does not end.
    Stuck,
}

/// One run: what happens, which source is cut off, and when.
#[derive(Debug)]
struct Run {
    course: Course,
    until: Until,
    source: SourceId,
    /// How it fails: with an error, or by saying nothing at all.
    is_silent: bool,
    /// From this long after the watch's begin on; `None`: it is never cut off.
    cut: Option<TimeDelta>,
}

impl Run {
    fn any(rng: &mut Rng, sources: u16) -> Self {
        let course = match rng.u8(..6) {
            0 => Course::Bad(TimeDelta::seconds(rng.i64(10..150))),
            1 => Course::Stuck,
            _ => Course::Well,
        };
        let until = [Until::Verdict, Until::Settled, Until::Rollout][rng.usize(..3)];
        let source = SourceId(rng.u16(..sources));
        Self { course, until, source, is_silent: rng.bool(), cut: Some(TimeDelta::seconds(rng.i64(0..400))) }
    }

    fn is_cut(&self, source: SourceId, since: TimeDelta) -> bool {
        source == self.source && self.cut.is_some_and(|cut| since >= cut)
    }
}

/// The demo's company as it is configured; each signal is one that the verdict waits for.
async fn setup() -> Setup {
    let clock = crate::clock::Clock::manual(Time::UNIX_EPOCH + TimeDelta::days(20_000));
    let company = Company::start(Scenario::Healthy, clock.clone()).await.unwrap();
    let config = Config::parse(&company.config(), "demo").unwrap();
    let assembly = config.assemble(None, &AssembleOptions::beginning(clock.now()), &company).unwrap();
    let mut setup = assembly.setup;
    setup.window = TimeDelta::minutes(3);
    setup.baseline = TimeDelta::minutes(10);
    setup.signals.iter_mut().for_each(|signal| signal.required = true);
    setup
}

fn rollout(setup: &Setup, finished: bool) -> Rollout {
    let version = |tag: &str, revision| Version {
        images: vec![format!("registry.example.com/app:{tag}")],
        revision,
        hash: tag.to_owned(),
        ..Version::default()
    };
    let ended = setup.started + STEP * 2;
    Rollout {
        uid: "uid-1".to_owned(),
        generation: 2,
        progress: if finished { Progress::Complete } else { Progress::Waiting("2 of 3 pods are new".to_owned()) },
        replicas: Replicas { desired: 3, updated: 3, ready: 3, available: 3, total: 3 },
        pods: Vec::new(),
        troubles: Vec::new(),
        deadline: Deadline::default(),
        changed_by: None,
        deploy: Some(Deploy {
            at: setup.started - STEP,
            finished: finished.then_some(ended),
            from: Some(version("1.8.3", 1)),
            to: version("1.9.0", 2),
            by: None,
        }),
        revisions: Vec::new(),
    }
}

/// What a bin of a signal says.
fn sample(kind: Kind, bin: i64, is_bad: bool) -> Sample {
    let moves = (bin * 37).rem_euclid(11) as f64;
    match kind {
        Kind::ErrorRate => Sample::Counts { errors: if is_bad { 60.0 } else { 0.0 }, requests: 1200.0 + moves },
        Kind::Latency => Sample::Value(if is_bad { 4_000.0 } else { 460.0 } + moves),
        Kind::NewIssues | Kind::Alerts | Kind::ServerErrors => Sample::Value(0.0),
        Kind::CrashFree => Sample::Value(99.9),
        _ => Sample::Value(40.0 + moves / 10.0),
    }
}

/// What a source answers that is there.
fn answer(setup: &Setup, source: SourceId, now: Time, bad_from: Option<Time>, is_first: bool) -> Poll {
    let own = (0..setup.signals.len() as u16).map(SignalId).filter(|id| setup.signal(*id).source == source);
    let points = own.map(|id| {
        let signal = setup.signal(id);
        let step = signal.step.num_seconds().max(1);
        let newest = now.timestamp() / step;
        let bins = newest - if is_first { 900 / step } else { 3 }..=newest;
        let point = |bin: i64| -> Point {
            let at = Time::UNIX_EPOCH + TimeDelta::seconds(bin * step);
            (at, sample(signal.kind, bin, bad_from.is_some_and(|from| at >= from)))
        };
        (id, bins.map(point).collect())
    });
    Poll { points: points.collect(), issues: Some(Vec::new()), alerts: Some(Vec::new()), ..Poll::default() }
}

/// Runs a gate to its end, and says what it came to and when.
fn ended(setup: &Setup, run: &Run) -> (Outcome, TimeDelta) {
    let mut watch = Watch::new(setup.clone());
    watch.expect_ticks_every(STEP);
    let wanted = Wanted { until: run.until, timeout: Some(TimeDelta::minutes(12)), rollback: false };
    let output = (Cleaned::new(std::io::sink()), Cleaned::new(std::io::sink()));
    let mut gate = Gate::new(wanted, Output::Json, Job::default(), output);
    let bad_from = if let Course::Bad(after) = run.course { Some(setup.started + after) } else { None };
    let mut first = true;
    loop {
        let now = watch.now();
        let since = now - setup.started;
        for index in 0..setup.sources.len() as u16 {
            let source = SourceId(index);
            let is_cut = run.is_cut(source, since);
            if is_cut && run.is_silent {
                continue;
            }
            let failure = SourceError::Timeout(5);
            let message = match (setup.source(source).delivery, is_cut) {
                (Delivery::Streamed, true) => Message::Streamed { source, at: now, news: StreamNews::Down(failure) },
                (Delivery::Streamed, false) => {
                    let finished = since >= STEP * 2 && !matches!(run.course, Course::Stuck);
                    let news = StreamNews::Rollout(WorkloadId(0), Box::new(rollout(setup, finished)));
                    Message::Streamed { source, at: now, news }
                }
                (Delivery::Polled, true) => Message::Polled { source, at: now, result: Err(failure) },
                (Delivery::Polled, false) => {
                    Message::Polled { source, at: now, result: Ok(answer(setup, source, now, bad_from, first)) }
                }
            };
            watch.update(message);
        }
        first = false;
        for intent in gate.show(&watch).unwrap() {
            if let Intent::Leave(outcome) = intent {
                return (outcome, since);
            }
        }
        watch.update(Message::Tick(now + STEP));
    }
}

#[tokio::test]
async fn a_thousand_gates_of_which_a_source_is_cut_off_never_say_healthy_without_it() {
    let setup = setup().await;
    let sources = setup.sources.len() as u16;
    let mut told = 0;
    for seed in 0..RUNS {
        let run = Run::any(&mut Rng::with_seed(seed), sources);
        let (outcome, ended) = ended(&setup, &run);
        let cut = run.cut.unwrap_or_default();
        let silent = setup.source(run.source).interval * SILENT_FOR + STEP;
        // What it was told before the cut, it may say; the rollout alone is the cluster's own word.
        let is_its_word = run.until != Until::Rollout || setup.source(run.source).delivery == Delivery::Streamed;
        if ended > cut + silent && is_its_word {
            told += 1;
            assert_ne!(outcome.status(), 0, "seed {seed}: {run:?}, ended after {ended} with {outcome:?}");
        }
    }
    assert!(told > RUNS / 4, "{told} of {RUNS} runs end after their cut");
}

#[tokio::test]
async fn with_every_source_there_the_same_gates_end_with_0_unless_it_is_bad() {
    let setup = setup().await;
    for seed in 0..30 {
        let run = Run { cut: None, ..Run::any(&mut Rng::with_seed(seed), 1) };
        let (outcome, _) = ended(&setup, &run);
        match run.course {
            Course::Well => assert_eq!(outcome.status(), 0, "seed {seed}: {run:?}"),
            Course::Stuck => assert_ne!(outcome.status(), 0, "seed {seed}: {run:?}"),
            // It may end before it goes bad, where less than the window is waited for.
            Course::Bad(_) if run.until == Until::Verdict => assert_ne!(outcome.status(), 0, "seed {seed}: {run:?}"),
            Course::Bad(_) => {}
        }
    }
}

#[tokio::test]
async fn what_waits_for_the_gate_at_a_step_of_its_rollout_is_settled_by_its_signals() {
    let mut setup = setup().await;
    let run = Run { course: Course::Stuck, until: Until::Settled, source: SourceId(0), is_silent: false, cut: None };
    assert_ne!(ended(&setup, &run).0.status(), 0, "a Deployment that is not through is not settled");
    setup.workloads[0].reference.kind = WorkloadKind::Rollout;
    let (outcome, after) = ended(&setup, &run);
    assert_eq!(outcome, Outcome::Done);
    assert!(after < TimeDelta::minutes(8), "{after}");
}
