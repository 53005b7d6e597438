//! The Nodes of machines: each gets the provider ID by which Cluster API knows it, and the labels, annotations and taints of
//! `spec.node`; the taint that kept pods away until then goes.
//!
//! [`members`] says whose Nodes are looked for, [`matching`] which Node is whose, [`patch`] what it lacks (all pure); [`follow`]
//! watches the Nodes of one workload cluster by the kubeconfig that [`access`] has checked. There is one task for each workload
//! cluster that has a provisioned machine. Nothing here touches a host.

mod access;
mod follow;
mod matching;
mod members;
mod node;
mod patch;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Context;
use super::events::Weight;
use crate::manifest::Key;
use follow::{Follow, News, Told, Work};
use matching::Wanted;
use members::{cluster_of, member, members};

/// What changes within this time is looked at together.
const TOGETHER: Duration = Duration::from_millis(100);

/// How much may wait to be told of Nodes.
const WAITING: usize = 1024;

/// Starts it.
pub(crate) fn start(context: &Arc<Context>, tasks: &mut JoinSet<()>) {
    let changes = Arc::new(Changes::default());
    let to = changes.clone();
    context.seen.remote_machines.on_change(move |change| {
        let is = |object: Option<&Arc<_>>| object.and_then(|object| member(object));
        // Most changes of a machine are steps of its run.
        if is(change.before) != is(change.after) {
            to.notify.notify_one();
        }
    });
    let to = changes.clone();
    context.seen.clusters.on_change(move |change| {
        if change.before.map(|cluster| cluster.is_paused()) != change.after.map(|cluster| cluster.is_paused()) {
            to.notify.notify_one();
        }
    });
    let to = changes.clone();
    context.seen.secrets.on_change(move |secret| to.secret(secret));
    // Whatever there is already.
    changes.notify.notify_one();
    tasks.spawn(run(context.clone(), changes));
}

/// What has changed since it was looked at.
#[derive(Default)]
struct Changes {
    notify: Notify,
    /// How often the kubeconfigs of these Clusters have changed.
    kubeconfigs: Mutex<HashMap<Key, u64>>,
}

impl Changes {
    fn secret(&self, secret: &Key) {
        if let Some(cluster) = cluster_of(secret) {
            let mut kubeconfigs = self.kubeconfigs.lock().unwrap_or_else(PoisonError::into_inner);
            *kubeconfigs.entry(cluster).or_default() += 1;
            drop(kubeconfigs);
            self.notify.notify_one();
        }
    }

    /// How often that of this Cluster has; those of others than `followed` are forgotten.
    fn kubeconfigs(&self, followed: &BTreeMap<Key, Vec<Wanted>>) -> HashMap<Key, u64> {
        let mut kubeconfigs = self.kubeconfigs.lock().unwrap_or_else(PoisonError::into_inner);
        kubeconfigs.retain(|cluster, _| followed.contains_key(cluster));
        kubeconfigs.clone()
    }
}

/// The task of one workload cluster.
struct Followed {
    work: watch::Sender<Work>,
    cancel: CancellationToken,
}

/// Has a task for each workload cluster, and no other, until it is stopped.
async fn run(context: Arc<Context>, changes: Arc<Changes>) {
    let (tell, mut told) = mpsc::channel(WAITING);
    let mut followed: HashMap<Key, Followed> = HashMap::new();
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            () = context.stop.cancelled() => break,
            Some(told) = told.recv() => say(&context, told),
            Some(_) = tasks.join_next() => {}
            () = changes.notify.notified() => {
                if context.stop.run_until_cancelled(tokio::time::sleep(TOGETHER)).await.is_none() {
                    break;
                }
                let members = wanted(&context);
                followed.retain(|cluster, followed| {
                    let is_wanted = members.contains_key(cluster);
                    if !is_wanted {
                        followed.cancel.cancel();
                    }
                    is_wanted
                });
                let kubeconfigs = changes.kubeconfigs(&members);
                for (cluster, members) in members {
                    let work = Work {
                        members: members.into(),
                        kubeconfig: kubeconfigs.get(&cluster).copied().unwrap_or_default(),
                    };
                    if let Some(followed) = followed.get(&cluster) {
                        followed.work.send_if_modified(|known| {
                            let is_new = *known != work;
                            *known = work;
                            is_new
                        });
                        continue;
                    }
                    let (work, to_do) = watch::channel(work);
                    let cancel = context.stop.child_token();
                    let follow = Follow {
                        cluster: cluster.clone(),
                        management: context.api.client().clone(),
                        tell: tell.clone(),
                    };
                    tasks.spawn(follow::follow(follow, to_do, cancel.clone()));
                    followed.insert(cluster, Followed { work, cancel });
                }
            }
        }
    }
    // All of them have tokens of the one that is cancelled.
    while tasks.join_next().await.is_some() {}
}

/// Whose Nodes are looked for now: those of Clusters that are there and not paused.
fn wanted(context: &Context) -> BTreeMap<Key, Vec<Wanted>> {
    let machines = context.seen.remote_machines.list(|machine| member(machine).is_some());
    let mut members = members(machines.iter().map(AsRef::as_ref));
    members.retain(|cluster, _| context.seen.clusters.get(cluster).is_some_and(|cluster| !cluster.is_paused()));
    members
}

/// Tells people.
fn say(context: &Context, told: Told) {
    let key = Key {
        namespace: told.cluster.namespace,
        name: told.remote_machine,
    };
    let machine = context.seen.remote_machines.get(&key);
    if let Some(machine) = machine.filter(|machine| machine.metadata.uid.as_deref() == Some(told.uid.as_str())) {
        let (weight, reason, note) = match told.what {
            News::Written(node) => (Weight::Normal, "NodeUpdated", format!("Node {node} is that of this machine")),
            News::Problem(problem) => (Weight::Warning, "NodeNotUpdated", problem),
        };
        context.events.tell(&*machine, weight, reason, note);
    }
}
