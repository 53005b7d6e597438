//! The RemoteMachine controller: the hosts of Machines are provisioned, and given back clean.
//!
//! [`decide`] says what to do and how it stands (pure), [`report`] what the status says of that (pure), [`words`] how (pure),
//! [`prepare`] makes of spec and Secrets what can be done on a host, [`act`] does it.

mod act;
mod by_job;
mod claim;
mod decide;
mod interests;
mod learnt;
mod node_metadata;
mod passed_on;
pub(super) mod prepare;
mod report;
mod said;
pub(super) mod words;

use std::sync::Arc;

use tokio::task::JoinSet;

use super::Context;
use super::cache::{Change, key_of};
use super::cluster_api::{Cluster, Machine};
use super::queue::Queue;
use super::reconcile;
use crate::manifest::Key;
use act::RemoteMachines;
pub(super) use by_job::ForJob;

/// What it is called in metrics and logs.
const NAME: &str = "remotemachine";

/// Starts it.
pub(super) fn spawn(context: &Arc<Context>, tasks: &mut JoinSet<()>) {
    let queue = Queue::default();
    let machines = Arc::new(RemoteMachines::new(context.clone(), queue.clone()));
    let seen = &context.seen;
    seen.remote_machines.on_change({
        let queue = queue.clone();
        move |change| queue.add(change.key.clone())
    });
    seen.machines.on_change({
        let queue = queue.clone();
        move |change| {
            let both = [change.before, change.after].into_iter().flatten();
            both.filter_map(|machine| remote_machine_of(machine))
                .for_each(|key| queue.add(key));
        }
    });
    seen.clusters.on_change({
        let (queue, context) = (queue.clone(), Arc::downgrade(context));
        move |change| {
            let Some(context) = context.upgrade().filter(|_| is_of_interest(change)) else {
                return;
            };
            let is_its = |machine: &Machine| {
                machine.metadata.namespace.as_ref() == Some(&change.key.namespace) && machine.spec.cluster_name == change.key.name
            };
            let machines = context.seen.machines.list(is_its);
            machines
                .iter()
                .filter_map(|machine| remote_machine_of(machine))
                .for_each(|key| queue.add(key));
        }
    });
    seen.secrets.on_change({
        let machines = Arc::downgrade(&machines);
        move |secret| {
            if let Some(machines) = machines.upgrade() {
                machines.secret_changed(secret);
            }
        }
    });
    claim::wake(context, &queue);
    for key in seen.remote_machines.keys() {
        queue.add(key);
    }
    let around = (context.args.concurrency, &context.metrics, &context.stop);
    reconcile::spawn(tasks, NAME, &queue, &machines, around);
}

/// The RemoteMachine that a Machine names as its infrastructure.
fn remote_machine_of(machine: &Machine) -> Option<Key> {
    let reference = &machine.spec.infrastructure_ref;
    let is_ours = reference.kind == "RemoteMachine";
    is_ours.then(|| Key {
        name: reference.name.clone(),
        ..key_of(&machine.metadata)
    })
}

/// Whether a Cluster has changed in what is looked at.
fn is_of_interest(change: &Change<'_, Cluster>) -> bool {
    let looked_at = |cluster: &Arc<Cluster>| (cluster.is_paused(), cluster.has_infrastructure());
    change.before.map(looked_at) != change.after.map(looked_at)
}
