//! That it stands: probes, metrics, one leader at a time, and how it stops.

use crate::controller_lab::{Controller, plane};

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
        "Machine",
        "PooledRemoteMachine",
        "RemoteCluster",
        "RemoteMachine",
        "RemoteMachineTemplate",
        "Secret",
    ];
    assert_eq!(page, kinds.map(|kind| format!("{kind}: ok\n")).concat());
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
