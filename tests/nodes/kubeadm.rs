//! Bootstrap data for a worker, written by Cluster API's kubeadm bootstrap provider.
//!
//! The provider is the real one. Cluster API core, which would make the Machine and report of the control plane, does not run: the
//! objects are made here as core leaves them, because there is no infrastructure or control plane provider for it to ask. The
//! cluster that is joined is the one that the provider runs in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Cluster;

const CNI: &str = include_str!("../../testbed/components/node/10-bridge.conflist");
const CLUSTER_API: &str = "cluster.x-k8s.io/v1beta2";

/// What core has done by the time at which a worker may join.
pub(crate) fn prepare(cluster: &Cluster) {
    let plane = &cluster.plane;
    let (host, port) = cluster.join.endpoint.split_once(':').unwrap();
    let endpoint = json!({ "host": host, "port": port.parse::<u16>().unwrap() });
    apply(
        cluster,
        &json!({
            "apiVersion": CLUSTER_API,
            "kind": "Cluster",
            "metadata": { "name": "real" },
            "spec": { "controlPlaneEndpoint": endpoint, "controlPlaneRef": {
                "apiGroup": "controlplane.cluster.x-k8s.io", "kind": "NobodysControlPlane", "name": "real",
            } },
        }),
    );
    let now = "2026-01-01T00:00:00Z";
    let initialized = json!({ "type": "ControlPlaneInitialized", "status": "True", "reason": "Initialized", "message": "", "lastTransitionTime": now });
    let status = json!({ "status": {
        "initialization": { "infrastructureProvisioned": true, "controlPlaneInitialized": true },
        "conditions": [initialized],
    } });
    let patch = [
        "patch",
        "cluster.v1beta2.cluster.x-k8s.io",
        "real",
        "--subresource=status",
        "--type=merge",
        "-p",
    ];
    plane.kubectl(&[patch.as_slice(), &[&status.to_string()]].concat()).unwrap();
    let read = |path| STANDARD.encode(std::fs::read(path).unwrap());
    secret(cluster, "real-kubeconfig", &json!({ "value": read(plane.kubeconfig()) }));
    secret(
        cluster,
        "real-ca",
        &json!({
            "tls.crt": read(plane.authority_certificate()),
            "tls.key": read(plane.authority_key()),
        }),
    );
}

/// The user-data of a new Machine of this name, as it stands in its Secret.
pub(crate) fn user_data(cluster: &Cluster, name: &str) -> String {
    let config = json!({ "apiGroup": "bootstrap.cluster.x-k8s.io", "kind": "KubeadmConfig", "name": name });
    apply(
        cluster,
        &json!({
            "apiVersion": CLUSTER_API,
            "kind": "Machine",
            "metadata": { "name": name, "labels": { "cluster.x-k8s.io/cluster-name": "real" } },
            "spec": {
                "clusterName": "real",
                "version": cluster.join.version,
                "bootstrap": { "configRef": config },
                "infrastructureRef": { "apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "RemoteMachine", "name": name },
            },
        }),
    );
    let uid = [
        "get",
        "machine.v1beta2.cluster.x-k8s.io",
        name,
        "-o",
        "jsonpath={.metadata.uid}",
    ];
    let uid = cluster.plane.kubectl(&uid).unwrap();
    let owner = json!({ "apiVersion": CLUSTER_API, "kind": "Machine", "name": name, "uid": uid, "controller": true });
    apply(
        cluster,
        &json!({
            "apiVersion": "bootstrap.cluster.x-k8s.io/v1beta2",
            "kind": "KubeadmConfig",
            "metadata": {
                "name": name,
                "labels": { "cluster.x-k8s.io/cluster-name": "real" },
                "ownerReferences": [owner],
            },
            "spec": {
                "files": [{ "path": "/etc/cni/net.d/10-testbed.conflist", "permissions": "0644", "content": CNI }],
                // cgroups of the first version are the only thing about a test machine that kubeadm complains of.
                "joinConfiguration": { "nodeRegistration": { "ignorePreflightErrors": ["SystemVerification"] } },
            },
        }),
    );
    let created = "jsonpath={.status.initialization.dataSecretCreated}=true";
    cluster
        .plane
        .wait(
            created,
            &[&format!("kubeadmconfig.v1beta2.bootstrap.cluster.x-k8s.io/{name}")],
        )
        .unwrap();
    let value = cluster
        .plane
        .kubectl(&["get", "secret", name, "-o", "jsonpath={.data.value}"])
        .unwrap();
    String::from_utf8(STANDARD.decode(value).unwrap()).unwrap()
}

fn apply(cluster: &Cluster, object: &Value) {
    cluster.plane.apply(&object.to_string()).unwrap();
}

fn secret(cluster: &Cluster, name: &str, data: &Value) {
    apply(
        cluster,
        &json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": name, "labels": { "cluster.x-k8s.io/cluster-name": "real" } },
            "type": "cluster.x-k8s.io/secret",
            "data": data,
        }),
    );
}
