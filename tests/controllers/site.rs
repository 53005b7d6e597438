//! A namespace with a cluster, made by hand as Cluster API would have made it.
#![allow(dead_code)] // each file uses what it needs

use std::time::Instant;

use serde_json::{Value, json};
use testbed::{ControlPlane, Machine as Host, Namespace};

use crate::controller_lab::{WATCHDOG, plane};

/// Bootstrap data that counts how often it was applied, and says that it is done as Cluster API wants it.
pub(crate) const COUNTS: &str = "#cloud-config\nruncmd:\n- echo once >> /root/counted\n- mkdir -p /run/cluster-api\n\
                                 - touch /run/cluster-api/bootstrap-success.complete\n";

/// What is said behind `attempt 1: `; a busy machine may be at another one by now.
pub(crate) fn behind_attempt(message: &str) -> &str {
    let behind = message.strip_prefix("attempt ").and_then(|behind| behind.split_once(": "));
    let (number, behind) = behind.unwrap_or_else(|| panic!("{message}"));
    assert!(number.parse::<u32>().is_ok(), "{message}");
    behind
}

/// See the module.
pub(crate) struct Site {
    plane: &'static ControlPlane,
    pub(crate) namespace: Namespace<'static>,
}

impl Site {
    /// A namespace with the SSH key of the testbed's machines in the Secret `key`.
    pub(crate) fn new(prefix: &str) -> Self {
        Self::on(plane(), prefix)
    }

    /// The same, on a control plane of one's own.
    pub(crate) fn on(plane: &'static ControlPlane, prefix: &str) -> Self {
        let site = Self {
            plane,
            namespace: plane.namespace(prefix).unwrap(),
        };
        let key = std::fs::read_to_string(crate::lab::key()).unwrap();
        site.secret("key", json!({ "value": key }));
        site
    }

    pub(crate) fn name(&self) -> &str {
        self.namespace.name()
    }

