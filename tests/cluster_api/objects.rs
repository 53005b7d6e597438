//! The objects that a user writes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::site::NAMESPACE;

pub(crate) const CLUSTER_API: &str = "cluster.x-k8s.io/v1beta2";
pub(crate) const INFRASTRUCTURE: &str = "infrastructure.cluster.x-k8s.io/v1beta2";
/// The name of the Cluster.
pub(crate) const CLUSTER: &str = "edge";

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
