//! What a RemoteMachine is given with its entry: all that says how the machine is reached, and the entry's labels and annotations.

use crds::infrastructure::pooled_remote_machine::v1beta2::PooledRemoteMachine;
use crds::infrastructure::remote_machine::v1beta2::{RemoteMachine, RemoteMachineSpec};
use crds::infrastructure::{NodeMetadata, Timeouts};
use pool::Endpoint;
use serde::{Deserialize, Serialize};
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
        if let (Some(told), Some(fields)) = (told(entry, machine, |_| ()), patch.as_object_mut()) {
            fields.insert("spec".to_owned(), told);
        }
        annotations.extend(kept(entry, machine));
    }
    let name = entry.metadata.name.clone().unwrap_or_default();
    annotations.insert(claim::POOL_ENTRY.to_owned(), name.into());
    annotations.insert(claim::POOL_HOST.to_owned(), at.to_string().into());
    annotations.extend(generation(entry));
    if let Some(metadata) = patch.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("annotations".to_owned(), Value::Object(annotations));
    }
    patch
}

/// What is put into the status of a RemoteMachine before it is told of its entry, if anything: by which keys the entry's hosts are known.
/// What another machine said of itself is not this one's.
pub(crate) fn status(entry: &PooledRemoteMachine, machine: &RemoteMachine) -> Option<Value> {
    let is = machine.status.clone().unwrap_or_default();
    let mut knows = is.remembered_hosts.clone().unwrap_or_default();
    let known = entry.status.as_ref().and_then(|status| status.remembered_hosts.as_ref());
    for host in known.into_iter().flatten() {
        // What it has learnt itself is newer.
        if !knows.iter().any(|own| own.host == host.host) {
            knows.push(host.clone());
        }
    }
    let mut patch = Map::new();
    if knows != is.remembered_hosts.unwrap_or_default() {
        patch.insert("rememberedHosts".to_owned(), json!(knows));
    }
    if is.capacity.is_some() || is.node_info.is_some() {
        patch.insert("capacity".to_owned(), Value::Null);
        patch.insert("nodeInfo".to_owned(), Value::Null);
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// The merge patch that tells a RemoteMachine what its entry says now of a machine that has begun: all but where that is.
pub(crate) fn again(entry: &PooledRemoteMachine, machine: &RemoteMachine) -> Value {
    let is = machine.spec.clone().unwrap_or_default();
    let told = told(entry, machine, |told| (told.address, told.port) = (is.address, is.port));
    let annotations: Map<String, Value> = generation(entry).into_iter().chain(kept(entry, machine)).collect();
    json!({ "metadata": { "annotations": annotations }, "spec": told.unwrap_or_else(|| json!({})) })
}

/// What of its spec changes when the RemoteMachine is told what the entry says; all but what `keep` puts back.
fn told(entry: &PooledRemoteMachine, machine: &RemoteMachine, keep: impl FnOnce(&mut RemoteMachineSpec)) -> Option<Value> {
    let is = machine.spec.clone().unwrap_or_default();
    let own = match own(machine) {
        Some(own) => RemoteMachineSpec {
            timeouts: own.timeouts,
            rerun_interrupted: own.rerun_interrupted,
            node: own.node,
            ..is.clone()
        },
        None => is.clone(),
    };
    let mut told = own.with_machine(entry.spec.as_ref()?.machine.clone());
    keep(&mut told);
    difference(&json!(is), &json!(told))
}

/// What a RemoteMachine said itself of what an entry can say, too.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Own {
    #[serde(skip_serializing_if = "Option::is_none")]
    timeouts: Option<Timeouts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rerun_interrupted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<NodeMetadata>,
}

/// What it said before it was told of an entry.
fn own(machine: &RemoteMachine) -> Option<Own> {
    let text = machine.metadata.annotations.as_ref()?.get(claim::POOL_OWN)?;
    serde_json::from_str(text).ok()
}

/// Keeps that, where an entry says something of it: what the entry does not say any more later is then the RemoteMachine's own again.
fn kept(entry: &PooledRemoteMachine, machine: &RemoteMachine) -> Option<(String, Value)> {
    let its = &entry.spec.as_ref()?.machine;
    let says_some = its.timeouts.is_some() || its.rerun_interrupted.is_some() || its.node.is_some();
    if !says_some || own(machine).is_some() {
        return None;
    }
    let spec = machine.spec.clone().unwrap_or_default();
    let own = Own {
        timeouts: spec.timeouts,
        rerun_interrupted: spec.rerun_interrupted,
        node: spec.node,
    };
    Some((claim::POOL_OWN.to_owned(), json!(own).to_string().into()))
}

fn generation(entry: &PooledRemoteMachine) -> Option<(String, Value)> {
    let generation = entry.metadata.generation?;
    Some((claim::POOL_ENTRY_GENERATION.to_owned(), generation.to_string().into()))
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
        let mut object = json!({ "metadata": { "name": "m" }, "spec": { "pool": "edge" }, "status": {} });
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
                        "anywhere.k0smotron.io/pool-own": "{}",
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
    fn an_entry_that_is_edited_is_told_again_but_for_the_address() {
        let mut entry = entry();
        entry.metadata.generation = Some(3);
        let patch = again(
            &entry,
            &machine(json!({ "spec": { "address": "192.0.2.7", "user": "root" } })),
        );
        assert_eq!(
            patch["metadata"],
            json!({ "annotations": { "anywhere.k0smotron.io/pool-entry-generation": "3", "anywhere.k0smotron.io/pool-own": "{}" } })
        );
        assert_eq!(patch["spec"]["user"], "ubuntu");
        assert!(patch["spec"].get("address").is_none() && patch["spec"].get("port").is_none());
    }

    #[test]
    fn what_an_entry_does_not_say_any_more_is_the_remote_machines_own_again() {
        let mut entry = entry();
        let with = |entry: &mut PooledRemoteMachine, more: Value| {
            let mut object = json!(entry);
            for (name, value) in more.as_object().unwrap() {
                object["spec"]["machine"][name] = value.clone();
            }
            *entry = serde_json::from_value(object).unwrap();
        };
        with(
            &mut entry,
            json!({ "node": { "labels": { "a b": "c" } }, "timeouts": null, "rerunInterrupted": null }),
        );
        let own = json!({ "timeouts": { "stepSeconds": 7 }, "node": { "labels": { "own": "yes" } } });
        let at: Endpoint = "192.0.2.1:22".parse().unwrap();
        let patch = patch(&entry, &machine(json!({ "spec": own })), &at);
        assert_eq!(patch["spec"]["node"], json!({ "labels": { "a b": "c" } }));
        let kept = &patch["metadata"]["annotations"][claim::POOL_OWN];
        assert_eq!(serde_json::from_str::<Value>(kept.as_str().unwrap()).unwrap(), own);
        let told = json!({ "metadata": { "annotations": { claim::POOL_OWN: kept } }, "spec": {
            "timeouts": { "stepSeconds": 7 }, "node": { "labels": { "own": "yes", "a b": "c" } },
        } });
        with(&mut entry, json!({ "node": null }));
        let patch = again(&entry, &machine(told));
        assert_eq!(patch["spec"]["node"], json!({ "labels": { "a b": null } }));
        assert_eq!(patch["spec"].get("timeouts"), None);
    }

    #[test]
    fn what_an_entry_is_known_by_its_next_holder_knows_too() {
        let known = |hosts: &[(&str, &str)]| {
            let hosts = hosts.iter().map(|(host, key)| json!({ "host": host, "keys": [key] }));
            json!({ "status": { "rememberedHosts": hosts.collect::<Vec<_>>() } })
        };
        let of_entry = |hosts: &[(&str, &str)]| {
            let status = known(hosts)["status"].clone();
            let mut entry = entry();
            entry.status = Some(
                serde_json::from_value(json!({
                    "reserved": false, "machineRef": { "name": "", "namespace": "" }, "rememberedHosts": status["rememberedHosts"],
                }))
                .unwrap(),
            );
            entry
        };
        let (a, b) = (("192.0.2.1:22", "A"), ("192.0.2.2:22", "B"));
        let cases = [
            (of_entry(&[b]), json!({}), Some(known(&[b]))),
            // It was refused by another host before.
            (of_entry(&[b]), known(&[a]), Some(known(&[a, b]))),
            (of_entry(&[(b.0, "old")]), known(&[b]), None),
            (entry(), known(&[a]), None),
            (entry(), json!({}), None),
        ];
        for (entry, has, expected) in cases {
            let patch = status(&entry, &machine(has.clone()));
            assert_eq!(patch, expected.map(|expected| expected["status"].clone()), "{has}");
        }
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
