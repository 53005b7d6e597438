//! What is watched: everything that any controller waits for, each kind by one watch, trimmed to what is used.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crds::infrastructure::pooled_remote_machine::v1beta2::PooledRemoteMachine;
use crds::infrastructure::remote_cluster::v1beta2::RemoteCluster;
use crds::infrastructure::remote_machine::v1beta2::RemoteMachine;
use crds::infrastructure::remote_machine_template::v1beta2::RemoteMachineTemplate;
use futures::{Stream, StreamExt};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Secret;
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Config, Event, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::cache::{Cache, key_of, trimmed};
use super::client::Connected;
use super::cluster_api::{Cluster, Machine, MachineDeployment, WATCH_FILTER};
use super::jobs::{Job, Pod, REMOTE_MACHINE};
use super::metrics::Metrics;
use crate::manifest::Key;

/// How long the API server is asked to hold a watch before it is begun again where it was. Each kind's is a minute longer than the one
/// before, so that they do not end together. Only where TCP finds a connection whose other end is gone (see [`super::client`]); else it is
/// as long as the watcher itself asks for, and that is how long a lost connection stays unseen.
const HELD: (u32, u32) = (1800, 60);

/// All that was seen.
#[derive(Default)]
pub(crate) struct Seen {
    /// RemoteMachines.
    pub(crate) remote_machines: Cache<RemoteMachine>,
    /// The entries of pools.
    pub(crate) pooled_remote_machines: Cache<PooledRemoteMachine>,
    /// What RemoteMachines are made from.
    pub(crate) remote_machine_templates: Cache<RemoteMachineTemplate>,
    /// The infrastructure of clusters.
    pub(crate) remote_clusters: Cache<RemoteCluster>,
    /// Cluster API's machines.
    pub(crate) machines: Cache<Machine>,
    /// Cluster API's deployments of machines.
    pub(crate) machine_deployments: Cache<MachineDeployment>,
    /// Cluster API's clusters.
    pub(crate) clusters: Cache<Cluster>,
    /// Our Jobs.
    pub(crate) jobs: Cache<Job>,
    /// Their Pods.
    pub(crate) pods: Cache<Pod>,
    /// Secrets: nothing of them is kept.
    pub(crate) secrets: Secrets,
}

/// Called with the name of a Secret that has changed.
type SecretListener = Box<dyn Fn(&Key) + Send + Sync>;

/// The names of Secrets, as they change.
#[derive(Default)]
pub(crate) struct Secrets(RwLock<Vec<SecretListener>>);

impl Secrets {
    /// From now on calls `listener` with the name of each Secret that comes, changes or goes: it may do no more than put a name into
    /// a queue.
    pub(crate) fn on_change(&self, listener: impl Fn(&Key) + Send + Sync + 'static) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Box::new(listener));
    }

    fn tell(&self, key: &Key) {
        let listeners = self.0.read().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().for_each(|listener| listener(key));
    }
}

/// How a watch stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its first list is not there yet.
    Starting,
    /// All that there is was seen.
    Synced,
    /// The API server does not serve the kind; it is asked again now and then.
    NotServed,
    /// It broke, and is begun again; what was seen before is kept.
    Broken(String),
}

/// How all watches stand, by the name of their kind.
#[derive(Clone)]
pub(crate) struct Standings {
    all: Arc<Mutex<BTreeMap<String, Standing>>>,
    changed: watch::Sender<()>,
}

impl Standings {
    fn new() -> Self {
        Self {
            all: Arc::default(),
            changed: watch::Sender::new(()),
        }
    }

    fn set(&self, kind: &str, standing: Standing) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(kind.to_owned(), standing);
        drop(all);
        self.changed.send_replace(());
    }

    /// Each kind and how its watch stands.
    pub(crate) fn all(&self) -> BTreeMap<String, Standing> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether all that there is was seen.
    pub(crate) fn are_synced(&self) -> bool {
        let is_settled = |standing: &Standing| !matches!(standing, Standing::Starting);
        self.all().values().all(is_settled)
    }

    /// Returns once they are.
    pub(crate) async fn synced(&self) {
        let mut changed = self.changed.subscribe();
        while !self.are_synced() {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }
}

/// Whose objects are watched.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// Of this namespace only.
    pub(crate) namespace: Option<String>,
    /// Of ours, only those with this value of the label `cluster.x-k8s.io/watch-filter`.
    pub(crate) filter: Option<String>,
    /// Jobs and their Pods, too.
    pub(crate) jobs: bool,
}

/// Starts all watches; they end when `stop` is cancelled.
pub(crate) fn spawn(
    tasks: &mut JoinSet<()>,
    connected: &Connected,
    scope: &Scope,
    seen: &Arc<Seen>,
    (metrics, stop): (&Metrics, &CancellationToken),
) -> Standings {
    let watches = Watches {
        connected,
        scope,
        metrics,
        stop,
        standings: Standings::new(),
    };
    let ours = || match &scope.filter {
        Some(value) => Config::default().labels(&format!("{WATCH_FILTER}={value}")),
        None => Config::default(),
    };
    watches.follow(tasks, ours(), seen, |seen| &seen.remote_machines);
    watches.follow(tasks, ours(), seen, |seen| &seen.pooled_remote_machines);
    watches.follow(tasks, ours(), seen, |seen| &seen.remote_machine_templates);
    watches.follow(tasks, ours(), seen, |seen| &seen.remote_clusters);
    watches.follow(tasks, Config::default(), seen, |seen| &seen.machines);
    watches.follow(tasks, Config::default(), seen, |seen| &seen.machine_deployments);
    watches.follow(tasks, Config::default(), seen, |seen| &seen.clusters);
    if scope.jobs {
        let of_jobs = || Config::default().labels(REMOTE_MACHINE);
        watches.follow(tasks, of_jobs(), seen, |seen| &seen.jobs);
        watches.follow(tasks, of_jobs(), seen, |seen| &seen.pods);
    }
    watches.follow_secrets(tasks, seen);
    watches.standings
}

