//! Objects are read and written in either version, and nothing is lost.

use std::process::Command;

use serde_json::{Value, json};
use testbed::Namespace;

use crate::api;
use crate::lab::WATCHDOG;

const OLDER: &str = "remotemachines.v1beta1.infrastructure.cluster.x-k8s.io";
const NEWER: &str = "remotemachines.v1beta2.infrastructure.cluster.x-k8s.io";

fn read(namespace: &Namespace<'_>, kind: &str, name: &str) -> Value {
    serde_json::from_str(&namespace.kubectl(&["get", kind, name, "-o", "json"]).unwrap()).unwrap()
}

#[test]
fn what_one_version_cannot_say_survives_in_it() {
    let namespace = api().plane.namespace("conversion").unwrap();
    let machine = json!({
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1",
        "kind": "RemoteMachine",
        "metadata": { "name": "one", "finalizers": ["remotemachine.k0smotron.io/finalizer"] },
        "spec": { "address": "10.0.0.1", "customCleanUpCommands": ["true"], "sshKeyRef": { "name": "key" } },
    });
    namespace
        .kubectl_with(
            &["apply", "--server-side", "--validate=strict", "-f", "-"],
            &machine.to_string(),
        )
        .unwrap();

    let newer = read(&namespace, NEWER, "one");
    assert_eq!(newer["spec"]["cleanUpCommands"], json!(["true"]));
    assert_eq!(newer["spec"]["port"], 22);
    assert_eq!(newer["spec"].get("customCleanUpCommands"), None);

    // The controller writes its status in the newer version; who knows the older one only changes something else.
    let status = r#"{"status":{"initialization":{"provisioned":true},"conditions":[{"type":"Ready","status":"True","reason":"Provisioned",
        "message":"","lastTransitionTime":"2026-01-02T03:04:05Z"}]}}"#;
    namespace
        .kubectl(&["patch", NEWER, "one", "--subresource=status", "--type=merge", "-p", status])
        .unwrap();
    let older = read(&namespace, OLDER, "one");
    assert_eq!(older["status"]["ready"], true);
    assert_eq!(older["status"].get("conditions"), None);
    let mut changed = older;
    changed["spec"]["user"] = json!("admin");
    namespace.kubectl_with(&["replace", "-f", "-"], &changed.to_string()).unwrap();

    let newer = read(&namespace, NEWER, "one");
    assert_eq!(newer["spec"]["user"], "admin");
    assert_eq!(newer["status"]["conditions"][0]["reason"], "Provisioned");
    assert_eq!(newer["metadata"].get("annotations"), None, "{newer}");
    namespace
        .kubectl(&[
            "patch",
            NEWER,
            "one",
            "--type=merge",
            "-p",
            r#"{"metadata":{"finalizers":null}}"#,
        ])
        .unwrap();
}

/// Lists in the older version while a new CA is made, because the Secret of the one before it is gone.
///
/// `API_LOAD=full` is 200 lists at once of 1,000 objects: for a release build, and a machine of its own.
#[test]
fn no_request_fails_while_the_certificate_changes() {
    let is_full = std::env::var("API_LOAD").is_ok_and(|load| load == "full");
    let (machines, lists) = if is_full { (1000, 200) } else { (100, 50) };
    let api = api();
    let namespace = api.plane.namespace("load").unwrap();
    let machine = json!({
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2",
        "kind": "RemoteMachine",
        "metadata": { "generateName": "m" },
        "spec": { "address": "10.0.0.1", "cleanUpCommands": ["true"], "sshKeyRef": { "name": "key" }, "hostKeys": ["SHA256:x"] },
    });
    let resource = |version: &str| {
        let (url, namespace) = (api.plane.url(), namespace.name());
        format!("{url}/apis/infrastructure.cluster.x-k8s.io/{version}/namespaces/{namespace}/remotemachines")
    };
    requests(&resource("v1beta2"), machines, Some(&machine));

    let touch = [
        "label",
        "customresourcedefinition",
        "remotemachines.infrastructure.cluster.x-k8s.io",
        "touched=yes",
    ];
    let before = api.webhook.certificates();
    namespace
        .kubectl(&["delete", "secret", "-n", "anywhere-system", "anywhere-webhook-ca"])
        .unwrap();
    namespace.kubectl(&touch).unwrap();
    let started = std::time::Instant::now();
    let (mut rounds, mut is_new) = (0, false);
    // Once more after the new one is there.
    while !is_new {
        assert!(started.elapsed() < 5 * WATCHDOG, "no new certificate after {rounds} rounds");
        is_new = api.webhook.certificates() > before;
        requests(&resource("v1beta1"), lists, None);
        rounds += 1;
    }
    println!(
        "{} lists of {machines} objects in {:.1} s, the webhook had {} MiB at most",
        rounds * lists,
        started.elapsed().as_secs_f64(),
        api.webhook.peak_memory()
    );
    assert!(api.webhook.peak_memory() < 512);
    namespace.kubectl(&["delete", NEWER, "--all", "--wait=false"]).unwrap();
}

/// Many requests at once, by curl(1). While the API server takes up a changed definition, it asks clients to come again (429, with
/// Retry-After), which all of them do by themselves; every other answer must be a good one.
fn requests(url: &str, many: usize, body: Option<&Value>) {
    let mut left = many;
    while left > 0 {
        let answers = answers(&format!("{url}?number=[1-{left}]"), body);
        let of = |begin: &str| answers.iter().filter(|answer| answer.starts_with(begin)).count();
        let (good, again) = (of("20"), of("429"));
        assert_eq!((good + again, answers.len()), (left, left), "{answers:?}");
        left = again;
        if again > 0 {
            std::thread::sleep(std::time::Duration::from_secs(1));
        }
    }
}

/// The status code of each answer, and what went wrong with it.
fn answers(url: &str, body: Option<&Value>) -> Vec<String> {
    let plane = api().plane;
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--parallel", "--parallel-max", "200", "--max-time", "300"])
        .args(["--cacert".as_ref(), plane.authority_certificate().as_os_str()])
        .args(["--cert".as_ref(), plane.admin_certificate().as_os_str()])
        .args(["--key".as_ref(), plane.admin_key().as_os_str()])
        .args(["--output", "/dev/null", "--write-out", "%{http_code} %{errormsg}\n"]);
    if let Some(body) = body {
        curl.args(["--header", "Content-Type: application/json", "--data", &body.to_string()]);
    }
    let output = curl.arg(url).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(str::to_owned).collect()
}
