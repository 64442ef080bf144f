//! The Deployment and `ReplicaSet` controllers: surge, availability, revisions and conditions as the real ones
//! keep them (kubernetes/pkg/controller/deployment: `rolling.go`, `sync.go`, `progress.go`).

use super::etcd::Resource;
use super::objects::{CHANGE_CAUSE, Deployment, REVISION, REVISION_HISTORY, ReplicaSet, without_hash};
use super::{Cluster, length};
use chrono::TimeDelta;
use serde_json::{Value, json};

impl Cluster {
    /// One round of the Deployment controller for one Deployment.
    pub(super) fn sync_deployment(&mut self, place: usize) {
        let paused = self.deployments[place].spec["paused"] == true;
        self.note_pause(place, paused);
        if !paused {
            let newest = self.newest_set(place);
            let recreate =
                self.deployments[place].spec.pointer("/strategy/type").is_some_and(|kind| kind == "Recreate");
            if recreate {
                self.recreate(place, newest);
            } else if !self.scale_up_newest(place, newest) {
                self.scale_down_old(place, newest);
            }
            self.clean_up_history(place);
        }
        self.update_deployment_status(place);
    }

    fn note_pause(&mut self, place: usize, paused: bool) {
        let now = self.now;
        let status = &mut self.deployments[place].status;
        let was = status.condition("Progressing").is_some_and(|condition| condition.reason == "DeploymentPaused");
        if paused && !was {
            status.set(now, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused".to_owned());
        } else if !paused && was {
            status.set(now, "Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed".to_owned());
        }
    }

    fn sets_of(&self, place: usize) -> impl Iterator<Item = usize> + use<'_> {
        let uid = &self.deployments[place].meta.uid;
        let owned = move |set: &ReplicaSet| set.meta.owner.as_ref().is_some_and(|owner| owner.uid == *uid);
        self.sets.iter().enumerate().filter(move |(_, set)| owned(set)).map(|(index, _)| index)
    }

    /// The `ReplicaSet` of the current template, made or renumbered if need be.
    fn newest_set(&mut self, place: usize) -> usize {
        let hash = self.deployments[place].hash.clone();
        let found = self.sets_of(place).find(|index| self.sets[*index].hash == hash);
        let others = self.sets_of(place).filter(|index| Some(*index) != found);
        let revision = others.map(|index| self.sets[index].revision()).max().unwrap_or(0) + 1;
        let index = found.unwrap_or_else(|| self.create_set(place));
        let cause = self.deployments[place].meta.annotations.get(CHANGE_CAUSE).cloned();
        let set = &mut self.sets[index];
        let before = set.revision();
        if before < revision {
            if before > 0 {
                let history = set.meta.annotations.entry(REVISION_HISTORY.to_owned()).or_default();
                *history = if history.is_empty() { before.to_string() } else { format!("{history},{before}") };
            }
            set.meta.annotations.insert(REVISION.to_owned(), revision.to_string());
            if let Some(cause) = cause {
                set.meta.annotations.insert(CHANGE_CAUSE.to_owned(), cause);
            }
            let name = set.meta.name.clone();
            self.touch(Resource::ReplicaSets, &name);
        }
        let revision = self.sets[index].revision().to_string();
        let meta = &mut self.deployments[place].meta;
        if meta.annotations.insert(REVISION.to_owned(), revision.clone()) != Some(revision) {
            let name = meta.name.clone();
            self.touch(Resource::Deployments, &name);
        }
        index
    }

    fn create_set(&mut self, place: usize) -> usize {
        let deployment = self.deployments[place].clone();
        let set = self.replica_set(&deployment, deployment.template(), self.now);
        let name = set.meta.name.clone();
        self.sets.push(set);
        let message = format!("Created new replica set \"{name}\"");
        self.deployments[place].status.set(self.now, "Progressing", "True", "NewReplicaSetCreated", message);
        self.touch(Resource::ReplicaSets, &name);
        self.touch(Resource::Deployments, &deployment.meta.name);
        self.sets.len() - 1
    }

