//! The objects that a user writes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testbed::{Machine, TestbedError, stand_in_reference};

/// The namespace of all objects here.
pub(crate) const NAMESPACE: &str = "default";
/// The name of the Cluster.
pub(crate) const CLUSTER: &str = "edge";
/// The name of the MachineDeployment, of its templates and of the pool.
pub(crate) const WORKERS: &str = "workers";

const CLUSTER_API: &str = "cluster.x-k8s.io/v1beta2";
const INFRASTRUCTURE: &str = "infrastructure.cluster.x-k8s.io/v1beta2";
const BOOTSTRAP: &str = "bootstrap.cluster.x-k8s.io/v1beta2";
const NETWORK: &str = include_str!("../../components/node/10-bridge.conflist");

fn object(api_version: &str, kind: &str, name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": name, "namespace": NAMESPACE }, "spec": spec })
}

/// An entry of the pool for each host, and the key that opens them.
pub(crate) fn pool(hosts: &[Machine]) -> Result<Vec<Value>, TestbedError> {
    let key = STANDARD.encode(testbed::Keys::of_this_process()?.private_key()?);
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "ssh-key", "namespace": NAMESPACE }, "data": { "value": key },
    });
    let entries = hosts.iter().enumerate().map(|(number, host)| {
        let machine = json!({
            "address": host.address(), "port": host.port(), "sshKeyRef": { "name": "ssh-key" }, "hostKeys": host.host_keys(),
        });
        object(
            INFRASTRUCTURE,
            "PooledRemoteMachine",
            &format!("host-{number}"),
            &json!({ "pool": WORKERS, "machine": machine }),
        )
    });
    Ok(std::iter::once(secret).chain(entries).collect())
}

/// A Cluster whose API server is at `endpoint`, and a MachineDeployment of no machines yet.
pub(crate) fn cluster((host, port): (&str, u16), version: &str) -> Vec<Value> {
    let labels = json!({ "pool": WORKERS });
    let reference = |group: &str, kind: &str, name: &str| json!({ "apiGroup": group, "kind": kind, "name": name });
    let infrastructure = |kind: &str, name: &str| reference("infrastructure.cluster.x-k8s.io", kind, name);
    let machine = json!({
        "clusterName": CLUSTER,
        "version": version,
        "bootstrap": { "configRef": reference("bootstrap.cluster.x-k8s.io", "KubeadmConfigTemplate", WORKERS) },
        "infrastructureRef": infrastructure("RemoteMachineTemplate", WORKERS),
    });
    let kubeadm = json!({
        "files": [{ "path": "/etc/cni/net.d/10-testbed.conflist", "permissions": "0644", "content": NETWORK }],
        // cgroups of the first version are the only thing about a test machine that kubeadm complains of.
        "joinConfiguration": { "nodeRegistration": { "ignorePreflightErrors": ["SystemVerification"] } },
    });
    let remote_machine = json!({ "pool": WORKERS, "node": { "labels": { "example.org/site": "hall-7" } } });
    vec![
        object(
            CLUSTER_API,
            "Cluster",
            CLUSTER,
            &json!({ "controlPlaneRef": stand_in_reference(CLUSTER), "infrastructureRef": infrastructure("RemoteCluster", CLUSTER) }),
        ),
        object(
            INFRASTRUCTURE,
            "RemoteCluster",
            CLUSTER,
            &json!({ "controlPlaneEndpoint": { "host": host, "port": port } }),
        ),
        object(
            INFRASTRUCTURE,
            "RemoteMachineTemplate",
            WORKERS,
            &json!({ "template": { "spec": remote_machine } }),
        ),
        object(
            BOOTSTRAP,
            "KubeadmConfigTemplate",
            WORKERS,
            &json!({ "template": { "spec": kubeadm } }),
        ),
        object(
            CLUSTER_API,
            "MachineDeployment",
            WORKERS,
            &json!({
                "clusterName": CLUSTER, "replicas": 0, "selector": { "matchLabels": labels },
                "template": { "metadata": { "labels": labels }, "spec": machine },
            }),
        ),
    ]
}

/// Pods that say that they run, on whichever node.
pub(crate) fn pods(count: usize) -> Value {
    let labels = json!({ "app": "web" });
    let container = json!({
        "name": "web", "image": "testbed.local/busybox:1", "imagePullPolicy": "Never",
        "command": ["/bin/busybox", "httpd", "-f", "-p", "8080"],
        "readinessProbe": { "tcpSocket": { "port": 8080 }, "periodSeconds": 1 },
    });
    let template =
        json!({ "metadata": { "labels": labels }, "spec": { "terminationGracePeriodSeconds": 0, "containers": [container] } });
    object(
        "apps/v1",
        "Deployment",
        "web",
        &json!({ "replicas": count, "selector": { "matchLabels": labels }, "template": template }),
    )
}
