//! Pools in figures, for Prometheus.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::pass::Figures;
use crate::controllers::metrics::Metrics;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfPool {
    namespace: String,
    pool: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct InState {
    namespace: String,
    pool: String,
    state: &'static str,
}

/// In seconds: a pass over ten thousand entries is meant to take less than 50 ms.
const PASSES: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0];

/// The pools of all namespaces.
pub(super) struct PoolMetrics {
    entries: Family<InState, Gauge>,
    waiting: Family<OfPool, Gauge>,
    oldest: Family<OfPool, Gauge>,
    passes: Histogram,
    /// What is shown of each namespace.
    shown: Mutex<HashMap<String, BTreeMap<String, Figures>>>,
}

impl PoolMetrics {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let new = Self {
            entries: Family::default(),
            waiting: Family::default(),
            oldest: Family::default(),
            passes: Histogram::new(PASSES),
            shown: Mutex::default(),
        };
        metrics.register(|registry| {
            registry.register("pool_entries", "Entries of a pool by their state", new.entries.clone());
            registry.register(
                "pool_waiting",
                "RemoteMachines that wait for an entry of a pool",
                new.waiting.clone(),
            );
            registry.register(
                "pool_oldest_wait_timestamp_seconds",
                "When the first of them was made; 0 where none waits",
                new.oldest.clone(),
            );
            registry.register(
                "pool_pass_seconds",
                "How long a pass over the pools of a namespace took to decide",
                new.passes.clone(),
            );
        });
        new
    }

    /// A pass took so long, from the objects to what is to be done.
    pub(super) fn passed(&self, took: Duration) {
        self.passes.observe(took.as_secs_f64());
    }

    /// From now on these are the figures of a namespace.
    pub(super) fn show(&self, namespace: &str, figures: BTreeMap<String, Figures>) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let before = shown.remove(namespace).unwrap_or_default();
        for (pool, former) in &before {
            let now = figures.get(pool);
            for state in former.entries.keys() {
                if now.is_none_or(|now| !now.entries.contains_key(state)) {
                    self.entries.remove(&in_state(namespace, pool, state));
                }
            }
            if now.is_none() {
                self.waiting.remove(&of_pool(namespace, pool));
                self.oldest.remove(&of_pool(namespace, pool));
            }
        }
        for (pool, now) in &figures {
            for (state, count) in &now.entries {
                let gauge = self.entries.get_or_create(&in_state(namespace, pool, state)).clone();
                gauge.set(i64::try_from(*count).unwrap_or(i64::MAX));
            }
            let waiting = self.waiting.get_or_create(&of_pool(namespace, pool)).clone();
            waiting.set(i64::try_from(now.waiting).unwrap_or(i64::MAX));
            let oldest = self.oldest.get_or_create(&of_pool(namespace, pool)).clone();
            oldest.set(now.oldest.map_or(0, seconds));
        }
        if !figures.is_empty() {
            shown.insert(namespace.to_owned(), figures);
        }
    }
}

fn of_pool(namespace: &str, pool: &str) -> OfPool {
    OfPool {
        namespace: namespace.to_owned(),
        pool: pool.to_owned(),
    }
}

fn in_state(namespace: &str, pool: &str, state: &'static str) -> InState {
    InState {
        namespace: namespace.to_owned(),
        pool: pool.to_owned(),
        state,
    }
}

fn seconds(at: SystemTime) -> i64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_pool_that_has_gone_is_shown_no_more() {
        let metrics = Metrics::new();
        let pools = PoolMetrics::new(&metrics);
        let figures = Figures {
            entries: BTreeMap::from([("Free", 3), ("Bound", 1)]),
            waiting: 2,
            oldest: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(70)),
        };
        pools.show("a", BTreeMap::from([("edge".to_owned(), figures)]));
        let lines = || {
            let text = metrics.text();
            let lines = text
                .lines()
                .filter(|line| line.starts_with("anywhere_pool_") && line.contains("pool=\"edge\""));
            let mut lines: Vec<String> = lines.map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(
            lines(),
            [
                "anywhere_pool_entries{namespace=\"a\",pool=\"edge\",state=\"Bound\"} 1",
                "anywhere_pool_entries{namespace=\"a\",pool=\"edge\",state=\"Free\"} 3",
                "anywhere_pool_oldest_wait_timestamp_seconds{namespace=\"a\",pool=\"edge\"} 70",
                "anywhere_pool_waiting{namespace=\"a\",pool=\"edge\"} 2",
            ]
        );
        let left = Figures {
            entries: BTreeMap::from([("Free", 4)]),
            ..Figures::default()
        };
        pools.show("a", BTreeMap::from([("edge".to_owned(), left)]));
        assert_eq!(lines().len(), 3);
        pools.show("a", BTreeMap::new());
        assert_eq!(lines(), Vec::<String>::new());
    }
}
