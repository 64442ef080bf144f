//! Vocabulary: what a deploy changes, where it goes, and the clock of its window.

pub mod change;
pub mod outline;

pub use outline::Outline;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A moment. Everything below the ends works in UTC; only the view knows a time zone.
pub type Time = DateTime<Utc>;

/// The kinds of Kubernetes workload redflag can watch and undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkloadKind {
    /// `apps/v1` Deployment.
    Deployment,
    /// `apps/v1` `StatefulSet`.
    StatefulSet,
    /// `apps/v1` `DaemonSet`.
    DaemonSet,
    /// `argoproj.io/v1alpha1` Rollout, of Argo Rollouts.
    Rollout,
}

impl WorkloadKind {
    /// Every kind, in the order in which errors list them.
    pub const ALL: [Self; 4] = [Self::Deployment, Self::StatefulSet, Self::DaemonSet, Self::Rollout];

    /// The name as `kubectl` writes it before the slash: `deployment`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::StatefulSet => "statefulset",
            Self::DaemonSet => "daemonset",
            Self::Rollout => "rollout",
        }
    }

    /// The resource name in API paths: `deployments`.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Deployment => "deployments",
            Self::StatefulSet => "statefulsets",
            Self::DaemonSet => "daemonsets",
            Self::Rollout => "rollouts",
        }
    }

    /// The `kind` of the API object: `Deployment`.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Rollout => "Rollout",
        }
    }

    /// The API group: `apps`.
    pub const fn group(self) -> &'static str {
        match self {
            Self::Deployment | Self::StatefulSet | Self::DaemonSet => "apps",
            Self::Rollout => "argoproj.io",
        }
    }

    /// The version of the API group: `v1`.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Deployment | Self::StatefulSet | Self::DaemonSet => "v1",
            Self::Rollout => "v1alpha1",
        }
    }

    /// The resource in which its template history is kept, in the API group `apps`.
    pub const fn history(self) -> &'static str {
        match self {
            Self::Deployment | Self::Rollout => "replicasets",
            Self::StatefulSet | Self::DaemonSet => "controllerrevisions",
        }
    }

    /// The short name that `kubectl` takes: `deploy`.
    pub const fn short(self) -> &'static str {
        match self {
            Self::Deployment => "deploy",
            Self::StatefulSet => "sts",
            Self::DaemonSet => "ds",
            Self::Rollout => "ro",
        }
    }
}

/// Which workload: its kind, namespace and name. Displayed as `deployment/app`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WorkloadRef {
    /// Deployment, `StatefulSet`, `DaemonSet` or Rollout.
    pub kind: WorkloadKind,
    /// The namespace it lives in.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for WorkloadRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.as_str(), self.name)
    }
}

/// Index of a workload in [`crate::setup::Setup::workloads`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WorkloadId(pub u16);

/// Index of a service in [`crate::setup::Setup::services`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServiceId(pub u16);

/// One version of a workload: its images and the template history entry it came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The images of the template's containers, that of the main one first; see [`main_container`].
    pub images: Vec<String>,
    /// The template history number (`deployment.kubernetes.io/revision`, or a `ControllerRevision`'s).
    /// It moves when a revision is undone to: identity is `hash`, this is for people.
    pub revision: i64,
    /// The pods' `pod-template-hash`, `controller-revision-hash` or `rollouts-pod-template-hash`: the version's
    /// identity.
    pub hash: String,
    /// What its template consists of; empty where that is not known.
    pub outline: Outline,
}

impl Version {
    /// What people call the version: the main image's tag, else a short digest, else the image.
    ///
    /// ```
    /// use redflag_core::deploy::version_label;
    /// assert_eq!(version_label("registry:5000/shop/app:1.9.0"), "1.9.0");
    /// assert_eq!(version_label("app@sha256:0123456789abcdef"), "sha256:0123456");
    /// assert_eq!(version_label("registry:5000/app"), "latest");
    /// ```
    pub fn label(&self) -> &str {
        self.images.first().map_or("?", |image| version_label(image))
    }

    /// The name of the container whose image it is called by; `None` where its template is not known.
    pub fn main_container(&self) -> Option<&str> {
        self.outline.container_of(self.images.first()?)
    }
}

/// What may say which container is the main one, the strongest first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Naming<'a> {
    /// The configuration's `container`.
    pub configured: Option<&'a str>,
    /// The template's own `kubectl.kubernetes.io/default-container`.
    pub annotated: Option<&'a str>,
    /// The workload's name, for the container that is named like it.
    pub workload: &'a str,
}

