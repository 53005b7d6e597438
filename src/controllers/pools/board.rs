//! What RemoteMachines that wait are told, for whoever reports on them: [`Board`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use super::told::Told;
use crate::controllers::queue::Queue;
use crate::manifest::Key;

/// Called with the name of a RemoteMachine that is told something else than before, and how soon it is to say so.
type Listener = Box<dyn Fn(&Key, Duration) + Send + Sync>;

/// By namespace and name of the RemoteMachine, what it is told now.
#[derive(Default)]
pub(crate) struct Board {
    told: RwLock<HashMap<String, BTreeMap<String, Told>>>,
    gone: RwLock<HashMap<String, BTreeSet<String>>>,
    listeners: RwLock<Vec<Listener>>,
    /// The namespaces that are to be looked at.
    queue: Queue<String>,
}

impl Board {
    /// Why the RemoteMachine has no entry, or what is wrong with the machine that it has.
    pub(crate) fn of(&self, key: &Key) -> Option<Told> {
        let told = self.told.read().unwrap_or_else(PoisonError::into_inner);
        told.get(&key.namespace)?.get(&key.name).cloned()
    }

    /// From now on calls `listener` for each RemoteMachine that is told something else: it may do no more than put a name into a queue.
    pub(crate) fn on_change(&self, listener: impl Fn(&Key, Duration) + Send + Sync + 'static) {
        let mut listeners = self.listeners.write().unwrap_or_else(PoisonError::into_inner);
        listeners.push(Box::new(listener));
    }

    /// Has the pools of a namespace looked at.
    pub(crate) fn look(&self, namespace: &str) {
        self.queue.add(namespace.to_owned());
    }

    /// The namespaces that are to be looked at.
    pub(super) fn queue(&self) -> &Queue<String> {
        &self.queue
    }

    /// Whether the store itself does not have this entry.
    pub(crate) fn is_gone(&self, entry: &Key) -> bool {
        let gone = self.gone.read().unwrap_or_else(PoisonError::into_inner);
        gone.get(&entry.namespace).is_some_and(|names| names.contains(&entry.name))
    }

    /// The entries of a namespace that the store itself does not have.
    pub(super) fn gone(&self, namespace: &str) -> BTreeSet<String> {
        let gone = self.gone.read().unwrap_or_else(PoisonError::into_inner);
        gone.get(namespace).cloned().unwrap_or_default()
    }

    /// The store itself does not have this entry, which these RemoteMachines name.
    pub(super) fn set_gone(&self, entry: &Key, named_by: &[Key]) {
        {
            let mut gone = self.gone.write().unwrap_or_else(PoisonError::into_inner);
            gone.entry(entry.namespace.clone()).or_default().insert(entry.name.clone());
        }
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        named_by
            .iter()
            .for_each(|key| listeners.iter().for_each(|listener| listener(key, Duration::ZERO)));
    }

    /// An entry was seen: it is there.
    pub(super) fn set_there(&self, entry: &Key) {
        let mut gone = self.gone.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = gone.get_mut(&entry.namespace) {
            names.remove(&entry.name);
            if names.is_empty() {
                gone.remove(&entry.namespace);
            }
        }
    }

    /// From now on this is what those of a namespace are told. Gives the names of those that were told nothing before.
    pub(super) fn publish(&self, namespace: &str, new: BTreeMap<String, Told>) -> Vec<String> {
        let (changed, first) = {
            let mut told = self.told.write().unwrap_or_else(PoisonError::into_inner);
            let before = told.remove(namespace).unwrap_or_default();
            let names: BTreeSet<&String> = before.keys().chain(new.keys()).collect();
            let changed: Vec<(String, Duration)> = names
                .into_iter()
                .filter(|name| before.get(*name) != new.get(*name))
                .map(|name| {
                    let after = new.get(name).map_or(Duration::ZERO, |told| told.after(before.get(name)));
                    (name.clone(), after)
                })
                .collect();
            let first = new.keys().filter(|name| !before.contains_key(*name)).cloned().collect();
            if !new.is_empty() {
                told.insert(namespace.to_owned(), new);
            }
            (changed, first)
        };
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        for (name, after) in changed {
            let key = Key {
                namespace: namespace.to_owned(),
                name,
            };
            listeners.iter().for_each(|listener| listener(&key, after));
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use pool::{Pool, Why};

    use super::*;

    fn waits(position: usize) -> Told {
        Told::Waits {
            pool: Pool {
                namespace: "a".into(),
                name: "edge".into(),
            },
            position,
            of: 2,
            why: Why::default(),
        }
    }

    #[test]
    fn only_what_changes_is_told() {
        let board = Board::default();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let to = heard.clone();
        board.on_change(move |key, after| {
            let text = match after.as_millis() {
                0 => key.to_string(),
                after => format!("{key} after {after} ms"),
            };
            to.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        });
        let say = |told: &[(&str, usize)]| {
            let told = told.iter().map(|(name, position)| ((*name).to_owned(), waits(*position)));
            let first = board.publish("a", told.collect());
            let heard = std::mem::take(&mut *heard.lock().unwrap_or_else(PoisonError::into_inner));
            (first.join(" "), heard.join(" "))
        };
        let pair = |first: &str, heard: &str| (first.to_owned(), heard.to_owned());
        assert_eq!(say(&[("x", 1), ("y", 2)]), pair("x y", "a/x a/y"));
        assert_eq!(say(&[("x", 1), ("y", 2)]), pair("", ""));
        // That another place is its own can wait, that it is its turn cannot.
        assert_eq!(say(&[("y", 1)]), pair("", "a/x a/y after 1010 ms"));
        assert_eq!(say(&[]), pair("", "a/y"));
        let key = Key {
            namespace: "a".to_owned(),
            name: "y".to_owned(),
        };
        assert_eq!(board.of(&key), None);
    }
}
