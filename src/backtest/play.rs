//! The watch of a deploy that is long over, by a clock of its own. Pure: it asks for what a watch asks for, and is given
//! what the sources have kept. At each of its moments it sees no more than a watch would have seen then.

use super::case::{Case, Deployed};
use crate::deploy::{Deploy, ServiceId, Time, Version};
use crate::message::{Effect, Message, StreamNews};
use crate::poll::{Ago, Poll, PollRequest, SourceError};
use crate::rollback::automatic::ConditionKind;
use crate::rollout::{Deadline, Progress, Replicas, Rollout};
use crate::setup::{Automatic, Delivery, Setup};
use crate::signal::{Kind, Point, SignalId, SourceId};
use crate::verdict::{Level, Verdict};
use crate::watch::Watch;
use chrono::TimeDelta;
use std::collections::VecDeque;

/// How far apart the moments are.
const TICK: TimeDelta = TimeDelta::seconds(10);
/// How long after the window's end the last readings may come in.
const LATE_DATA: TimeDelta = TimeDelta::minutes(5);
/// A workload that was not deployed runs what it ran for so long: it is of no push of today.
const LONG_AGO: TimeDelta = TimeDelta::days(7);
/// What of an automatic rollback's conditions its signals decide: the others (the plan's checks, migrations, the target,
/// who else is at it) nobody knows of the past.
const BY_SIGNALS: [ConditionKind; 4] =
    [ConditionKind::Red, ConditionKind::TwoSignals, ConditionKind::Fresh, ConditionKind::Sources];

/// What the readings of an earlier day are asked of.
#[derive(Debug, Clone, PartialEq)]
pub struct PastAsked {
    /// The source.
    pub source: SourceId,
    /// How long before.
    pub ago: Ago,
    /// What it is asked for.
    pub request: PollRequest,
}

/// What rose, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Flag {
    /// When the judge would have raised it.
    pub at: Time,
    /// How long after the deploy.
    pub after: TimeDelta,
    /// Its service.
    pub service: String,
    /// Its signal.
    pub signal: String,
    /// What was said of it.
    pub sentence: String,
}

/// What a watch of it would have come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    /// The first warning or red flag.
    pub flagged: Option<Flag>,
    /// The first red flag.
    pub red: Option<Flag>,
    /// When the signals' conditions of an automatic rollback first held together.
    pub acts: Option<Time>,
    /// Whether everything that was waited for was known.
    pub is_known: bool,
    /// What was not, and why.
    pub missing: Vec<String>,
    /// The signals that no source keeps a past of; they are not waited for.
    pub untold: Vec<String>,
}

/// A watch that is played.
#[derive(Debug)]
pub struct Play {
    watch: Watch,
    deployed_at: Time,
    until: Time,
    /// Whether it ends because somebody rolled it back.
    is_cut_short: bool,
    readings: Vec<Option<Result<Poll, SourceError>>>,
    effects: VecDeque<Effect>,
    untold: Vec<SignalId>,
    flagged: Option<Flag>,
    red: Option<Flag>,
    acts: Option<Time>,
}

/// What the sources have to be asked before it can be played: each once, for its baseline and its window. `now` is the
/// real time, after which nothing is known. `None`: nothing of the case is watched by this setup, or its window is not
/// over yet.
pub fn questions(setup: &Setup, case: &Case, now: Time) -> Option<Vec<(SourceId, PollRequest)>> {
    let mut play = Play::begin(setup.clone(), case)?;
    if play.end() > now {
        return None;
    }
    let to = (play.end() + LATE_DATA).min(now);
    play.tell_rollouts(case);
    let effects = play.watch.update(Message::Tick(play.watch.now()));
    let asked = effects.into_iter().filter_map(|effect| match effect {
        Effect::Poll { source, request } => Some((source, PollRequest { to, ..request })),
        _ => None,
    });
    Some(asked.collect())
}

/// Whether the window of a deploy is over, so that it can be played.
pub fn is_over(setup: &Setup, case: &Case, now: Time) -> bool {
    Play::begin(setup.clone(), case).is_none_or(|play| play.end() <= now)
}

impl Play {
    /// Begins with what the sources answered to [`questions`].
    pub fn new(setup: &Setup, case: &Case, answers: Vec<(SourceId, Result<Poll, SourceError>)>) -> Option<Self> {
        let mut readings: Vec<Option<Result<Poll, SourceError>>> = setup.sources.iter().map(|_| None).collect();
        for (source, answer) in answers {
            readings[usize::from(source.0)] = Some(answer);
        }
        let mut setup = setup.clone();
        let untold = leave_out_untold(&mut setup, &mut readings, case);
        let mut play = Self { readings, untold, ..Self::begin(setup, case)? };
        play.tell_rollouts(case);
        Some(play)
    }

