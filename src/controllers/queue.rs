//! A queue of what is to be looked at: [`Queue`]. What is in it twice is looked at once; nothing is looked at by two at the same time;
//! what comes back while it is being looked at is looked at again afterwards.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// The wait after the first failure, and the longest.
const FAILED: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));
/// The same after a conflict: somebody else wrote, which the watch is about to tell.
const CONFLICT: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(5));

/// See the module. Clones are the same queue.
pub(crate) struct Queue<K>(Arc<Inner<K>>);

impl<K> Clone for Queue<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Inner<K> {
    state: Mutex<State<K>>,
    /// There is something to be taken, or something earlier to wait for.
    changed: Notify,
}

struct State<K> {
    ready: VecDeque<K>,
    /// What is in `ready`.
    waiting: HashSet<K>,
    running: HashSet<K>,
    /// What is running and was asked for again.
    again: HashSet<K>,
    delayed: BTreeSet<(Instant, K)>,
    /// When each of `delayed` is due.
    due: HashMap<K, Instant>,
    failures: HashMap<K, u32>,
}

impl<K: Clone + Ord + Hash> Default for Queue<K> {
    fn default() -> Self {
        Self(Arc::new(Inner {
            state: Mutex::new(State {
                ready: VecDeque::new(),
                waiting: HashSet::new(),
                running: HashSet::new(),
                again: HashSet::new(),
                delayed: BTreeSet::new(),
                due: HashMap::new(),
                failures: HashMap::new(),
            }),
            changed: Notify::new(),
        }))
    }
}

impl<K: Clone + Ord + Hash> State<K> {
    fn add(&mut self, key: K) {
        if self.running.contains(&key) {
            self.again.insert(key);
        } else if self.waiting.insert(key.clone()) {
            self.ready.push_back(key);
        }
    }

    fn add_at(&mut self, key: K, at: Instant) {
        if self.due.get(&key).is_some_and(|due| *due <= at) {
            return;
        }
        if let Some(later) = self.due.insert(key.clone(), at) {
            self.delayed.remove(&(later, key.clone()));
        }
        self.delayed.insert((at, key));
    }

    /// What is to be taken now, or when the next is due.
    fn take(&mut self, now: Instant) -> Result<K, Option<Instant>> {
        while self.delayed.first().is_some_and(|(due, _)| *due <= now) {
            if let Some((_, key)) = self.delayed.pop_first() {
                self.due.remove(&key);
                self.add(key);
            }
        }
        match self.ready.pop_front() {
            Some(key) => {
                self.waiting.remove(&key);
                self.running.insert(key.clone());
                Ok(key)
            }
            None => Err(self.delayed.first().map(|(due, _)| *due)),
        }
    }
}

impl<K: Clone + Ord + Hash> Queue<K> {
    fn with<T>(&self, change: impl FnOnce(&mut State<K>) -> T) -> T {
        change(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Is to be looked at as soon as may be.
    pub(crate) fn add(&self, key: K) {
        self.with(|state| state.add(key));
        self.0.changed.notify_one();
    }

    /// Is to be looked at after this long, if nothing else comes before.
    pub(crate) fn add_after(&self, key: K, after: Duration) {
        self.with(|state| state.add_at(key, Instant::now() + after));
        self.0.changed.notify_one();
    }

    /// How many wait for their turn now.
    pub(crate) fn len(&self) -> usize {
        self.with(|state| state.ready.len())
    }

    /// Takes the next, whose end is to be told by [`Queue::done`]. May be dropped without losing any.
    pub(crate) async fn next(&self) -> K {
        loop {
            let changed = self.0.changed.notified();
            let (taken, more) = self.with(|state| {
                let taken = state.take(Instant::now());
                (taken, !state.ready.is_empty())
            });
            match taken {
                Ok(key) => {
                    // One was woken for this one; others may be asleep beside what is left.
                    if more {
                        self.0.changed.notify_one();
                    }
                    return key;
                }
                Err(Some(due)) => tokio::select! {
                    () = changed => {}
                    () = tokio::time::sleep_until(due) => {}
                },
                Err(None) => changed.await,
            }
        }
    }

    /// It was looked at.
    pub(crate) fn done(&self, key: &K) {
        self.with(|state| {
            state.running.remove(key);
            if state.again.remove(key) {
                state.add(key.clone());
            }
        });
        self.0.changed.notify_one();
    }

    /// It was looked at, and all went well: the next failure is the first again.
    pub(crate) fn succeeded(&self, key: &K) {
        self.with(|state| state.failures.remove(key));
    }

    /// Looking at it failed: it is to be looked at again, later each time. Says after how long.
    pub(crate) fn failed(&self, key: &K, is_conflict: bool) -> Duration {
        let after = self.with(|state| {
            let failures = state.failures.entry(key.clone()).or_default();
            *failures = failures.saturating_add(1);
            delay(*failures, is_conflict)
        });
        self.add_after(key.clone(), after);
        after
    }
}

/// The wait after so many failures in a row, the first being 1.
fn delay(failures: u32, is_conflict: bool) -> Duration {
    let (first, longest) = if is_conflict { CONFLICT } else { FAILED };
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    first.saturating_mul(doubled).min(longest)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn now<K: Clone + Ord + Hash>(queue: &Queue<K>) -> Option<K> {
        queue.next().now_or_never()
    }

    #[tokio::test]
    async fn what_is_added_twice_is_taken_once_and_in_order() {
        let queue = Queue::default();
        for key in ["a", "b", "a", "c", "b"] {
            queue.add(key);
        }
        assert_eq!(queue.len(), 3);
        assert_eq!(
            [now(&queue), now(&queue), now(&queue), now(&queue)],
            [Some("a"), Some("b"), Some("c"), None]
        );
    }

    #[tokio::test]
    async fn what_comes_back_while_it_runs_is_taken_when_it_has_ended() {
        let queue = Queue::default();
        queue.add("a");
        assert_eq!(now(&queue), Some("a"));
        queue.add("a");
        assert_eq!(now(&queue), None);
        queue.done(&"a");
        assert_eq!(now(&queue), Some("a"));
        queue.done(&"a");
        assert_eq!(now(&queue), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_earlier_of_two_delays_counts() {
        let queue = Queue::default();
        let start = Instant::now();
        queue.add_after("a", Duration::from_secs(60));
        queue.add_after("a", Duration::from_secs(10));
        queue.add_after("a", Duration::from_secs(30));
        queue.add_after("b", Duration::from_secs(5));
        assert_eq!((queue.next().await, start.elapsed().as_secs()), ("b", 5));
        assert_eq!((queue.next().await, start.elapsed().as_secs()), ("a", 10));
        queue.done(&"a");
        assert_eq!(now(&queue), None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_woken_by_something_earlier() {
        let queue = Queue::default();
        queue.add_after("late", Duration::from_secs(60));
        let waiting = tokio::spawn({
            let queue = queue.clone();
            async move { queue.next().await }
        });
        tokio::task::yield_now().await;
        queue.add("early");
        assert_eq!(waiting.await.ok(), Some("early"));
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits = [1, 2, 3, 7, 8, 40, u32::MAX].map(|failures| delay(failures, false).as_millis());
        assert_eq!(waits, [500, 1000, 2000, 32_000, 60_000, 60_000, 60_000]);
        assert_eq!(delay(1, true), Duration::from_millis(20));
    }
}
