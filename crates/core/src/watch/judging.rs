//! Readings in, findings and the verdict out; the timeline is told of each change that matters.

use super::{Watch, WorkloadState};
use crate::deploy::{Deploy, Time};
use crate::message::Effect;
use crate::poll::{Issue, Novelty, SourceError};
use crate::rollback::Undertaking;
use crate::setup::Setup;
use crate::signal::{Kind, Point, Reading, Sample, Signal, SignalId, SourceId};
use crate::timeline::Mark;
use crate::verdict::{self, Basis, Evidence, Judged, Level, Stretch, Verdict, Wanted};
use chrono::TimeDelta;

/// New pods fill caches, compile and open connections for this long after the rollout; it is not their steady
/// state. What fails meanwhile fails all the same.
const WARM_UP: TimeDelta = TimeDelta::seconds(60);
/// While a rollout goes on its pods are new again and again, yet it is not waited for longer than this.
const LONGEST_ROLLOUT: TimeDelta = TimeDelta::minutes(5);

/// When a deploy was made, and from when on its pods are warm.
#[derive(Debug, Clone, Copy)]
struct Moment {
    at: Time,
    settled: Time,
}

impl From<&Deploy> for Moment {
    fn from(deploy: &Deploy) -> Self {
        let longest = deploy.at + LONGEST_ROLLOUT;
        let settled = deploy.finished.map_or(longest, |finished| longest.min(finished + WARM_UP));
        Self { at: deploy.at, settled }
    }
}

/// The earliest deploy of each service, and of all.
struct Moments {
    by_service: Vec<Option<Moment>>,
    earliest: Option<Moment>,
}

impl Moments {
    fn of_services(setup: &Setup, workloads: &[WorkloadState]) -> Self {
        let mut moments = Self { by_service: vec![None; setup.services.len()], earliest: None };
        for (workload, state) in setup.workloads.iter().zip(workloads) {
            let Some(deploy) = state.deploy.as_ref().map(Moment::from) else { continue };
            for slot in [&mut moments.by_service[usize::from(workload.service.0)], &mut moments.earliest] {
                if slot.is_none_or(|known| deploy.at < known.at) {
                    *slot = Some(deploy);
                }
            }
        }
        moments
    }

    /// The deploy that a signal is held against: its workload's, else its service's, else the earliest.
    fn of(&self, signal: &Signal, workloads: &[WorkloadState]) -> Option<Moment> {
        match signal.workload {
            Some(workload) => workloads[usize::from(workload.0)].deploy.as_ref().map(Moment::from),
            None => self.by_service[usize::from(signal.service.0)].or(self.earliest),
        }
    }
}

impl Watch {
    pub(super) fn take_poll(
        &mut self,
        source: SourceId,
        at: Time,
        points: Vec<(SignalId, Vec<Point>)>,
        failed: Vec<(SignalId, SourceError)>,
    ) {
        // An adapter may only speak of its own signals; anything else would be another source's word.
        let own = |setup: &Setup, id: SignalId| {
            setup.signals.get(usize::from(id.0)).is_some_and(|signal| signal.source == source)
        };
        for (id, points) in points {
            if own(&self.setup, id) {
                let asked = self.store.source(source).asked.as_ref().and_then(|asked| asked.span(id));
                self.store.insert(id, &points, at);
                if let Some(span) = asked {
                    self.store.cover(id, span);
                }
            }
        }
        for (id, error) in failed {
            if own(&self.setup, id) {
                self.store.set_trouble(id, error);
            }
        }
    }

    /// What the version before told: the past of a signal of the new one, and what happens beside it.
    pub(super) fn take_older(&mut self, source: SourceId, at: Time, points: Vec<(SignalId, Vec<Point>)>) {
        for (id, points) in points {
            let signal = self.setup.signals.get(usize::from(id.0));
            if signal.is_some_and(|signal| signal.source == source && signal.of_version) {
                self.store.insert_older(id, &points, at);
            }
        }
    }

    pub(super) fn take_issues(&mut self, source: SourceId, issues: Vec<Issue>) {
        for issue in &issues {
            if !self.issues.iter().any(|known| known.id == issue.id) {
                let novelty = match issue.novelty {
                    Novelty::New => "new issue",
                    Novelty::Regressed => "regressed issue",
                };
                let at = issue.first_seen.filter(|_| issue.novelty == Novelty::New).unwrap_or(self.now);
                self.timeline.add(at.min(self.now), Mark::Warning, format!("{novelty}: {}", issue.title));
            }
        }
        self.issues.retain(|issue| self.setup.signal(issue.signal).source != source);
        self.issues.extend(issues);
        self.issues.sort_by(|a, b| b.fatal.cmp(&a.fatal).then(b.count.cmp(&a.count)));
    }

