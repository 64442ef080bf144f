//! What signals did at the same time of the day and of the week before. Each source is asked for it once, after it has told
//! what is now: a few signals at a time, those that are flagged first, and never while it is asked anything else.

use super::Watch;
use super::deploys::Deploys;
use super::moments::Moments;
use crate::deploy::Time;
use crate::message::Effect;
use crate::poll::{Ago, Poll, PollRequest, SourceError};
use crate::setup::{Delivery, Setup};
use crate::signal::{Kind, Point, Signal, SignalId, SourceId};
use crate::store::{Series, SourceState, Store};
use crate::verdict::{Earlier, Finding, Level};
use chrono::TimeDelta;

/// Whoever deploys twenty services does so one after the other, and each is another hour to be held against.
const PAUSE: TimeDelta = TimeDelta::seconds(30);
/// So many signals are asked about at a time.
const TOGETHER: usize = 24;
/// A source that failed at it so often does not keep it, or has other worries.
const FAILURES: u32 = 2;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rhythm {
    /// By signal.
    known: Vec<Known>,
    /// By source.
    asking: Vec<Asking>,
    /// Nobody is asked before.
    from: Time,
}

/// What is known of a signal, a day and a week ago.
#[derive(Debug, Clone, Default, PartialEq)]
struct Known {
    day: Then,
    week: Then,
}

/// What is known of one of them.
#[derive(Debug, Clone, Default, PartialEq)]
enum Then {
    /// Nobody was asked yet.
    #[default]
    Unasked,
    /// It was asked for, and nothing there is to be held against today.
    Quiet,
    /// It moved then, too.
    Moved(Box<Earlier>),
}

impl Known {
    fn of(&self, ago: Ago) -> &Then {
        match ago {
            Ago::Day => &self.day,
            Ago::Week => &self.week,
        }
    }

    fn set(&mut self, ago: Ago, then: Then) {
        match ago {
            Ago::Day => self.day = then,
            Ago::Week => self.week = then,
        }
    }
}

/// How far a source is.
#[derive(Debug, Clone, Default, PartialEq)]
struct Asking {
    /// The question in progress: how long ago, and from when on.
    under_way: Option<(Ago, Time)>,
    /// Not before this.
    next: Option<Time>,
    failures: u32,
}

/// What is asked by.
#[derive(Clone, Copy)]
struct Ground<'a> {
    setup: &'a Setup,
    store: &'a Store,
    deploys: &'a Deploys,
    findings: &'a [Finding],
    now: Time,
}

/// An answer, and the question that it is to.
pub(super) struct Answer {
    pub(super) source: SourceId,
    pub(super) ago: Ago,
    /// From when on it was asked.
    pub(super) from: Time,
    pub(super) result: Result<Poll, SourceError>,
}

/// What came of an answer.
#[derive(Default)]
struct Taken {
    /// The signals that something is known of now.
    told: Vec<SignalId>,
    /// What was not answered, and why.
    trouble: Option<(Ago, SourceError)>,
}

impl Watch {
    /// Asks for what signals did on earlier days, where somebody has nothing else to do.
    pub(super) fn ask_for_the_past(&mut self, effects: &mut Vec<Effect>) {
        let (store, findings) = (self.polling.store(), self.judging.findings());
        let ground = Ground { setup: &self.setup, store, deploys: &self.deploys, findings, now: self.now };
        self.rhythm.ask(ground, effects);
    }

    pub(super) fn take_past(&mut self, answer: Answer, effects: &mut Vec<Effect>) {
        let source = answer.source;
        let taken = self.rhythm.take(&self.setup, &self.deploys, answer, self.now);
        self.polling.note_past(source, taken.trouble);
        if !taken.told.is_empty() {
            self.judge_where(|id, _| taken.told.contains(&id), effects);
        }
        self.journal.changed();
    }
}

impl Rhythm {
    /// Nothing is known.
    pub(super) fn new(setup: &Setup) -> Self {
        let (signals, sources) = (setup.signals.len(), setup.sources.len());
        let from = setup.started;
        Self { known: vec![Known::default(); signals], asking: vec![Asking::default(); sources], from }
    }

    /// Another deploy is held against another hour. An answer that is still on its way is to the question before.
    pub(super) fn forget(&mut self, setup: &Setup, now: Time) {
        *self = Self { from: now + PAUSE, ..Self::new(setup) };
    }

    /// What was asked and not answered is asked again.
    pub(super) fn forget_questions(&mut self) {
        let lost = self.asking.iter_mut().filter_map(|asking| asking.under_way.take()).count();
        if lost > 0 {
            // Which signals they were about is not kept; nothing is lost by asking about one twice.
            for known in &mut self.known {
                for ago in Ago::ALL {
                    if *known.of(ago) == Then::Quiet {
                        known.set(ago, Then::Unasked);
                    }
                }
            }
        }
    }

    /// What a signal did then, where that can be held against today.
    pub(super) fn earlier(&self, id: SignalId, ago: Ago) -> Option<&Earlier> {
        match self.known[usize::from(id.0)].of(ago) {
            Then::Moved(earlier) => Some(earlier),
            Then::Unasked | Then::Quiet => None,
        }
    }

    /// Asks each source whose turn has come.
    fn ask(&mut self, ground: Ground<'_>, effects: &mut Vec<Effect>) {
        let Some(deployed) = ground.deploys.earliest().filter(|_| ground.now >= self.from) else { return };
        for index in 0..ground.setup.sources.len() {
            let id = SourceId(index as u16);
            if !self.is_free(ground, id) {
                continue;
            }
            let asking = &mut self.asking[index];
            asking.next = Some(ground.now + ground.setup.source(id).interval);
            let Some((ago, signals)) = self.turn(ground, id) else { continue };
            let request = request(ground, &signals, ago, deployed);
            for signal in signals {
                self.known[usize::from(signal.0)].set(ago, Then::Quiet);
            }
            self.asking[index].under_way = Some((ago, request.from));
            effects.push(Effect::AskPast { source: id, ago, request });
        }
    }

