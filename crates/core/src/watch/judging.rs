//! Readings in, findings and the verdict out; each significant change goes to the timeline.

use super::alerting::Alerts;
use super::deploys::Deploys;
use super::desk::gone;
use super::journal::Journal;
use super::moments::{Moment, Moments};
use super::neighbours::Neighbours;
use super::rhythm::Rhythm;
use super::{WorkloadState, name_of};
use crate::deploy::{ServiceId, Time, Window};
use crate::poll::{Ago, Issue, Novelty};
use crate::rollback::Execution;
use crate::rollout::{Trouble, TroubleKind};
use crate::setup::Setup;
use crate::signal::{Kind, Reading, Sample, Signal, SignalId, SourceId};
use crate::store::Store;
use crate::timeline::Mark;
use crate::verdict::{
    self, Basis, Elsewhere, Evidence, Finding, Judged, Level, Requests, Says, Stretch, Track, Verdict, Wanted,
};
use chrono::TimeDelta;

/// What is said of every signal and of the whole.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judging {
    /// In the setup's order.
    findings: Vec<Finding>,
    /// What each signal's rule has made of its bins so far.
    tracks: Vec<Track>,
    verdict: Verdict,
    /// Of this version, the most frequent first.
    issues: Vec<Issue>,
    /// By service.
    signals: Vec<ServiceSignals>,
}

/// What judging rests on, and does not own.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) setup: &'a Setup,
    pub(super) now: Time,
    pub(super) store: &'a Store,
    pub(super) alerts: &'a Alerts,
    pub(super) workloads: &'a [WorkloadState],
    pub(super) window: Window,
    /// What was rolled back, once somebody confirmed.
    pub(super) done: Option<&'a Execution>,
    /// What signals did on earlier days.
    pub(super) rhythm: &'a Rhythm,
    /// Which services can be held against which.
    pub(super) neighbours: &'a Neighbours,
}

/// What one signal is judged by beside its own readings.
#[derive(Clone, Copy)]
struct Context<'a> {
    deploy: Option<Moment>,
    window: Option<Wanted>,
    requests: Option<Requests<'a>>,
    served: TimeDelta,
    restarts: Option<bool>,
    /// By service.
    is_deployed: &'a [bool],
}

/// What of a service's signals others are judged by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct ServiceSignals {
    /// Those that count its requests, or tell their rate.
    requests: Vec<SignalId>,
    /// The one of them that tells best: a rate before counts.
    best: Option<SignalId>,
}

impl ServiceSignals {
    /// By service.
    fn of(setup: &Setup) -> Vec<Self> {
        let mut all = vec![Self::default(); setup.services.len()];
        for (id, signal) in (0..).map(SignalId).zip(&setup.signals) {
            let of = &mut all[usize::from(signal.service.0)];
            let is_better = match signal.kind {
                Kind::Traffic => of.best.is_none_or(|known| setup.signal(known).kind != Kind::Traffic),
                Kind::ErrorRate => of.best.is_none(),
                _ => continue,
            };
            of.requests.push(id);
            if is_better {
                of.best = Some(id);
            }
        }
        all
    }
}

impl Judging {
    /// Nothing is known of any signal.
    pub(super) fn new(setup: &Setup) -> Self {
        let unknown = Finding {
            level: Level::NoData,
            says: Says::NotAsked,
            blames_deploy: false,
            since: setup.started,
            acknowledged: false,
        };
        Self {
            findings: setup.signals.iter().map(|_| unknown.clone()).collect(),
            tracks: setup.signals.iter().map(|_| Track::default()).collect(),
            verdict: Verdict::Watching,
            issues: Vec::new(),
            signals: ServiceSignals::of(setup),
        }
    }

    pub(super) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    pub(super) fn verdict(&self) -> Verdict {
        self.verdict
    }

    pub(super) fn issues(&self) -> &[Issue] {
        &self.issues
    }

    /// The signals that are red.
    pub(super) fn red(&self) -> impl Iterator<Item = SignalId> {
        let findings = (0..).map(SignalId).zip(&self.findings);
        findings.filter(|(_, finding)| finding.level == Level::RedFlag).map(|(id, _)| id)
    }

    /// What the red flags say, for whoever reads later why something was rolled back.
    pub(super) fn red_sentences(&self) -> String {
        self.red().map(|id| self.findings[usize::from(id.0)].sentence()).collect::<Vec<_>>().join("; ")
    }

