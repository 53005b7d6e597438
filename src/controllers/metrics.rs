//! What is counted, in the form of OpenMetrics: [`Metrics`]. `docs/controller.md` lists the names.
//! Source: <https://prometheus.io/docs/specs/om/open_metrics_spec/>

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// The form that is served.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Of {
    controller: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Reconciled {
    controller: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Requested {
    verb: &'static str,
    kind: String,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfKind {
    kind: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Result {
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Mode {
    mode: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Ended {
    mode: &'static str,
    result: &'static str,
}

/// A host that is being worked on.
pub(super) struct Running(Gauge);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// See the module. Clones are the same ones.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Arc<Mutex<Registry>>,
    reconciles: Family<Reconciled, Counter>,
    reconcile_seconds: Histograms<Of>,
    queue_length: Family<Of, Gauge>,
    requests: Family<Requested, Counter>,
    watches_broken: Family<OfKind, Counter>,
    events: Family<Result, Counter>,
    leader: Gauge,
    work_waiting: Gauge,
    work_running: Family<Mode, Gauge>,
    work: Family<Ended, Counter>,
    work_seconds: Histograms<Mode>,
}

impl Metrics {
    /// All at zero.
    pub(crate) fn new() -> Self {
        let metrics = Self {
            registry: Arc::new(Mutex::new(Registry::with_prefix("anywhere"))),
            reconciles: Family::default(),
            reconcile_seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 4.0, 8))),
            queue_length: Family::default(),
            requests: Family::default(),
            watches_broken: Family::default(),
            events: Family::default(),
            leader: Gauge::default(),
            work_waiting: Gauge::default(),
            work_running: Family::default(),
            work: Family::default(),
            work_seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.5, 2.0, 14))),
        };
        metrics.register(|registry| {
            registry.register("reconciles", "Looks at objects", metrics.reconciles.clone());
            registry.register(
                "reconcile_seconds",
                "How long a look at an object took",
                metrics.reconcile_seconds.clone(),
            );
            registry.register(
                "queue_length",
                "Objects that wait to be looked at",
                metrics.queue_length.clone(),
            );
            registry.register(
                "api_requests",
                "Requests to the API server, watches aside",
                metrics.requests.clone(),
            );
            registry.register(
                "watches_broken",
                "Watches that were begun again after an error",
                metrics.watches_broken.clone(),
            );
            registry.register("events", "Events about objects", metrics.events.clone());
            registry.register("leader", "Whether this replica is the one that works", metrics.leader.clone());
            registry.register("work_waiting", "Hosts whose turn has not come", metrics.work_waiting.clone());
            registry.register("work_running", "Hosts that are being worked on", metrics.work_running.clone());
            registry.register("work", "Work on hosts that has ended", metrics.work.clone());
            registry.register("work_seconds", "How long work on a host took", metrics.work_seconds.clone());
        });
        metrics
    }

    /// For metrics of one controller: they are named `anywhere_...`.
    pub(crate) fn register(&self, register: impl FnOnce(&mut Registry)) {
        register(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// All of them, as they are served.
    pub(crate) fn text(&self) -> String {
        let mut page = String::new();
        // Writing to a String does not fail.
        let _ = text::encode(&mut page, &self.registry.lock().unwrap_or_else(PoisonError::into_inner));
        page
    }

    pub(super) fn reconciled(&self, controller: &'static str, result: &'static str, took: Duration) {
        self.reconciles.get_or_create(&Reconciled { controller, result }).inc();
        self.reconcile_seconds
            .get_or_create(&Of { controller })
            .observe(took.as_secs_f64());
    }

    pub(super) fn queue_length(&self, controller: &'static str, length: usize) {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        self.queue_length.get_or_create(&Of { controller }).set(length);
    }

    pub(super) fn requested(&self, verb: &'static str, kind: &str, result: &'static str) {
        let kind = kind.to_owned();
        self.requests.get_or_create(&Requested { verb, kind, result }).inc();
    }

    pub(super) fn watch_broke(&self, kind: &str) {
        self.watches_broken.get_or_create(&OfKind { kind: kind.to_owned() }).inc();
    }

    pub(super) fn event(&self, result: &'static str) {
        self.events.get_or_create(&Result { result }).inc();
    }

    /// So many more hosts wait for their turn.
    pub(super) fn work_waits(&self, more: i64) {
        self.work_waiting.inc_by(more);
    }

    /// A host is worked on, until what this gives is dropped.
    pub(super) fn work_runs(&self, mode: &'static str) -> Running {
        let running = self.work_running.get_or_create_owned(&Mode { mode });
        running.inc();
        Running(running)
    }

    /// Work on a host has ended.
    pub(super) fn work_ended(&self, mode: &'static str, result: &'static str, took: Duration) {
        self.work.get_or_create(&Ended { mode, result }).inc();
        self.work_seconds.get_or_create(&Mode { mode }).observe(took.as_secs_f64());
    }

    pub(super) fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_as_documented() {
        let metrics = Metrics::new();
        metrics.reconciled("remotemachine", "ok", Duration::from_millis(3));
        metrics.requested("patch", "RemoteMachine", "conflict");
        metrics.leads(true);
        let page = metrics.text();
        for line in [
            "anywhere_reconciles_total{controller=\"remotemachine\",result=\"ok\"} 1",
            "anywhere_reconcile_seconds_count{controller=\"remotemachine\"} 1",
            "anywhere_api_requests_total{verb=\"patch\",kind=\"RemoteMachine\",result=\"conflict\"} 1",
            "anywhere_leader 1",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
        }
        assert!(page.ends_with("# EOF\n"));
    }

    /// The names of metrics in a text: words that begin as ours do.
    fn names(text: &str) -> BTreeSet<&str> {
        let words = text.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
        words
            .filter(|word| word.starts_with("anywhere_"))
            .map(|word| {
                ["_total", "_bucket", "_count", "_sum"]
                    .iter()
                    .fold(word, |name, end| name.trim_end_matches(end))
            })
            .collect()
    }

    #[test]
    fn the_dashboard_and_the_documentation_know_each_metric_and_no_other() {
        let metrics = Metrics::new();
        // What was never counted is not shown.
        metrics.reconciled("remotemachine", "ok", Duration::ZERO);
        metrics.queue_length("remotemachine", 1);
        metrics.requested("get", "Secret", "ok");
        metrics.watch_broke("Secret");
        metrics.event("sent");
        drop(metrics.work_runs("clean"));
        metrics.work_ended("clean", "done", Duration::ZERO);
        let page = metrics.text();
        let help = page
            .lines()
            .filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next());
        let of_pools =
            ["entries", "oldest_wait_timestamp_seconds", "pass_seconds", "waiting"].map(|name| format!("anywhere_pool_{name}"));
        let registered: BTreeSet<_> = help.chain(of_pools.iter().map(String::as_str)).collect();
        let dashboard = include_str!("../../examples/controller/grafana-dashboard.json");
        assert_eq!(names(dashboard), registered);
        let documented = include_str!("../../docs/controller.md");
        assert_eq!(names(documented), registered);
    }
}