    fn scale_up_newest(&mut self, place: usize, newest: usize) -> bool {
        let wanted = self.deployments[place].replicas();
        let has = self.sets[newest].replicas;
        let all: i64 = self.sets_of(place).map(|index| self.sets[index].replicas).sum();
        let room = wanted + max_surge(&self.deployments[place]) - all;
        let next = if has > wanted { wanted } else { has + room.min(wanted - has).max(0) };
        self.scale(place, newest, next)
    }

    fn scale_down_old(&mut self, place: usize, newest: usize) {
        let wanted = self.deployments[place].replicas();
        let least = wanted - max_unavailable(&self.deployments[place]);
        let mut old: Vec<usize> =
            self.sets_of(place).filter(|index| *index != newest && self.sets[*index].replicas > 0).collect();
        old.sort_by_key(|index| self.sets[*index].meta.created);
        let all: i64 = self.sets_of(place).map(|index| self.sets[index].replicas).sum();
        let newest_unavailable = self.sets[newest].replicas - self.sets[newest].status.available;
        let mut room = all - least - newest_unavailable;
        // Old pods that do not serve go first: that costs nobody anything.
        for index in &old {
            let set = &self.sets[*index];
            let broken = (set.replicas - set.status.available).min(room).max(0);
            let next = set.replicas - broken;
            room -= broken;
            self.scale(place, *index, next);
        }
        let available: i64 = self.sets_of(place).map(|index| self.sets[index].status.available).sum();
        let mut spare = available - least;
        for index in old {
            let fewer = self.sets[index].replicas.min(spare).max(0);
            let next = self.sets[index].replicas - fewer;
            spare -= fewer;
            self.scale(place, index, next);
        }
    }

    fn recreate(&mut self, place: usize, newest: usize) {
        let old: Vec<usize> = self.sets_of(place).filter(|index| *index != newest).collect();
        for index in &old {
            self.scale(place, *index, 0);
        }
        let gone =
            old.iter().all(|index| self.sets[*index].status.replicas + self.sets[*index].status.terminating == 0);
        if gone {
            self.scale(place, newest, self.deployments[place].replicas());
        }
    }

    fn scale(&mut self, place: usize, index: usize, next: i64) -> bool {
        let deployment = &self.deployments[place];
        let (wanted, most) = (deployment.replicas(), deployment.replicas() + max_surge(deployment));
        let (name, uid) = (deployment.meta.name.clone(), deployment.meta.uid.clone());
        let set = &mut self.sets[index];
        set.meta.annotations.insert("deployment.kubernetes.io/desired-replicas".to_owned(), wanted.to_string());
        set.meta.annotations.insert("deployment.kubernetes.io/max-replicas".to_owned(), most.to_string());
        if set.replicas == next {
            return false;
        }
        let before = set.replicas;
        let direction = if next > before { "up" } else { "down" };
        let message = format!("Scaled {direction} replica set {} from {before} to {next}", set.meta.name);
        set.replicas = next;
        // A new ReplicaSet is created with its size; growing later is a change of its spec.
        if set.status.observed_generation > 0 {
            set.meta.generation += 1;
        }
        let set_name = set.meta.name.clone();
        self.touch(Resource::ReplicaSets, &set_name);
        self.tell(
            "deployment-controller",
            (Resource::Deployments, &name, &uid),
            "Normal",
            "ScalingReplicaSet",
            message,
        );
        true
    }

    fn clean_up_history(&mut self, place: usize) {
        let deployment = &self.deployments[place];
        let limit = deployment.spec["revisionHistoryLimit"].as_u64().unwrap_or(10) as usize;
        let hash = deployment.hash.clone();
        let mut empty: Vec<(i64, String)> = self
            .sets_of(place)
            .map(|index| &self.sets[index])
            .filter(|set| set.hash != hash && set.replicas == 0 && set.status.replicas == 0)
            .map(|set| (set.revision(), set.meta.name.clone()))
            .collect();
        empty.sort();
        for (_, name) in empty.iter().take(empty.len().saturating_sub(limit)) {
            self.sets.retain(|set| set.meta.name != *name);
            self.etcd.delete(Resource::ReplicaSets, name);
        }
    }

