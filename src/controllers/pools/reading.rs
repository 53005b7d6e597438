//! Entries as they were read last: most of those that a pass looks at have not changed since the pass before, and are not read anew.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use crds::infrastructure::pooled_remote_machine::v1beta2::PooledRemoteMachine;
use pool::{Entry, State};

use super::entry::{self, Damage};
use super::look::name;
use super::shown::{self, Shown};

/// What an object says, which is so for as long as it does not change.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// The entry as the allocator sees it.
    pub(crate) entry: Result<Entry, Damage>,
    /// Whether it is free, and its status says just that, and that nobody else describes its machine: where that stays so, nothing is
    /// to be written.
    pub(crate) says_free: bool,
}

impl Reading {
    /// Reads it.
    pub(crate) fn of(object: &PooledRemoteMachine) -> Self {
        let entry = entry::read(object);
        let says_free = entry.as_ref().is_ok_and(|entry| says_free(object, entry));
        Self { entry, says_free }
    }
}

fn says_free(object: &PooledRemoteMachine, entry: &Entry) -> bool {
    let (State::Free(by), Some(status)) = (&entry.state, &object.status) else {
        return false;
    };
    let shown = Shown::Read {
        state: &entry.state,
        also: &BTreeSet::new(),
        deleting: entry.deleting,
        paused: false,
    };
    entry::says_free(status, *by) && shown::is_shown(&shown, status.conditions.as_ref(), object.metadata.generation)
}

/// An object, and what it says.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) object: Arc<PooledRemoteMachine>,
    pub(super) reading: Reading,
}

/// Those of the last pass over each namespace, by name.
#[derive(Default)]
pub(super) struct Readings(Mutex<HashMap<String, HashMap<String, Arc<Known>>>>);

impl Readings {
    /// What these objects say, which are all entries of the namespace. One task at a time looks at a namespace.
    pub(super) fn of(&self, namespace: &str, objects: Vec<Arc<PooledRemoteMachine>>) -> Vec<Arc<Known>> {
        let mut known = self.locked(|all| all.remove(namespace)).unwrap_or_default();
        let read = |object: Arc<PooledRemoteMachine>| {
            let name = name(&object);
            if let Some(same) = known.get(name).filter(|known| Arc::ptr_eq(&known.object, &object)) {
                return same.clone();
            }
            let name = name.to_owned();
            let reading = Reading::of(&object);
            let new = Arc::new(Known { object, reading });
            known.insert(name, new.clone());
            new
        };
        let all: Vec<Arc<Known>> = objects.into_iter().map(read).collect();
        if known.len() > all.len() {
            let there: HashSet<&str> = all.iter().map(|known| name(&known.object)).collect();
            known.retain(|name, _| there.contains(name.as_str()));
        }
        if !known.is_empty() {
            self.locked(|all| all.insert(namespace.to_owned(), known));
        }
        all
    }

    /// The object of this name, as it was in the last pass.
    pub(super) fn get(&self, namespace: &str, name: &str) -> Option<Arc<PooledRemoteMachine>> {
        self.locked(|all| Some(all.get(namespace)?.get(name)?.object.clone()))
    }

    fn locked<T>(&self, change: impl FnOnce(&mut HashMap<String, HashMap<String, Arc<Known>>>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot be set up fails
mod tests {
    use serde_json::json;

    use super::*;

    fn object(name: &str, pool: &str) -> Arc<PooledRemoteMachine> {
        let object = json!({
            "metadata": { "name": name, "namespace": "a" },
            "spec": { "pool": pool, "machine": { "address": name, "sshKeyRef": { "name": "key" } } },
        });
        Arc::new(serde_json::from_value(object).unwrap())
    }

    #[test]
    fn what_has_not_changed_is_not_read_anew() {
        let readings = Readings::default();
        let (x, y) = (object("x", "edge"), object("y", "edge"));
        let first = readings.of("a", vec![x.clone(), y.clone()]);
        let changed = object("y", "core");
        let second = readings.of("a", vec![changed, x.clone()]);
        assert!(Arc::ptr_eq(&first[0], &second[1]));
        assert_eq!(&*second[0].reading.entry.as_ref().unwrap().pool.name, "core");
        assert!(Arc::ptr_eq(&readings.get("a", "y").unwrap(), &second[0].object));
        // One that was gone in between is read anew, though it is the same: nothing of it was kept.
        assert_eq!(readings.of("a", vec![y.clone()]).len(), 1);
        assert!(!Arc::ptr_eq(&first[0], &readings.of("a", vec![x, y])[0]));
        assert!(readings.of("a", Vec::new()).is_empty());
        assert!(readings.0.lock().unwrap().is_empty());
    }
}
