//! Machines that really become nodes of a real control plane, and are really given back: kubelet, containerd and a pod run, and
//! after a reset neither the proof nor a look of the test's own finds anything of it.
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot be set up fails

mod lab;
mod nodes;

use std::collections::BTreeSet;

use lab::sh;
use nodes::{Cluster, kubeadm};
use testbed::{NodeLayer, Provider};

#[test]
fn a_kubeadm_node_is_given_back() {
    let cluster = Cluster::new(NodeLayer::Kubeadm, &[Provider::KubeadmBootstrap]);
    kubeadm::prepare(&cluster);
    let before = cluster.snapshot();
    for name in ["first", "again"] {
        println!("{name}");
        cluster.apply(&kubeadm::user_data(&cluster, name)).expect(0);
        cluster.expect_node();
        cluster.expect_traces(&before);
        cluster.forget_node();
        cluster.expect_clean_reset(&before);
    }
}

/// In a machine image that is made for kubeadm, kubelet is enabled, and starts over and over until it has a configuration.
#[test]
fn a_kubelet_that_waited_before_is_not_disabled() {
    let cluster = Cluster::new(NodeLayer::Kubeadm, &[Provider::KubeadmBootstrap]);
    kubeadm::prepare(&cluster);
    sh(&cluster.machine, "systemctl enable --now kubelet 2>&1");
    let before = without_kubelet_state(cluster.snapshot());
    cluster.apply(&kubeadm::user_data(&cluster, "worker")).expect(0);
    cluster.expect_node();
    cluster.forget_node();
    cluster.reset().expect(0);
    assert_eq!(
        sh(
            &cluster.machine,
            "systemctl is-enabled kubelet; systemctl is-active kubelet || :"
        ),
        "enabled\ninactive\n"
    );
    cluster.expect_equal(&before, without_kubelet_state);
}

/// It runs or waits before, depending on the moment, and is stopped after.
fn without_kubelet_state(mut snapshot: BTreeSet<String>) -> BTreeSet<String> {
    snapshot.retain(|line| {
        let states = ["unit: kubelet.service", "process: /usr/bin/kubelet", "cgroup: "];
        !(states.iter().any(|state| line.starts_with(state)) && line.contains("kubelet"))
    });
    snapshot
}

/// As k0smotron writes it for a worker whose image has k0s already (`preInstalledK0s`).
fn k0s_user_data(cluster: &Cluster) -> String {
    include_str!("nodes/k0s-worker.yaml")
        .replace("JOIN_TOKEN", &cluster.k0s_token())
        .replace("MACHINE", cluster.machine.hostname())
}

#[test]
fn a_k0s_like_worker_is_given_back() {
    let cluster = Cluster::new(NodeLayer::K0s, &[]);
    let before = cluster.snapshot();
    for round in ["first", "again"] {
        println!("{round}");
        cluster.apply(&k0s_user_data(&cluster)).expect(0);
        cluster.expect_node();
        assert!(sh(&cluster.machine, "k0s status").contains("Role: worker\n"));
        let label = ["get", "nodes", "-l", "k0smotron.io/machine-name", "-o", "name"];
        assert_eq!(
            cluster.plane.kubectl(&label).unwrap(),
            format!("node/{}\n", cluster.machine.hostname())
        );
        cluster.expect_traces(&before);
        cluster.forget_node();
        cluster.expect_clean_reset(&before);
    }
}
