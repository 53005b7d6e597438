//! What a RemoteMachine is given with its entry: all that says how the machine is reached, and the entry's labels and annotations.

use crds::infrastructure::pooled_remote_machine::v1beta2::{PooledMachineSpec, PooledRemoteMachine};
use crds::infrastructure::remote_machine::v1beta2::RemoteMachine;
use crds::infrastructure::{NodeMetadata, NodeTaint};
use pool::Endpoint;
use serde_json::{Map, Value, json};

use super::claim;

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
        if let (Some(spec), Some(fields)) = (&entry.spec, patch.as_object_mut()) {
            fields.insert("spec".to_owned(), fields_of(&spec.machine, machine));
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

/// How the machine is reached is the entry's alone: what it does not say, the RemoteMachine does not keep from elsewhere. How long
/// things may take and what the Node gets, both may say; the entry knows the machine better.
fn fields_of(entry: &PooledMachineSpec, machine: &RemoteMachine) -> Value {
    let PooledMachineSpec {
        address,
        clean_up_commands,
        ssh_key_ref,
        port,
        user,
        use_sudo,
        commands_as_script,
        working_dir,
        host_keys,
        host_certificate_authorities,
        jump_hosts,
        ssh_certificate_ref,
        ssh_password_ref,
        sudo_password_ref,
        timeouts,
        rerun_interrupted,
        node,
    } = entry;
    let mut fields = json!({
        "address": address,
        "port": port,
        "user": user,
        "useSudo": use_sudo,
        "commandsAsScript": commands_as_script,
        "workingDir": working_dir,
        "cleanUpCommands": clean_up_commands,
        "sshKeyRef": ssh_key_ref,
        "hostKeys": host_keys,
        "hostCertificateAuthorities": host_certificate_authorities,
        "jumpHosts": jump_hosts,
        "sshCertificateRef": ssh_certificate_ref,
        "sshPasswordRef": ssh_password_ref,
        "sudoPasswordRef": sudo_password_ref,
    });
    let Some(all) = fields.as_object_mut() else {
        return fields;
    };
    if timeouts.is_some() {
        all.insert("timeouts".to_owned(), json!(timeouts));
    }
    if rerun_interrupted.is_some() {
        all.insert("rerunInterrupted".to_owned(), json!(rerun_interrupted));
    }
    if let Some(node) = node {
        let own = machine.spec.as_ref().and_then(|spec| spec.node.clone());
        all.insert("node".to_owned(), json!(both(own.unwrap_or_default(), node)));
    }
    fields
}

/// Labels, annotations and taints of both; where both have one, that of the entry.
fn both(own: NodeMetadata, entry: &NodeMetadata) -> NodeMetadata {
    let NodeMetadata {
        mut labels,
        mut annotations,
        taints,
    } = own;
    if let Some(more) = &entry.labels {
        labels.get_or_insert_default().extend(more.clone());
    }
    if let Some(more) = &entry.annotations {
        annotations.get_or_insert_default().extend(more.clone());
    }
    let is_same = |one: &NodeTaint, other: &NodeTaint| one.key == other.key && one.effect == other.effect;
    let taints = match (&entry.taints, taints) {
        (None, own) => own,
        (Some(more), own) => {
            let mut all = own.unwrap_or_default();
            all.retain(|taint| !more.iter().any(|other| is_same(taint, other)));
            all.extend(more.iter().cloned());
            Some(all)
        }
    };
    NodeMetadata {
        labels,
        annotations,
        taints,
    }
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
                    "address": "192.0.2.1", "port": 2222, "user": "ubuntu", "useSudo": true,
                    "commandsAsScript": null, "workingDir": null, "cleanUpCommands": null,
                    "sshKeyRef": { "name": "key" },
                    "hostKeys": null, "hostCertificateAuthorities": null, "jumpHosts": null,
                    "sshCertificateRef": null, "sshPasswordRef": null, "sudoPasswordRef": null,
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
                "labels": { "rack": "1", "tier": "gold" },
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
