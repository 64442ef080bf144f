//! The objects of one watch, by uid, as they are now.

use super::objects::uid;
use kube::Resource;
use kube::runtime::watcher::Event;
use std::collections::BTreeMap;

/// What one watch has told. A list that is read again replaces everything at once when it is complete: half a
/// list must never look like half the pods.
#[derive(Debug, Clone)]
pub(super) struct Collection<K> {
    objects: BTreeMap<String, K>,
    arriving: BTreeMap<String, K>,
    is_complete: bool,
}

impl<K> Default for Collection<K> {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), arriving: BTreeMap::new(), is_complete: false }
    }
}

impl<K: Resource> Collection<K> {
    /// Takes what the watch said.
    pub(super) fn take(&mut self, event: Event<K>) {
        match event {
            Event::Init => self.arriving.clear(),
            Event::InitApply(object) => {
                self.arriving.insert(uid(object.meta()).to_owned(), object);
            }
            Event::InitDone => {
                self.objects = std::mem::take(&mut self.arriving);
                self.is_complete = true;
            }
            Event::Apply(object) => {
                self.objects.insert(uid(object.meta()).to_owned(), object);
            }
            Event::Delete(object) => {
                self.objects.remove(uid(object.meta()));
            }
        }
    }

    /// Whether the list was read at least once.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// The objects, by uid.
    pub(super) fn iter(&self) -> impl Iterator<Item = &K> {
        self.objects.values()
    }

    /// Whether there is one with this uid.
    pub(super) fn contains(&self, uid: &str) -> bool {
        self.objects.contains_key(uid)
    }
}
