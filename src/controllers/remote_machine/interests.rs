//! Which Secrets were read for which RemoteMachine, so that a Secret that changes wakes those and no others: [`Interests`].

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use crate::manifest::Key;

/// See the module.
#[derive(Default)]
pub(super) struct Interests(Mutex<State>);

#[derive(Default)]
struct State {
    of_secret: HashMap<Key, HashSet<Key>>,
    of_object: HashMap<Key, Interest>,
}

#[derive(Default)]
struct Interest {
    secrets: Vec<Key>,
    /// How often one of them has changed.
    changes: u64,
}

impl Interests {
    /// These Secrets are about to be read for an object. Gives the number that [`Interests::changes`] says until one of them changes.
    pub(super) fn set(&self, object: &Key, secrets: Vec<Key>) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.unset(object);
        for secret in &secrets {
            state.of_secret.entry(secret.clone()).or_default().insert(object.clone());
        }
        let interest = state.of_object.entry(object.clone()).or_default();
        interest.secrets = secrets;
        interest.changes
    }

    /// How often a Secret that was read for this object has changed.
    pub(super) fn changes(&self, object: &Key) -> u64 {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.of_object.get(object).map_or(0, |interest| interest.changes)
    }

    /// A Secret has changed: the objects that it was read for.
    pub(super) fn changed(&self, secret: &Key) -> Vec<Key> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let objects: Vec<Key> = state.of_secret.get(secret).into_iter().flatten().cloned().collect();
        for object in &objects {
            if let Some(interest) = state.of_object.get_mut(object) {
                interest.changes += 1;
            }
        }
        objects
    }

    /// The object is gone.
    pub(super) fn forget(&self, object: &Key) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.unset(object);
        state.of_object.remove(object);
    }
}

impl State {
    fn unset(&mut self, object: &Key) {
        let secrets = self
            .of_object
            .get_mut(object)
            .map(|interest| std::mem::take(&mut interest.secrets));
        for secret in secrets.unwrap_or_default() {
            if let Some(objects) = self.of_secret.get_mut(&secret) {
                objects.remove(object);
                if objects.is_empty() {
                    self.of_secret.remove(&secret);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key {
            namespace: "a".to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn a_secret_wakes_whom_it_was_read_for() {
        let interests = Interests::default();
        let before = interests.set(&key("one"), vec![key("shared"), key("own")]);
        interests.set(&key("two"), vec![key("shared")]);
        let mut woken = interests.changed(&key("shared"));
        woken.sort();
        assert_eq!(woken, [key("one"), key("two")]);
        assert_eq!(interests.changed(&key("own")), [key("one")]);
        assert_eq!(interests.changes(&key("one")), before + 2);
        // What was read before and no longer is.
        let now = interests.set(&key("one"), vec![key("other")]);
        assert_eq!(interests.changed(&key("own")), []);
        assert_eq!(interests.changes(&key("one")), now);
        interests.forget(&key("one"));
        interests.forget(&key("two"));
        assert_eq!(interests.changed(&key("shared")), []);
        assert!(
            interests
                .0
                .lock()
                .is_ok_and(|state| state.of_secret.is_empty() && state.of_object.is_empty())
        );
    }
}