    fn begin(mut setup: Setup, case: &Case) -> Option<Self> {
        let is_watched =
            |deployed: &Deployed| setup.workloads.iter().any(|workload| workload.reference == deployed.workload);
        if !case.deploys.iter().any(is_watched) {
            return None;
        }
        let deployed_at = case.at()?;
        setup.started = deployed_at;
        setup.told = crate::setup::Told::default();
        // It acts on nothing: it says when it would have.
        setup.rollback.automatic = Automatic::Shadow;
        let end = case.finished()? + setup.window + LATE_DATA;
        let taken_back = case.taken_back.and_then(|taken_back| taken_back.at).filter(|at| *at < end);
        let mut watch = Watch::new(setup);
        watch.expect_ticks_every(TICK);
        Some(Self {
            watch,
            deployed_at,
            until: taken_back.unwrap_or(end),
            is_cut_short: taken_back.is_some(),
            readings: Vec::new(),
            effects: VecDeque::new(),
            untold: Vec::new(),
            flagged: None,
            red: None,
            acts: None,
        })
    }

    /// When what is judged of it is over.
    fn end(&self) -> Time {
        if self.is_cut_short { self.until } else { self.until - LATE_DATA }
    }

    /// What the cluster would have told: of what was deployed the deploy, of the rest that it is what it was for long.
    fn tell_rollouts(&mut self, case: &Case) {
        let setup = self.watch.shared_setup();
        for (workload, id) in setup.workloads.iter().zip((0..).map(crate::deploy::WorkloadId)) {
            let deployed = case.deploys.iter().find(|deployed| deployed.workload == workload.reference);
            let deploy = deployed.map_or_else(|| long_ago(self.deployed_at), deploy_of);
            let source = streamed(&setup).unwrap_or(SourceId(0));
            let news = StreamNews::Rollout(id, Box::new(rolled_out(deploy)));
            let effects = self.watch.update(Message::Streamed { source, at: self.watch.now(), news });
            self.effects.extend(effects);
        }
    }

    /// Plays on until readings of an earlier day are wanted; `None` at the end.
    pub fn next_question(&mut self) -> Option<PastAsked> {
        loop {
            while let Some(effect) = self.effects.pop_front() {
                match effect {
                    Effect::Poll { source, request } => {
                        let (at, result) = (self.watch.now(), self.told(source, &request));
                        let effects = self.watch.update(Message::Polled { source, at, result });
                        self.effects.extend(effects);
                    }
                    Effect::AskPast { source, ago, request } => return Some(PastAsked { source, ago, request }),
                    // Nothing is done about what is long over.
                    Effect::Prepare(_)
                    | Effect::Send(_)
                    | Effect::Follow(..)
                    | Effect::ReadBack(_)
                    | Effect::DeletePods { .. }
                    | Effect::Lease(_)
                    | Effect::FeatureFlags(..)
                    | Effect::Remember(..)
                    | Effect::Bell => {}
                }
            }
            self.look();
            let is_told = self.watch.window().is_over(self.watch.now()) && self.watch.verdict() != Verdict::Watching;
            if self.watch.now() >= self.until || is_told {
                return None;
            }
            let now = (self.watch.now() + TICK).min(self.until);
            if let Some(source) = streamed(self.watch.setup()) {
                let effects = self.watch.update(Message::Streamed { source, at: now, news: StreamNews::Alive });
                self.effects.extend(effects);
            }
            let effects = self.watch.update(Message::Tick(now));
            self.effects.extend(effects);
        }
    }

    /// Takes in what was told of an earlier day.
    pub fn answer(&mut self, asked: PastAsked, result: Result<Poll, SourceError>) {
        let PastAsked { source, ago, request } = asked;
        let (at, from) = (self.watch.now(), request.from);
        let effects = self.watch.update(Message::PastTold { source, at, ago, from, result });
        self.effects.extend(effects);
    }

    /// What it came to.
    pub fn played(self) -> Played {
        let (setup, basis) = (self.watch.setup(), self.watch.basis());
        let signals = setup.signals.iter().zip(self.watch.findings());
        let unknown = signals.filter(|(signal, finding)| signal.required && finding.level.is_unknown());
        let name = |id: &SignalId| {
            let signal = setup.signal(*id);
            format!("{} {}", setup.service(signal.service).name, signal.name)
        };
        let is_whole = matches!(self.watch.verdict(), Verdict::Healthy | Verdict::Degraded | Verdict::Faulty);
        let all_known = basis.required > 0 && basis.known == basis.required;
        let mut missing: Vec<String> = unknown
            .map(|(signal, finding)| {
                format!("{} {}: {}", setup.service(signal.service).name, signal.name, finding.sentence())
            })
            .collect();
        if basis.required == 0 {
            missing.push("no signal of it has a past that is kept".to_owned());
        }
        Played {
            untold: self.untold.iter().map(name).collect(),
            is_known: basis.required > 0 && (is_whole || (self.is_cut_short && all_known)),
            missing,
            flagged: self.flagged,
            red: self.red,
            acts: self.acts,
        }
    }