    /// Judges the signals that `concerned` picks, then the whole.
    pub(super) fn judge_where(&mut self, concerned: impl Fn(SignalId, &Signal) -> bool, effects: &mut Vec<Effect>) {
        let setup = std::sync::Arc::clone(&self.setup);
        let red_before = self.findings.iter().filter(|finding| finding.level == Level::RedFlag).count();
        let moments = Moments::of_services(&setup, &self.workloads);
        let wanted = self.wanted();
        let mut new_flags = 0;
        for (index, signal) in setup.signals.iter().enumerate() {
            let id = SignalId(index as u16);
            if concerned(id, signal) {
                let deploy = moments.of(signal, &self.workloads);
                new_flags += usize::from(self.judge_one(id, signal, deploy, wanted));
            }
        }
        if new_flags > 0 && red_before == 0 {
            effects.push(Effect::Bell);
        }
        self.judge_whole();
    }

    /// Judges one signal; says whether a new red flag went up.
    fn judge_one(&mut self, id: SignalId, signal: &Signal, deploy: Option<Moment>, window: Option<Wanted>) -> bool {
        let before = self.findings[usize::from(id.0)].level;
        let mut track = std::mem::take(&mut self.tracks[usize::from(id.0)]);
        let evidence = Evidence {
            signal_id: id,
            signal,
            series: self.store.series(id),
            source: self.setup.source(signal.source),
            health: self.store.source(signal.source),
            rollout: signal.workload.and_then(|workload| self.workload(workload).rollout.as_ref()),
            deployed_at: deploy.map(|deploy| deploy.at),
            settled: deploy.map(|deploy| deploy.settled),
            issues: &self.issues,
            alerts: self.alerts.not_quiet(),
            unread: self.alerts.unread(id),
            taken_back: self.is_gone(signal),
            served: self.served_before(signal),
            window,
            before,
            now: self.now,
        };
        let judgement = verdict::judge(&evidence, &mut track);
        self.tracks[usize::from(id.0)] = track;
        let finding = &mut self.findings[usize::from(id.0)];
        finding.blames_deploy = judgement.blames_deploy;
        if finding.level == judgement.level {
            if finding.says != judgement.says {
                finding.says = judgement.says;
                self.revision += 1;
            }
            return false;
        }
        finding.level = judgement.level;
        finding.says = judgement.says;
        finding.since = self.now;
        finding.acknowledged = false;
        self.revision += 1;
        self.tell_change(id, before);
        judgement.level == Level::RedFlag
    }

    /// The version that a signal speaks of, once it was taken back and the old one serves again.
    fn is_gone(&self, signal: &Signal) -> Option<&str> {
        self.is_gone_by(self.rollback.undertaking()?, signal)
    }

