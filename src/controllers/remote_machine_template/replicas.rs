//! MachineDeployments that have as many machines as their pool has for them, where their author asks for that.

use std::collections::HashMap;
use std::sync::Arc;

use crds::infrastructure::pooled_remote_machine::v1beta2::PooledRemoteMachine;
use crds::infrastructure::remote_machine::v1beta2::RemoteMachine;
use crds::infrastructure::remote_machine_template::v1beta2::{RemoteMachineTemplate, RemoteMachineTemplateResourceSpec};
use pool::State;
use serde_json::json;
use tokio::task::JoinSet;

use super::capacity;
use crate::controllers::Context;
use crate::controllers::api::{ApiError, Part};
use crate::controllers::cluster_api::{MachineDeployment, PAUSED};
use crate::controllers::events::Weight;
use crate::controllers::pools;
use crate::controllers::queue::Queue;
use crate::controllers::reconcile::{self, Again, Reconcile};
use crate::manifest::Key;

/// Annotation on a MachineDeployment, `true`: it is to have as many machines as its pool has for it.
const FOLLOWS: &str = "anywhere.k0smotron.io/replicas-from-pool";
/// Cluster Autoscaler's annotations: the least and the most that there may be.
const LEAST: &str = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size";
const MOST: &str = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size";
/// The label of a RemoteMachine that says which MachineDeployment it is of.
const DEPLOYMENT: &str = "cluster.x-k8s.io/deployment-name";

/// What it is called in metrics and logs.
const NAME: &str = "machinedeployment";
/// MachineDeployments that are looked at at the same time.
const CONCURRENCY: u16 = 2;

struct Deployments(Arc<Context>);

/// Starts it.
pub(super) fn spawn(context: &Arc<Context>, tasks: &mut JoinSet<()>) {
    let queue: Queue<Key> = Queue::default();
    let seen = &context.seen;
    let to = queue.clone();
    seen.machine_deployments.on_change(move |change| to.add(change.key.clone()));
    let all_of = {
        let (to, weak) = (queue.clone(), Arc::downgrade(context));
        move |namespace: &str| {
            let Some(context) = weak.upgrade() else { return };
            let keys = context.seen.machine_deployments.keys().into_iter();
            keys.filter(|key| key.namespace == namespace).for_each(|key| to.add(key));
        }
    };
    let wake = all_of.clone();
    seen.remote_machine_templates
        .on_change(move |change| wake(&change.key.namespace));
    seen.pooled_remote_machines.on_change(move |change| {
        let looked_at = |entry: Option<&Arc<PooledRemoteMachine>>| {
            entry.map(|entry| {
                let status = entry
                    .status
                    .as_ref()
                    .map(|status| (status.state.clone(), status.machine_ref.clone()));
                (capacity::looked_at(entry), status, is_conflicting(entry))
            })
        };
        if looked_at(change.before) != looked_at(change.after) {
            all_of(&change.key.namespace);
        }
    });
    for key in seen.machine_deployments.keys() {
        queue.add(key);
    }
    let around = (CONCURRENCY, &context.metrics, &context.stop);
    reconcile::spawn(tasks, NAME, &queue, &Arc::new(Deployments(context.clone())), around);
}

impl Reconcile<Key> for Deployments {
    async fn reconcile(&self, key: &Key) -> Result<Again, ApiError> {
        let context = &self.0;
        let Some(deployment) = context.seen.machine_deployments.get(key) else {
            return Ok(Again::OnChange);
        };
        let reference = &deployment.spec.template.spec.infrastructure_ref;
        if !is_true(&deployment, FOLLOWS) || is_paused(context, key, &deployment) || reference.kind != "RemoteMachineTemplate" {
            return Ok(Again::OnChange);
        }
        let template = context.seen.remote_machine_templates.get(&Key {
            name: reference.name.clone(),
            ..key.clone()
        });
        let Some(spec) = template.as_ref().and_then(|template| spec_of(template)) else {
            return Ok(Again::OnChange);
        };
        let entries = context
            .seen
            .pooled_remote_machines
            .list(|entry| entry.metadata.namespace.as_deref() == Some(&key.namespace));
        let machines = context
            .seen
            .remote_machines
            .list(|machine| machine.metadata.namespace.as_deref() == Some(&key.namespace));
        let wanted = replicas(&deployment, spec, &entries, &machines);
        if deployment.spec.replicas == Some(wanted) {
            return Ok(Again::OnChange);
        }
        let patch = json!({ "spec": { "replicas": wanted } });
        let version = deployment.metadata.resource_version.as_deref();
        let written: MachineDeployment = context.api.patch(key, Part::Object, patch, version).await?;
        let note = format!("pool {} has {wanted} machine(s) for it: spec.replicas is {wanted}", spec.pool);
        context.events.tell(&*deployment, Weight::Normal, "FollowsPool", note);
        context.seen.machine_deployments.apply(written);
        Ok(Again::OnChange)
    }
}

fn is_true(deployment: &MachineDeployment, annotation: &str) -> bool {
    let annotations = deployment.metadata.annotations.as_ref();
    annotations
        .and_then(|all| all.get(annotation))
        .is_some_and(|text| text == "true")
}

