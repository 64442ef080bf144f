//! The frontend of a pipeline: tells each change once, and leaves when what was asked for is known.

use super::event::{Event, Line, SignalSays, VERSION, WatchSays};
use super::github;
use super::sections::Sections;
use crate::cli::{Output, Until};
use crate::commands::following;
use crate::deploy::{Time, Version, WorkloadId, WorkloadKind};
use crate::outcome::Outcome;
use crate::output::Cleaned;
use crate::runtime::{Frontend, Intent};
use crate::setup::Workload;
use crate::signal::{Kind, SignalId};
use crate::timeline::Mark;
use crate::verdict::{Level, Verdict};
use crate::watch::{Watch, WorkloadState};
use chrono::{Local, SecondsFormat, TimeDelta};
use std::io::{self, Write};

/// How often it says that it cannot tell yet.
const TOLD_EVERY: TimeDelta = TimeDelta::minutes(1);
/// So long after the first red flag a rollback that may go by itself has to have begun: its conditions ask for a minute of
/// red, and for a second source.
const ACTS_WITHIN: TimeDelta = TimeDelta::minutes(5);
/// How long the cluster may take to tell of the deploy before a red flag is one without it.
const FINDS_WITHIN: TimeDelta = TimeDelta::minutes(1);
/// How long the sources may take then to tell what was before it.
const LEARNS_WITHIN: TimeDelta = TimeDelta::seconds(30);
/// How long after the window's end the last readings may come in.
const LATE_DATA: TimeDelta = TimeDelta::minutes(5);

/// What whoever calls wants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// What is waited for.
    pub(super) until: Until,
    /// For how long at the most.
    pub(super) timeout: Option<TimeDelta>,
    /// Whether it rolls back when it is faulty.
    pub(super) rollback: bool,
}

/// The job of a pipeline that this runs in, as far as it shows more than lines.
#[derive(Debug, Default)]
pub(super) struct Job {
    /// GitHub's.
    pub(super) github: Option<github::Job>,
    /// The folded sections of GitLab's log.
    pub(super) gitlab: Option<Sections>,
}

/// See the module. `E` is for people, `O` for programs.
pub(super) struct Gate<E: Write, O: Write> {
    wanted: Wanted,
    output: Output,
    job: Job,
    people: Cleaned<E>,
    programs: Cleaned<O>,
    /// What was told of each workload and signal.
    deploys: Vec<Option<Version>>,
    levels: Vec<Option<Level>>,
    verdict: Option<Verdict>,
    /// How many entries of a rollback were told.
    steps: usize,
    waited: Option<Time>,
    faulty_since: Option<Time>,
    /// When this process began, of a watch that may be older.
    began: Option<Time>,
    /// When the deploy was found.
    found: Option<Time>,
}

impl<E: Write, O: Write> Gate<E, O> {
    pub(super) fn new(wanted: Wanted, output: Output, job: Job, (people, programs): (Cleaned<E>, Cleaned<O>)) -> Self {
        Self {
            wanted,
            output,
            job,
            people,
            programs,
            deploys: Vec::new(),
            levels: Vec::new(),
            verdict: None,
            steps: 0,
            waited: None,
            faulty_since: None,
            began: None,
            found: None,
        }
    }

    /// Tells how it ended: the last line.
    pub(super) fn end(&mut self, watch: &Watch, outcome: Outcome) -> io::Result<()> {
        if let Some(job) = &self.job.github {
            // A summary that cannot be written changes no verdict.
            if let Err(error) = job.summarize(&WatchSays::of(watch)) {
                self.people.line(&format!("redflag: the job's summary: {error}"));
            }
        }
        self.tell(watch.now(), Event::end(watch, outcome))
    }

    fn tell(&mut self, at: Time, event: Event) -> io::Result<()> {
        let mark = self.job.gitlab.as_mut().and_then(|log| if event.is_news() { log.close(at) } else { log.open(at) });
        if let Some(mark) = mark {
            self.people.mark(&mark);
        }
        self.people.line(&format!("{}  {event}", at.with_timezone(&Local).format("%H:%M:%S")));
        let annotation = self.job.github.as_ref().and_then(|_| github::Job::annotation(&event));
        if self.output == Output::Json {
            let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
            let line = Line { version: VERSION, at, event };
            self.programs.line(&serde_json::to_string(&line).map_err(io::Error::other)?);
        }
        if let Some(annotation) = annotation {
            // GitHub reads both; standard output is the programs'.
            self.people.line(&annotation);
        }
        Ok(())
    }

    fn tell_changes(&mut self, watch: &Watch) -> io::Result<()> {
        let setup = watch.setup();
        let now = watch.now();
        self.deploys.resize(setup.workloads.len(), None);
        self.levels.resize(setup.signals.len(), None);
        for index in 0..setup.workloads.len() {
            let Some(deploy) = &watch.workload(WorkloadId(index as u16)).deploy else { continue };
            if self.deploys[index].as_ref() != Some(&deploy.to) {
                self.deploys[index] = Some(deploy.to.clone());
                let event = Event::Deploy {
                    workload: setup.workloads[index].reference.to_string(),
                    from: deploy.from.as_ref().map(|version| version.label().to_owned()),
                    to: deploy.to.label().to_owned(),
                };
                self.tell(now, event)?;
            }
        }
        for index in 0..setup.signals.len() {
            let id = SignalId(index as u16);
            let (level, was) = (watch.finding(id).level, self.levels[index]);
            if was != Some(level) {
                self.levels[index] = Some(level);
                // Nothing is known of anything as it begins: that is no news.
                if was.is_some() || !level.is_unknown() {
                    self.tell(now, Event::Finding(Box::new(SignalSays::of(watch, id, was))))?;
                }
            }
        }
        if self.verdict != Some(watch.verdict()) {
            self.verdict = Some(watch.verdict());
            self.tell(now, Event::Verdict(WatchSays::of(watch)))?;
        }
        let entries = watch.timeline().entries().filter(|entry| entry.mark == Mark::Rollback);
        let news: Vec<(Time, String)> = entries.skip(self.steps).map(|entry| (entry.at, entry.text.clone())).collect();
        self.steps += news.len();
        for (at, text) in news {
            self.tell(at, Event::Rollback { text })?;
        }
        Ok(())
    }

