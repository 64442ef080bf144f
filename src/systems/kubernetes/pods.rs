//! One pod: what it is doing, what is wrong with it, and what must be remembered of it because the next answer of the
//! API server will not say it any more.

use super::objects::{self, ContainerStatus, Pod, Template};
use super::termination_message::summary;
use crate::cluster::short;
use crate::deploy::{Time, WorkloadKind};
use crate::rollout::{self, PodPhase, TroubleKind};
use chrono::TimeDelta;
use std::collections::BTreeMap;

/// The label with the zone of a pod's node, which the admission plugin `PodTopologyLabels` copies to it (Kubernetes 1.35).
const ZONE: &str = "topology.kubernetes.io/zone";
/// Restarts within this span are one loop: the back-off between them is five minutes at most.
const LOOP_SPAN: TimeDelta = TimeDelta::minutes(5);
/// So many restarts within [`LOOP_SPAN`] are a crash loop, whatever the container is doing at the moment.
const LOOP_RESTARTS: u32 = 2;
/// So many kills of one container for its memory are not a coincidence.
const REPEATED_OOM_KILLS: usize = 2;
/// Containers that are being created for longer than this are stuck.
const STUCK: TimeDelta = TimeDelta::minutes(3);

/// Which of a pod's containers serve, and which stand beside them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Roles<'a> {
    template: Option<&'a Template>,
    main: Option<&'a str>,
}

impl<'a> Roles<'a> {
    /// By the template of the version and the name of its main container.
    pub(super) const fn of(template: Option<&'a Template>, main: Option<&'a str>) -> Self {
        Self { template, main }
    }

    /// Whether a container stands beside the one that serves. Whatever is not known to, does not.
    fn is_sidecar(self, name: &str) -> bool {
        let Some(template) = self.template else { return false };
        let is_beside = template.containers.iter().any(|container| container.name == name)
            && self.main.is_some_and(|main| main != name);
        is_beside || template.sidecars.iter().any(|sidecar| sidecar == name)
    }
}

/// What is remembered of a pod from one look to the next.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    containers: BTreeMap<String, ContainerMemory>,
    first_seen: Option<Time>,
    /// Restarts of any container, oldest first, none older than [`LOOP_SPAN`].
    restarts: Vec<(Time, u32)>,
    /// When the back-off of a crash loop was last seen.
    backed_off: Option<Time>,
    /// Why the image could not be pulled: said once, then hidden behind "back-off".
    pull_error: Option<String>,
}

#[derive(Debug, Clone, Default)]
struct ContainerMemory {
    /// The count at first sight: restarts that happened before anybody looked.
    before: u32,
    /// Restarts since.
    since: u32,
    count: u32,
    /// How it last ended; the API server forgets it in some states in between.
    exit: Option<String>,
    /// When it was killed for using too much memory, oldest first; as many as a judgement needs.
    oom_kills: Vec<Time>,
}

/// Something wrong with one pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PodProblem {
    /// What kind of trouble it is.
    pub kind: TroubleKind,
    /// In Kubernetes' words: `CrashLoopBackOff`.
    pub reason: String,
    /// What the user needs to know: `CrashLoopBackOff, exit 1`.
    pub detail: String,
    /// Which container; `None` when it is the pod as a whole.
    pub container: Option<String>,
}

impl Memory {
    /// Looks at a pod and keeps what will be needed of it.
    pub(super) fn look(&mut self, pod: &Pod, now: Time) {
        let is_new = self.first_seen.is_none();
        self.first_seen.get_or_insert(now);
        for status in pod.containers() {
            self.count_restarts(status, pod, is_new, now);
            if let Some(exit) = exit_of(status) {
                self.containers.entry(status.name.clone()).or_default().exit = Some(exit);
            }
            for ended in [&status.state.terminated, &status.last_state.terminated].into_iter().flatten() {
                if ended.reason == "OOMKilled" {
                    let kills = &mut self.containers.entry(status.name.clone()).or_default().oom_kills;
                    // Without a time only the first is known to be another one.
                    let at = ended.finished_at.or_else(|| kills.is_empty().then_some(now));
                    if let Some(at) =
                        at.filter(|at| kills.len() < REPEATED_OOM_KILLS && kills.iter().all(|known| known < at))
                    {
                        kills.push(at);
                    }
                }
            }
            let Some(waiting) = &status.state.waiting else { continue };
            match class_of(&waiting.reason) {
                Some(TroubleKind::CrashLoop) => self.backed_off = Some(now),
                Some(TroubleKind::Image) => {
                    if let Some(error) = pull_error(&waiting.reason, &waiting.message) {
                        self.pull_error = Some(error);
                    }
                }
                _ => {}
            }
        }
        self.restarts.retain(|(at, _)| now - *at < LOOP_SPAN);
    }

