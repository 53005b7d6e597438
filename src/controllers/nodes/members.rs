//! Whose Nodes are looked for, in which workload clusters. Pure.

use std::collections::BTreeMap;

use crds::infrastructure::remote_machine::v1beta2::RemoteMachine;
use kube::ResourceExt;

use super::matching::Wanted;
use crate::controllers::cluster_api::{CLUSTER_NAME, PAUSED};
use crate::manifest::Key;

/// The end of the name of the Secret with a Cluster's kubeconfig.
/// Source: <https://cluster-api.sigs.k8s.io/developer/core/controllers/cluster#secrets>
const KUBECONFIG: &str = "-kubeconfig";

/// The Secret with the kubeconfig of a Cluster.
pub(super) fn secret_of(cluster: &Key) -> String {
    format!("{}{KUBECONFIG}", cluster.name)
}

/// The Cluster whose kubeconfig is in this Secret, if it has the name of one.
pub(super) fn cluster_of(secret: &Key) -> Option<Key> {
    let name = secret.name.strip_suffix(KUBECONFIG).filter(|name| !name.is_empty())?;
    Some(Key {
        namespace: secret.namespace.clone(),
        name: name.to_owned(),
    })
}

/// All machines whose Nodes are looked for, by Cluster. Only those that are provisioned count, and that are not about to go.
pub(super) fn members<'a>(machines: impl IntoIterator<Item = &'a RemoteMachine>) -> BTreeMap<Key, Vec<Wanted>> {
    let mut members: BTreeMap<Key, Vec<Wanted>> = BTreeMap::new();
    for machine in machines {
        if let Some((cluster, wanted)) = member(machine) {
            members.entry(cluster).or_default().push(wanted);
        }
    }
    for wanted in members.values_mut() {
        wanted.sort_by(|one, other| one.remote_machine.cmp(&other.remote_machine));
    }
    members
}

/// The machine's Cluster, and what is to become of its Node.
pub(super) fn member(machine: &RemoteMachine) -> Option<(Key, Wanted)> {
    let (spec, status) = (machine.spec.as_ref()?, machine.status.as_ref()?);
    let is_provisioned = status.initialization.as_ref()?.provisioned?;
    let is_paused = machine.annotations().contains_key(PAUSED);
    if !is_provisioned || is_paused || machine.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let owner = machine
        .owner_references()
        .iter()
        .find(|owner| owner.kind == "Machine" && owner.api_version.starts_with("cluster.x-k8s.io/"))?;
    let known = status.addresses.iter().flatten().map(|address| address.address.clone());
    let mut addresses: Vec<String> = known.chain(spec.address.clone()).collect();
    addresses.sort();
    addresses.dedup();
    let wanted = Wanted {
        remote_machine: machine.name_any(),
        uid: machine.uid()?,
        machine: owner.name.clone(),
        provider_id: spec.provider_id.clone().filter(|id| !id.is_empty())?,
        addresses,
        metadata: spec.node.clone().unwrap_or_default(),
    };
    let cluster = Key {
        namespace: machine.namespace()?,
        name: machine.labels().get(CLUSTER_NAME)?.clone(),
    };
    Some((cluster, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn machine(change: impl Fn(&mut Value)) -> RemoteMachine {
        let mut object = json!({
            "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2",
            "kind": "RemoteMachine",
            "metadata": {
                "name": "rm", "namespace": "edge", "uid": "u", "labels": { CLUSTER_NAME: "c" },
                "ownerReferences": [
                    { "apiVersion": "v1", "kind": "Other", "name": "x", "uid": "1" },
                    { "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Machine", "name": "m", "uid": "2" },
                ],
            },
            "spec": { "address": "10.0.0.5", "providerID": "remote-machine://10.0.0.5:22", "node": { "labels": { "a": "b" } } },
            "status": {
                "initialization": { "provisioned": true },
                "addresses": [{ "type": "ExternalIP", "address": "10.0.0.5" }, { "type": "ExternalDNS", "address": "h" }],
            },
        });
        change(&mut object);
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn a_provisioned_machine_of_a_cluster_is_one() {
        let machines = [machine(|_| {})];
        let members = members(&machines);
        let key = Key {
            namespace: "edge".to_owned(),
            name: "c".to_owned(),
        };
        let [wanted] = members[&key].as_slice() else {
            panic!("{members:?}")
        };
        assert_eq!((wanted.machine.as_str(), wanted.remote_machine.as_str()), ("m", "rm"));
        assert_eq!(wanted.addresses, ["10.0.0.5", "h"]);
        assert_eq!(wanted.metadata.labels.as_ref().unwrap()["a"], "b");
        let secret = |name: &str| Key {
            namespace: "edge".to_owned(),
            name: name.to_owned(),
        };
        assert_eq!(cluster_of(&secret(&secret_of(&key))), Some(key));
        assert_eq!(cluster_of(&secret("-kubeconfig")), None);
        assert_eq!(cluster_of(&secret("c-ca")), None);
    }

    #[test]
    fn others_are_none() {
        type Change = fn(&mut Value);
        let changes: [(&str, Change); 7] = [
            ("not provisioned", |it| {
                it["status"]["initialization"]["provisioned"] = json!(false)
            }),
            ("no status", |it| it["status"] = Value::Null),
            ("no provider ID", |it| it["spec"]["providerID"] = Value::Null),
            ("no Machine", |it| it["metadata"]["ownerReferences"] = json!([])),
            ("no Cluster", |it| it["metadata"]["labels"] = json!({})),
            ("paused", |it| {
                it["metadata"]["annotations"] = json!({ "cluster.x-k8s.io/paused": "" })
            }),
            ("about to go", |it| {
                it["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z")
            }),
        ];
        for (what, change) in changes {
            assert!(members(&[machine(change)]).is_empty(), "{what}");
        }
    }
}