    /// What of a source's readings a watch would have been answered by now: whole bins alone.
    fn told(&self, source: SourceId, request: &PollRequest) -> Result<Poll, SourceError> {
        let kept = match self.readings.get(usize::from(source.0)) {
            Some(Some(Ok(poll))) => poll,
            Some(Some(Err(error))) => return Err(error.clone()),
            _ => return Err(keeps_nothing()),
        };
        let (setup, now) = (self.watch.setup(), self.watch.now());
        let by_now = |points: &[(SignalId, Vec<Point>)]| -> Vec<(SignalId, Vec<Point>)> {
            let of = |(id, points): &(SignalId, Vec<Point>)| {
                let step = setup.signals.get(usize::from(id.0)).map_or(TimeDelta::zero(), |signal| signal.step);
                let since = request.since(*id);
                let points = points.iter().filter(|(at, _)| *at >= since && *at + step <= now);
                (*id, points.copied().collect())
            };
            points.iter().map(of).collect()
        };
        Ok(Poll {
            points: by_now(&kept.points),
            older: by_now(&kept.older),
            failed: kept.failed.clone(),
            ..Poll::default()
        })
    }

    /// Looks at what is said now.
    fn look(&mut self) {
        let verdict = self.watch.verdict();
        if self.flagged.is_none() && matches!(verdict, Verdict::Degraded | Verdict::Faulty) {
            self.flagged = self.worst(Level::Warning);
        }
        if self.red.is_none() && verdict == Verdict::Faulty {
            self.red = self.worst(Level::RedFlag);
        }
        let conditions = &self.watch.arming().conditions;
        let holds = |kind: ConditionKind| conditions.iter().any(|condition| condition.kind == kind && condition.met);
        if self.acts.is_none() && BY_SIGNALS.into_iter().all(holds) {
            self.acts = Some(self.watch.now());
        }
    }

    /// The worst finding that is as bad as this at least, of equals the one that changed with the deploy, then the first.
    fn worst(&self, at_least: Level) -> Option<Flag> {
        let (setup, now) = (self.watch.setup(), self.watch.now());
        let findings = setup.signals.iter().zip(self.watch.findings());
        let bad = findings.filter(|(_, finding)| finding.level >= at_least).rev();
        let (signal, finding) = bad.max_by_key(|(_, finding)| (finding.level, finding.blames_deploy))?;
        Some(Flag {
            at: now,
            after: now - self.deployed_at,
            service: setup.service(signal.service).name.clone(),
            signal: signal.name.clone(),
            sentence: finding.sentence(),
        })
    }
}

fn keeps_nothing() -> SourceError {
    SourceError::Unproven("it keeps no past".to_owned())
}

fn streamed(setup: &Setup) -> Option<SourceId> {
    let place = setup.sources.iter().position(|source| source.delivery == Delivery::Streamed)?;
    Some(SourceId(place as u16))
}

/// Nobody waits for what no source keeps: the rollout, probes, the states of alerts, lists of issues. Nor for a service that
/// was not deployed. Gives the signals that are kept by nobody. A source that told of none of its signals counts as silent.
fn leave_out_untold(
    setup: &mut Setup,
    readings: &mut [Option<Result<Poll, SourceError>>],
    case: &Case,
) -> Vec<SignalId> {
    let workloads = setup.workloads.iter();
    let deployed: Vec<ServiceId> = workloads
        .filter(|workload| case.deploys.iter().any(|deployed| deployed.workload == workload.reference))
        .map(|workload| workload.service)
        .collect();
    let mut untold = Vec::new();
    for (signal, id) in setup.signals.iter_mut().zip((0..).map(SignalId)) {
        let is_told = signal.kind != Kind::Rollout
            && match readings.get(usize::from(signal.source.0)) {
                Some(Some(Ok(poll))) => {
                    poll.points.iter().any(|(told, _)| *told == id) || poll.failed.iter().any(|(told, _)| *told == id)
                }
                // Whoever failed might have told.
                Some(Some(Err(_))) => true,
                _ => false,
            };
        if !is_told && signal.kind != Kind::Rollout {
            untold.push(id);
        }
        signal.required &= is_told && deployed.contains(&signal.service);
    }
    for answer in readings.iter_mut().flatten() {
        if matches!(answer, Ok(poll) if poll.points.is_empty() && poll.failed.is_empty()) {
            *answer = Err(keeps_nothing());
        }
    }
    untold
}

fn deploy_of(deployed: &Deployed) -> Deploy {
    Deploy {
        at: deployed.at,
        finished: Some(deployed.finished.unwrap_or(deployed.at)),
        from: deployed.from.clone(),
        to: deployed.to.clone(),
        by: None,
    }
}

fn long_ago(at: Time) -> Deploy {
    let at = at - LONG_AGO;
    Deploy { at, finished: Some(at), from: None, to: Version::default(), by: None }
}

/// A workload that is through with its deploy.
fn rolled_out(deploy: Deploy) -> Rollout {
    Rollout {
        uid: String::new(),
        generation: 1,
        progress: Progress::Complete,
        replicas: Replicas { desired: 1, updated: 1, ready: 1, available: 1, total: 1 },
        pods: Vec::new(),
        troubles: Vec::new(),
        deadline: Deadline::default(),
        changed_by: None,
        deploy: Some(deploy),
        revisions: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