/// The container whose image is what people call the version, by its place among `now`: name and image of each.
///
/// The one that the configuration names; else the one that the template itself names; else the one whose image
/// changed with this deploy; else the one that is named like the workload. A name that no container has says nothing.
/// Never the first because it is the first: meshes and proxies put themselves there. Of several that changed it is
/// the one named like the workload.
///
/// ```
/// use redflag_core::deploy::{Naming, main_container};
/// let (proxy, old, new) = (("istio-proxy", "proxyv2:1.26.1"), ("web", "shop:1.8.3"), ("web", "shop:1.9.0"));
/// let naming = Naming { workload: "shop", ..Naming::default() };
/// assert_eq!(main_container(&[proxy, new], Some(&[proxy, old]), naming), 1, "it changed");
/// assert_eq!(main_container(&[proxy, new], None, Naming { workload: "web", ..naming }), 1, "named like the workload");
/// let annotated = Naming { annotated: Some("istio-proxy"), ..naming };
/// assert_eq!(main_container(&[proxy, new], Some(&[proxy, old]), annotated), 0, "the template names it");
/// let configured = Naming { configured: Some("web"), ..annotated };
/// assert_eq!(main_container(&[proxy, new], None, configured), 1, "the configuration names it");
/// ```
pub fn main_container(now: &[(&str, &str)], before: Option<&[(&str, &str)]>, naming: Naming<'_>) -> usize {
    let place = |wanted: &str| now.iter().position(|(name, _)| *name == wanted);
    let named = [naming.configured, naming.annotated].into_iter().flatten().find_map(place);
    if let Some(place) = named {
        return place;
    }
    let changed = |(name, image): &(&str, &str)| {
        let before = before.into_iter().flatten().find(|(old, _)| old == name);
        before.is_some_and(|(_, old)| old != image)
    };
    let like_the_workload = place(naming.workload);
    like_the_workload
        .filter(|place| changed(&now[*place]))
        .or_else(|| now.iter().position(changed))
        .or(like_the_workload)
        .unwrap_or(0)
}

/// The images of some containers, that of the main one first.
pub fn main_first(containers: &[(&str, &str)], main: usize) -> Vec<String> {
    let rest = containers.iter().enumerate().filter(|(place, _)| *place != main).map(|(_, container)| container);
    containers.get(main).into_iter().chain(rest).map(|(_, image)| (*image).to_owned()).collect()
}

/// The part of an image reference that people call the version; see [`Version::label`].
pub fn version_label(image: &str) -> &str {
    if let Some((name, digest)) = image.split_once('@') {
        // A reference may carry both; the tag is what was typed.
        return tag_of(name).unwrap_or_else(|| digest.get(..14).unwrap_or(digest));
    }
    tag_of(image).unwrap_or("latest")
}

fn tag_of(reference: &str) -> Option<&str> {
    let (_, last) = reference.rsplit_once(':')?;
    // `registry:5000/app` has a port, not a tag.
    (!last.contains('/')).then_some(last)
}

/// One deploy of one workload: this version, instead of that one, at this time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deploy {
    /// When the new version's template history entry was made.
    pub at: Time,
    /// When the rollout ended; `None` while it is in progress. The window runs from here.
    pub finished: Option<Time>,
    /// What ran before, where history knows.
    pub from: Option<Version>,
    /// What runs now or is on its way.
    pub to: Version,
    /// Who deployed, where the cluster says so (an annotation or a change cause).
    pub by: Option<String>,
}

/// The clock of a watch: `length` from the end of the rollout (the bake).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// When it opened; `None` until the rollout has ended.
    pub opened: Option<Time>,
    /// How long it is.
    pub length: TimeDelta,
}

impl Window {
    /// Time left at `now`: the whole length before it opened, never below zero.
    pub fn left(&self, now: Time) -> TimeDelta {
        let Some(opened) = self.opened else { return self.length };
        (self.length - (now - opened)).clamp(TimeDelta::zero(), self.length)
    }

    /// Whether the whole window has passed at `now`.
    pub fn is_over(&self, now: Time) -> bool {
        self.opened.is_some() && self.left(now).is_zero()
    }

    /// How much of the window has passed at `now`, from 0 to 1.
    pub fn progress(&self, now: Time) -> f64 {
        let length = self.length.num_milliseconds();
        if length <= 0 {
            return 1.0;
        }
        1.0 - self.left(now).num_milliseconds() as f64 / length as f64
    }
}

/// A span in the two words a sentence has room for: `45 s`, `2 min`, `1 h 5 min`. Never negative.
///
/// ```
/// use chrono::TimeDelta;
/// use redflag_core::deploy::brief;
/// assert_eq!(brief(TimeDelta::seconds(119)), "119 s");
/// assert_eq!(brief(TimeDelta::seconds(150)), "2 min");
/// assert_eq!(brief(TimeDelta::minutes(65)), "1 h 5 min");
/// ```
pub fn brief(span: TimeDelta) -> String {
    let seconds = span.num_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..3600 => format!("{} min", seconds / 60),
        _ => match seconds % 3600 / 60 {
            0 => format!("{} h", seconds / 3600),
            minutes => format!("{} h {minutes} min", seconds / 3600),
        },
    }
}
