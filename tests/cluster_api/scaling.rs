//! A MachineDeployment over a pool of five hosts, all the ways up and down.

use serde_json::{Value, json};
use testbed::{ControlPlaneOptions, Machine, Shell, SudoRule};

use crate::hosts::{expect, is_clean, provisioned, taken};
use crate::lab::{machine, sh};
use crate::objects::{WORKERS, cluster, deployment, pool, secret};
use crate::site::Site;

/// Refuses a host on which a file of another's is left. What commands have made is nobody's to take away: the count of runs stays.
pub(crate) fn bootstrap_data(mark: &str) -> String {
    format!(
        "#cloud-config\nbootcmd:\n  - test ! -e /etc/edge\nwrite_files:\n  - path: /etc/edge/mark\n    content: {mark}\n\
         runcmd:\n  - echo ran >> /srv/runs\n  - mkdir -p /run/cluster-api\n\
        \x20 - echo success > /run/cluster-api/bootstrap-success.complete\n"
    )
}

/// Five hosts in a pool, and a MachineDeployment of none of them.
pub(crate) fn five(cluster_spec: &Value) -> (Site, Vec<Machine>) {
    let site = Site::start(&ControlPlaneOptions::with_cluster_api(&[]));
    let hosts: Vec<Machine> = (0..5).map(|_| machine(Shell::Dash, SudoRule::None)).collect();
    site.apply(&pool(&hosts));
    site.apply(&[
        secret("first", &[("value", bootstrap_data("first").as_bytes())]),
        secret("second", &[("value", bootstrap_data("second").as_bytes())]),
    ]);
    let url = site.plane.url();
    let (host, port) = url.trim_start_matches("https://").split_once(':').unwrap();
    site.apply(&cluster((host, port.parse().unwrap()), cluster_spec));
    site.apply(&deployment(
        "v1.36.3",
        &json!({ "dataSecretName": "first" }),
        &json!({ "labels": { "a": "b" } }),
    ));
    // No Node ever says that a machine is available, so all of them may be unavailable.
    let rollout = json!({ "spec": { "rollout": { "strategy": {
        "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 0, "maxUnavailable": 5 },
    } } } });
    patch(&site, &rollout);
    (site, hosts)
}

fn patch(site: &Site, patch: &Value) {
    site.kubectl(&[
        "patch",
        "machinedeployment",
        WORKERS,
        "--type=merge",
        "-p",
        &patch.to_string(),
    ]);
}

pub(crate) fn scale(site: &Site, count: usize) {
    site.kubectl(&["scale", "machinedeployment", WORKERS, &format!("--replicas={count}")]);
}

#[test]
fn up_down_rolled_out_and_by_name() {
    let (site, hosts) = five(&json!({}));
    for count in [3, 5] {
        scale(&site, count);
        expect(&site, &hosts, count);
    }
    assert!(hosts.iter().all(|host| sh(host, "cat /srv/runs") == "ran\n"), "each once");

    // One of them, by its name: its host is cleaned, and as there is no other one, it comes again under another name.
    let before = provisioned(&site);
    let (address, gone) = before.first_key_value().unwrap();
    site.kubectl(&["delete", "machine.v1beta2.cluster.x-k8s.io", &machine_of(&site, gone)]);
    expect(&site, &hosts, 5);
    let after = provisioned(&site);
    assert_ne!(after[address], *gone);
    assert!(
        before
            .iter()
            .filter(|(its, _)| *its != address)
            .all(|(its, name)| after[its] == *name)
    );

    patch(
        &site,
        &json!({ "spec": { "template": { "spec": { "bootstrap": { "dataSecretName": "second" } } } } }),
    );
    site.until("all machines are of the second template", || {
        let marks: Vec<String> = hosts
            .iter()
            .map(|host| sh(host, "cat /etc/edge/mark 2>/dev/null || :"))
            .collect();
        if marks.iter().all(|mark| mark == "second") {
            Ok(())
        } else {
            Err(format!("{marks:?}"))
        }
    });
    expect(&site, &hosts, 5);
    assert!(provisioned(&site).values().all(|name| !after.values().any(|old| old == name)));

    let kept = provisioned(&site);
    for count in [2, 0] {
        scale(&site, count);
        expect(&site, &hosts, count);
        assert!(
            provisioned(&site).iter().all(|(address, name)| kept[address] == *name),
            "nobody moved"
        );
    }
    hosts.iter().for_each(|host| is_clean(host).unwrap());
    assert!(taken(&site).is_empty());
    for kind in ["machines.v1beta2.cluster.x-k8s.io", "remotemachines"] {
        assert_eq!(site.list(kind), Vec::<Value>::new(), "orphans");
    }
    site.expect_no_refusal();
}

/// The Machine that a RemoteMachine is of.
pub(crate) fn machine_of(site: &Site, remote_machine: &str) -> String {
    let path = "jsonpath={.metadata.ownerReferences[?(@.kind=='Machine')].name}";
    site.kubectl(&["get", "remotemachine", remote_machine, "-o", path])
}