    fn is_gone_by<'a>(&self, done: &'a Undertaking, signal: &Signal) -> Option<&'a str> {
        if !signal.of_version || done.ready.is_none() {
            return None;
        }
        let mut covered = done.plan.steps().flat_map(|step| &step.covers);
        let covered = covered.find(|covered| self.setup.workload(covered.workload).service == signal.service)?;
        Some(covered.from.label())
    }

    /// What the timeline says of a change: flags and warnings coming and going, and knowledge lost.
    fn tell_change(&mut self, id: SignalId, before: Level) {
        let finding = &self.findings[usize::from(id.0)];
        let name = self.name_of(id);
        let sentence = &finding.says;
        let (mark, text) = match finding.level {
            Level::Insufficient if self.is_gone(self.setup.signal(id)).is_some() => return,
            Level::RedFlag => (Mark::RedFlag, format!("{name}: {sentence}")),
            Level::Warning if before == Level::RedFlag => (Mark::Warning, format!("{name} no longer red: {sentence}")),
            Level::Warning => (Mark::Warning, format!("{name}: {sentence}")),
            Level::Clear if before >= Level::Warning => (Mark::Clear, format!("{name} clear: {sentence}")),
            Level::Stale => (Mark::Unknown, format!("{name} unknown: {sentence}")),
            Level::NoData | Level::Insufficient if before >= Level::Warning => {
                (Mark::Unknown, format!("{name} unknown: {sentence}"))
            }
            _ => return,
        };
        self.timeline.add(self.now, mark, text);
    }

    /// The signal's name, with its service where there are several.
    pub(super) fn name_of(&self, id: SignalId) -> String {
        let signal = self.setup.signal(id);
        if self.setup.services.len() > 1 {
            format!("{} {}", self.setup.service(signal.service).name, signal.name)
        } else {
            signal.name.clone()
        }
    }

    /// For how long before the deploy other signals know of requests to a signal's service. Only asked for where the
    /// signal's own past is empty.
    fn served_before(&self, signal: &Signal) -> TimeDelta {
        if signal.kind != Kind::ServerErrors {
            return TimeDelta::zero();
        }
        let spans = self.setup.signals.iter().enumerate().filter_map(|(index, other)| {
            let had_requests = |reading: &&Reading| match (other.kind, reading.sample) {
                (_, Sample::Counts { requests, .. }) => requests > 0.0,
                (Kind::Traffic, Sample::Value(rate)) => rate > 0.0,
                _ => false,
            };
            if other.service != signal.service || !matches!(other.kind, Kind::Traffic | Kind::ErrorRate) {
                return None;
            }
            let before = self.store.series(SignalId(index as u16)).before();
            let bins = i32::try_from(before.iter().filter(had_requests).count()).unwrap_or(i32::MAX);
            other.step.checked_mul(bins)
        });
        spans.max().unwrap_or(TimeDelta::zero())
    }

    /// What signals have to be known for; nothing once another version serves.
    fn wanted(&self) -> Option<Wanted> {
        let from = self.window().opened.filter(|_| self.rollback.undertaking().is_none())?;
        let window = Stretch { from, to: from + self.setup.window };
        Some(Wanted { window, started: self.setup.started, share: self.setup.coverage })
    }

    /// Every signal as the verdict sees it, in the setup's order.
    pub(super) fn judged(&self) -> impl Iterator<Item = Judged<'_>> {
        let all = self.setup.signals.iter().zip(&self.findings).zip(&self.tracks);
        all.map(|((signal, finding), track)| Judged { signal, finding, coverage: track.coverage() })
    }

    /// What the verdict rests on.
    pub fn basis(&self) -> Basis {
        verdict::basis(self.judged())
    }

    /// Whether every flag is known to be clear, as it has to be before a rollback counts as verified. What speaks of the
    /// version that was taken back alone says no more.
    pub(super) fn flags_are_known_to_be_clear(&self, done: &Undertaking) -> bool {
        let judged = (0..).map(SignalId).zip(self.judged());
        let gone = |id| self.is_gone_by(done, self.setup.signal(id)).is_some();
        verdict::are_clear(judged, &self.red_at_confirm, gone)
    }

    /// The required signals of which nothing is known, each with why.
    pub fn unknown_flags(&self) -> Vec<String> {
        let unknown = (0..).map(SignalId).zip(self.judged()).filter(|(_, judged)| {
            let gone = self.is_gone(judged.signal).is_some();
            judged.signal.required && judged.finding.level.is_unknown() && !gone
        });
        unknown.map(|(id, judged)| format!("{}: {}", self.name_of(id), judged.finding.says)).collect()
    }

    fn judge_whole(&mut self) {
        let over = self.window().is_over(self.now);
        let mut verdict = verdict::whole(self.judged(), over);
        let is_fine = matches!(verdict, Verdict::Healthy | Verdict::Watching);
        if over && is_fine && self.rollback.undertaking().is_some() {
            // What is healthy now is the old version.
            verdict = Verdict::Inconclusive;
        }
        if verdict != self.verdict {
            self.verdict = verdict;
            self.revision += 1;
            // A window that was over before the watch began had no end that could be told of.
            if self.window().opened.is_none_or(|opened| opened + self.setup.window < self.setup.started) {
                return;
            }
            let mark = match verdict {
                Verdict::Healthy => Mark::Clear,
                Verdict::Inconclusive => Mark::Unknown,
                // The flags and warnings themselves are in the timeline already.
                Verdict::Watching | Verdict::Degraded | Verdict::Faulty => return,
            };
            self.timeline.add(self.now, mark, format!("verdict: {}", verdict.label()));
        }
    }

    /// When the deploy was made that a signal is held against, where that is known.
    pub(super) fn deployed_at(&self, id: SignalId) -> Option<Time> {
        let moments = Moments::of_services(&self.setup, &self.workloads);
        moments.of(self.setup.signal(id), &self.workloads).map(|deploy| deploy.at)
    }

    /// Tells the store when each signal's deploy was made.
    pub(super) fn split_baselines(&mut self) {
        let setup = std::sync::Arc::clone(&self.setup);
        let moments = Moments::of_services(&setup, &self.workloads);
        for (index, signal) in setup.signals.iter().enumerate() {
            let at = moments.of(signal, &self.workloads).map(|deploy| deploy.at).or(setup.told.deployed_at);
            if let Some(at) = at.filter(|_| signal.kind != Kind::Rollout) {
                self.store.set_deploy(SignalId(index as u16), at);
            }
        }
    }
}