struct Watches<'a> {
    connected: &'a Connected,
    scope: &'a Scope,
    metrics: &'a Metrics,
    stop: &'a CancellationToken,
    standings: Standings,
}

impl Watches<'_> {
    fn api<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(&self) -> Api<K> {
        match &self.scope.namespace {
            Some(namespace) => Api::namespaced(self.connected.client.clone(), namespace),
            None => Api::all(self.connected.client.clone()),
        }
    }

    /// Keeps a cache as the API server has it.
    fn follow<K>(
        &self,
        tasks: &mut JoinSet<()>,
        config: Config,
        seen: &Arc<Seen>,
        cache: impl Fn(&Seen) -> &Cache<K> + Send + Sync + 'static,
    ) where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        let kind = K::kind(&()).into_owned();
        let seen = seen.clone();
        let mut listed = Vec::new();
        self.run(tasks, kind.clone(), self.api::<DeserializeGuard<K>>(), config, move |event| {
            let cache = cache(&seen);
            match event {
                Event::Init => {
                    listed.clear();
                    cache.begin_list();
                }
                Event::InitApply(DeserializeGuard(Ok(object))) => listed.push(trimmed(object)),
                Event::InitDone => cache.replace(std::mem::take(&mut listed)),
                Event::Apply(DeserializeGuard(Ok(object))) => drop(cache.apply(trimmed(object))),
                Event::Delete(DeserializeGuard(Ok(object))) => cache.delete(object.meta()),
                Event::Delete(DeserializeGuard(Err(invalid))) => cache.delete(&invalid.metadata),
                Event::InitApply(DeserializeGuard(Err(invalid))) | Event::Apply(DeserializeGuard(Err(invalid))) => {
                    // One that is not understood must not hide all others.
                    tracing::warn!(kind, object = %key_of(&invalid.metadata), error = %invalid.error, "an object is left alone: it cannot be read");
                    cache.hide(&invalid.metadata);
                }
            }
        });
    }

    fn follow_secrets(&self, tasks: &mut JoinSet<()>, seen: &Arc<Seen>) {
        let seen = seen.clone();
        let mut is_first = true;
        let api = self.api::<PartialObjectMeta<Secret>>();
        self.run(tasks, "Secret".to_owned(), api, Config::default(), move |event| match event {
            Event::Init => {}
            Event::InitDone => is_first = false,
            // Whoever begins looks at everything anyway. Later, any of them may have changed while the watch was broken.
            Event::InitApply(_) if is_first => {}
            Event::InitApply(secret) | Event::Apply(secret) | Event::Delete(secret) => {
                seen.secrets.tell(&key_of(&secret.metadata));
            }
        });
    }

    fn run<K>(
        &self,
        tasks: &mut JoinSet<()>,
        kind: String,
        api: Api<K>,
        config: Config,
        mut take: impl FnMut(Event<K>) + Send + 'static,
    ) where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
    {
        let config = if self.connected.is_kept_alive {
            let (least, apart) = HELD;
            let before = u32::try_from(self.standings.all().len()).unwrap_or_default();
            config.timeout(least + apart * before)
        } else {
            config
        };
        self.standings.set(&kind, Standing::Starting);
        let (standings, metrics, stop) = (self.standings.clone(), self.metrics.clone(), self.stop.clone());
        let mut events = Box::pin(watcher(api, config).default_backoff());
        tasks.spawn(async move {
            let mut is_well = false;
            while let Some(Some(event)) = stop.run_until_cancelled(next(&mut events)).await {
                match event {
                    Ok(event) => {
                        let is_news =
                            matches!(event, Event::InitDone) || (!is_well && matches!(event, Event::Apply(_) | Event::Delete(_)));
                        take(event);
                        if is_news {
                            is_well = true;
                            standings.set(&kind, Standing::Synced);
                        }
                    }
                    Err(error) => {
                        metrics.watch_broke(&kind);
                        let standing = broken(&error, is_well);
                        tracing::warn!(kind, %error, "a watch broke; it is begun again");
                        if let Some(standing) = standing {
                            is_well = false;
                            standings.set(&kind, standing);
                        }
                    }
                }
            }
        });
    }
}

async fn next<K>(
    events: &mut (impl Stream<Item = Result<Event<K>, watcher::Error>> + Unpin),
) -> Option<Result<Event<K>, watcher::Error>> {
    events.next().await
}

/// How a watch stands after an error; nothing if that is no change: it still waits for its first list.
fn broken(error: &watcher::Error, was_well: bool) -> Option<Standing> {
    #[allow(clippy::wildcard_enum_match_arm)] // a foreign enum: a kind that is not served is told by its list alone
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status)) if status.code == 404 => Some(Standing::NotServed),
        other => was_well.then(|| Standing::Broken(other.to_string())),
    }
}
