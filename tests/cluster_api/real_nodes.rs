//! Real nodes: a MachineDeployment with Cluster API's own kubeadm bootstrap provider over a pool of hosts.
//!
//! `ANYWHERE_NODES` is how many, three if it is not set; twenty take four minutes more.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use testbed::{
    ControlPlaneOptions, Kind, Machine, MachineSpec, Network, NodeLayer, Provider, kubelet_configuration, node_layer,
    stand_in_reference,
};

use crate::hosts::{expect_as_before, snapshot};
use crate::objects::{CLUSTER, WORKERS, cluster, deployment, kubeadm_template, machine, pool, ssh_key};
use crate::scaling::scale;
use crate::site::{NAMESPACE, Site};

/// Each more node than three makes all of it take longer.
fn patience(count: usize) -> Duration {
    Duration::from_secs(120) + Duration::from_secs(10) * u32::try_from(count).unwrap()
}

fn hosts(network: &Arc<Network>, count: usize) -> Vec<Machine> {
    let spec = MachineSpec {
        network: Some(Arc::clone(network)),
        layers: vec![node_layer(NodeLayer::Kubeadm).unwrap()],
        containers: true,
        ..MachineSpec::of_kind(Kind::Systemd)
    };
    let hosts = Machine::start_many(&vec![spec; count]);
    hosts.into_iter().map(Result::unwrap).collect()
}

/// Pods that say that they run, on whichever node.
fn pods(count: usize) -> Value {
    let labels = json!({ "app": "web" });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": NAMESPACE },
        "spec": { "replicas": count, "selector": { "matchLabels": labels }, "template": {
            "metadata": { "labels": labels },
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [{
                    "name": "web", "image": "testbed.local/busybox:1", "imagePullPolicy": "Never",
                    "command": ["/bin/busybox", "httpd", "-f", "-p", "8080"],
                    "readinessProbe": { "tcpSocket": { "port": 8080 }, "periodSeconds": 1 },
                }],
            },
        } },
    })
}

/// A cluster that kubeadm knows, and hosts of which nothing is in it yet.
struct Cluster {
    site: Site,
    hosts: Vec<Machine>,
    /// What there was on each host.
    before: Vec<BTreeSet<String>>,
    version: String,
}

impl Cluster {
    fn new(count: usize) -> Self {
        let network = Network::new().unwrap();
        let site = Site::start(&ControlPlaneOptions {
            address: Some(network.address()),
            scheduler: true,
            ..ControlPlaneOptions::with_cluster_api(&[Provider::KubeadmBootstrap])
        });
        let join = site.plane.prepare_join(&kubelet_configuration()).unwrap();
        let hosts = hosts(&network, count);
        let before = hosts.iter().map(snapshot).collect();
        let (host, port) = join.endpoint.split_once(':').unwrap();
        let control_plane = json!({ "controlPlaneRef": stand_in_reference(CLUSTER) });
        site.apply(&cluster((host, port.parse().unwrap()), &control_plane));
        site.stand_in();
        Self {
            site,
            hosts,
            before,
            version: join.version,
        }
    }

    /// That those hosts of which this is true are as they were before all this.
    #[track_caller]
    fn expect_as_before(&self, is_meant: impl Fn(&str) -> bool) {
        for (host, before) in self.hosts.iter().zip(&self.before) {
            if is_meant(&host.address().to_string()) {
                expect_as_before(host, before);
            }
        }
    }
}

/// What each Node is to have.
fn node() -> Value {
    json!({
        "labels": { "example.org/site": "hall-7" },
        "annotations": { "example.org/rack": "1" },
        "taints": [{ "key": "example.org/slow", "effect": "PreferNoSchedule" }],
    })
}

#[test]
fn machines_on_hosts_of_their_own_become_nodes_and_hosts_again() {
    let cluster = Cluster::new(2);
    let site = &cluster.site;
    site.apply(&[ssh_key()]);
    for round in ["first", "again"] {
        for (number, host) in cluster.hosts.iter().enumerate() {
            site.apply(&machine(&format!("{round}-{number}"), host, &cluster.version, &node()));
        }
        expect_nodes(site, 2);
        site.kubectl(&["delete", "machines.v1beta2.cluster.x-k8s.io", "--all", "--timeout=100s"]);
        assert_eq!(site.nodes(), Vec::<Value>::new());
        assert_eq!(site.list("remotemachines"), Vec::<Value>::new());
        cluster.expect_as_before(|_| true);
    }
    site.expect_no_refusal();
}