    /// The services that have been under a red flag for this long.
    pub(super) fn red_services(&self, setup: &Setup, red_for: TimeDelta, now: Time) -> Vec<ServiceId> {
        let long = self.red().filter(|id| now - self.findings[usize::from(id.0)].since >= red_for);
        long.map(|id| setup.signal(id).service).collect()
    }

    /// A person has seen a flag; says whether there was one to see.
    pub(super) fn acknowledge(&mut self, id: SignalId) -> bool {
        let flag = self.findings.get_mut(usize::from(id.0));
        let flag = flag.filter(|flag| !flag.acknowledged && flag.level >= Level::Warning);
        flag.map(|flag| flag.acknowledged = true).is_some()
    }

    /// Whether it is known that nothing is wrong: the flags say so, each of them.
    pub(super) fn nothing_is_wrong(&self, setup: &Setup) -> bool {
        let wanted = self.findings.iter().zip(&setup.signals).filter(|(_, signal)| signal.required);
        self.red().next().is_none()
            && wanted.clone().count() > 0
            && wanted.clone().all(|(finding, _)| finding.level == Level::Clear)
    }

    /// The required signals that nobody can see.
    pub(super) fn unseen<'a>(&'a self, setup: &'a Setup) -> impl Iterator<Item = &'a Signal> {
        let flags = self.findings.iter().zip(&setup.signals);
        let unseen =
            flags.filter(|(finding, signal)| signal.required && matches!(finding.level, Level::Stale | Level::NoData));
        unseen.map(|(_, signal)| signal)
    }

    /// What a source tells of issues replaces what it told of them before.
    pub(super) fn take_issues(
        &mut self,
        setup: &Setup,
        source: SourceId,
        issues: Vec<Issue>,
        now: Time,
        journal: &mut Journal,
    ) {
        for issue in &issues {
            if !self.issues.iter().any(|known| known.id == issue.id) {
                let novelty = match issue.novelty {
                    Novelty::New => "new issue",
                    Novelty::Regressed => "regressed issue",
                };
                let at = issue.first_seen.filter(|_| issue.novelty == Novelty::New).unwrap_or(now);
                let service = setup.signal(issue.signal).service;
                journal.add_about(service, at.min(now), Mark::Warning, format!("{novelty}: {}", issue.title));
            }
        }
        self.issues.retain(|issue| setup.signal(issue.signal).source != source);
        self.issues.extend(issues);
        self.issues.sort_by(|a, b| b.fatal.cmp(&a.fatal).then(b.count.cmp(&a.count)));
    }

    /// Judges the signals that `concerned` picks, then the whole.
    ///
    /// Says whether a red flag went up where there was none.
    pub(super) fn judge_where(
        &mut self,
        ground: Ground<'_>,
        concerned: impl Fn(SignalId, &Signal) -> bool,
        journal: &mut Journal,
    ) -> bool {
        let was_red = self.red().next().is_some();
        let moments = Moments::of_services(ground.setup, ground.workloads);
        let wanted = ground.wanted();
        let restarted = ground.restarted();
        let is_deployed = Deploys::are_deployed(ground.setup, ground.workloads);
        let mut new_flags = 0;
        for (index, signal) in ground.setup.signals.iter().enumerate() {
            let id = SignalId(index as u16);
            if concerned(id, signal) {
                let service = usize::from(signal.service.0);
                let of = &self.signals[service];
                let context = Context {
                    deploy: moments.of(signal),
                    window: wanted,
                    requests: of.best.map(|id| ground.requests(id)),
                    // Nothing else asks for it.
                    served: match signal.kind {
                        Kind::ServerErrors => ground.served_before(&of.requests),
                        _ => TimeDelta::zero(),
                    },
                    restarts: restarted[service].filter(|_| signal.kind == Kind::Memory),
                    is_deployed: &is_deployed,
                };
                new_flags += usize::from(self.judge_one(ground, (id, signal), context, journal));
            }
        }
        self.judge_whole(ground, journal);
        new_flags > 0 && !was_red
    }

