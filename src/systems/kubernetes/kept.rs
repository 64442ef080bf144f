//! How much the watches of a cluster keep, bounded in objects and in bytes: a server may send as much as it likes,
//! what is kept of it is limited.

use crate::poll::SourceError;
use std::collections::HashMap;
use std::fmt::{self, Debug, Write};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most that is kept of all objects together, in bytes, and so much more for each workload: ten revisions and a few
/// pods, twice while a list is read again. Two thousand pods take five million.
const MOST_BYTES: usize = 12 << 20;
const MOST_OF_A_WORKLOAD: usize = 128 << 10;

/// How much all watches of a cluster keep together. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    kept: Arc<AtomicUsize>,
    most: usize,
}

/// What one watch keeps, by the hash of its uid: a list that is read again counts beside what it will replace.
#[derive(Debug)]
pub(super) struct Kept {
    budget: Budget,
    /// In words: `pods in production`.
    what: String,
    /// So many objects at most.
    most: usize,
    objects: HashMap<u64, usize>,
    arriving: HashMap<u64, usize>,
}

impl Kept {
    /// Nothing yet.
    pub(super) fn new(budget: Budget, what: String, most: usize) -> Self {
        Self { budget, what, most, objects: HashMap::new(), arriving: HashMap::new() }
    }

    /// A list begins.
    pub(super) fn begin(&mut self) {
        let dropped = self.arriving.drain().map(|(_, weight)| weight).sum();
        self.budget.give_back(dropped);
    }

    /// An object of a list; the error when that is too much.
    pub(super) fn arrive(&mut self, uid: &str, object: &impl Debug) -> Result<(), SourceError> {
        Self::add(&self.budget, &mut self.arriving, uid, object);
        // The list is not read on.
        self.check().inspect_err(|_| self.begin())
    }

    /// The list is complete.
    pub(super) fn complete(&mut self) {
        let replaced = std::mem::replace(&mut self.objects, std::mem::take(&mut self.arriving));
        self.budget.give_back(replaced.into_values().sum());
    }

    /// An object that is new or has changed; the error when that is too much.
    pub(super) fn apply(&mut self, uid: &str, object: &impl Debug) -> Result<(), SourceError> {
        Self::add(&self.budget, &mut self.objects, uid, object);
        let checked = self.check();
        if checked.is_err() {
            self.delete(uid);
        }
        checked
    }

    /// An object that is gone; whether it was kept.
    pub(super) fn delete(&mut self, uid: &str) -> bool {
        let weight = self.objects.remove(&hashed(uid));
        self.budget.give_back(weight.unwrap_or(0));
        weight.is_some()
    }

    fn add(budget: &Budget, objects: &mut HashMap<u64, usize>, uid: &str, object: &impl Debug) {
        let weight = weight(object);
        budget.kept.fetch_add(weight, Ordering::Relaxed);
        budget.give_back(objects.insert(hashed(uid), weight).unwrap_or(0));
    }

    fn check(&self) -> Result<(), SourceError> {
        let Self { what, most, .. } = self;
        if self.objects.len() > *most || self.arriving.len() > *most {
            return Err(SourceError::BadAnswer(format!("more than {most} {what}: too many to watch")));
        }
        if self.budget.kept.load(Ordering::Relaxed) > self.budget.most {
            let most = self.budget.most >> 20;
            return Err(SourceError::BadAnswer(format!(
                "{what} and all else that is watched take more than {most} MiB"
            )));
        }
        Ok(())
    }
}

impl Budget {
    /// Of watches for so many workloads.
    pub(super) fn of(workloads: usize) -> Self {
        Self { kept: Arc::default(), most: MOST_BYTES + MOST_OF_A_WORKLOAD * workloads }
    }

    fn give_back(&self, weight: usize) {
        self.kept.fetch_sub(weight, Ordering::Relaxed);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.budget.give_back(self.objects.values().chain(self.arriving.values()).sum());
    }
}

fn hashed(uid: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    uid.hash(&mut hasher);
    hasher.finish()
}

/// About how many bytes an object takes: as many as it takes to print all its fields. Nothing is printed.
fn weight(object: &impl Debug) -> usize {
    struct Count(usize);
    impl Write for Count {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 += text.len();
            Ok(())
        }
    }
    let mut count = Count(0);
    // Counting cannot fail, and a `Debug` that did would have counted what it wrote.
    let _ = write!(count, "{object:?}");
    count.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn kept(budget: &Budget, most: usize) -> Kept {
        Kept::new(budget.clone(), "pods in production".to_owned(), most)
    }

    #[test]
    fn too_many_objects_are_said_with_their_number() {
        let mut kept = kept(&Budget::of(0), 2);
        kept.begin();
        kept.arrive("a", &"pod").unwrap();
        kept.arrive("b", &"pod").unwrap();
        kept.arrive("b", &"pod").unwrap();
        let error = kept.arrive("c", &"pod").unwrap_err();
        assert_eq!(error.to_string(), "unreadable answer: more than 2 pods in production: too many to watch");
        kept.begin();
        kept.arrive("a", &"pod").unwrap();
        kept.complete();
        kept.apply("b", &"pod").unwrap();
        kept.delete("a");
        kept.apply("c", &"pod").unwrap();
        assert!(kept.apply("d", &"pod").is_err());
        kept.apply("c", &"pod").unwrap();
    }

    #[test]
    fn few_objects_of_a_monstrous_size_are_too_much_for_all_watches_together() {
        let budget = Budget::of(0);
        let (mut one, mut other) = (kept(&budget, 9), kept(&budget, 9));
        let monster = "x".repeat(MOST_BYTES / 2);
        one.apply("a", &monster).unwrap();
        assert!(other.apply("b", &monster).is_err());
        drop(one);
        assert!(other.apply("b", &monster).is_ok());
    }

    proptest! {
        #[test]
        fn whatever_is_told_all_of_it_is_given_back(told in prop::collection::vec((0..5_u8, 0..6_u8, 0..50_usize), 0..60)) {
            let budget = Budget::of(0);
            let mut kept = kept(&budget, 3);
            for (what, uid, length) in told {
                let (uid, object) = (uid.to_string(), "x".repeat(length));
                let _ = match what {
                    0 => kept.arrive(&uid, &object),
                    1 => kept.apply(&uid, &object),
                    2 => { kept.begin(); Ok(()) }
                    3 => { kept.complete(); Ok(()) }
                    _ => {
                        kept.delete(&uid);
                        Ok(())
                    }
                };
            }
            drop(kept);
            prop_assert_eq!(budget.kept.load(Ordering::Relaxed), 0);
        }
    }
}