    pub(crate) fn secret(&self, name: &str, data: Value) {
        self.apply(json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": data }));
    }

    pub(crate) fn apply(&self, object: Value) {
        self.namespace.apply(&object.to_string()).unwrap();
    }

    /// Bootstrap data, in the Secret of that name.
    pub(crate) fn data(&self, name: &str, data: &str) {
        self.secret(name, json!({ "value": data, "format": "cloud-config" }));
    }

    /// The Cluster `c`, with its infrastructure.
    pub(crate) fn cluster(&self) {
        self.bare_cluster();
        self.cluster_is_ready();
    }

    pub(crate) fn bare_cluster(&self) {
        let reference = json!({ "apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "RemoteCluster", "name": "c" });
        self.apply(json!({
            "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "metadata": { "name": "c" },
            "spec": { "infrastructureRef": reference },
        }));
    }

    pub(crate) fn cluster_is_ready(&self) {
        let ready = json!({ "status": { "initialization": { "infrastructureProvisioned": true } } });
        self.patch_status("cluster/c", &ready);
    }

    pub(crate) fn patch(&self, what: &str, patch: &Value) {
        self.namespace
            .kubectl(&["patch", what, "--type=merge", "-p", &patch.to_string()])
            .unwrap();
    }

    pub(crate) fn patch_status(&self, what: &str, patch: &Value) {
        self.namespace
            .kubectl(&[
                "patch",
                what,
                "--subresource=status",
                "--type=merge",
                "-p",
                &patch.to_string(),
            ])
            .unwrap();
    }

    /// A Machine that names the RemoteMachine of its own name; with bootstrap data, if that is there.
    pub(crate) fn machine(&self, name: &str, data: Option<&str>) {
        let config = json!({ "apiGroup": "bootstrap.cluster.x-k8s.io", "kind": "KubeadmConfig", "name": name });
        let mut bootstrap = json!({ "configRef": config });
        if let Some(data) = data {
            bootstrap["dataSecretName"] = data.into();
        }
        let reference = json!({ "apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "RemoteMachine", "name": name });
        self.apply(json!({
            "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Machine", "metadata": { "name": name },
            "spec": { "clusterName": "c", "bootstrap": bootstrap, "infrastructureRef": reference },
        }));
    }

    /// A RemoteMachine that no Machine owns yet.
    pub(crate) fn bare_remote_machine(&self, name: &str, host: &Host, more: &Value) {
        let mut spec = json!({
            "address": host.address().to_string(), "port": host.port(), "user": "root", "sshKeyRef": { "name": "key" },
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        self.apply(json!({
            "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2", "kind": "RemoteMachine",
            "metadata": { "name": name, "labels": { "rack": "one" } }, "spec": spec,
        }));
    }

    /// The owner reference to the Machine of the same name, which Cluster API would set.
    pub(crate) fn own(&self, name: &str) {
        let uid = self.get(&format!("machine/{name}"), "{.metadata.uid}");
        let owner = json!({
            "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Machine", "name": name, "uid": uid,
            "controller": true, "blockOwnerDeletion": true,
        });
        self.patch(
            &format!("remotemachine/{name}"),
            &json!({ "metadata": { "ownerReferences": [owner] } }),
        );
    }

    /// A RemoteMachine with its Machine and this bootstrap data, ready to be provisioned.
    pub(crate) fn remote_machine(&self, name: &str, host: &Host, data: &str, more: &Value) {
        let secret = format!("{name}-data");
        self.data(&secret, data);
        self.machine(name, Some(&secret));
        self.bare_remote_machine(name, host, more);
        self.own(name);
    }

    pub(crate) fn get(&self, what: &str, path: &str) -> String {
        self.namespace
            .kubectl(&["get", what, "-o", &format!("jsonpath={path}")])
            .unwrap()
    }

    pub(crate) fn object(&self, what: &str) -> Value {
        serde_json::from_str(&self.namespace.kubectl(&["get", what, "-o", "json"]).unwrap()).unwrap()
    }

    /// Waits until the Ready condition of a RemoteMachine has this reason, and gives its message.
    #[track_caller]
    pub(crate) fn until(&self, name: &str, reason: &str) -> String {
        let ready = "{.status.conditions[?(@.type==\"Ready\")]";
        self.wait(name, &format!("jsonpath={ready}.reason}}={reason}"));
        self.get(&format!("remotemachine/{name}"), &format!("{ready}.message}}"))
    }

    /// Waits until the message of the Ready condition has this text in it.
    #[track_caller]
    pub(crate) fn until_says(&self, name: &str, text: &str) {
        let began = Instant::now();
        let path = "{.status.conditions[?(@.type==\"Ready\")].message}";
        loop {
            let message = self.get(&format!("remotemachine/{name}"), path);
            if message.contains(text) {
                return;
            }
            assert!(began.elapsed() < WATCHDOG, "{name} says {message}");
        }
    }

    #[track_caller]
    pub(crate) fn wait(&self, name: &str, condition: &str) {
        let what = format!("remotemachine/{name}");
        let waited = self.plane.wait(condition, &["--namespace", self.name(), &what]);
        if let Err(error) = waited {
            panic!("{error}\n{:#}", self.object(&what));
        }
    }

    /// Deletes a RemoteMachine and waits until it is gone.
    #[track_caller]
    pub(crate) fn delete(&self, name: &str) {
        self.namespace
            .kubectl(&["delete", &format!("remotemachine/{name}"), "--timeout=100s"])
            .unwrap();
    }

    /// Waits for Events about a RemoteMachine that have this reason, and gives their notes.
    #[track_caller]
    pub(crate) fn events(&self, name: &str, reason: &str) -> Vec<String> {
        let selector = format!("regarding.name={name},reason={reason}");
        let began = Instant::now();
        loop {
            let read = ["get", "events.events.k8s.io", "--field-selector", &selector, "-o", "json"];
            let found: Value = serde_json::from_str(&self.namespace.kubectl(&read).unwrap()).unwrap();
            let items = found["items"].as_array().unwrap();
            if !items.is_empty() {
                return items.iter().map(|event| event["note"].as_str().unwrap().to_owned()).collect();
            }
            assert!(began.elapsed() < WATCHDOG, "no event {reason} about {name}");
        }
    }
}
