//! The objects of the scenes, as users, Cluster API and the controller leave them. Pure.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::requests::Request;

/// Where all of them are.
pub(crate) const NAMESPACE: &str = "bench";

/// The pool of all entries.
pub(crate) const POOL: &str = "edge";

const INFRASTRUCTURE: &str = "infrastructure.cluster.x-k8s.io";
const CLUSTER_API: &str = "cluster.x-k8s.io";

/// A kind of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Secret,
    Cluster,
    Machine,
    RemoteMachine,
    Entry,
}

impl Kind {
    /// Where all of them are found.
    pub(crate) fn collection(self) -> String {
        let (group, plural) = match self {
            Self::Secret => return format!("/api/v1/namespaces/{NAMESPACE}/secrets"),
            Self::Cluster => (CLUSTER_API, "clusters"),
            Self::Machine => (CLUSTER_API, "machines"),
            Self::RemoteMachine => (INFRASTRUCTURE, "remotemachines"),
            Self::Entry => (INFRASTRUCTURE, "pooledremotemachines"),
        };
        format!("/apis/{group}/v1beta2/namespaces/{NAMESPACE}/{plural}")
    }

    /// Makes one.
    pub(crate) fn create(self, object: Value) -> Request {
        Request::create(self.collection(), object)
    }

    /// Says how one stands.
    pub(crate) fn stands(self, name: &str, status: &Value) -> Request {
        Request::patch(format!("{}/{name}/status", self.collection()), json!({ "status": status }))
    }
}

/// The UID of an object that was made.
pub(crate) fn uid(made: &Value) -> &str {
    made.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default()
}

/// A Secret of these values.
pub(crate) fn secret(name: &str, values: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": values })
}

/// Bootstrap data of the size that kubeadm's has, some 8 KiB.
pub(crate) fn bootstrap_data(index: usize) -> String {
    let mut text = format!("#cloud-config\nhostname: machine-{index}\nwrite_files:\n");
    for file in 0..6 {
        let _ = write!(text, "- path: /etc/kubernetes/file-{file}\n  content: |\n");
        for line in 0..20 {
            let _ = writeln!(
                text,
                "    line {line} of file {file} of machine {index}: some text, as it is in usual files"
            );
        }
    }
    text.push_str("runcmd:\n- kubeadm join --config /run/kubeadm/kubeadm-join-config.yaml\n");
    text
}

/// A Cluster, whose infrastructure is ready once [`CLUSTER_IS_READY`] is said of it.
pub(crate) fn cluster(name: &str) -> Value {
    let reference = json!({ "apiGroup": INFRASTRUCTURE, "kind": "RemoteCluster", "name": name });
    json!({
        "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "metadata": { "name": name },
        "spec": { "infrastructureRef": reference },
    })
}

/// What a Cluster's status says once its infrastructure is there.
pub(crate) fn cluster_is_ready() -> Value {
    json!({ "initialization": { "infrastructureProvisioned": true } })
}

/// A Machine of a Cluster, with the RemoteMachine of its own name and bootstrap data in the Secret of its name and `-data`.
pub(crate) fn machine(name: &str, cluster: &str) -> Value {
    json!({
        "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Machine",
        "metadata": { "name": name, "labels": { "cluster.x-k8s.io/cluster-name": cluster } },
        "spec": {
            "clusterName": cluster,
            "bootstrap": {
                "configRef": { "apiGroup": "bootstrap.cluster.x-k8s.io", "kind": "KubeadmConfig", "name": name },
                "dataSecretName": format!("{name}-data"),
            },
            "infrastructureRef": { "apiGroup": INFRASTRUCTURE, "kind": "RemoteMachine", "name": name },
        },
    })
}

/// A RemoteMachine of that Machine, as Cluster API makes it, with what its author says.
pub(crate) fn remote_machine(name: &str, cluster: &str, machine_uid: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2", "kind": "RemoteMachine",
        "metadata": {
            "name": name,
            "labels": {
                "cluster.x-k8s.io/cluster-name": cluster,
                "cluster.x-k8s.io/deployment-name": "workers",
                "cluster.x-k8s.io/set-name": "workers-abcde",
                "machine-template-hash": "1234567890",
            },
            "annotations": {
                "cluster.x-k8s.io/cloned-from-groupkind": "RemoteMachineTemplate.infrastructure.cluster.x-k8s.io",
                "cluster.x-k8s.io/cloned-from-name": "workers",
            },
            "ownerReferences": [{
                "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Machine", "name": name, "uid": machine_uid,
                "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": spec,
    })
}

/// The address of a machine that is not there.
pub(crate) fn address(index: usize) -> String {
    format!("10.{}.{}.{}", index >> 16, (index >> 8) & 255, index & 255)
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": 1,
        "lastTransitionTime": "2026-11-01T00:00:00Z",
    })
}