    fn tell_wait(&mut self, watch: &Watch) -> io::Result<()> {
        if self.waited.is_some_and(|told| watch.now() - told < TOLD_EVERY) {
            return Ok(());
        }
        self.waited = Some(watch.now());
        let seconds = watch.window().opened.map(|_| watch.window().left(watch.now()).num_seconds());
        let requests = seconds.zip(traffic(watch)).map(|(seconds, rate)| (seconds as f64 * rate).round() as u64);
        self.tell(watch.now(), Event::Wait { seconds, requests })
    }

    /// Whether what is red was judged by what was there before the deploy: what was red before the deploy was found is held
    /// against nothing until the sources were asked for its baseline.
    fn is_held_against(&mut self, watch: &Watch) -> bool {
        let now = watch.now();
        if watch.workloads().iter().all(|workload| workload.deploy.is_none()) {
            return now - watch.setup().started > FINDS_WITHIN;
        }
        let found = *self.found.get_or_insert(now);
        let is_newer = watch.findings().iter().any(|it| it.level == Level::RedFlag && it.since > found);
        is_newer || now - found >= LEARNS_WITHIN
    }

    /// What it is left with, where nothing more is waited for.
    fn outcome(&mut self, watch: &Watch) -> Option<Outcome> {
        let now = watch.now();
        let began = *self.began.get_or_insert(now);
        let is_late = self.wanted.timeout.is_some_and(|timeout| now - began >= timeout);
        if !watch.is_awake() && !is_late {
            // What was known before nobody looked for a while is no ground to end by.
            return None;
        }
        if watch.last_executed().execution().is_some() {
            // It goes on without us: whoever set the limit is told that nobody knows.
            return if is_late { Some(Outcome::of(watch)) } else { following::outcome(watch.last_executed(), now) };
        }
        let is_faulty = watch.verdict() == Verdict::Faulty && (is_late || self.is_held_against(watch));
        if is_faulty && self.wanted.rollback && watch.arming().vetoed.is_none() {
            let since = *self.faulty_since.get_or_insert(now);
            return (is_late || now - since > ACTS_WITHIN).then_some(Outcome::Faulty);
        }
        self.faulty_since = None;
        if is_faulty {
            return Some(Outcome::Faulty);
        }
        let basis = watch.basis();
        // A rollout that stands still opens the window as well: it is not through.
        let is_through = |workload: &WorkloadState| workload.deploy.as_ref().is_some_and(|it| it.finished.is_some());
        let is_rolled_out = watch.workloads().iter().all(is_through);
        // Those of Argo Rollouts may wait at one of their steps for this very answer.
        let setup = watch.setup();
        let waits_for_us = |workload: &Workload| workload.reference.kind == WorkloadKind::Rollout;
        let mut workloads = watch.workloads().iter().zip(&setup.workloads);
        let is_on_its_way =
            workloads.all(|(state, workload)| is_through(state) || state.deploy.is_some() && waits_for_us(workload));
        let is_settled = is_on_its_way && basis.required > 0 && basis.known == basis.required;
        let so_far = if watch.verdict() == Verdict::Degraded { Outcome::Degraded } else { Outcome::Done };
        match self.wanted.until {
            Until::Rollout if is_rolled_out => Some(so_far),
            Until::Settled if is_settled => Some(so_far),
            _ if is_told(watch) || is_late => Some(Outcome::of(watch)),
            _ => None,
        }
    }
}

/// Whether the window is over and what it came to is known, or is not going to be.
fn is_told(watch: &Watch) -> bool {
    let over = |opened: Time| watch.now() - (opened + watch.window().length);
    watch.window().opened.map(over).is_some_and(|over| {
        // What is on its way when the window ends is waited for.
        over >= TimeDelta::zero() && (watch.verdict() != Verdict::Watching || over >= LATE_DATA)
    })
}

/// The requests a second of all services together; `None` where that is not known of any.
fn traffic(watch: &Watch) -> Option<f64> {
    let setup = watch.setup();
    let of_traffic = (0..setup.signals.len() as u16).map(SignalId).filter(|id| setup.signal(*id).kind == Kind::Traffic);
    let rates = of_traffic.filter_map(|id| watch.store().series(id).last()?.sample.value());
    rates.fold(None, |sum, rate| Some(sum.unwrap_or(0.0) + rate))
}

#[cfg(all(test, feature = "demo"))]
impl<O: Write> Gate<Vec<u8>, O> {
    /// What was printed for people.
    pub(super) fn told_people(&self) -> String {
        String::from_utf8_lossy(self.people.inner()).into_owned()
    }
}

impl<E: Write, O: Write> Frontend for Gate<E, O> {
    type Input = Outcome;

    fn take(&mut self, input: Outcome, _watch: &Watch) -> Vec<Intent> {
        vec![Intent::Leave(input)]
    }

    fn knows_its_end(&self) -> bool {
        true
    }

    fn show(&mut self, watch: &Watch) -> io::Result<Vec<Intent>> {
        self.tell_changes(watch)?;
        if let Some(outcome) = self.outcome(watch) {
            return Ok(vec![Intent::Leave(outcome)]);
        }
        self.tell_wait(watch)?;
        Ok(Vec::new())
    }
}
