//! The webhook's certificates grow old while it is asked.

use std::time::Instant;

use serde_json::json;
use testbed::{ControlPlane, ControlPlaneOptions};

use crate::apply_definitions;
use crate::lab::WATCHDOG;
use crate::webhook::Webhook;

/// A CA is good for 45 seconds here, and each certificate is shown for 15 at most: three of them, the last one of another CA.
#[test]
fn certificates_are_renewed_by_age_and_no_request_fails() {
    let plane = ControlPlane::start(&ControlPlaneOptions::default()).unwrap();
    apply_definitions(&plane);
    let webhook = Webhook::start_with(&plane.kubeconfig(), "default", &["--ca-lifetime", "45"]);
    let machine = json!({
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2", "kind": "RemoteMachine", "metadata": { "name": "one" },
        "spec": { "address": "10.0.0.1", "cleanUpCommands": ["true"], "sshKeyRef": { "name": "key" } },
    });
    plane.apply(&machine.to_string()).unwrap();
    let authority = || {
        let path = "jsonpath={.data.tls\\.crt}";
        plane.kubectl(&["get", "secret", "anywhere-webhook-ca", "-o", path]).unwrap()
    };
    let (first, began) = (authority(), Instant::now());
    while webhook.certificates() < 3 || authority() == first {
        assert!(began.elapsed() < 2 * WATCHDOG, "{} certificates", webhook.certificates());
        let resource = "remotemachines.v1beta1.infrastructure.cluster.x-k8s.io";
        let read = plane
            .kubectl(&["get", resource, "one", "-o", "jsonpath={.spec.customCleanUpCommands}"])
            .unwrap();
        assert_eq!(read, r#"["true"]"#);
    }
}