/// A host's key, as it is remembered.
fn remembered(address: &str) -> Value {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    json!([{ "host": address, "keys": [key] }])
}

/// A RemoteMachine whose machine is provisioned, and what its status says; with `entry`, its machine is that of a pool.
pub(crate) fn provisioned(name: &str, cluster: &str, machine_uid: &str, index: usize, entry: Option<&str>) -> (Value, Value) {
    let address = address(index);
    let mut spec = json!({
        "address": address, "port": 22, "user": "root", "sshKeyRef": { "name": "key" },
        "providerID": format!("remote-machine://{address}:22"),
    });
    if let (Some(_), Some(spec)) = (entry, spec.as_object_mut()) {
        spec.insert("pool".to_owned(), POOL.into());
    }
    let mut object = remote_machine(name, cluster, machine_uid, &spec);
    if let Some(metadata) = object.pointer_mut("/metadata").and_then(Value::as_object_mut) {
        metadata.insert("finalizers".to_owned(), json!(["remotemachine.k0smotron.io/finalizer"]));
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.insert("anywhere.k0smotron.io/begun".to_owned(), "true".into());
            if let Some(entry) = entry {
                annotations.insert("anywhere.k0smotron.io/pool-entry".to_owned(), entry.into());
                annotations.insert("anywhere.k0smotron.io/pool-host".to_owned(), format!("{address}:22").into());
            }
        }
    }
    let mut conditions = vec![
        condition("Ready", "True", "Ready", ""),
        condition("BootstrapExecSucceeded", "True", "BootstrapExecSucceeded", ""),
        condition("Paused", "False", "NotPaused", ""),
        condition("Deleting", "False", "NotDeleting", ""),
    ];
    if let Some(entry) = entry {
        let message = format!("PooledRemoteMachine {entry} at {address}:22");
        conditions.push(condition("MachineClaimed", "True", "PoolEntryAssigned", &message));
    }
    let status = json!({
        "initialization": { "provisioned": true },
        "addresses": [{ "type": "ExternalIP", "address": address }],
        "rememberedHosts": remembered(&address),
        "conditions": conditions,
    });
    (object, status)
}

/// An entry of the pool: the machine at this address.
pub(crate) fn entry(name: &str, address: &str, port: u16) -> Value {
    json!({
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2", "kind": "PooledRemoteMachine",
        "metadata": { "name": name, "labels": { "rack": "r1", "disk": "nvme", "site": "berlin" } },
        "spec": { "pool": POOL, "machine": {
            "address": address, "port": port, "user": "root", "sshKeyRef": { "name": "key" },
        } },
    })
}

/// What the status of an entry says that a RemoteMachine has, or nobody.
pub(crate) fn entry_status(address: &str, holder: Option<(&str, &str)>) -> Value {
    let unique = condition(
        "AddressUnique",
        "True",
        "NotDescribedTwice",
        "nobody else describes its machine",
    );
    match holder {
        None => json!({
            "reserved": false, "machineRef": { "name": "", "namespace": "" }, "state": "Free", "verification": "Untested",
            "since": "2026-11-01T00:00:00Z",
            "conditions": [
                condition("Ready", "True", "New", "free: nothing has run on it yet"),
                condition("Available", "True", "Free", ""),
                unique,
            ],
        }),
        Some((name, uid)) => json!({
            "reserved": true, "machineRef": { "name": name, "namespace": NAMESPACE, "uid": uid }, "state": "Bound",
            "host": format!("{address}:22"), "since": "2026-11-01T00:00:00Z", "rememberedHosts": remembered(address),
            "conditions": [
                condition("Ready", "True", "InUse", "a RemoteMachine has it"),
                condition("Available", "False", "InUse", "a RemoteMachine has it"),
                unique,
            ],
        }),
    }
}

/// A Node of the machine at this address.
pub(crate) fn node(name: &str, address: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": { "name": name },
        "spec": { "providerID": format!("remote-machine://{address}:22") },
    })
}
