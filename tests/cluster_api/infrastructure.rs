//! What Cluster API hears of a RemoteCluster, and what Nodes are given; with no host at all.

use serde_json::{Value, json};
use testbed::{ControlPlaneOptions, stand_in_reference};

use crate::objects::{CLUSTER, CLUSTER_API, INFRASTRUCTURE, cluster, object, secret};
use crate::site::{NAMESPACE, Site};

fn condition(object: &Value, kind: &str) -> String {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    let found = conditions.clone().find(|condition| condition["type"] == kind);
    let field = |name: &str| found.map_or("", |condition| condition[name].as_str().unwrap()).to_owned();
    format!("{} {} {}", field("status"), field("reason"), field("message"))
}

fn only(site: &Site, kind: &str) -> Value {
    let mut objects = site.list(kind);
    assert_eq!(objects.len(), 1, "{objects:?}");
    objects.remove(0)
}

#[track_caller]
fn until_condition(site: &Site, kind: &str, condition_type: &str, expected: &str) {
    site.until(&format!("{kind} {condition_type} {expected}"), || {
        let found = condition(&only(site, kind), condition_type);
        if found == expected { Ok(()) } else { Err(found) }
    });
}

#[test]
fn a_cluster_has_its_infrastructure_at_once_or_is_told_why_not() {
    let site = Site::start(&ControlPlaneOptions::with_cluster_api(&[]));
    let mut objects = cluster(("edge.example.org", 6443), &json!({}));
    let mut own = objects.pop().unwrap();
    own["spec"] = json!({ "controlPlaneEndpoint": { "host": "https://edge.example.org", "port": 6443 } });
    site.apply(&[own.clone()]);
    until_condition(
        &site,
        "remotecluster",
        "Ready",
        "False WaitingForCluster no Cluster owns it yet: name it in spec.infrastructureRef of one",
    );
    site.apply(&objects);
    until_condition(
        &site,
        "remotecluster",
        "Ready",
        "False InvalidEndpoint spec.controlPlaneEndpoint.host \"https://edge.example.org\" is a URL: it takes an IP address or a DNS name",
    );
    assert_eq!(only(&site, "remotecluster")["status"]["initialization"], Value::Null);

    own["spec"] = json!({ "controlPlaneEndpoint": { "host": "edge.example.org", "port": 6443 } });
    site.apply(&[own.clone()]);
    until_condition(
        &site,
        "remotecluster",
        "Ready",
        "True Ready the API server is expected at edge.example.org:6443",
    );
    site.until("Cluster API goes on", || {
        let cluster = only(&site, "clusters.v1beta2.cluster.x-k8s.io");
        let is_so = cluster["status"]["initialization"]["infrastructureProvisioned"] == true
            && cluster["spec"]["controlPlaneEndpoint"] == json!({ "host": "edge.example.org", "port": 6443 });
        if is_so { Ok(()) } else { Err(cluster.to_string()) }
    });

    let pause = |paused: bool| {
        let patch = json!({ "spec": { "paused": paused } }).to_string();
        site.kubectl(&[
            "patch",
            "clusters.v1beta2.cluster.x-k8s.io",
            CLUSTER,
            "--type=merge",
            "-p",
            &patch,
        ]);
    };
    pause(true);
    until_condition(
        &site,
        "remotecluster",
        "Paused",
        "True Paused spec.paused of the Cluster is true",
    );
    own["spec"]["controlPlaneEndpoint"]["port"] = json!(443);
    site.apply(&[own]);
    pause(false);
    until_condition(&site, "remotecluster", "Paused", "False NotPaused ");
    until_condition(
        &site,
        "remotecluster",
        "Ready",
        "True Ready the API server is expected at edge.example.org:443",
    );

    // All of the manifests, Deployments too, as kubectl takes them.
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/controller");
    let built = site.kubectl(&["kustomize", folder]);
    assert_eq!(built.matches("\nkind: CustomResourceDefinition\n").count(), 14);
    let file = format!("{folder}/controller.yaml");
    let taken = site.kubectl(&["apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", &file]);
    for name in ["deployment.apps/anywhere-controller", "deployment.apps/anywhere-webhook"] {
        assert!(taken.contains(name), "{taken}");
    }

    // It goes with its Cluster: there is nothing to take down.
    site.kubectl(&["delete", "clusters.v1beta2.cluster.x-k8s.io", CLUSTER, "--timeout=60s"]);
    assert_eq!(site.list("remoteclusters"), Vec::<Value>::new());
    site.expect_no_refusal();
}

