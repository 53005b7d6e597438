//! How many machines a pool has for a MachineDeployment that follows it: pure.

use std::collections::HashMap;
use std::sync::Arc;

use crds::infrastructure::pooled_remote_machine::v1beta2::PooledRemoteMachine;
use crds::infrastructure::remote_machine::v1beta2::RemoteMachine;
use crds::infrastructure::remote_machine_template::v1beta2::RemoteMachineTemplateResourceSpec;
use pool::State;

use super::capacity;
use crate::controllers::cluster_api::MachineDeployment;
use crate::controllers::pools;

/// Cluster Autoscaler's annotations: the least and the most that there may be.
const LEAST: &str = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size";
const MOST: &str = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size";
/// The label of a RemoteMachine that says which MachineDeployment it is of.
const DEPLOYMENT: &str = "cluster.x-k8s.io/deployment-name";

/// Whether somebody else describes the entry's machine.
pub(super) fn is_conflicting(entry: &PooledRemoteMachine) -> bool {
    let conditions = entry.status.as_ref().and_then(|status| status.conditions.as_ref());
    let says_so = |condition: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| {
        condition.type_ == pools::ADDRESS_UNIQUE && condition.status == "False"
    };
    conditions.into_iter().flatten().any(says_so)
}

/// How many machines the pool has for the deployment: those that it has, those that are free, and those that are about to be; within
/// the bounds that Cluster Autoscaler would keep.
pub(super) fn replicas(
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

    use serde_json::{Value, json};

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