    /// Whether a source has told what is now, has nothing else to do, and may know.
    fn is_free(&self, ground: Ground<'_>, id: SourceId) -> bool {
        let (state, asking): (&SourceState, &Asking) = (ground.store.source(id), &self.asking[usize::from(id.0)]);
        ground.setup.source(id).delivery == Delivery::Polled
            && state.answered.is_some()
            && !state.asking
            && state.failures == 0
            && asking.under_way.is_none()
            && asking.failures < FAILURES
            && asking.next.is_none_or(|next| next <= ground.now)
    }

    /// The signals that are asked about next, and of when: those that are flagged first, yesterday before the week before.
    fn turn(&self, ground: Ground<'_>, source: SourceId) -> Option<(Ago, Vec<SignalId>)> {
        let may = |(id, signal): &(SignalId, &Signal)| {
            signal.source == source && has_rhythm(signal.kind) && ground.store.series(*id).answered().is_some()
        };
        let own = || (0..).map(SignalId).zip(&ground.setup.signals).filter(may).map(|(id, _)| id);
        let is_flagged = |id: SignalId| ground.findings[usize::from(id.0)].level >= Level::Warning;
        [true, false].into_iter().flat_map(|flagged| Ago::ALL.map(|ago| (flagged, ago))).find_map(|(flagged, ago)| {
            let unasked = |id: &SignalId| *self.known[usize::from(id.0)].of(ago) == Then::Unasked;
            let group = own().filter(|id| is_flagged(*id) == flagged).filter(unasked);
            let group: Vec<SignalId> = group.take(TOGETHER).collect();
            (!group.is_empty()).then_some((ago, group))
        })
    }

    /// Takes in an answer. One to a question that nobody asks any more is nobody's.
    fn take(&mut self, setup: &Setup, deploys: &Deploys, answer: Answer, now: Time) -> Taken {
        let Answer { source, ago, from, result } = answer;
        let asking = &mut self.asking[usize::from(source.0)];
        if asking.under_way != Some((ago, from)) {
            return Taken::default();
        }
        asking.under_way = None;
        let poll = match result {
            Ok(poll) => poll,
            Err(error) => {
                let is_enough = matches!(error, SourceError::RateLimited { .. });
                asking.failures = if is_enough { FAILURES } else { asking.failures + 1 };
                return Taken { told: Vec::new(), trouble: Some((ago, error)) };
            }
        };
        asking.failures = 0;
        let moments = Moments::of_services(setup, deploys.all());
        let mut told = Vec::with_capacity(poll.points.len());
        for (id, points) in poll.points {
            // An adapter may only speak of its own signals.
            let Some(signal) = setup.signals.get(usize::from(id.0)).filter(|signal| signal.source == source) else {
                continue;
            };
            let Some(deployed) = moments.of(signal).map(|moment| moment.at).or(setup.told.deployed_at) else {
                continue;
            };
            let mut series = Series::of(signal);
            series.set_deploy(deployed);
            let points: Vec<Point> = points.into_iter().map(|(at, sample)| (at + ago.span(), sample)).collect();
            series.insert(&points, now);
            if let Some(earlier) = Earlier::of(signal, series) {
                self.known[usize::from(id.0)].set(ago, Then::Moved(Box::new(earlier)));
                told.push(id);
            }
        }
        Taken { told, trouble: poll.failed.into_iter().next().map(|(_, error)| (ago, error)) }
    }
}

/// Whether a signal is judged by how its readings change.
fn has_rhythm(kind: Kind) -> bool {
    match kind {
        Kind::ErrorRate
        | Kind::Latency
        | Kind::Traffic
        | Kind::ServerErrors
        | Kind::Cpu
        | Kind::Memory
        | Kind::Connections
        | Kind::Custom => true,
        Kind::Rollout | Kind::NewIssues | Kind::CrashFree | Kind::Alerts | Kind::Probe => false,
    }
}

/// The same span as today's: the baseline, the rollout and the window after it.
fn request(ground: Ground<'_>, signals: &[SignalId], ago: Ago, deployed: Time) -> PollRequest {
    let Ground { setup, deploys, now, .. } = ground;
    let newest = deploys.newest().unwrap_or(deployed);
    // What a rollout that takes longer brings is not held against anything.
    let to = newest + setup.rollout_deadline + setup.window - ago.span();
    let since = signals.iter().map(|id| {
        let short = super::polling::short_of_bins(setup.signal(*id), setup.baseline);
        (*id, deployed - setup.baseline - short - ago.span())
    });
    let since: Vec<(SignalId, Time)> = since.collect();
    let from = since.iter().map(|(_, since)| *since).min().unwrap_or(deployed - ago.span());
    PollRequest {
        from,
        to: to.min(now),
        deployed_at: None,
        versions: versions(setup, deploys, deployed - ago.span()),
        older: Vec::new(),
        since,
    }
}

/// What each service ran at a moment before this deploy, as far as that is known.
fn versions(setup: &Setup, deploys: &Deploys, at: Time) -> Vec<Option<String>> {
    let of_services = deploys.of_services(setup).into_iter();
    let then = of_services.map(|deploy| {
        let deploy = deploy?;
        let version = if deploy.at <= at { Some(&deploy.to) } else { deploy.from.as_ref() };
        Some(version?.label().to_owned())
    });
    then.collect()
}
