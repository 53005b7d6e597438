//! What a RemoteMachine is given with its entry: all that says how the machine is reached, and the entry's labels and annotations.

use crds::infrastructure::pooled_remote_machine::v1beta2::PooledRemoteMachine;
use crds::infrastructure::remote_machine::v1beta2::RemoteMachine;
use pool::Endpoint;
use serde_json::{Map, Value, json};

use super::claim;
use crate::controllers::merge_patch::difference;

/// The merge patch (RFC 7396) that tells a RemoteMachine of its entry. Where it has begun, its machine stays what it is, and it is only
/// told whose it is.
pub(crate) fn patch(entry: &PooledRemoteMachine, machine: &RemoteMachine, at: &Endpoint) -> Value {
    let mut annotations = Map::new();
    let mut patch = json!({ "metadata": {} });
    if !claim::begun(machine) {
        annotations.extend(copied(entry.metadata.annotations.as_ref()));
        let labels = copied(entry.metadata.labels.as_ref());
        if let (false, Some(metadata)) = (labels.is_empty(), patch.get_mut("metadata").and_then(Value::as_object_mut)) {
            metadata.insert("labels".to_owned(), Value::Object(labels));
        }
        let own = machine.spec.clone().unwrap_or_default();
        let told = entry.spec.as_ref().and_then(|spec| {
            let told = own.clone().with_machine(spec.machine.clone());
            difference(&json!(own), &json!(told))
        });
        if let (Some(told), Some(fields)) = (told, patch.as_object_mut()) {
            fields.insert("spec".to_owned(), told);
        }
    }
    let name = entry.metadata.name.clone().unwrap_or_default();
    annotations.insert(claim::POOL_ENTRY.to_owned(), name.into());
    annotations.insert(claim::POOL_HOST.to_owned(), at.to_string().into());
    if let Some(metadata) = patch.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("annotations".to_owned(), Value::Object(annotations));
    }
    patch
}

/// The entry's labels or annotations win over those of the RemoteMachine, as in the original. What says something of the entry itself
/// (ours, kubectl's, Cluster API's) would say something else of the RemoteMachine, and stays where it is.
fn copied(from: Option<&std::collections::BTreeMap<String, String>>) -> Map<String, Value> {
    const ITS_OWN: [&str; 5] = [
        "anywhere.k0smotron.io/",
        "kubectl.kubernetes.io/",
        "cluster.x-k8s.io/",
        "clusterctl.cluster.x-k8s.io/",
        "capacity.cluster-autoscaler.kubernetes.io/",
    ];
    from.into_iter()
        .flatten()
        .filter(|(key, _)| !ITS_OWN.iter().any(|prefix| key.starts_with(prefix)))
        .map(|(key, value)| (key.clone(), value.clone().into()))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

    use super::*;

    fn entry() -> PooledRemoteMachine {
        serde_json::from_value(json!({
            "metadata": {
                "name": "rack-1-3",
                "labels": { "disk": "nvme" },
                "annotations": {
                    "note": "left door",
                    "anywhere.k0smotron.io/retry": "",
                    "kubectl.kubernetes.io/last-applied-configuration": "{}",
                },
            },
            "spec": { "pool": "edge", "machine": {
                "address": "192.0.2.1", "port": 2222, "useSudo": true, "user": "ubuntu",
                "sshKeyRef": { "name": "key" },
                "node": { "labels": { "rack": "1" }, "taints": [{ "key": "edge", "effect": "NoSchedule" }] },
            } },
        }))
        .unwrap()
    }

    fn machine(more: Value) -> RemoteMachine {
        let mut object = json!({ "metadata": { "name": "m" }, "spec": { "pool": "edge" } });
        for (part, value) in more.as_object().unwrap() {
            object[part]
                .as_object_mut()
                .unwrap()
                .extend(value.as_object().unwrap().clone());
        }
        serde_json::from_value(object).unwrap()
    }

    fn given(more: Value) -> Value {
        patch(&entry(), &machine(more), &Endpoint::new("192.0.2.1", 2222))
    }

    #[test]
    fn it_is_told_how_the_machine_is_reached_and_nothing_stays_from_elsewhere() {
        let patch = given(json!({ "spec": { "user": "root", "cleanUpCommands": ["x"] } }));
        assert_eq!(
            patch,
            json!({
                "metadata": {
                    "labels": { "disk": "nvme" },
                    "annotations": {
                        "note": "left door",
                        "anywhere.k0smotron.io/pool-entry": "rack-1-3",
                        "anywhere.k0smotron.io/pool-host": "192.0.2.1:2222",
                    },
                },
                "spec": {
                    "address": "192.0.2.1", "port": 2222, "user": "ubuntu", "useSudo": true, "cleanUpCommands": null,
                    "sshKeyRef": { "name": "key" },
                    "node": { "labels": { "rack": "1" }, "taints": [{ "key": "edge", "effect": "NoSchedule" }] },
                },
            })
        );
    }

    #[test]
    fn what_the_node_gets_is_of_both() {
        let own = json!({ "spec": { "node": {
            "labels": { "tier": "gold", "rack": "?" },
            "taints": [{ "key": "edge", "effect": "NoSchedule", "value": "x" }, { "key": "edge", "effect": "NoExecute" }],
        } } });
        assert_eq!(
            given(own)["spec"]["node"],
            json!({
                "labels": { "rack": "1" },
                "taints": [{ "key": "edge", "effect": "NoExecute" }, { "key": "edge", "effect": "NoSchedule" }],
            })
        );
    }

    #[test]
    fn a_machine_that_runs_is_only_told_whose_it_is() {
        let taken_over = json!({ "spec": { "providerID": "remote-machine://192.0.2.1:22", "address": "192.0.2.1" } });
        assert_eq!(
            given(taken_over),
            json!({ "metadata": { "annotations": {
                "anywhere.k0smotron.io/pool-entry": "rack-1-3",
                "anywhere.k0smotron.io/pool-host": "192.0.2.1:2222",
            } } })
        );
    }
}