/// A Machine that is provisioned already, as far as anybody can see.
fn machine(site: &Site, name: &str) {
    let address = "127.0.0.1";
    let id = format!("remote-machine://{name}:22");
    site.apply(&[object(
        INFRASTRUCTURE,
        "RemoteMachine",
        name,
        &json!({ "spec": {
            "address": address, "providerID": id, "sshKeyRef": { "name": "ssh-key" }, "node": { "labels": { "example.org/site": "hall-7" } },
        } }),
    )]);
    let status = json!({ "status": { "initialization": { "provisioned": true } } }).to_string();
    site.kubectl(&[
        "patch",
        "remotemachine",
        name,
        "--subresource=status",
        "--type=merge",
        "-p",
        &status,
    ]);
    site.apply(&[object(
        CLUSTER_API,
        "Machine",
        name,
        &json!({ "spec": {
            "clusterName": CLUSTER,
            "bootstrap": { "dataSecretName": "data" },
            "infrastructureRef": { "apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "RemoteMachine", "name": name },
        } }),
    )]);
}

fn node(site: &Site, name: &str) -> Value {
    serde_json::from_str(&site.kubectl(&["get", "node", name, "-o", "json"])).unwrap()
}

fn new_node(site: &Site, name: &str, provider_id: &str) {
    let taint = json!({ "key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule" });
    let mut spec = json!({ "taints": [taint] });
    if !provider_id.is_empty() {
        spec["providerID"] = json!(provider_id);
    }
    let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name }, "spec": spec });
    // By another manager than the one whose fields the controller would be taken to overwrite.
    site.plane.kubectl_with(&["create", "-f", "-"], &node.to_string()).unwrap();
}

#[track_caller]
fn until_written(site: &Site, name: &str) {
    site.until(&format!("Node {name} is written"), || {
        let node = node(site, name);
        let is_so = node["spec"]["providerID"] == format!("remote-machine://{name}:22")
            && node["metadata"]["labels"]["k0smotron.io/machine-name"] == name
            && node["metadata"]["labels"]["example.org/site"] == "hall-7"
            && !node["spec"]["taints"].to_string().contains("uninitialized");
        if is_so { Ok(()) } else { Err(node.to_string()) }
    });
}

#[test]
fn nodes_get_what_they_lack_and_those_of_others_are_left_alone() {
    let site = Site::start(&ControlPlaneOptions::with_cluster_api(&[]));
    let control_plane = json!({ "controlPlaneRef": stand_in_reference(CLUSTER) });
    site.apply(&cluster(("edge.example.org", 6443), &control_plane));
    site.apply(&[
        secret("data", &[("value", b"#cloud-config\n")]),
        secret("ssh-key", &[("value", b"none")]),
    ]);
    for name in ["first", "foreign", "later"] {
        machine(&site, name);
    }
    new_node(&site, "first", "");
    new_node(&site, "foreign", "cloud://1");
    // Only now there is a kubeconfig.
    site.stand_in();
    until_written(&site, "first");
    site.until("Cluster API knows the Node", || {
        let machines = site.list("machines.v1beta2.cluster.x-k8s.io");
        let is_so = machines.iter().any(|machine| machine["status"]["nodeRef"]["name"] == "first");
        if is_so { Ok(()) } else { Err(format!("{machines:?}")) }
    });
    site.until("people are told of the other one", || {
        let events = site.kubectl(&["get", "events", "--namespace", NAMESPACE, "-o", "json"]);
        let events: Value = serde_json::from_str(&events).unwrap();
        let told = events["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|event| event["reason"] == "NodeNotUpdated");
        let is_so = told.is_some_and(|event| {
            event["involvedObject"]["name"] == "foreign" && event["message"].as_str().unwrap().contains("cloud://1")
        });
        if is_so { Ok(()) } else { Err(events.to_string()) }
    });
    let foreign = node(&site, "foreign");
    assert_eq!(foreign["spec"]["providerID"], "cloud://1");
    // Kubernetes itself changes other taints.
    assert!(foreign["spec"]["taints"].to_string().contains("uninitialized"), "{foreign}");
    assert_eq!(foreign["metadata"]["labels"]["k0smotron.io/machine-name"], Value::Null);

    // A kubeconfig that runs a program is not followed; a good one is, at once.
    let name = format!("{CLUSTER}-kubeconfig");
    let good = std::fs::read(site.plane.kubeconfig()).unwrap();
    let mut bad: Value = serde_json::from_slice(&good).unwrap();
    bad["users"][0]["user"] = json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/false" } });
    site.apply(&[secret(&name, &[("value", bad.to_string().as_bytes())])]);
    site.until("the log says why", || {
        if site.log("controller").contains("an exec plugin") {
            Ok(())
        } else {
            Err(site.log("controller"))
        }
    });
    new_node(&site, "later", "");
    site.apply(&[secret(&name, &[("value", &good)])]);
    until_written(&site, "later");
    site.expect_no_refusal();
}
