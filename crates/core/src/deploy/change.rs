//! How two versions of a workload differ: as facts; the sentence comes last.

use super::outline::{Aspect, Container, Parts, Referred, Setting};
use super::{Version, version_label};
use redflag_text::{clean, shorten};
use std::fmt;

/// Of a list of names this many are told, the others are counted.
const NAMED: usize = 3;
/// Of changes this many are told, the others are counted.
const TOLD: usize = 4;
/// The longest untrusted name that is told whole, in bytes.
const LONGEST_NAME: usize = 80;

/// One thing in which a version differs from another. Names only: no value of a variable, nothing of a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A container runs another image.
    Image {
        /// Which container.
        container: Named,
        /// The image before.
        from: String,
        /// The image after.
        to: String,
    },
    /// A container came or went.
    Container {
        /// Which container.
        container: Named,
        /// Whether it came.
        how: Came,
        /// Its image.
        image: String,
    },
    /// Variables of a container came, went, or have another value.
    Variables {
        /// Which container.
        container: Named,
        /// What became of them.
        how: Became,
        /// Their names.
        names: Vec<String>,
    },
    /// Another ConfigMap or Secret is named.
    Reference {
        /// Which of the two.
        referred: Referred,
        /// The name before; `None` where none is given up for it.
        from: Option<String>,
        /// The name after; `None` where none took its place.
        to: Option<String>,
    },
    /// A part of a container.
    Aspect {
        /// Which container.
        container: Named,
        /// Which part.
        aspect: Aspect,
    },
    /// A setting outside the containers.
    Setting(Setting),
}

/// A container by its place and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// The one whose image is the version.
    Main,
    /// Another one.
    Sidecar(String),
    /// One that runs before the others.
    Init(String),
}

/// Whether something came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// It is new.
    Added,
    /// It is no more.
    Removed,
}

/// What became of something that has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// It is new.
    Added,
    /// It has another value.
    Changed,
    /// It is no more.
    Removed,
}

/// In what `to` differs from `from`, images first. Nothing where one of the two templates is not known.
pub fn changes(from: &Version, to: &Version) -> Vec<Change> {
    let (old, new) = (from.outline.parts(), to.outline.parts());
    if from.outline == to.outline || [old, new].into_iter().any(|parts| parts.containers.is_empty()) {
        return Vec::new();
    }
    let main = to.main_container().or_else(|| from.main_container()).unwrap_or_default();
    let (mut images, mut others) = (Vec::new(), Vec::new());
    containers(old, new, main, &mut images, &mut others);
    references(old, new, &mut others);
    others.extend(differing(&old.settings, &new.settings).map(|((setting, _), _)| Change::Setting(setting.clone())));
    images.append(&mut others);
    images
}

fn containers(old: &Parts, new: &Parts, main: &str, images: &mut Vec<Change>, others: &mut Vec<Change>) {
    let find = |parts: &'_ Parts, wanted: &Container| {
        parts.containers.iter().position(|known| known.name == wanted.name && known.init == wanted.init)
    };
    let named = |container: &Container| match container {
        Container { init: true, name, .. } => Named::Init(name.clone()),
        Container { name, .. } if name == main => Named::Main,
        Container { name, .. } => Named::Sidecar(name.clone()),
    };
    for after in &new.containers {
        let container = named(after);
        let Some(before) = find(old, after).map(|place| &old.containers[place]) else {
            images.push(Change::Container { container, how: Came::Added, image: after.image.clone() });
            continue;
        };
        if before.image != after.image {
            let (from, to) = (before.image.clone(), after.image.clone());
            images.push(Change::Image { container: container.clone(), from, to });
        }
        let mut by_kind: [(Became, Vec<String>); 3] =
            [Became::Added, Became::Changed, Became::Removed].map(|how| (how, Vec::new()));
        for ((name, _), how) in differing(&before.variables, &after.variables) {
            by_kind[how as usize].1.push(name.clone());
        }
        let variables = by_kind.into_iter().filter(|(_, names)| !names.is_empty());
        others.extend(variables.map(|(how, names)| Change::Variables { container: container.clone(), how, names }));
        let aspects = Aspect::ALL.into_iter().zip(before.aspects.iter().zip(&after.aspects));
        let aspects = aspects.filter(|(_, (before, after))| before != after);
        others.extend(aspects.map(|(aspect, _)| Change::Aspect { container: container.clone(), aspect }));
    }
    let gone = old.containers.iter().filter(|before| find(new, before).is_none());
    images.extend(gone.map(|before| Change::Container {
        container: named(before),
        how: Came::Removed,
        image: before.image.clone(),
    }));
}

/// Names that were given up are paired with those that took their place, in the order of the alphabet: generators
/// append a hash to a name that stays.
fn references(old: &Parts, new: &Parts, changes: &mut Vec<Change>) {
    for referred in [Referred::ConfigMap, Referred::Secret] {
        let only_in = |one: &Parts, other: &Parts| -> Vec<String> {
            let own = one.references.iter().filter(|(kind, _)| *kind == referred);
            own.filter(|known| !other.references.contains(known)).map(|(_, name)| name.clone()).collect()
        };
        let (mut gone, mut fresh) = (only_in(old, new).into_iter(), only_in(new, old).into_iter());
        loop {
            let (from, to) = (gone.next(), fresh.next());
            if from.is_none() && to.is_none() {
                break;
            }
            changes.push(Change::Reference { referred, from, to });
        }
    }
}