    /// The controller's last act in each round: counts, `Available`, `Progressing`.
    pub(super) fn update_deployment_status(&mut self, place: usize) {
        let now = self.now;
        let sets: Vec<&ReplicaSet> = self.sets_of(place).map(|index| &self.sets[index]).collect();
        let deployment = &self.deployments[place];
        let newest = sets.iter().find(|set| set.hash == deployment.hash);
        let before = &deployment.status;
        let mut status = before.clone();
        status.observed_generation = deployment.meta.generation;
        status.replicas = sets.iter().map(|set| set.status.replicas).sum();
        status.updated = newest.map_or(0, |set| set.status.replicas);
        status.ready = sets.iter().map(|set| set.status.ready).sum();
        status.available = sets.iter().map(|set| set.status.available).sum();
        status.terminating = sets.iter().map(|set| set.status.terminating).sum();
        status.unavailable = (sets.iter().map(|set| set.replicas).sum::<i64>() - status.available).max(0);
        let wanted = deployment.replicas();
        let enough = status.available >= wanted - max_unavailable(deployment);
        if before.condition("Available").is_none_or(|condition| (condition.status == "True") != enough) {
            if enough {
                let message = "Deployment has minimum availability.".to_owned();
                status.set(now, "Available", "True", "MinimumReplicasAvailable", message);
            } else {
                let message = "Deployment does not have minimum availability.".to_owned();
                status.set(now, "Available", "False", "MinimumReplicasUnavailable", message);
            }
        }
        let name = newest.map_or_else(|| deployment.meta.name.clone(), |set| set.meta.name.clone());
        let progressing = before.condition("Progressing").map(|condition| (condition.reason, condition.updated));
        let settled = status.replicas == status.updated
            && progressing.is_some_and(|(reason, _)| reason == "NewReplicaSetAvailable");
        let paused = deployment.spec["paused"] == true;
        let deadline = deployment.spec["progressDeadlineSeconds"].as_i64();
        if let (false, false, Some(deadline)) = (settled, paused, deadline) {
            let complete = status.updated == wanted && status.replicas == wanted && status.available == wanted;
            let moved = status.updated > before.updated
                || status.replicas - status.updated < before.replicas - before.updated
                || status.ready > before.ready
                || status.available > before.available;
            let late = progressing.is_some_and(|(reason, updated)| {
                reason != "ProgressDeadlineExceeded" && now - updated > TimeDelta::seconds(deadline)
            });
            if complete {
                let message = format!("ReplicaSet \"{name}\" has successfully progressed.");
                status.set(now, "Progressing", "True", "NewReplicaSetAvailable", message);
            } else if moved {
                let message = format!("ReplicaSet \"{name}\" is progressing.");
                status.set(now, "Progressing", "True", "ReplicaSetUpdated", message);
            } else if late {
                let message = format!("ReplicaSet \"{name}\" has timed out progressing.");
                status.set(now, "Progressing", "False", "ProgressDeadlineExceeded", message);
            }
        }
        if status != *before {
            let name = deployment.meta.name.clone();
            self.deployments[place].status = status;
            self.touch(Resource::Deployments, &name);
        }
    }

    /// The patch that `kubectl rollout undo` would send: the template with the second-highest number.
    pub(crate) fn undo_patch(&self, name: &str) -> Option<Value> {
        let place = self.deployments.iter().position(|deployment| deployment.meta.name == name)?;
        let mut sets: Vec<&ReplicaSet> = self.sets_of(place).map(|index| &self.sets[index]).collect();
        sets.sort_by_key(|set| std::cmp::Reverse(set.revision()));
        let target = sets.get(1)?;
        let mut annotations = self.deployments[place].meta.annotations.clone();
        annotations.retain(|key, _| key == REVISION);
        annotations
            .extend(target.meta.annotations.get(CHANGE_CAUSE).map(|cause| (CHANGE_CAUSE.to_owned(), cause.clone())));
        Some(json!([{"op": "replace", "path": "/spec/template", "value": without_hash(&target.template)},
                    {"op": "replace", "path": "/metadata/annotations", "value": annotations}]))
    }