    /// Judges one signal; says whether a new red flag went up.
    fn judge_one(
        &mut self,
        ground: Ground<'_>,
        (id, signal): (SignalId, &Signal),
        context: Context<'_>,
        journal: &mut Journal,
    ) -> bool {
        let Context { deploy, window, requests, served, restarts, is_deployed } = context;
        let before = self.findings[usize::from(id.0)].level;
        let mut track = std::mem::take(&mut self.tracks[usize::from(id.0)]);
        let evidence = Evidence {
            signal_id: id,
            signal,
            series: ground.store.series(id),
            source: ground.setup.source(signal.source),
            health: ground.store.source(signal.source),
            rollout: signal.workload.and_then(|workload| ground.workloads[usize::from(workload.0)].rollout.as_ref()),
            deployed_at: deploy.map(|deploy| deploy.at),
            settled: deploy.map(|deploy| deploy.settled),
            issues: &self.issues,
            alerts: ground.alerts.not_quiet(),
            unread: ground.alerts.unread(id),
            rolled_back: ground.is_gone(signal),
            served,
            requests,
            restarts,
            window,
            before,
            now: ground.now,
        };
        let elsewhere = || ground.elsewhere(id, is_deployed);
        let judgement = verdict::judge_beside(&evidence, elsewhere, &mut track);
        self.tracks[usize::from(id.0)] = track;
        let finding = &mut self.findings[usize::from(id.0)];
        finding.blames_deploy = judgement.blames_deploy;
        if finding.level == judgement.level {
            if finding.says != judgement.says {
                finding.says = judgement.says;
                journal.changed();
            }
            return false;
        }
        finding.level = judgement.level;
        finding.says = judgement.says;
        finding.since = ground.now;
        finding.acknowledged = false;
        journal.changed();
        self.tell_change(ground, id, before, journal);
        judgement.level == Level::RedFlag
    }

    /// What the timeline says of a change: flags and warnings coming and going, and knowledge lost.
    fn tell_change(&self, ground: Ground<'_>, id: SignalId, before: Level, journal: &mut Journal) {
        let finding = &self.findings[usize::from(id.0)];
        let name = name_of(ground.setup, id);
        let sentence = &finding.says;
        let (mark, text) = match finding.level {
            Level::Insufficient if ground.is_gone(ground.setup.signal(id)).is_some() => return,
            Level::RedFlag => (Mark::RedFlag, format!("{name}: {sentence}")),
            Level::Warning if before == Level::RedFlag => (Mark::Warning, format!("{name} no longer red: {sentence}")),
            Level::Warning => (Mark::Warning, format!("{name}: {sentence}")),
            Level::Clear if before >= Level::Warning => (Mark::Clear, format!("{name} ok: {sentence}")),
            Level::Stale => (Mark::Unknown, format!("{name} unknown: {sentence}")),
            Level::NoData | Level::Insufficient if before >= Level::Warning => {
                (Mark::Unknown, format!("{name} unknown: {sentence}"))
            }
            _ => return,
        };
        journal.add_about(ground.setup.signal(id).service, ground.now, mark, text);
    }

    /// Every signal as the verdict sees it, in the setup's order.
    pub(super) fn judged<'a>(&'a self, setup: &'a Setup) -> impl Iterator<Item = Judged<'a>> {
        let all = setup.signals.iter().zip(&self.findings).zip(&self.tracks);
        all.map(|((signal, finding), track)| Judged { signal, finding, coverage: track.coverage() })
    }

    /// What the verdict rests on.
    pub(super) fn basis(&self, setup: &Setup) -> Basis {
        verdict::basis(self.judged(setup))
    }

    /// Whether every flag is known to be clear, as it has to be before a rollback counts as verified. What speaks of the
    /// version that was rolled back alone says no more. `red` are the signals that were red when it was confirmed.
    pub(super) fn flags_are_known_to_be_clear(&self, setup: &Setup, done: &Execution, red: &[SignalId]) -> bool {
        let judged = (0..).map(SignalId).zip(self.judged(setup));
        let gone = |id| gone(setup, done, setup.signal(id)).is_some();
        verdict::are_clear(judged, red, gone)
    }

    /// The required signals of which nothing is known, each with why.
    pub(super) fn unknown_flags(&self, setup: &Setup, done: Option<&Execution>) -> Vec<String> {
        let unknown = (0..).map(SignalId).zip(self.judged(setup)).filter(|(_, judged)| {
            let gone = done.is_some_and(|done| gone(setup, done, judged.signal).is_some());
            judged.signal.required && judged.finding.level.is_unknown() && !gone
        });
        unknown.map(|(id, judged)| format!("{}: {}", name_of(setup, id), judged.finding.says)).collect()
    }

