//! That it stands: probes, metrics, one leader at a time, and how it stops.

use std::net::SocketAddr;
use std::time::Instant;

use serde_json::json;
use testbed::{Shell, SudoRule};

use crate::collector::{Collector, of};
use crate::controller_lab::{Controller, WATCHDOG, plane};
use crate::lab::{machine, sh, wait_until};
use crate::site::{COUNTS, Site};

/// What a lease's holder is called; nothing if it has none.
fn holder(namespace: &str) -> String {
    let path = "jsonpath={.spec.holderIdentity}";
    let read = ["get", "lease", "anywhere-controller", "--namespace", namespace, "-o", path];
    plane().kubectl(&read).unwrap()
}

#[test]
fn it_is_ready_once_it_has_seen_everything_and_stops_when_it_is_told_to() {
    let namespace = plane().namespace("standing").unwrap();
    let controller = Controller::start(namespace.name(), &[]);
    assert_eq!(controller.probe("/healthz"), (200, "ok\n".to_owned()));
    let (status, page) = controller.probe("/readyz");
    assert_eq!(status, 200, "{page}");
    let kinds = [
        "Cluster",
        "Job",
        "Machine",
        "MachineDeployment",
        "Pod",
        "PooledRemoteMachine",
        "RemoteCluster",
        "RemoteMachine",
        "RemoteMachineTemplate",
        "Secret",
    ];
    let all_well = kinds.map(|kind| format!("{kind}: ok\n")).concat();
    // Another test changes the definitions, at which the API server ends watches.
    let began = Instant::now();
    while controller.probe("/readyz").1 != all_well {
        assert!(began.elapsed() < WATCHDOG, "{page}");
    }
    assert_eq!(controller.metric("anywhere_leader"), 1.0);
    let (ended, took) = controller.stop();
    assert!(ended.success());
    println!("stopped within {took:?}");
}

#[test]
fn one_leads_and_another_takes_over_when_it_lets_go() {
    let namespace = plane().namespace("leading").unwrap();
    let elected = ["--leader-elect", "--leader-election-namespace", namespace.name()];
    let first = Controller::start(namespace.name(), &elected);
    let leader = holder(namespace.name());
    let second = Controller::start_as(&plane().kubeconfig(), namespace.name(), &elected);
    second.until("another replica leads");
    // Who stands by is ready, and does not work.
    assert_eq!(second.probe("/readyz").0, 200);
    assert_eq!(
        (first.metric("anywhere_leader"), second.metric("anywhere_leader")),
        (1.0, 0.0)
    );
    assert_eq!(holder(namespace.name()), leader);
    assert!(first.stop().0.success());
    second.until("the controllers work");
    assert_ne!(holder(namespace.name()), leader);
}

#[test]
fn who_loses_the_lease_stops() {
    let namespace = plane().namespace("losing").unwrap();
    let elected = ["--leader-elect", "--leader-election-namespace", namespace.name()];
    let controller = Controller::start(namespace.name(), &elected);
    let taken = r#"{"spec":{"holderIdentity":"somebody-else"}}"#;
    let patch = ["patch", "lease", "anywhere-controller", "--type=merge", "-p", taken];
    namespace.kubectl(&patch).unwrap();
    controller.until("the lease is lost");
    assert_eq!(controller.end().code(), Some(1));
}

#[test]
fn it_converts_objects_if_it_is_asked_to() {
    let plane = plane();
    let namespace = plane.namespace("converting").unwrap();
    // A loopback address of its own, so that the port is free.
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let address = SocketAddr::from(([127, 79, high, low], 9443));
    let mut collector = Collector::start();
    let mut environment = collector.environment();
    environment.extend([
        ("ANYWHERE_WEBHOOK_BIND", address.to_string()),
        ("ANYWHERE_WEBHOOK_URL", format!("https://{address}/convert")),
        ("POD_NAMESPACE", namespace.name().to_owned()),
    ]);
    let controller = Controller::start_with(&plane.kubeconfig(), namespace.name(), &["--webhook"], &environment);
    controller.until("the webhook listens");
    namespace
        .apply(
            r#"{"apiVersion":"infrastructure.cluster.x-k8s.io/v1beta2","kind":"RemoteMachine","metadata":{"name":"a"},
                "spec":{"address":"192.0.2.1","sshKeyRef":{"name":"key"},"cleanUpCommands":["true"]}}"#,
        )
        .unwrap();
    let kind = "remotemachines.v1beta1.infrastructure.cluster.x-k8s.io";
    let read = ["get", kind, "a", "-o", "jsonpath={.spec.customCleanUpCommands}"];
    assert_eq!(namespace.kubectl(&read).unwrap(), r#"["true"]"#);
    assert!(controller.stop().0.success());
    let review = collector.until("a review", |span| span.name == "POST /convert");
    assert_eq!(of(&review.attributes)["http.response.status_code"], "200");
}

#[test]
fn who_takes_over_goes_on_with_what_the_other_had_begun() {
    let site = Site::new("takeover");
    site.cluster();
    let elected = [
        "--leader-elect",
        "--leader-election-namespace",
        site.name(),
        "--leader-election-lease-duration",
        "3",
    ];
    let first = Controller::start(site.name(), &elected);
    let second = Controller::start_as(&plane().kubeconfig(), site.name(), &elected);
    second.until("another replica leads");
    let host = machine(Shell::Dash, SudoRule::NoPassword);
    let data = format!("{COUNTS}- touch /root/begun\n- while [ ! -e /root/go ]; do sleep 0.1; done\n- echo end >> /root/ended\n");
    site.remote_machine("t", &host, &data, &json!({}));
    wait_until(&host, "[ -e /root/begun ]");
    let taken = r#"{"spec":{"holderIdentity":"somebody-else"}}"#;
    let patch = ["patch", "lease", "anywhere-controller", "--type=merge", "-p", taken];
    site.namespace.kubectl(&patch).unwrap();
    first.until("the lease is lost");
    assert_eq!(first.end().code(), Some(1));
    // The command that was under way did not end with it.
    sh(&host, "touch /root/go");
    wait_until(&host, "[ -e /root/ended ]");
    site.until("t", "Ready");
    assert!(second.has_said("the controllers work"));
    assert_eq!(
        (
            sh(&host, "wc -l < /root/counted").trim(),
            sh(&host, "wc -l < /root/ended").trim()
        ),
        ("1", "1")
    );
}
