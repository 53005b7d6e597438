//! A stand-in for a control plane provider of Cluster API, for workload clusters whose API server is this one.
//!
//! Cluster API waits for a control plane before it gives workers their bootstrap data. Its own provider would want machines for one;
//! so an object fulfils the contract by hand, and says what is true: the API server answers.
//! Source: <https://cluster-api.sigs.k8s.io/developer/providers/contracts/control-plane>

use super::ControlPlane;
use crate::error::TestbedError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Its kind, which nobody takes for a product of anybody's.
const KIND: &str = "StandInControlPlane";
const GROUP: &str = "controlplane.cluster.x-k8s.io";
const DEFINITION: &str = "standincontrolplanes.controlplane.cluster.x-k8s.io";

/// How a Cluster names the stand-in of this name: its `spec.controlPlaneRef`.
#[must_use]
pub fn stand_in_reference(cluster: &str) -> Value {
    json!({ "apiGroup": GROUP, "kind": KIND, "name": cluster })
}

impl ControlPlane {
    /// Makes a stand-in for the control plane of this Cluster, which says that this API server is it, and the Secrets
    /// `<cluster>-kubeconfig` and `<cluster>-ca` that go with one.
    ///
    /// # Errors
    /// When the API server refuses any of it.
    pub fn stand_in_control_plane(&self, namespace: &str, cluster: &str) -> Result<(), TestbedError> {
        self.apply(&definition().to_string())?;
        self.wait(
            "jsonpath={.status.conditions}",
            &[&format!("customresourcedefinition/{DEFINITION}")],
        )?;
        self.wait("condition=Established", &[&format!("customresourcedefinition/{DEFINITION}")])?;
        let metadata =
            |name: &str| json!({ "name": name, "namespace": namespace, "labels": { "cluster.x-k8s.io/cluster-name": cluster } });
        let object = json!({ "apiVersion": format!("{GROUP}/v1beta2"), "kind": KIND, "metadata": metadata(cluster), "spec": {} });
        self.apply(&object.to_string())?;
        let status = json!({ "status": {
            "initialization": { "controlPlaneInitialized": true },
            "externalManagedControlPlane": true,
        } });
        self.kubectl(&[
            "patch",
            DEFINITION,
            cluster,
            "--namespace",
            namespace,
            "--subresource=status",
            "--type=merge",
            "-p",
            &status.to_string(),
        ])?;
        let read = |path: std::path::PathBuf| match std::fs::read(&path) {
            Ok(content) => Ok(STANDARD.encode(content)),
            Err(error) => Err(TestbedError::path("read", &path)(error)),
        };
        let secret = |name: String, data: Value| json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata(&name), "type": "cluster.x-k8s.io/secret", "data": data });
        let secrets = [
            secret(format!("{cluster}-kubeconfig"), json!({ "value": read(self.kubeconfig())? })),
            secret(
                format!("{cluster}-ca"),
                json!({ "tls.crt": read(self.authority_certificate())?, "tls.key": read(self.authority_key())? }),
            ),
        ];
        self.apply(&json!({ "apiVersion": "v1", "kind": "List", "items": secrets }).to_string())
            .map(drop)
    }
}

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": DEFINITION, "labels": { "cluster.x-k8s.io/v1beta2": "v1beta2" } },
        "spec": {
            "group": GROUP,
            "names": { "kind": KIND, "listKind": format!("{KIND}List"), "plural": "standincontrolplanes", "singular": "standincontrolplane" },
            "scope": "Namespaced",
            "versions": [{
                "name": "v1beta2", "served": true, "storage": true, "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
            }],
        },
    })
}