    fn judge_whole(&mut self, ground: Ground<'_>, journal: &mut Journal) {
        let Ground { setup, now, window, done, .. } = ground;
        let over = window.is_over(now);
        let mut verdict = verdict::whole(self.judged(setup), over);
        let is_fine = !matches!(verdict, Verdict::Degraded | Verdict::Faulty);
        let is_rolled_back = over && is_fine && done.is_some();
        if is_rolled_back {
            // What is healthy now is the previous version.
            verdict = Verdict::Inconclusive;
        }
        if verdict != self.verdict {
            self.verdict = verdict;
            journal.changed();
            // What came of the rollback is told, and no verdict after it: the deploy is no longer judged. A window that
            // was over before the watch began had no end that could be told of.
            if is_rolled_back || window.opened.is_none_or(|opened| opened + setup.window < setup.started) {
                return;
            }
            let mark = match verdict {
                Verdict::Healthy => Mark::Clear,
                Verdict::Inconclusive => Mark::Unknown,
                // The flags and warnings themselves are in the timeline already.
                Verdict::Watching | Verdict::Degraded | Verdict::Faulty => return,
            };
            journal.add(now, mark, format!("verdict: {}", verdict.label()));
        }
    }
}

impl<'a> Ground<'a> {
    /// The same signal where there was no such deploy.
    fn elsewhere(&self, id: SignalId, is_deployed: &[bool]) -> Elsewhere<'a> {
        Elsewhere {
            yesterday: self.rhythm.earlier(id, Ago::Day),
            last_week: self.rhythm.earlier(id, Ago::Week),
            neighbours: self.neighbours.of(self.setup, self.store, id, is_deployed),
        }
    }

    /// What a signal that tells of a service's requests tells.
    fn requests(&self, id: SignalId) -> Requests<'a> {
        let signal = self.setup.signal(id);
        Requests { series: self.store.series(id), rate_over: (signal.kind == Kind::Traffic).then_some(signal.step) }
    }

    /// By service, whether the cluster tells of containers that restarted or were killed; `None` where it tells nothing.
    fn restarted(&self) -> Vec<Option<bool>> {
        let restarts = |trouble: &Trouble| {
            matches!(trouble.kind, TroubleKind::CrashLoop | TroubleKind::OomKilled | TroubleKind::Restarts)
        };
        let mut restarted = vec![None; self.setup.services.len()];
        for (workload, state) in self.setup.workloads.iter().zip(self.workloads) {
            let Some(rollout) = &state.rollout else { continue };
            let known = &mut restarted[usize::from(workload.service.0)];
            let restarted = rollout.troubles.iter().any(restarts) || rollout.pods.iter().any(|pod| pod.restarts > 0);
            *known = Some(*known == Some(true) || restarted);
        }
        restarted
    }

    /// The version that a signal speaks of, once it was rolled back and the old one serves again.
    fn is_gone(&self, signal: &Signal) -> Option<&'a str> {
        gone(self.setup, self.done?, signal)
    }

    /// For how long before the deploy these signals know of requests.
    fn served_before(&self, signals: &[SignalId]) -> TimeDelta {
        let spans = signals.iter().filter_map(|id| {
            let signal = self.setup.signal(*id);
            let had_requests = |reading: &&Reading| match (signal.kind, reading.sample) {
                (_, Sample::Counts { requests, .. }) => requests > 0.0,
                (Kind::Traffic, Sample::Value(rate)) => rate > 0.0,
                _ => false,
            };
            let before = self.store.series(*id).before();
            let bins = i32::try_from(before.iter().filter(had_requests).count()).unwrap_or(i32::MAX);
            signal.step.checked_mul(bins)
        });
        spans.max().unwrap_or(TimeDelta::zero())
    }

    /// What signals have to be known for; nothing once another version serves.
    fn wanted(&self) -> Option<Wanted> {
        let from = self.window.opened.filter(|_| self.done.is_none())?;
        let window = Stretch { from, to: from + self.setup.window };
        Some(Wanted { window, started: self.setup.started, share: self.setup.coverage })
    }
}
