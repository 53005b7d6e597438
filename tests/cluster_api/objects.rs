//! The objects that a user writes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testbed::Machine;

use crate::site::NAMESPACE;

pub(crate) const CLUSTER_API: &str = "cluster.x-k8s.io/v1beta2";
const BOOTSTRAP: &str = "bootstrap.cluster.x-k8s.io/v1beta2";
pub(crate) const INFRASTRUCTURE: &str = "infrastructure.cluster.x-k8s.io/v1beta2";
/// The name of the Cluster.
pub(crate) const CLUSTER: &str = "edge";
/// The name of the MachineDeployment, of its templates and of the pool.
pub(crate) const WORKERS: &str = "workers";

pub(crate) fn object(api_version: &str, kind: &str, name: &str, rest: &Value) -> Value {
    let mut object = json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": { "name": name, "namespace": NAMESPACE, "labels": { "cluster.x-k8s.io/cluster-name": CLUSTER } },
    });
    for (field, value) in rest.as_object().unwrap() {
        object[field] = value.clone();
    }
    object
}

pub(crate) fn secret(name: &str, data: &[(&str, &[u8])]) -> Value {
    let data: serde_json::Map<String, Value> = data
        .iter()
        .map(|(key, value)| ((*key).to_owned(), json!(STANDARD.encode(value))))
        .collect();
    object(
        "v1",
        "Secret",
        name,
        &json!({ "type": "cluster.x-k8s.io/secret", "data": data }),
    )
}

/// The key that opens all hosts.
pub(crate) fn ssh_key() -> Value {
    let key = testbed::Keys::of_this_process().unwrap().private_key().unwrap();
    secret("ssh-key", &[("value", key.as_bytes())])
}

/// An entry of the pool for each host, and the key that opens them.
pub(crate) fn pool(hosts: &[Machine]) -> Vec<Value> {
    let entries = hosts.iter().enumerate().map(|(number, host)| {
        let machine = json!({
            "address": host.address(), "port": host.port(), "sshKeyRef": { "name": "ssh-key" }, "hostKeys": host.host_keys(),
        });
        object(
            INFRASTRUCTURE,
            "PooledRemoteMachine",
            &format!("host-{number:02}"),
            &json!({ "spec": { "pool": WORKERS, "machine": machine } }),
        )
    });
    std::iter::once(ssh_key()).chain(entries).collect()
}

/// A Cluster whose API server is there already.
pub(crate) fn cluster((host, port): (&str, u16), spec: &Value) -> Vec<Value> {
    let reference = json!({ "apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "RemoteCluster", "name": CLUSTER });
    let mut spec = spec.clone();
    spec["infrastructureRef"] = reference;
    vec![
        object(CLUSTER_API, "Cluster", CLUSTER, &json!({ "spec": spec })),
        object(
            INFRASTRUCTURE,
            "RemoteCluster",
            CLUSTER,
            &json!({ "spec": { "controlPlaneEndpoint": { "host": host, "port": port } } }),
        ),
    ]
}

/// A MachineDeployment of no machines yet, whose RemoteMachines are of the pool. `node` is what their Nodes are given.
pub(crate) fn deployment(version: &str, bootstrap: &Value, node: &Value) -> Vec<Value> {
    let labels = json!({ "pool": WORKERS });
    let reference = json!({ "apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "RemoteMachineTemplate", "name": WORKERS });
    vec![
        object(
            INFRASTRUCTURE,
            "RemoteMachineTemplate",
            WORKERS,
            &json!({ "spec": { "template": { "spec": { "pool": WORKERS, "node": node } } } }),
        ),
        object(
            CLUSTER_API,
            "MachineDeployment",
            WORKERS,
            &json!({ "spec": {
                "clusterName": CLUSTER,
                "replicas": 0,
                "selector": { "matchLabels": labels },
                "template": {
                    "metadata": { "labels": labels },
                    "spec": {
                        "clusterName": CLUSTER,
                        "version": version,
                        "bootstrap": bootstrap,
                        "infrastructureRef": reference,
                    },
                },
            } }),
        ),
    ]
}

/// How a host becomes a node of a cluster that kubeadm knows: the spec of a KubeadmConfig.
fn kubeadm() -> Value {
    let network = include_str!("../../testbed/components/node/10-bridge.conflist");
    json!({
        "files": [{ "path": "/etc/cni/net.d/10-testbed.conflist", "permissions": "0644", "content": network }],
        // cgroups of the first version are the only thing about a test machine that kubeadm complains of.
        "joinConfiguration": { "nodeRegistration": { "ignorePreflightErrors": ["SystemVerification"] } },
    })
}

/// What KubeadmConfigs of the MachineDeployment are made from.
pub(crate) fn kubeadm_template() -> Value {
    object(
        BOOTSTRAP,
        "KubeadmConfigTemplate",
        WORKERS,
        &json!({ "spec": { "template": { "spec": kubeadm() } } }),
    )
}

/// A Machine of its own, on this host and no other.
pub(crate) fn machine(name: &str, host: &Machine, version: &str, node: &Value) -> Vec<Value> {
    let reference = |group: &str, kind: &str| json!({ "apiGroup": group, "kind": kind, "name": name });
    vec![
        object(
            INFRASTRUCTURE,
            "RemoteMachine",
            name,
            &json!({ "spec": {
                "address": host.address(), "port": host.port(), "sshKeyRef": { "name": "ssh-key" }, "hostKeys": host.host_keys(),
                "node": node,
            } }),
        ),
        object(BOOTSTRAP, "KubeadmConfig", name, &json!({ "spec": kubeadm() })),
        object(
            CLUSTER_API,
            "Machine",
            name,
            &json!({ "spec": {
                "clusterName": CLUSTER,
                "version": version,
                "bootstrap": { "configRef": reference("bootstrap.cluster.x-k8s.io", "KubeadmConfig") },
                "infrastructureRef": reference("infrastructure.cluster.x-k8s.io", "RemoteMachine"),
            } }),
        ),
    ]
}