/// What differs between two sorted lists of names with fingerprints.
fn differing<'a, K: Ord>(old: &'a [(K, u64)], new: &'a [(K, u64)]) -> impl Iterator<Item = (&'a (K, u64), Became)> {
    let find = |list: &'a [(K, u64)], key: &K| {
        list.binary_search_by(|(known, _)| known.cmp(key)).ok().map(|place| list[place].1)
    };
    let fresh = new.iter().filter_map(move |entry| match find(old, &entry.0) {
        None => Some((entry, Became::Added)),
        Some(before) if before != entry.1 => Some((entry, Became::Changed)),
        Some(_) => None,
    });
    let gone = old.iter().filter(move |entry| find(new, &entry.0).is_none());
    fresh.chain(gone.map(|entry| (entry, Became::Removed)))
}

/// What changed besides the name of the version, for the place behind `1.8.3 → 1.8.3`; `None` where the names tell
/// it, or where nothing is known. `same image, env LOG_LEVEL changed`.
pub fn beside_the_name(from: &Version, to: &Version) -> Option<String> {
    if from.label() != to.label() {
        return None;
    }
    let changes = changes(from, to);
    if changes.is_empty() {
        return None;
    }
    let told = told(&changes);
    let images = changes.iter().any(|change| matches!(change, Change::Image { .. } | Change::Container { .. }));
    Some(if images { told } else { format!("same image, {told}") })
}

/// What changed besides the main image: `sidecar proxy 2.1 → 2.2, env LOG_LEVEL changed`; `None` where nothing did.
pub fn beside_the_image(from: &Version, to: &Version) -> Option<String> {
    let is_named = |change: &Change| matches!(change, Change::Image { container: Named::Main, from, to } if version_label(from) != version_label(to));
    let mut changes = changes(from, to);
    changes.retain(|change| !is_named(change));
    (!changes.is_empty()).then(|| told(&changes))
}

/// The changes in one line, the first few of them.
fn told(changes: &[Change]) -> String {
    some(changes.iter().map(ToString::to_string), TOLD)
}

/// The first few of some texts, and how many more there are.
fn some(texts: impl ExactSizeIterator<Item = String>, most: usize) -> String {
    let all = texts.len();
    // One more is as short as to say that there is one.
    let shown = if all <= most + 1 { all } else { most };
    let mut line = texts.take(shown).collect::<Vec<_>>().join(", ");
    if shown < all {
        line.push_str(&format!(" and {} more", all - shown));
    }
    line
}

fn name(foreign: &str) -> String {
    shorten(&clean(foreign), LONGEST_NAME)
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Main => f.write_str("the main container"),
            Self::Sidecar(container) => write!(f, "sidecar {}", name(container)),
            Self::Init(container) => write!(f, "init container {}", name(container)),
        }
    }
}

impl Named {
    /// ` of sidecar proxy`; nothing for the main container, which is meant where none is named.
    fn of(&self) -> String {
        match self {
            Self::Main => String::new(),
            Self::Sidecar(_) | Self::Init(_) => format!(" of {self}"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image { container: Named::Main, from, to } => f.write_str(&image(from, to)),
            Self::Image { container, from, to } => write!(f, "{container} {}", image(from, to)),
            Self::Container { container, how: Came::Added, image } => {
                write!(f, "{container} added ({})", name(version_label(image)))
            }
            Self::Container { container, how: Came::Removed, image } => {
                write!(f, "{container} removed ({})", name(version_label(image)))
            }
            Self::Variables { container, how, names } => {
                let names = some(names.iter().map(|own| name(own)), NAMED);
                write!(f, "env {names}{} {}", container.of(), how.word())
            }
            Self::Reference { referred, from, to } => {
                let kind = match referred {
                    Referred::ConfigMap => "ConfigMap",
                    Referred::Secret => "Secret",
                };
                match (from, to) {
                    (Some(from), Some(to)) => write!(f, "{kind} {} → {}", name(from), name(to)),
                    (None, Some(to)) => write!(f, "{kind} {} added", name(to)),
                    (Some(from), None) => write!(f, "{kind} {} removed", name(from)),
                    (None, None) => write!(f, "{kind}s changed"),
                }
            }
            Self::Aspect { container, aspect } => write!(f, "{}{} changed", aspect.word(), container.of()),
            Self::Setting(Setting::Annotation(key)) => write!(f, "annotation {} changed", name(key)),
            Self::Setting(Setting::Label(key)) => write!(f, "label {} changed", name(key)),
            Self::Setting(Setting::Field(field)) => write!(f, "{} changed", name(field)),
        }
    }
}

/// `2.1 → 2.2`; where the tags are the same, what differs: the digest, else the whole name.
fn image(from: &str, to: &str) -> String {
    let pair = |from: &str, to: &str| format!("{} → {}", name(from), name(to));
    let (old, new) = (version_label(from), version_label(to));
    if old != new {
        return pair(old, new);
    }
    let digest =
        |image: &'_ str| image.split_once('@').map(|(_, digest)| digest.get(..19).unwrap_or(digest).to_owned());
    match (digest(from), digest(to)) {
        (Some(old), Some(new)) if old != new => format!("digest {}", pair(&old, &new)),
        (Some(_), None) => format!("image {} without its digest", name(new)),
        (None, Some(new)) => format!("image {} pinned to {}", name(old), name(&new)),
        _ => format!("image {}", pair(from, to)),
    }
}

impl Became {
    const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

impl Aspect {
    const fn word(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Resources => "resources",
            Self::Probes => "probes",
            Self::Mounts => "volume mounts",
            Self::Other => "container settings",
        }
    }
}

#[cfg(test)]
mod tests;
