//! Many objects at once: what they cost, and that they cost nothing while nothing changes.

use std::time::Instant;

use serde_json::json;

use crate::controller_lab::{Controller, WATCHDOG};
use crate::site::Site;

const MANY: usize = 500;

/// What the process has in memory, in MiB.
fn resident(controller: &Controller) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", controller.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
fn many_that_wait_are_told_so_once() {
    let site = Site::new("many");
    let machine = |index: usize| {
        json!({
            "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2", "kind": "RemoteMachine",
            "metadata": { "name": format!("m{index}"), "namespace": site.name() },
            "spec": { "address": format!("10.0.{}.{}", index / 250, index % 250), "sshKeyRef": { "name": "key" } },
        })
    };
    let items: Vec<_> = (0..MANY).map(machine).collect();
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    site.namespace
        .kubectl_with(&["create", "-f", "-"], &list.to_string())
        .unwrap();
    let writes = |controller: &Controller| {
        ["patch", "patch-status"].map(|verb| controller.metric(&format!("anywhere_api_requests_total{{verb=\"{verb}\"")) as usize)
    };
    let began = Instant::now();
    let controller = Controller::start(site.name(), &[]);
    while writes(&controller) != [MANY; 2] {
        assert!(began.elapsed() < WATCHDOG, "{:?}", writes(&controller));
    }
    println!(
        "{MANY} RemoteMachines told what they wait for within {:?}, {} MiB",
        began.elapsed(),
        resident(&controller)
    );
    // Each was written twice, the finalizer and the status, and nobody's write was refused.
    let page = controller.metrics();
    let mut requests: Vec<_> = page
        .lines()
        .filter(|line| line.starts_with("anywhere_api_requests_total"))
        .collect();
    let of = |verb: &str| format!("anywhere_api_requests_total{{verb=\"{verb}\",kind=\"RemoteMachine\",result=\"ok\"}} {MANY}");
    let mut expected = [of("patch"), of("patch-status")];
    expected.sort();
    requests.sort_unstable();
    assert_eq!(requests, expected);
    controller.kill();

    let controller = Controller::start(site.name(), &[]);
    let looked = || controller.metric("anywhere_reconciles_total{controller=\"remotemachine\",result=\"ok\"}") as usize;
    while looked() < MANY {}
    println!("{MANY} RemoteMachines looked at again, {} MiB", resident(&controller));
    assert_eq!(controller.metric("anywhere_api_requests_total"), 0.0);
}
