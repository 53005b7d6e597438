//! A watch that has expired (410): the controller could not reach the API server, etcd was compacted meanwhile, and the API server began
//! anew. No watch will ever tell what was made and deleted by then.
//! Source: <https://kubernetes.io/docs/reference/using-api/api-concepts/#410-gone-responses>

use serde_json::{Value, json};
use testbed::{ControlPlane, ControlPlaneOptions, Faults, Machine as Host, Part, Proxy, Shell, SudoRule};

use crate::api::{Api, Kind, condition, is_ready};
use crate::controller_lab::{Controller, install};
use crate::lab::{machine, on};
use crate::site::{COUNTS, Site};
use crate::tap::{api_server, kubeconfig};

/// RemoteMachines that wait for their owner all along: nothing is to be written about them.
const STANDING: usize = 50;
/// How often each watch may have been begun anew once the API server can be reached.
const BEGUN: f64 = 3.0;
const KINDS: f64 = 8.0;

fn at(host: &Host) -> Value {
    json!({ "address": host.address().to_string(), "port": host.port(), "user": "root", "sshKeyRef": { "name": "key" } })
}

/// Where nothing is.
fn nowhere(number: usize) -> Value {
    json!({ "address": format!("127.201.0.{number}"), "sshKeyRef": { "name": "key" } })
}

/// Somebody takes an object away, finalizers or not.
fn force_away(api: &Api, kind: Kind, name: &str) {
    api.delete(kind, name);
    api.patch(kind, name, &json!({ "metadata": { "finalizers": null } }));
    assert!(api.find(kind, name).is_none());
}

fn versions(api: &Api) -> Vec<Value> {
    let version = |number| api.get(Kind::RemoteMachine, &format!("standing{number}"))["metadata"]["resourceVersion"].clone();
    (0..STANDING).map(version).collect()
}

fn ready(api: &Api, name: &str) -> bool {
    api.find(Kind::RemoteMachine, name).is_some_and(|machine| is_ready(&machine))
}

#[test]
fn what_no_watch_has_told_is_known_after_all() {
    // It ends with this process.
    let plane: &ControlPlane = Box::leak(Box::new(
        ControlPlane::start(&ControlPlaneOptions::with_controllers()).unwrap(),
    ));
    install(plane);
    let site = Site::on(plane, "expired");
    site.cluster();
    let api = Api::new(&plane.kubeconfig(), site.name());
    let proxy = Proxy::start(api_server(plane), Faults::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let controller = Controller::start_as(&kubeconfig(plane, &proxy, folder.path()), site.name(), &[]);
    controller.until("the controllers work");

    let [left, again, new] = [(); 3].map(|()| machine(Shell::Dash, SudoRule::NoPassword));
    for number in 0..STANDING {
        let name = format!("standing{number}");
        api.create(Kind::RemoteMachine, &name, json!({ "spec": nowhere(number + 1) }));
    }
    api.create(Kind::RemoteMachine, "again", json!({ "spec": nowhere(101) }));
    api.create(Kind::RemoteMachine, "queued", json!({ "spec": { "pool": "edge" } }));
    let entry = json!({ "spec": { "pool": "other", "machine": nowhere(102) } });
    api.create(Kind::PooledRemoteMachine, "idle", entry);
    api.machine("left", COUNTS, &at(&left));
    api.until("left is ready", || ready(&api, "left"));
    let pools = || ["anywhere_pool_waiting{", "anywhere_pool_entries{"].map(|name| controller.metric(name));
    api.until("the pools are known", || pools() == [1.0, 1.0]);
    api.until("all are told what they wait for", || {
        let waits = |number| condition(&api.get(Kind::RemoteMachine, &format!("standing{number}")), "Ready").0 == "False";
        (0..STANDING).all(waits)
    });
    let before = versions(&api);
    let requests = || controller.metric("anywhere_api_requests_total");
    let asked = requests();

    proxy.refuse(true).unwrap();
    proxy.cut_now().unwrap();
    controller.until("a watch broke");
    force_away(&api, Kind::RemoteMachine, "again");
    force_away(&api, Kind::RemoteMachine, "queued");
    force_away(&api, Kind::PooledRemoteMachine, "idle");
    api.delete(Kind::RemoteMachine, "left");
    api.machine("again", COUNTS, &at(&again));
    api.machine("new", COUNTS, &at(&new));
    plane.compact().unwrap();
    plane.stop_part(Part::ApiServer).unwrap();
    plane.start_part(Part::ApiServer).unwrap();
    let broken = controller.metric("anywhere_watches_broken_total");
    proxy.refuse(false).unwrap();

    api.until("what was made is worked on", || ready(&api, "again") && ready(&api, "new"));
    api.until("what was deleted is gone", || api.find(Kind::RemoteMachine, "left").is_none());
    api.until("what vanished is forgotten", || pools() == [0.0, 0.0]);
    let gone = ["too old resource version", "Expired", "410"];
    controller.until_true("that its watches have expired", |lines| {
        let says_so = |line: &&String| line.contains("a watch broke") && gone.iter().any(|word| line.contains(word));
        lines.iter().find(says_so).cloned()
    });
    for (host, times) in [(&again, 1), (&new, 1)] {
        let counted = std::fs::read_to_string(on(host, "root/counted")).unwrap();
        assert_eq!(counted.lines().count(), times);
    }
    assert!(!on(&left, "var/lib/anywhere").exists());

    assert_eq!(versions(&api), before, "nothing is new about those that only wait");
    let broken = controller.metric("anywhere_watches_broken_total") - broken;
    println!(
        "{broken} watches begun anew, {} requests for three machines",
        requests() - asked
    );
    assert!(broken <= BEGUN * KINDS, "{broken}");
    assert!(requests() - asked < STANDING as f64);
    assert!(!controller.has_said("panicked"));
    assert!(controller.stop().0.success());
}
