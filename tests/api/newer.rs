//! Objects of a newer release, whose definition has fields that this one does not know.

use std::path::PathBuf;

use crds::conversion::convert;
use crds::infrastructure::remote_machine::v1beta2::{RemoteMachine, RemoteMachineStatus};
use crds::shared::Provisioned;
use kube::api::{Api, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use testbed::{ControlPlane, ControlPlaneOptions};

use crate::definitions;
use crate::webhook::Webhook;

/// A field of the spec, one of a mapping in it, and one of the status.
fn with_new_fields(definitions: &str) -> String {
    let documents = remote::yaml::parse(definitions, "definitions").unwrap();
    let mut all: Vec<_> = documents.iter().map(|document| document.root.to_json()).collect();
    all.retain(|definition| definition["spec"]["names"]["kind"] == "RemoteMachine");
    let [definition] = all.as_mut_slice() else {
        panic!("one RemoteMachine")
    };
    for (version, path) in [
        (0, "/spec/properties"),
        (1, "/spec/properties"),
        (1, "/spec/properties/sshKeyRef/properties"),
        (1, "/status/properties"),
    ] {
        let path = format!("/spec/versions/{version}/schema/openAPIV3Schema/properties{path}");
        definition.pointer_mut(&path).unwrap()["future"] = json!({ "type": "string" });
    }
    definition.to_string()
}

#[test]
fn fields_of_a_newer_release_are_kept_on_update() {
    let plane = ControlPlane::start(&ControlPlaneOptions::default()).unwrap();
    plane.apply(&with_new_fields(&definitions())).unwrap();
    crate::served(&plane);
    let _webhook = Webhook::start(&plane.kubeconfig(), "default");
    let machine = json!({
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2",
        "kind": "RemoteMachine",
        "metadata": { "name": "one" },
        "spec": { "address": "10.0.0.1", "future": "a", "sshKeyRef": { "name": "key", "future": "b" } },
        "status": { "future": "c" },
    });
    plane.apply(&machine.to_string()).unwrap();
    let status = ["apply", "--server-side", "--subresource=status", "-f", "-"];
    plane.kubectl_with(&status, &machine.to_string()).unwrap();

    // Read by our types, changed, and written back.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(change(&plane.kubeconfig()));
    let read = |resource: &str| -> Value {
        serde_json::from_str(&plane.kubectl(&["get", resource, "one", "-o", "json"]).unwrap()).unwrap()
    };
    let newer = read("remotemachines.v1beta2.infrastructure.cluster.x-k8s.io");
    assert_eq!(newer["spec"]["user"], "admin");
    assert_eq!(newer["status"]["initialization"]["provisioned"], true);
    assert_new_fields(&newer);

    // Read and written in the other version, in which this release has no place for them.
    let mut older = read("remotemachines.v1beta1.infrastructure.cluster.x-k8s.io");
    older["spec"]["user"] = json!("root");
    plane.kubectl_with(&["replace", "-f", "-"], &older.to_string()).unwrap();
    let newer = read("remotemachines.v1beta2.infrastructure.cluster.x-k8s.io");
    assert_eq!(newer["spec"]["user"], "root");
    assert_new_fields(&newer);
    // Also where the object never was at an API server.
    let there = convert(newer.clone(), "infrastructure.cluster.x-k8s.io/v1beta1").unwrap();
    assert_eq!(convert(there, "infrastructure.cluster.x-k8s.io/v1beta2").unwrap(), newer);
}

fn assert_new_fields(object: &Value) {
    assert_eq!(object["spec"]["future"], "a", "{object}");
    assert_eq!(object["spec"]["sshKeyRef"]["future"], "b", "{object}");
    assert_eq!(object["status"]["future"], "c", "{object}");
}

async fn change(kubeconfig: &PathBuf) {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .unwrap();
    let machines: Api<RemoteMachine> = Api::default_namespaced(Client::try_from(config).unwrap());
    let before = machines.get("one").await.unwrap();
    let mut after = before.clone();
    let spec = after.spec.as_mut().unwrap();
    spec.user = Some("admin".to_owned());
    spec.ssh_key_ref.as_mut().unwrap().name = "other".to_owned();
    let patch = before.changes_to(&after).unwrap().unwrap();
    let changed = machines
        .patch("one", &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
    assert_eq!(changed.spec, after.spec);

    let mut after = changed.clone();
    after.status.get_or_insert_with(RemoteMachineStatus::default).initialization = Some(Provisioned { provisioned: Some(true) });
    let patch = changed.changes_to(&after).unwrap().unwrap();
    machines
        .patch_status("one", &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
}