fn is_paused(context: &Context, key: &Key, deployment: &MachineDeployment) -> bool {
    let annotations = deployment.metadata.annotations.as_ref();
    let cluster = context.seen.clusters.get(&Key {
        name: deployment.spec.cluster_name.clone(),
        ..key.clone()
    });
    annotations.is_some_and(|all| all.contains_key(PAUSED)) || cluster.is_some_and(|cluster| cluster.is_paused())
}

fn spec_of(template: &RemoteMachineTemplate) -> Option<&RemoteMachineTemplateResourceSpec> {
    template.spec.as_ref()?.template.spec.as_ref()
}

fn is_conflicting(entry: &PooledRemoteMachine) -> bool {
    let conditions = entry.status.as_ref().and_then(|status| status.conditions.as_ref());
    let says_so = |condition: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| {
        condition.type_ == pools::ADDRESS_UNIQUE && condition.status == "False"
    };
    conditions.into_iter().flatten().any(says_so)
}

/// How many machines the pool has for the deployment: those that it has, those that are free, and those that are about to be; within
/// the bounds that Cluster Autoscaler would keep.
fn replicas(
    deployment: &MachineDeployment,
    spec: &RemoteMachineTemplateResourceSpec,
    entries: &[Arc<PooledRemoteMachine>],
    machines: &[Arc<RemoteMachine>],
) -> i32 {
    let of: HashMap<&str, Option<&str>> = machines
        .iter()
        .filter_map(|machine| {
            let deployment = machine.metadata.labels.as_ref().and_then(|labels| labels.get(DEPLOYMENT));
            Some((machine.metadata.uid.as_deref()?, deployment.map(String::as_str)))
        })
        .collect();
    let is_for_it = |entry: &&PooledRemoteMachine| {
        let Ok(read) = pools::read_entry(entry) else { return false };
        if is_conflicting(entry) {
            return false;
        }
        match &read.state {
            State::Free(_) => true,
            State::Quarantined { .. } => false,
            State::Reserved { .. }
            | State::Bound { .. }
            | State::Releasing { .. }
            | State::Cleaning { .. }
            | State::Verified { .. } => match read.state.holder().and_then(|holder| of.get(holder.as_str())) {
                Some(whose) => *whose == deployment.metadata.name.as_deref(),
                // Whoever had it has gone: it is being cleaned.
                None => true,
            },
        }
    };
    let can_be_had = capacity::can_be_had(spec, entries);
    let count = can_be_had.iter().copied().filter(|entry| is_for_it(entry)).count();
    let bound = |name: &str| -> Option<i32> { deployment.metadata.annotations.as_ref()?.get(name)?.parse().ok() };
    let count = i32::try_from(count).unwrap_or(i32::MAX);
    count.min(bound(MOST).unwrap_or(i32::MAX)).max(bound(LEAST).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

    use serde_json::Value;

    use super::*;

    fn entry(name: &str, status: Value) -> Arc<PooledRemoteMachine> {
        let object = json!({
            "metadata": { "name": name },
            "spec": { "pool": "edge", "machine": { "address": name, "sshKeyRef": { "name": "key" } } },
            "status": status,
        });
        Arc::new(serde_json::from_value(object).unwrap())
    }

    fn held(name: &str, state: &str, uid: &str) -> Arc<PooledRemoteMachine> {
        let machine = json!({ "name": uid, "namespace": "default", "uid": uid });
        entry(
            name,
            json!({ "reserved": true, "machineRef": machine, "state": state, "host": "a:22", "attempt": 1,
                "quarantine": { "reason": "Failed" } }),
        )
    }

    fn machine(uid: &str, deployment: &str) -> Arc<RemoteMachine> {
        let object = json!({ "metadata": { "uid": uid, "labels": { DEPLOYMENT: deployment } } });
        Arc::new(serde_json::from_value(object).unwrap())
    }

    #[test]
    fn it_has_as_many_as_there_are_for_it_within_its_bounds() {
        let entries = [
            entry("new", Value::Null),
            held("own", "Bound", "one"),
            held("others", "Bound", "two"),
            held("going", "Cleaning", "gone"),
            held("aside", "Quarantined", "gone"),
            entry(
                "twice",
                json!({ "reserved": false, "machineRef": { "name": "", "namespace": "" }, "conditions": [{
                    "type": "AddressUnique", "status": "False", "reason": "DescribedTwice", "message": "",
                    "lastTransitionTime": "2026-01-02T03:04:05Z",
                }] }),
            ),
            entry(
                "damaged",
                json!({ "reserved": true, "machineRef": { "name": "", "namespace": "" } }),
            ),
        ];
        let machines = [machine("one", "md"), machine("two", "other")];
        let spec = serde_json::from_value(json!({ "pool": "edge" })).unwrap();
        for (annotations, expected) in [
            (json!({}), 3),
            (json!({ LEAST: "5", MOST: "9" }), 5),
            (json!({ LEAST: "0", MOST: "2" }), 2),
            (json!({ LEAST: "x", MOST: "" }), 3),
        ] {
            let object = json!({ "metadata": { "name": "md", "annotations": annotations } });
            let deployment = serde_json::from_value(object).unwrap();
            assert_eq!(replicas(&deployment, &spec, &entries, &machines), expected, "{annotations}");
        }
    }
}