#[test]
fn a_deployment_of_kubeadm_nodes_comes_and_goes_and_comes_again() {
    let count: usize = std::env::var("ANYWHERE_NODES").map_or(3, |count| count.parse().unwrap());
    let cluster = Cluster::new(count);
    let site = &cluster.site;
    site.apply(&pool(&cluster.hosts));
    let bootstrap = json!({ "configRef": {
        "apiGroup": "bootstrap.cluster.x-k8s.io", "kind": "KubeadmConfigTemplate", "name": WORKERS,
    } });
    site.apply(&[kubeadm_template()]);
    site.apply(&deployment(&cluster.version, &bootstrap, &node()));
    site.apply(&[pods(count)]);

    scale(site, count);
    expect_nodes(site, count);
    expect_pods(site, count);

    // Drained, no Node any more, and the hosts are as they were.
    scale(site, 1);
    expect_nodes(site, 1);
    expect_pods(site, count);
    let left = crate::hosts::taken(site);
    cluster.expect_as_before(|address| !left.contains(address));

    scale(site, count);
    expect_nodes(site, count);
    expect_pods(site, count);

    scale(site, 0);
    expect_nodes(site, 0);
    cluster.expect_as_before(|_| true);
    site.expect_no_refusal();
}

/// That so many Machines run, each as a Node that is ready and that is its own.
#[track_caller]
fn expect_nodes(site: &Site, count: usize) {
    site.within(patience(count), &format!("{count} Machines run"), || {
        let machines = site.list("machines.v1beta2.cluster.x-k8s.io");
        let nodes = site.nodes();
        let is_running = |machine: &&Value| machine["status"]["phase"] == "Running";
        let running: Vec<&Value> = machines.iter().filter(is_running).collect();
        if (machines.len(), running.len(), nodes.len()) != (count, count, count) {
            let told = machines.iter().map(|machine| {
                format!(
                    "{} {} {}",
                    machine["metadata"]["name"], machine["status"]["phase"], machine["status"]["nodeRef"]
                )
            });
            let told: Vec<String> = told.collect();
            return Err(format!("{} Nodes; {told:?}\n{}", nodes.len(), crate::hosts::said(site)));
        }
        let problems: Vec<String> = running.iter().filter_map(|machine| is_node(machine, &nodes).err()).collect();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems.join("; "))
        }
    });
}

/// That the Node of a Machine is what it shall be.
fn is_node(machine: &Value, nodes: &[Value]) -> Result<(), String> {
    let name = &machine["status"]["nodeRef"]["name"];
    let node = nodes.iter().find(|node| node["metadata"]["name"] == *name);
    let node = node.ok_or_else(|| format!("no Node {name}"))?;
    let id = &node["spec"]["providerID"];
    let address = node["status"]["addresses"].as_array().into_iter().flatten();
    let address = address
        .filter(|address| address["type"] == "InternalIP")
        .find_map(|address| address["address"].as_str());
    let expected = address.map(|address| format!("remote-machine://{address}:22"));
    let taints = node["spec"]["taints"].to_string();
    let labels = &node["metadata"]["labels"];
    let ready = node["status"]["conditions"].as_array().into_iter().flatten();
    let is_ready = ready.clone().any(|it| it["type"] == "Ready" && it["status"] == "True");
    for (what, is_so) in [
        ("is not ready", is_ready),
        (
            "has another providerID than its Machine",
            *id == machine["spec"]["providerID"],
        ),
        ("has not its host's providerID", id.as_str() == expected.as_deref()),
        (
            "has not the name of its Machine",
            labels["k0smotron.io/machine-name"] == machine["metadata"]["name"],
        ),
        ("has not the label of spec.node", labels["example.org/site"] == "hall-7"),
        (
            "has not the annotation of spec.node",
            node["metadata"]["annotations"]["example.org/rack"] == "1",
        ),
        ("has not the taint of spec.node", taints.contains("example.org/slow")),
        ("still waits for somebody", !taints.contains("uninitialized")),
    ] {
        if !is_so {
            return Err(format!("Node {name} {what}: {id} {expected:?} {labels} {taints}"));
        }
    }
    Ok(())
}

/// That so many pods run, after whatever became of their nodes.
#[track_caller]
fn expect_pods(site: &Site, count: usize) {
    let ready = format!("jsonpath={{.status.readyReplicas}}={count}");
    site.plane
        .wait(&ready, &["deployment/web", "--namespace", NAMESPACE])
        .unwrap();
}
