//! Pools: the tie between the allocator (`pool/`) and the API. One pass looks at all pools of a namespace, decides by a pure function
//! ([`pass`]) and carries that out ([`carry_out`]), until nothing is left to do.
//!
//! A namespace is looked at by one task at a time, and by the leader only, so that in the ordinary case nobody writes an entry but that
//! task, and no write is refused. Nothing is polled: a pass is woken by what is watched, by work on a host that ends, and by the time
//! when a quarantined host is due.

mod board;
mod carry_out;
mod claim;
mod entry;
mod figures;
mod given;
mod look;
mod mended;
mod news;
mod pass;
mod reading;
mod shown;
mod steps;
mod told;
mod work;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crds::infrastructure::remote_machine::v1beta2::RemoteMachine;
use pool::{Claim, ClaimId, Outcome, Retry};
use tokio::task::JoinSet;

use super::Context;
use super::api::ApiError;
use super::cluster_api::{CLUSTER_NAME, PAUSED, is_being_made};
use super::queue::Queue;
use super::reconcile::{self, Again, Reconcile};
use crate::manifest::Key;
use carry_out::{Asked, Before};
use figures::PoolMetrics;
use mended::Mended;
use pass::{Pass, Seen, SeenEntry, SeenMachine, pass};
use reading::Readings;

pub(crate) use board::Board;
pub(crate) use claim::{POOL_ENTRY, is_provisioned, selector_of};
pub(crate) use entry::{met, read as read_entry};
pub(crate) use shown::ADDRESS_UNIQUE;

/// Namespaces that are looked at at the same time.
const CONCURRENCY: u16 = 4;
/// When to look again at work that was stopped or begun and has not told its end by then.
const STILL: Duration = Duration::from_secs(5);
/// One look does as many passes at most before others have their turn.
const MOST_PASSES: usize = 16;

/// The RemoteMachine as the allocator sees it, if it wants an entry of a pool.
pub(crate) fn claim_of(machine: &RemoteMachine) -> Option<Claim> {
    match claim::read(machine, None) {
        claim::Role::Claim { claim, .. } => Some(*claim),
        claim::Role::Alone(_) | claim::Role::Nobody => None,
    }
}

/// Looks at the pools of namespaces.
pub(super) struct Pools {
    context: Arc<Context>,
    metrics: PoolMetrics,
    queue: Queue<String>,
    /// Attempts to clean that could not even be begun, by the UID of the entry.
    not_begun: Mutex<HashMap<String, (u32, Outcome)>>,
    mended: Arc<Mended>,
    readings: Readings,
}

/// Starts to look at all pools.
pub(super) fn spawn(context: &Arc<Context>, tasks: &mut JoinSet<()>) {
    let queue = context.board.queue().clone();
    let pools = Arc::new(Pools {
        context: context.clone(),
        metrics: PoolMetrics::new(&context.metrics),
        queue: queue.clone(),
        not_begun: Mutex::default(),
        mended: Arc::default(),
        readings: Readings::default(),
    });
    mended::wake(context, &pools.mended);
    wake(context, &queue);
    reconcile::spawn(tasks, "pool", &queue, &pools, (CONCURRENCY, &context.metrics, &context.stop));
}

/// A pass is woken by what it looks at, and by nothing else: what a RemoteMachine reports of its progress is not among that.
fn wake(context: &Arc<Context>, queue: &Queue<String>) {
    let seen = &context.seen;
    let weak = Arc::downgrade(context);
    seen.pooled_remote_machines.on_change(move |change| {
        if let Some(context) = weak.upgrade() {
            if change.after.is_some() {
                context.board.set_there(change.key);
            }
            context.board.look(&change.key.namespace);
        }
    });
    let to = queue.clone();
    seen.remote_machines.on_change(move |change| {
        let is_same = match (change.before, change.after) {
            (Some(before), Some(after)) => is_same_to_pools(before, after),
            (None, _) | (_, None) => false,
        };
        if !is_same {
            to.add(change.key.namespace.clone());
        }
    });
    let to = queue.clone();
    seen.machines.on_change(move |change| {
        let domain =
            |machine: Option<&Arc<super::cluster_api::Machine>>| machine.and_then(|machine| machine.spec.failure_domain.clone());
        if domain(change.before) != domain(change.after) {
            to.add(change.key.namespace.clone());
        }
    });
    let to = queue.clone();
    seen.clusters.on_change(move |change| {
        let is_paused = |cluster: Option<&Arc<super::cluster_api::Cluster>>| cluster.is_some_and(|cluster| cluster.is_paused());
        if is_paused(change.before) != is_paused(change.after) {
            to.add(change.key.namespace.clone());
        }
    });
    for key in seen
        .pooled_remote_machines
        .keys()
        .into_iter()
        .chain(seen.remote_machines.keys())
    {
        queue.add(key.namespace);
    }
}

fn is_same_to_pools(before: &RemoteMachine, after: &RemoteMachine) -> bool {
    let (one, other) = (&before.metadata, &after.metadata);
    let learnt = |machine: &RemoteMachine| {
        let status = machine.status.clone().unwrap_or_default();
        (status.remembered_hosts, status.capacity, status.node_info)
    };
    before.spec == after.spec
        && learnt(before) == learnt(after)
        && claim::is_provisioned(before) == claim::is_provisioned(after)
        && one.uid == other.uid
        && one.labels == other.labels
        && one.annotations == other.annotations
        && one.finalizers == other.finalizers
        && one.owner_references == other.owner_references
        && one.deletion_timestamp == other.deletion_timestamp
}

