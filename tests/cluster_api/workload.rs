//! The workload cluster: the same API server, whose control plane a stand-in vouches for.
//!
//! Cluster API waits for a control plane before it gives workers their bootstrap data. None of ours exists yet, and Cluster API's own
//! would want machines of its own; so an object fulfils the contract of one, by hand, and says what is true: the API server
//! answers. Source: <https://cluster-api.sigs.k8s.io/developer/providers/contracts/control-plane>

use serde_json::{Value, json};

use crate::objects::{CLUSTER, object, secret};
use crate::site::Site;

/// Its kind, which nobody takes for a product of anybody's.
const KIND: &str = "StandInControlPlane";

/// How a Cluster names the stand-in.
pub(crate) fn reference() -> Value {
    json!({ "apiGroup": "controlplane.cluster.x-k8s.io", "kind": KIND, "name": CLUSTER })
}

/// Makes the stand-in, and the Secrets that a control plane provider makes: the API server's own.
pub(crate) fn stand_in(site: &Site) {
    site.apply(&[json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": "standincontrolplanes.controlplane.cluster.x-k8s.io",
            "labels": { "cluster.x-k8s.io/v1beta2": "v1beta2" },
        },
        "spec": {
            "group": "controlplane.cluster.x-k8s.io",
            "names": { "kind": KIND, "listKind": "StandInControlPlaneList", "plural": "standincontrolplanes", "singular": "standincontrolplane" },
            "scope": "Namespaced",
            "versions": [{
                "name": "v1beta2", "served": true, "storage": true, "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
            }],
        },
    })]);
    site.plane
        .wait(
            "condition=Established",
            &["customresourcedefinition/standincontrolplanes.controlplane.cluster.x-k8s.io"],
        )
        .unwrap();
    site.apply(&[object(
        "controlplane.cluster.x-k8s.io/v1beta2",
        KIND,
        CLUSTER,
        &json!({ "spec": {} }),
    )]);
    let status = json!({ "status": {
        "initialization": { "controlPlaneInitialized": true },
        "externalManagedControlPlane": true,
    } });
    site.kubectl(&[
        "patch",
        "standincontrolplane",
        CLUSTER,
        "--subresource=status",
        "--type=merge",
        "-p",
        &status.to_string(),
    ]);
    let read = |path| std::fs::read(path).unwrap();
    let plane = &site.plane;
    let certificate = read(plane.authority_certificate());
    site.apply(&[
        secret(&format!("{CLUSTER}-kubeconfig"), &[("value", &read(plane.kubeconfig()))]),
        secret(
            &format!("{CLUSTER}-ca"),
            &[("tls.crt", &certificate), ("tls.key", &read(plane.authority_key()))],
        ),
    ]);
}