    fn count_restarts(&mut self, status: &ContainerStatus, pod: &Pod, first_look: bool, now: Time) {
        let memory = self.containers.entry(status.name.clone()).or_default();
        // The kubelet may forget dead containers: a count that falls is not a restart.
        let gained = if first_look { 0 } else { status.restart_count.saturating_sub(memory.count) };
        memory.since += gained;
        memory.count = status.restart_count;
        let mut recent = gained;
        if first_look {
            memory.before = status.restart_count;
            // Of a pod younger than a loop's span all restarts are recent; of an older one only the last is known.
            let is_young = objects::created(&pod.metadata).is_some_and(|created| now - created < LOOP_SPAN);
            recent = if is_young { status.restart_count } else { status.restart_count.min(1) };
        }
        if recent > 0 {
            let ended = status.last_state.terminated.as_ref().and_then(|ended| ended.finished_at);
            self.restarts.push((ended.unwrap_or(now), recent));
        }
    }

    fn is_looping(&self, pod: &Pod, now: Time) -> bool {
        let recent: u32 = self.restarts.iter().filter(|(at, _)| now - *at < LOOP_SPAN).map(|(_, count)| count).sum();
        // Between two back-offs the container runs for seconds. Only readiness shows that it is over.
        let backs_off = self.backed_off.is_some_and(|at| now - at < LOOP_SPAN) && pod.ready_since().is_none();
        recent >= LOOP_RESTARTS || backs_off
    }

    /// `CrashLoopBackOff, exit 1`.
    fn with_exit(&self, reason: &str, container: &str) -> String {
        match self.containers.get(container).and_then(|memory| memory.exit.as_ref()) {
            Some(exit) => format!("{reason}, {exit}"),
            None => reason.to_owned(),
        }
    }

    /// The container that was killed for using too much memory at a time that counts, the one that serves before those
    /// beside it. A kill of a sidecar is worth a warning; the second of the same is none the less a flag.
    fn out_of_memory(&self, roles: &Roles<'_>, counts: impl Fn(Time) -> bool) -> Option<PodProblem> {
        let kills = |memory: &ContainerMemory| memory.oom_kills.iter().filter(|at| counts(**at)).count();
        let killed = self.containers.iter().filter_map(|(name, memory)| {
            let kind = match kills(memory) {
                0 => return None,
                times if roles.is_sidecar(name) && times < REPEATED_OOM_KILLS => TroubleKind::SidecarOomKilled,
                _ => TroubleKind::OomKilled,
            };
            Some((kind, name))
        });
        let (kind, name) = killed.min_by_key(|(kind, _)| *kind)?;
        let reason = "OOMKilled".to_owned();
        Some(PodProblem { kind, detail: reason.clone(), reason, container: Some(name.clone()) })
    }

    /// How the container that ended last did, and what it said.
    fn last_words(&self, pod: &Pod) -> Option<String> {
        let ended = pod.containers().filter_map(|status| {
            let exit = self.containers.get(&status.name)?.exit.as_ref()?;
            Some((ended_at(status), exit))
        });
        ended.max_by_key(|(at, _)| *at).map(|(_, exit)| exit.clone())
    }

    /// Restarts since the deploy for a pod made for it, else since the first look.
    fn restarts_since(&self, made_for_deploy: bool) -> u32 {
        self.containers.values().map(|memory| memory.since + if made_for_deploy { memory.before } else { 0 }).sum()
    }
}