    /// The hash of the `ReplicaSet` of a Deployment that runs this image.
    pub(crate) fn hash_of(&self, name: &str, image: &str) -> Option<String> {
        let place = self.deployments.iter().position(|deployment| deployment.meta.name == name)?;
        let runs =
            |index: &usize| self.sets[*index].template.pointer("/spec/containers/0/image") == Some(&json!(image));
        self.sets_of(place).find(runs).map(|index| self.sets[index].hash.clone())
    }

    /// Counts each `ReplicaSet`'s pods.
    pub(super) fn count_sets(&mut self) {
        for index in 0..self.sets.len() {
            let set = &self.sets[index];
            let mut status = set.status;
            (status.replicas, status.ready, status.available, status.terminating) = (0, 0, 0, 0);
            let owned = |uid: &str| uid == set.meta.uid;
            for pod in self.pods.iter().filter(|pod| pod.meta.owner.as_ref().is_some_and(|owner| owned(&owner.uid))) {
                if pod.is_terminating() {
                    status.terminating += 1;
                    continue;
                }
                status.replicas += 1;
                status.ready += i64::from(pod.is_ready());
                status.available += i64::from(pod.is_available(self.now, set.min_ready_seconds));
            }
            if status != set.status {
                let name = set.meta.name.clone();
                self.sets[index].status = status;
                self.touch(Resource::ReplicaSets, &name);
            }
        }
    }

    /// One round of the `ReplicaSet` controller for every set: creates and deletes pods.
    pub(super) fn sync_sets(&mut self) {
        for index in 0..self.sets.len() {
            let set = &self.sets[index];
            if set.status.observed_generation != set.meta.generation {
                let name = set.meta.name.clone();
                self.sets[index].status.observed_generation = set.meta.generation;
                self.touch(Resource::ReplicaSets, &name);
            }
            let set = &self.sets[index];
            let (name, uid) = (set.meta.name.clone(), set.meta.uid.clone());
            let mut living: Vec<usize> = (0..self.pods.len())
                .filter(|pod| !self.pods[*pod].is_terminating())
                .filter(|pod| self.pods[*pod].meta.owner.as_ref().is_some_and(|owner| owner.uid == uid))
                .collect();
            let missing = set.replicas - length(&living);
            for _ in 0..missing {
                let set = self.sets[index].clone();
                let pod = self.pod_of(&set, self.now);
                let message = format!("Created pod: {}", pod.meta.name);
                self.add_pod(pod);
                self.tell(
                    "replicaset-controller",
                    (Resource::ReplicaSets, &name, &uid),
                    "Normal",
                    "SuccessfulCreate",
                    message,
                );
            }
            // Those that do not serve go first, then the youngest.
            living.sort_by_key(|pod| (self.pods[*pod].is_ready(), std::cmp::Reverse(self.pods[*pod].meta.created)));
            for pod in living.into_iter().take(usize::try_from(-missing).unwrap_or(0)) {
                let pod_name = self.pods[pod].meta.name.clone();
                self.delete_pod(&pod_name);
                let message = format!("Deleted pod: {pod_name}");
                self.tell(
                    "replicaset-controller",
                    (Resource::ReplicaSets, &name, &uid),
                    "Normal",
                    "SuccessfulDelete",
                    message,
                );
            }
        }
        self.count_sets();
    }
}

fn max_surge(deployment: &Deployment) -> i64 {
    let wanted = deployment.replicas();
    share(deployment.spec.pointer("/strategy/rollingUpdate/maxSurge"), wanted, true)
}

/// Never zero together with the surge: the rollout could not move then.
fn max_unavailable(deployment: &Deployment) -> i64 {
    let wanted = deployment.replicas();
    let given = share(deployment.spec.pointer("/strategy/rollingUpdate/maxUnavailable"), wanted, false);
    if given == 0 && max_surge(deployment) == 0 { 1 } else { given.min(wanted) }
}

/// `3` or `"25%"` of the replicas: surge rounds up, unavailable down. 25 % when not given.
fn share(given: Option<&Value>, replicas: i64, round_up: bool) -> i64 {
    let percent = match given {
        Some(Value::Number(number)) => return number.as_i64().unwrap_or(0),
        Some(Value::String(text)) => text.trim_end_matches('%').parse().unwrap_or(0),
        _ => 25,
    };
    if round_up { (replicas * percent + 99) / 100 } else { replicas * percent / 100 }
}