impl Reconcile<String> for Pools {
    async fn reconcile(&self, namespace: &String) -> Result<Again, ApiError> {
        let mut asked = Asked::new();
        for _ in 0..MOST_PASSES {
            let now = SystemTime::now();
            let began = Instant::now();
            let (pass, before) = self.look(namespace, &asked, now);
            self.metrics.passed(began.elapsed());
            self.metrics.show(namespace, pass.figures.clone());
            self.tell(namespace, &pass);
            if pass.is_done() {
                return Ok(match pass.wake_at {
                    Some(at) => Again::After(at.duration_since(now).unwrap_or_default()),
                    None => Again::OnChange,
                });
            }
            let goes_on = pass.leads_on();
            asked = self.carry_out(pass, &before).await?;
            if !goes_on {
                return Ok(Again::After(STILL));
            }
        }
        Ok(Again::After(Duration::ZERO))
    }
}

impl Pools {
    /// All that there is in a namespace, and what is to be done about it.
    fn look(&self, namespace: &str, asked: &Asked, now: SystemTime) -> (Pass, Before) {
        let seen = &self.context.seen;
        let is_here = |meta: &Option<String>| meta.as_deref() == Some(namespace);
        let entries = seen.pooled_remote_machines.list(|object| is_here(&object.metadata.namespace));
        let entries = self.readings.of(namespace, entries);
        let machines = seen.remote_machines.list(|object| is_here(&object.metadata.namespace));
        let clusters = seen
            .clusters
            .list(|cluster| is_here(&cluster.metadata.namespace) && cluster.is_paused());
        let paused: Vec<&str> = clusters
            .iter()
            .filter_map(|cluster| cluster.metadata.name.as_deref())
            .collect();
        let domains: Vec<Option<String>> = machines.iter().map(|machine| self.failure_domain(machine)).collect();
        let gone = self.context.board.gone(namespace);
        let pass = pass(
            &Seen {
                gone: &gone,
                entries: entries
                    .iter()
                    .map(|known| SeenEntry {
                        object: &known.object,
                        reading: &known.reading,
                        work: self.work_on(&known.object),
                        is_mended: self.mended.is(&known.object),
                    })
                    .collect(),
                machines: machines
                    .iter()
                    .zip(&domains)
                    .map(|(object, domain)| SeenMachine {
                        object,
                        failure_domain: domain.as_deref(),
                        // Nothing is done about one that Cluster API is still at making, either.
                        is_paused: is_paused(object, &paused) || is_being_made(&object.metadata),
                    })
                    .collect(),
                asked: asked.clone(),
                is_paused: !clusters.is_empty(),
            },
            now,
            &Retry::default(),
        );
        let before = Before {
            namespace: namespace.to_owned(),
            machines: machines.into_iter().map(|object| (claim::id(&object), object)).collect(),
        };
        (pass, before)
    }

    /// That of the Machine that owns a RemoteMachine.
    fn failure_domain(&self, machine: &RemoteMachine) -> Option<String> {
        let owners = machine.metadata.owner_references.as_ref()?;
        let owner = owners.iter().find(|owner| owner.kind == "Machine")?;
        let key = Key {
            namespace: machine.metadata.namespace.clone()?,
            name: owner.name.clone(),
        };
        self.context.seen.machines.get(&key)?.spec.failure_domain.clone()
    }

    fn machine_of(&self, namespace: &str, claim: &ClaimId) -> Option<Arc<RemoteMachine>> {
        let is_it =
            |machine: &RemoteMachine| machine.metadata.namespace.as_deref() == Some(namespace) && claim::id(machine) == *claim;
        self.context.seen.remote_machines.list(is_it).into_iter().next()
    }

    /// How an attempt ended that could not even be begun.
    fn not_begun(&self, uid: &str) -> Option<(u32, Outcome)> {
        let not_begun = self.not_begun.lock().unwrap_or_else(PoisonError::into_inner);
        not_begun.get(uid).cloned()
    }

    fn remember_not_begun(&self, uid: &str, ended: Option<(u32, Outcome)>) {
        let mut not_begun = self.not_begun.lock().unwrap_or_else(PoisonError::into_inner);
        match ended {
            Some(ended) => drop(not_begun.insert(uid.to_owned(), ended)),
            None => drop(not_begun.remove(uid)),
        }
    }

    /// RemoteMachines are told what they wait for; people, once.
    fn tell(&self, namespace: &str, pass: &Pass) {
        for name in self.context.board.publish(namespace, pass.told.clone()) {
            let key = Key {
                namespace: namespace.to_owned(),
                name,
            };
            if let (Some(machine), Some(told)) = (self.context.seen.remote_machines.get(&key), pass.told.get(&key.name)) {
                let weight = told.weight();
                self.context.events.tell(&*machine, weight, told.reason(), told.message());
            }
        }
    }
}

/// It, or its Cluster, is.
fn is_paused(machine: &RemoteMachine, paused: &[&str]) -> bool {
    let meta = &machine.metadata;
    let cluster = meta.labels.as_ref().and_then(|labels| labels.get(CLUSTER_NAME));
    cluster.is_some_and(|cluster| paused.contains(&cluster.as_str()))
        || meta
            .annotations
            .as_ref()
            .is_some_and(|annotations| annotations.contains_key(PAUSED))
}