/// What a pod is doing and what is wrong with it. `deployed` is when the deploy was made.
pub(super) fn examine(
    pod: &Pod,
    memory: &Memory,
    roles: &Roles<'_>,
    deployed: Option<Time>,
    now: Time,
) -> (PodState, Vec<PodProblem>) {
    let created = objects::created(&pod.metadata);
    let made_for_deploy = created >= deployed;
    let restarts = memory.restarts_since(made_for_deploy);
    let watched_from = if made_for_deploy { deployed } else { memory.first_seen };
    let out_of_memory = memory.out_of_memory(roles, |at| made_for_deploy || Some(at) >= watched_from);
    let oom_killed = out_of_memory.is_some();

    let is_over = matches!(pod.status.phase.as_str(), "Succeeded" | "Failed");
    let mut problems = Vec::new();
    if !pod.is_terminating() && !is_over {
        problems = container_ailments(pod, memory, now);
        problems.extend(unschedulable(pod));
        problems.extend(out_of_memory);
        if restarts > 0 && !problems.iter().any(|problem| problem.kind == TroubleKind::CrashLoop) {
            problems.push(restart_ailment(pod, memory, restarts));
        }
        problems.sort_by_key(|problem| problem.kind);
    }
    let cannot_work = problems
        .iter()
        .find(|problem| matches!(problem.kind, TroubleKind::CrashLoop | TroubleKind::Image | TroubleKind::Config));
    let phase = if pod.is_terminating() {
        PodPhase::Terminating
    } else if is_over {
        PodPhase::Finished
    } else if cannot_work.is_some() {
        PodPhase::Failing
    } else if pod.ready_since().is_some() {
        PodPhase::Ready
    } else if pod.status.phase == "Running" {
        PodPhase::Unready
    } else {
        PodPhase::Starting
    };
    let reason = match phase {
        PodPhase::Ready | PodPhase::Terminating => None,
        PodPhase::Finished => Some(pod.status.reason.clone()).filter(|reason| !reason.is_empty()),
        PodPhase::Failing => cannot_work.map(|problem| problem.reason.clone()),
        PodPhase::Unready | PodPhase::Starting => why_not_ready(pod),
    };
    (PodState { phase, reason, restarts, oom_killed, last_words: memory.last_words(pod) }, problems)
}

/// What a pod is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PodState {
    /// In one word.
    pub phase: PodPhase,
    /// Why it is not ready, in Kubernetes' words.
    pub reason: Option<String>,
    /// Restarts that count for this deploy.
    pub restarts: u32,
    /// Whether it was killed for using too much memory in this deploy's time.
    pub oom_killed: bool,
    /// How a container of it last ended, and its last words.
    pub last_words: Option<String>,
}

impl PodState {
    /// The pod as everybody else sees it.
    pub(super) fn into_pod(self, pod: &Pod, kind: WorkloadKind, is_new: bool) -> rollout::Pod {
        rollout::Pod {
            name: pod.metadata.name.clone().unwrap_or_default(),
            uid: objects::uid(&pod.metadata).to_owned(),
            is_new,
            hash: pod.hash(kind).to_owned(),
            phase: self.phase,
            reason: self.reason,
            restarts: self.restarts,
            oom_killed: self.oom_killed,
            created: objects::created(&pod.metadata),
            ready_since: pod.ready_since(),
            unready_since: pod.unready_since(),
            node: pod.spec.node_name.clone(),
            zone: objects::label(&pod.metadata, ZONE).map(short),
            last_words: self.last_words,
            images: pod.images(),
        }
    }
}

fn container_ailments(pod: &Pod, memory: &Memory, now: Time) -> Vec<PodProblem> {
    let mut problems = Vec::new();
    for status in pod.containers() {
        let Some(waiting) = &status.state.waiting else { continue };
        let Some(kind) = class_of(&waiting.reason) else { continue };
        let reason = waiting.reason.clone();
        let detail = match kind {
            TroubleKind::CrashLoop => memory.with_exit(&reason, &status.name),
            TroubleKind::Image => {
                let why = memory.pull_error.as_deref().unwrap_or(&reason);
                format!("{}: {why}", status.image)
            }
            _ if waiting.message.is_empty() => reason.clone(),
            _ => format!("{reason}: {}", short(&waiting.message)),
        };
        problems.push(PodProblem { kind, reason, detail, container: Some(status.name.clone()) });
    }
    let crashes = problems.iter().any(|problem| problem.kind == TroubleKind::CrashLoop);
    if !crashes && memory.is_looping(pod, now) {
        problems.push(crash_loop(pod, memory));
    }
    if problems.is_empty() {
        problems.extend(stuck(pod, now));
    }
    problems
}

/// A loop that is between two back-offs, or restarts too quickly for one to be seen.
fn crash_loop(pod: &Pod, memory: &Memory) -> PodProblem {
    let reason = "CrashLoopBackOff".to_owned();
    let worst = pod.containers().max_by_key(|status| status.restart_count);
    let detail = worst.map_or_else(|| reason.clone(), |status| memory.with_exit(&reason, &status.name));
    PodProblem { kind: TroubleKind::CrashLoop, reason, detail, container: worst.map(|status| status.name.clone()) }
}

