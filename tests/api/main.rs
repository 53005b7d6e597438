//! The API on a real API server: definitions, rules, and conversion by the webhook.
//!
//! One control plane for all tests here, each in a namespace of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // a test that cannot be set up fails
#![allow(clippy::print_stdout, clippy::print_stderr)] // figures, and what the webhook tells

#[path = "../lab/mod.rs"]
mod lab;

mod conversion;
mod examples;
mod newer;
mod renewal;
mod rules;
mod shown;
mod upgrade;
mod webhook;

use std::process::Command;
use std::sync::OnceLock;

use testbed::ControlPlane;
use webhook::Webhook;

/// The API server with the definitions, and the webhook that converts.
struct Api {
    plane: &'static ControlPlane,
    webhook: Webhook,
}

/// The one of this test binary. It ends with it: the control plane and the webhook look after their owner themselves.
fn api() -> &'static Api {
    static API: OnceLock<Api> = OnceLock::new();
    API.get_or_init(|| {
        let plane = ControlPlane::shared().unwrap();
        apply_definitions(plane);
        plane.apply(include_str!("../../examples/webhook.yaml")).unwrap();
        // It may do what the example lets it, and no more.
        let kubeconfig = plane
            .service_account_kubeconfig("anywhere-system", "anywhere-webhook")
            .unwrap();
        let webhook = Webhook::start(&kubeconfig, "anywhere-system");
        Api { plane, webhook }
    })
}

/// What `anywhere crds` prints.
fn definitions() -> String {
    let printed = Command::new(env!("CARGO_BIN_EXE_anywhere")).arg("crds").output().unwrap();
    assert!(printed.status.success());
    String::from_utf8(printed.stdout).unwrap()
}

/// `anywhere crds | kubectl apply --server-side -f -`, and all of them are served.
fn apply_definitions(plane: &ControlPlane) {
    plane
        .kubectl_with(&["apply", "--server-side", "-f", "-"], &definitions())
        .unwrap();
    served(plane);
}

/// Waits until all definitions are served.
fn served(plane: &ControlPlane) {
    let all = ["customresourcedefinitions", "--all"];
    // A definition of which nothing has been told yet is an error to kubectl, not a condition that is not met.
    plane.wait("jsonpath={.status.conditions}", &all).unwrap();
    plane.wait("condition=Established", &all).unwrap();
}

#[test]
fn every_kind_is_served_in_both_versions_with_sound_schemas() {
    let plane = api().plane;
    let read = [
        "get",
        "customresourcedefinitions",
        "-l",
        "app.kubernetes.io/part-of=anywhere",
        "-o",
        "json",
    ];
    let list: serde_json::Value = serde_json::from_str(&plane.kubectl(&read).unwrap()).unwrap();
    let definitions = list["items"].as_array().unwrap();
    assert_eq!(definitions.len(), 14);
    for definition in definitions {
        for condition in definition["status"]["conditions"].as_array().unwrap() {
            let is_fault = condition["type"] == "NonStructuralSchema";
            assert!(!is_fault || condition["status"] == "False", "{condition}");
        }
        let name = definition["spec"]["names"]["plural"].as_str().unwrap();
        let group = definition["spec"]["group"].as_str().unwrap();
        for version in ["v1beta1", "v1beta2"] {
            plane
                .kubectl(&["get", &format!("{name}.{version}.{group}"), "--all-namespaces"])
                .unwrap();
        }
    }
}
