//! The template history: which entry is being rolled out, and which deploy that is.

use super::objects::{self, CHANGE_CAUSE, Entry, Pod, REVISION, Template, Workload, annotation};
use super::status::ROLLED_OUT;
use crate::deploy::{Deploy, Naming, Time, Version, WorkloadKind, main_container, main_first};
use crate::rollout::{Progress, Replicas, Revision};
use chrono::{SubsecRound, TimeDelta};

/// Annotations in which pipelines say who deployed, by the part after the slash.
const DEPLOYERS: [&str; 5] = ["deployed-by", "deployer", "triggered-by", "actor", "author"];

/// A workload's history and pods, as they are now. All entries and pods are its own.
pub(super) struct History<'a> {
    /// Of which kind it is.
    pub kind: WorkloadKind,
    /// The workload.
    pub workload: &'a Workload,
    /// The entries, in any order.
    pub entries: Vec<&'a Entry>,
    /// The pods, in any order.
    pub pods: Vec<&'a Pod>,
    /// The container that the configuration calls the main one.
    pub container: Option<&'a str>,
}

impl<'a> History<'a> {
    /// The entry whose template is the workload's own: what runs or is on its way.
    ///
    /// Not simply the newest: between a change of the template and the controller's next look the newest
    /// entry is still the one before, and after an undo it is an old one that gets a new number only later.
    pub(super) fn current(&self) -> Option<&'a Entry> {
        let update = self.workload.update();
        if self.kind == WorkloadKind::Rollout && update.is_observed {
            // Its template is stored as it was written, those of its ReplicaSets with all defaults: they are rarely
            // equal. An aborted one has gone back, whatever its template says.
            return self.entries.iter().find(|entry| entry.hash(self.kind) == update.wanted_hash()).copied();
        }
        let fingerprint = self.workload.spec.template.fingerprint;
        let equal = self.entries.iter().filter(|entry| entry.template(self.kind).fingerprint == fingerprint);
        let newest = |entry: &&&Entry| (entry.number(self.kind), objects::created(&entry.metadata));
        equal.max_by_key(newest).copied().or_else(|| self.as_the_controller_says())
    }

    /// For templates that were written under other defaults than the server has now, and so equal none.
    fn as_the_controller_says(&self) -> Option<&'a Entry> {
        if !self.workload.is_observed() || self.workload.spec.paused {
            return None;
        }
        let is_named = |entry: &&&Entry| match self.kind {
            WorkloadKind::Deployment => {
                let revision = annotation(&self.workload.metadata, REVISION);
                revision.is_some() && annotation(&entry.metadata, REVISION) == revision
            }
            WorkloadKind::StatefulSet => {
                entry.metadata.name.as_deref() == Some(self.workload.status.update_revision.as_str())
            }
            WorkloadKind::DaemonSet => true,
            WorkloadKind::Rollout => false,
        };
        self.entries.iter().filter(is_named).max_by_key(|entry| entry.number(self.kind)).copied()
    }

    /// Every revision, newest first; `main` is the [main container](Self::main_container).
    pub(super) fn revisions(&self, main: Option<&str>) -> Vec<Revision> {
        let mut revisions: Vec<Revision> = self.entries.iter().map(|entry| self.revision(entry, main)).collect();
        revisions.sort_by_key(|revision| std::cmp::Reverse((revision.version.revision, revision.created)));
        revisions
    }

    fn revision(&self, entry: &Entry, main: Option<&str>) -> Revision {
        let hash = entry.hash(self.kind);
        let ready = self.pods_of(hash).filter(|pod| !pod.is_terminating() && pod.ready_since().is_some());
        Revision {
            version: self.version(entry, main),
            created: objects::created(&entry.metadata),
            cause: annotation(&entry.metadata, CHANGE_CAUSE).map(str::to_owned),
            ready: i64::try_from(ready.count()).unwrap_or(i64::MAX),
        }
    }

    /// Whether two entries are the same version: they differ in nothing, or only in when the pods were restarted.
    fn is_same(&self, one: &Entry, other: &Entry) -> bool {
        let fingerprint = |entry: &Entry| entry.template(self.kind).version_fingerprint;
        one.hash(self.kind) == other.hash(self.kind) || fingerprint(one) == fingerprint(other)
    }

    /// The main container of the version that runs, by the one before it: the same for all entries.
    pub(super) fn main_container(&self, current: &'a Entry) -> Option<&'a str> {
        let template = current.template(self.kind);
        let others = self.entries.iter().filter(|entry| !self.is_same(entry, current));
        let before = others.max_by_key(|entry| entry.number(self.kind)).map(|entry| entry.template(self.kind));
        let (now, before) = (template.named_images(), before.map(Template::named_images));
        let naming = Naming {
            configured: self.container,
            annotated: template.default_container.as_deref(),
            workload: self.workload.metadata.name.as_deref().unwrap_or_default(),
        };
        let main = main_container(&now, before.as_deref(), naming);
        template.containers.get(main).map(|container| container.name.as_str())
    }

    fn version(&self, entry: &Entry, main: Option<&str>) -> Version {
        let template = entry.template(self.kind);
        let place = template.containers.iter().position(|container| Some(container.name.as_str()) == main);
        Version {
            images: main_first(&template.named_images(), place.unwrap_or(0)),
            revision: entry.number(self.kind),
            hash: entry.hash(self.kind).to_owned(),
            outline: template.outline.clone(),
        }
    }

    fn pods_of<'b>(&'b self, hash: &'b str) -> impl Iterator<Item = &'a Pod> + 'b {
        self.pods.iter().copied().filter(move |pod| pod.hash(self.kind) == hash)
    }

    /// The deploy that brought `current`, whose main container is `main`: the one known already, or a new one.
    pub(super) fn deploy(
        &self,
        current: &Entry,
        main: Option<&str>,
        known: Option<&Deploy>,
        outlook: &Outlook,
        now: Time,
    ) -> Deploy {
        let to = self.version(current, main);
        let is_known = |known: &&Deploy| {
            let entry = self.entries.iter().find(|entry| entry.hash(self.kind) == known.to.hash);
            known.to.hash == to.hash || entry.is_some_and(|entry| self.is_same(entry, current))
        };
        let mut deploy = match known.filter(is_known) {
            Some(known) => Deploy { to, ..known.clone() },
            None => Deploy {
                at: self.deployed_at(current, known.is_some(), now),
                finished: None,
                from: self.served_before(current, main),
                to,
                by: None,
            },
        };
        deploy.by = self.deployed_by(current).or(deploy.by);
        deploy.finished = deploy.finished.or_else(|| self.finished_at(&deploy, outlook));
        deploy
    }

    /// When `current` was deployed. An entry that was used before and came back (an undo) is older than its
    /// deploy; then what it set off tells when, or the moment when we saw it happen.
    fn deployed_at(&self, current: &Entry, saw_another: bool, now: Time) -> Time {
        let update = self.workload.update();
        if let Some(aborted) = update.status.aborted_at.filter(|_| update.is_aborted()) {
            return aborted;
        }
        let others = self.entries.iter().filter(|entry| !self.is_same(entry, current));
        let last_other = others.filter_map(|entry| objects::created(&entry.metadata)).max();
        // A restart is no deploy: what counts is when the version first came after any other.
        let same = self.entries.iter().filter(|entry| self.is_same(entry, current));
        let made = same
            .filter_map(|entry| objects::created(&entry.metadata))
            .filter(|made| last_other.is_none_or(|other| *made >= other));
        let made = made.min().or_else(|| objects::created(&current.metadata));
        match (made, last_other) {
            (Some(made), last_other) if last_other.is_none_or(|other| made >= other) => made,
            _ if saw_another => now.trunc_subsecs(0),
            (made, last_other) => {
                let since = last_other.or(made).unwrap_or(now);
                let rolled_out =
                    self.workload.condition("Progressing").and_then(|condition| condition.last_update_time);
                let pods = self.pods_of(current.hash(self.kind)).filter_map(|pod| objects::created(&pod.metadata));
                pods.chain(rolled_out).filter(|at| *at >= since).min().unwrap_or(since)
            }
        }
    }

    /// What ran before: whatever still serves, else the newest other entry. The highest number may be a
    /// deploy that never served anybody.
    fn served_before(&self, current: &Entry, main: Option<&str>) -> Option<Version> {
        let others =
            self.entries.iter().filter(|entry| !self.is_same(entry, current)).map(|entry| self.revision(entry, main));
        others.max_by_key(|other| (other.ready, other.version.revision)).map(|other| other.version)
    }

    fn deployed_by(&self, current: &Entry) -> Option<String> {
        let workload = &self.workload.metadata;
        let named = [&current.metadata, workload].into_iter().find_map(|metadata| {
            let annotations = metadata.annotations.as_ref()?;
            DEPLOYERS.iter().find_map(|name| {
                let is_it = |key: &str| key.rsplit_once('/').map_or(key, |(_, last)| last) == *name;
                annotations.iter().find(|(key, _)| is_it(key)).map(|(_, value)| value.clone())
            })
        });
        let cause = || {
            let cause = annotation(&current.metadata, CHANGE_CAUSE)?;
            // Some pipelines write the image there, which is on the screen already.
            let containers = &current.template(self.kind).containers;
            (!containers.iter().any(|container| container.image == cause)).then(|| cause.to_owned())
        };
        named.or_else(cause).map(|by| by.trim().to_owned()).filter(|by| !by.is_empty())
    }

    /// When the rollout ended, if it did. A Deployment's controller notes it; of the others, the moment when
    /// the last new pod became ready is the nearest thing.
    fn finished_at(&self, deploy: &Deploy, outlook: &Outlook) -> Option<Time> {
        let update = self.workload.update();
        let is_half_way = self.kind == WorkloadKind::Rollout && !update.is_promoted() && !update.is_aborted();
        if !self.workload.is_observed() || is_half_way {
            return None;
        }
        let progressing = self.workload.condition("Progressing").filter(|condition| condition.reason == ROLLED_OUT);
        // The stamps have whole seconds; one from before the deploy is about the deploy before.
        let noted = progressing.and_then(|condition| condition.last_update_time);
        let noted = noted.filter(|at| *at + TimeDelta::seconds(1) > deploy.at);
        let counts = outlook.replicas;
        // Pods that fell ill after the end do not undo it.
        if let Some(noted) = noted
            && counts.updated >= counts.desired
            && counts.old() == 0
        {
            return Some(noted.max(deploy.at));
        }
        let pods: Vec<&Pod> = self.pods_of(&deploy.to.hash).filter(|pod| !pod.is_terminating()).collect();
        // These keep no note of the end: it was there once each pod is of the new version and was ready, if not now.
        let keeps_no_note = matches!(self.kind, WorkloadKind::StatefulSet | WorkloadKind::DaemonSet);
        let enough = |count: i64| counts.desired > 0 && count >= counts.desired;
        let was_through = keeps_no_note
            && enough(counts.updated)
            && enough(i64::try_from(pods.len()).unwrap_or(i64::MAX))
            && pods.iter().all(|pod| pod.has_been_ready())
            && pods.iter().any(|pod| pod.ready_since().is_none());
        if outlook.progress != &Progress::Complete && !was_through {
            return None;
        }
        let ready = pods.into_iter().filter_map(Pod::ready_since);
        Some(ready.max().unwrap_or(deploy.at).max(deploy.at))
    }
}

/// How the rollout stands, as the status says.
pub(super) struct Outlook<'a> {
    /// In kubectl's words.
    pub progress: &'a Progress,
    /// In numbers.
    pub replicas: Replicas,
}

#[cfg(test)]
mod tests;