fn restart_ailment(pod: &Pod, memory: &Memory, restarts: u32) -> PodProblem {
    let last = pod.containers().filter(|status| status.restart_count > 0).max_by_key(|status| ended_at(status));
    let times = if restarts == 1 { "once".to_owned() } else { format!("{restarts} times") };
    let detail = last.map_or_else(|| times.clone(), |status| memory.with_exit(&times, &status.name));
    PodProblem {
        kind: TroubleKind::Restarts,
        reason: "Restarted".to_owned(),
        detail,
        container: last.map(|status| status.name.clone()),
    }
}

fn unschedulable(pod: &Pod) -> Option<PodProblem> {
    let scheduled = pod.condition("PodScheduled")?;
    (scheduled.status == "False" && scheduled.reason == "Unschedulable").then(|| PodProblem {
        kind: TroubleKind::Unschedulable,
        reason: scheduled.reason.clone(),
        detail: short(&scheduled.message),
        container: None,
    })
}

/// Containers that have been in creation for too long: a volume that cannot be mounted, most often.
/// A pod that waits for an init container that runs (a migration) is not stuck.
fn stuck(pod: &Pod, now: Time) -> Option<PodProblem> {
    let since = pod.condition("PodScheduled").filter(|scheduled| scheduled.status == "True")?.last_transition_time?;
    let is_working = pod.status.init_container_statuses.iter().any(|status| status.state.running.is_some());
    if is_working || now - since < STUCK {
        return None;
    }
    let (status, waiting) = pod.containers().find_map(|status| Some((status, status.state.waiting.as_ref()?)))?;
    is_benign(&waiting.reason).then(|| PodProblem {
        kind: TroubleKind::Config,
        reason: waiting.reason.clone(),
        detail: format!("{} for more than {} min", waiting.reason, STUCK.num_minutes()),
        container: Some(status.name.clone()),
    })
}

fn why_not_ready(pod: &Pod) -> Option<String> {
    let of_container = pod.containers().find_map(|status| {
        let waiting = status.state.waiting.as_ref().map(|waiting| &waiting.reason);
        waiting.or_else(|| status.state.terminated.as_ref().filter(|t| t.exit_code != 0).map(|t| &t.reason))
    });
    let of_pod = || {
        let conditions = ["PodScheduled", "Ready"].into_iter().filter_map(|kind| pod.condition(kind));
        conditions.filter(|condition| condition.status == "False").map(|condition| &condition.reason).next()
    };
    of_container.or_else(of_pod).filter(|reason| !reason.is_empty()).cloned()
}

/// What kind of trouble a container's waiting reason is; `None` for those that belong to every start.
fn class_of(reason: &str) -> Option<TroubleKind> {
    Some(match reason {
        "CrashLoopBackOff" | "RunContainerError" | "PostStartHookError" | "PreStartHookError" => TroubleKind::CrashLoop,
        "ErrImagePull"
        | "ImagePullBackOff"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "ImageInspectError"
        | "RegistryUnavailable"
        | "SignatureValidationFailed" => TroubleKind::Image,
        "CreateContainerConfigError"
        | "CreateContainerError"
        | "PreCreateHookError"
        | "CreatePodSandboxError"
        | "ConfigPodSandboxError" => TroubleKind::Config,
        _ => return None,
    })
}

fn is_benign(reason: &str) -> bool {
    matches!(reason, "ContainerCreating" | "PodInitializing" | "")
}

/// The registry's own words. While it backs off, the kubelet says only that it does, or repeats them at the end.
fn pull_error(reason: &str, message: &str) -> Option<String> {
    let message = if reason == "ImagePullBackOff" {
        message.split_once(": ErrImagePull: ").map(|(_, error)| error)?
    } else {
        message
    };
    (!message.is_empty()).then(|| short(message))
}

/// How a container last ended, and what it said: `exit 1: “no such table: orders”`, `signal 9`, `OOMKilled`.
fn exit_of(status: &ContainerStatus) -> Option<String> {
    let ended = status.last_state.terminated.as_ref().or(status.state.terminated.as_ref())?;
    let how = match (ended.reason.as_str(), ended.signal) {
        ("OOMKilled", _) => "OOMKilled".to_owned(),
        (_, Some(signal)) if signal != 0 => format!("signal {signal}"),
        _ => format!("exit {}", ended.exit_code),
    };
    Some(summary(&ended.message).map_or_else(|| how.clone(), |words| format!("{how}: “{words}”")))
}

fn ended_at(status: &ContainerStatus) -> Option<Time> {
    status.last_state.terminated.as_ref()?.finished_at
}

#[cfg(test)]
mod tests;
