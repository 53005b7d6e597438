//! Pools: who gets which entry, what those are told who get none, and what entries show.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testbed::Namespace;

use crate::controller_lab::{Controller, WATCHDOG, plane};

const GROUP: &str = "infrastructure.cluster.x-k8s.io/v1beta2";

/// A namespace with its controller.
struct Lab {
    namespace: Namespace<'static>,
    controller: Controller,
}

impl Lab {
    #[track_caller]
    fn new(name: &str) -> Self {
        let namespace = plane().namespace(name).unwrap();
        let controller = Controller::start(namespace.name(), &[]);
        Self { namespace, controller }
    }

    #[track_caller]
    fn apply(&self, objects: &[Value]) {
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        self.namespace.apply(&list.to_string()).unwrap();
    }

    #[track_caller]
    fn get(&self, kind: &str, name: &str) -> Value {
        let text = self.namespace.kubectl(&["get", kind, name, "-o", "json"]).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// Waits until an object looks like this.
    #[track_caller]
    fn until(&self, kind: &str, name: &str, path: &str, value: &str) {
        let condition = format!("jsonpath={path}={value}");
        let object = format!("{kind}/{name}");
        let timeout = format!("--timeout={}s", WATCHDOG.as_secs());
        let waited = self.namespace.kubectl(&["wait", "--for", &condition, &object, &timeout]);
        if let Err(error) = waited {
            panic!("{error}\n{:#}", self.get(kind, name));
        }
    }

    /// Waits until so many RemoteMachines wait for an entry.
    #[track_caller]
    fn until_waiting(&self, count: usize) {
        let began = Instant::now();
        while self.controller.metric("anywhere_pool_waiting") != count as f64 {
            assert!(began.elapsed() < WATCHDOG, "{}", self.controller.metrics());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    fn until_state(&self, entry: &str, state: &str) {
        self.until("prm", entry, "{.status.state}", state);
    }
}

fn entry(name: &str, address: &str) -> Value {
    json!({
        "apiVersion": GROUP, "kind": "PooledRemoteMachine", "metadata": { "name": name },
        "spec": { "pool": "edge", "machine": { "address": address, "sshKeyRef": { "name": "key" } } },
    })
}

fn claim(name: &str) -> Value {
    json!({ "apiVersion": GROUP, "kind": "RemoteMachine", "metadata": { "name": name }, "spec": { "pool": "edge" } })
}

fn condition(object: &Value, kind: &str) -> String {
    let conditions = object["status"]["conditions"].as_array().unwrap();
    let condition = conditions.iter().find(|condition| condition["type"] == kind).unwrap();
    format!(
        "{} {}: {}",
        condition["status"].as_str().unwrap(),
        condition["reason"].as_str().unwrap(),
        condition["message"].as_str().unwrap()
    )
}

#[test]
fn a_claim_that_waits_gets_the_entry_that_comes() {
    let lab = Lab::new("pool-waits");
    lab.apply(&[claim("m1"), claim("m2")]);
    lab.controller.until("in pool edge: it has no entries");
    lab.until_waiting(2);
    let began = Instant::now();
    lab.apply(&[entry("a", "127.200.0.1")]);
    lab.until_state("a", "Bound");
    println!("bound {:?} after kubectl apply began", began.elapsed());
    let object = lab.get("prm", "a");
    // Both were made in the same second, or not.
    let holder = object["status"]["machineRef"]["name"].as_str().unwrap();
    let machine = lab.get("rm", holder);
    assert_eq!(object["status"]["machineRef"]["uid"], machine["metadata"]["uid"]);
    assert_eq!(object["status"]["reserved"], true);
    assert_eq!(
        object["metadata"]["finalizers"],
        json!(["pooledremotemachine.k0smotron.io/finalizer"])
    );
    assert_eq!(machine["spec"]["address"], "127.200.0.1");
    assert_eq!(machine["spec"]["sshKeyRef"]["name"], "key");
    assert_eq!(machine["metadata"]["annotations"]["anywhere.k0smotron.io/pool-entry"], "a");
    assert_eq!(
        machine["metadata"]["annotations"]["anywhere.k0smotron.io/pool-host"],
        "127.200.0.1:22"
    );
    lab.until_waiting(1);
}

#[test]
fn many_claims_at_once_get_one_entry_each_without_a_refused_write() {
    let lab = Lab::new("pool-many");
    let entries: Vec<Value> = (0..30)
        .map(|number| entry(&format!("e{number:02}"), &format!("127.200.1.{number}")))
        .collect();
    let claims: Vec<Value> = (0..40).map(|number| claim(&format!("m{number:02}"))).collect();
    lab.apply(&entries);
    lab.apply(&claims);
    for number in 0..30 {
        lab.until_state(&format!("e{number:02}"), "Bound");
    }
    let list = lab.namespace.kubectl(&["get", "prm", "-o", "json"]).unwrap();
    let list: Value = serde_json::from_str(&list).unwrap();
    let items = list["items"].as_array().unwrap();
    let mut holders: Vec<&str> = items
        .iter()
        .map(|item| item["status"]["machineRef"]["name"].as_str().unwrap())
        .collect();
    holders.sort_unstable();
    holders.dedup();
    assert_eq!(holders.len(), 30);
    lab.until_waiting(10);
    assert_eq!(lab.controller.metric("anywhere_pool_entries{"), 30.0);
    let page = lab.controller.metrics();
    let conflict = |line: &str| line.contains("result=\"conflict\"");
    assert!(!page.lines().any(conflict), "{page}");
}

#[test]
fn a_free_entry_goes_at_once_and_a_bound_one_waits() {
    let lab = Lab::new("pool-deleted");
    lab.apply(&[entry("free", "127.200.2.1")]);
    lab.until_state("free", "Free");
    lab.namespace.kubectl(&["delete", "prm", "free"]).unwrap();
    lab.apply(&[entry("used", "127.200.2.2"), claim("m")]);
    lab.until_state("used", "Bound");
    lab.namespace.kubectl(&["delete", "prm", "used", "--wait=false"]).unwrap();
    lab.until(
        "prm",
        "used",
        "{.status.conditions[?(@.type==\"Available\")].reason}",
        "Deleting",
    );
    assert_eq!(lab.get("prm", "used")["status"]["state"], "Bound");
}

#[test]
fn two_entries_of_one_address_are_a_stated_conflict() {
    let lab = Lab::new("pool-conflict");
    let mut own = claim("own");
    own["spec"] = json!({ "address": "127.200.3.2", "sshKeyRef": { "name": "key" } });
    lab.apply(&[
        own,
        entry("a", "127.200.3.1"),
        entry("b", "127.200.3.1"),
        entry("c", "127.200.3.2"),
    ]);
    let reason = "{.status.conditions[?(@.type==\"AddressUnique\")].reason}";
    for name in ["a", "b", "c"] {
        lab.until("prm", name, reason, "DescribedTwice");
    }
    assert_eq!(
        condition(&lab.get("prm", "a"), "Ready"),
        "False DescribedTwice: its address and port are also those of PooledRemoteMachine b: keep one of them"
    );
    lab.controller
        .until("127.200.3.2:22 is also described by PooledRemoteMachine c: keep one of them");
    lab.apply(&[claim("m")]);
    lab.controller
        .until("position 1 of 1 in pool edge: 3 entries fit, all described twice");
    lab.namespace.kubectl(&["delete", "prm", "b"]).unwrap();
    lab.until_state("a", "Bound");
}

#[test]
fn what_the_original_has_reserved_is_taken_over() {
    let lab = Lab::new("pool-taken-over");
    let namespace = lab.namespace.name();
    let mut provisioned = claim("m");
    provisioned["spec"]["address"] = "127.200.4.1".into();
    provisioned["spec"]["providerID"] = "remote-machine://127.200.4.1:22".into();
    // Before the entries, as it was with the original: the controller must not give a free one away meanwhile.
    lab.apply(&[provisioned]);
    lab.apply(&[entry("a", "127.200.4.1")]);
    let status = json!({ "status": { "reserved": true, "machineRef": { "name": "m", "namespace": namespace }, "state": null } });
    let patch = [
        "patch",
        "prm",
        "a",
        "--subresource=status",
        "--type=merge",
        "-p",
        &status.to_string(),
    ];
    lab.namespace.kubectl(&patch).unwrap();
    lab.until_state("a", "Bound");
    let machine = lab.get("rm", "m");
    lab.until(
        "prm",
        "a",
        "{.status.machineRef.uid}",
        machine["metadata"]["uid"].as_str().unwrap(),
    );
    assert_eq!(machine["spec"].get("sshKeyRef"), None, "it is left alone");
}

#[test]
fn a_damaged_status_is_told_and_left_alone() {
    let lab = Lab::new("pool-damaged");
    lab.apply(&[entry("a", "127.200.5.1")]);
    lab.until_state("a", "Free");
    let status = json!({ "status": { "state": "Bound", "host": null } });
    let patch = [
        "patch",
        "prm",
        "a",
        "--subresource=status",
        "--type=merge",
        "-p",
        &status.to_string(),
    ];
    lab.namespace.kubectl(&patch).unwrap();
    lab.until(
        "prm",
        "a",
        "{.status.conditions[?(@.type==\"Ready\")].reason}",
        "StatusDamaged",
    );
    lab.apply(&[claim("m")]);
    lab.controller.until("position 1 of 1 in pool edge");
    assert_eq!(
        condition(&lab.get("prm", "a"), "Ready"),
        "False StatusDamaged: status.state is \"Bound\" and status.machineRef is missing: remove the status if no RemoteMachine has \
         the machine"
    );
}

/// A template of the pool `edge`, and a MachineDeployment of it.
fn deployment(annotations: &Value) -> [Value; 2] {
    let reference = json!({ "apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "RemoteMachineTemplate", "name": "t" });
    let config = json!({ "apiGroup": "bootstrap.cluster.x-k8s.io", "kind": "KubeadmConfigTemplate", "name": "t" });
    [
        json!({
            "apiVersion": GROUP, "kind": "RemoteMachineTemplate", "metadata": { "name": "t" },
            "spec": { "template": { "spec": { "pool": "edge" } } },
        }),
        json!({
            "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "MachineDeployment",
            "metadata": { "name": "md", "annotations": annotations },
            "spec": {
                "clusterName": "c", "replicas": 0, "selector": { "matchLabels": { "a": "b" } },
                "template": {
                    "metadata": { "labels": { "a": "b" } },
                    "spec": { "clusterName": "c", "bootstrap": { "configRef": config }, "infrastructureRef": reference },
                },
            },
        }),
    ]
}

#[test]
fn a_template_says_what_any_node_of_its_pool_has() {
    let lab = Lab::new("pool-capacity");
    let sized = |name: &str, address: &str, cpu: &str| {
        let mut entry = entry(name, address);
        entry["metadata"]["annotations"] = json!({
            "capacity.cluster-autoscaler.kubernetes.io/cpu": cpu, "capacity.cluster-autoscaler.kubernetes.io/memory": "8Gi",
        });
        entry["metadata"]["labels"] = json!({ "kubernetes.io/arch": "arm64" });
        entry
    };
    let [template, _] = deployment(&json!({}));
    lab.apply(&[template, sized("a", "127.200.6.1", "8")]);
    lab.until("rmt", "t", "{.status.capacity.cpu}", "8");
    assert_eq!(
        lab.get("rmt", "t")["status"],
        json!({ "capacity": { "cpu": "8", "memory": "8Gi" }, "nodeInfo": { "architecture": "arm64" } })
    );
    lab.apply(&[sized("b", "127.200.6.2", "4")]);
    lab.until("rmt", "t", "{.status.capacity.cpu}", "4");
    lab.namespace.kubectl(&["delete", "prm", "b"]).unwrap();
    lab.until("rmt", "t", "{.status.capacity.cpu}", "8");
}

/// Those of its annotations that are Cluster Autoscaler's, by their words.
fn announced(object: &Value) -> Value {
    let annotations = object["metadata"]["annotations"].as_object().unwrap();
    let words = annotations.iter().filter_map(|(key, value)| {
        let word = key.strip_prefix("capacity.cluster-autoscaler.kubernetes.io/")?;
        Some((word.to_owned(), value.clone()))
    });
    Value::Object(words.collect())
}

#[test]
fn annotations_say_what_any_node_of_the_pool_has_and_leave_what_people_wrote() {
    let lab = Lab::new("pool-announced");
    let sized = |name: &str, address: &str, cpu: &str, rack: &str| {
        let mut entry = entry(name, address);
        entry["metadata"]["annotations"] = json!({
            "capacity.cluster-autoscaler.kubernetes.io/cpu": cpu, "capacity.cluster-autoscaler.kubernetes.io/memory": "8Gi",
            "capacity.cluster-autoscaler.kubernetes.io/maxPods": "250",
        });
        entry["spec"]["machine"]["node"] = json!({
            "labels": { "disk": "nvme", "rack": rack }, "taints": [{ "key": "edge", "value": "yes", "effect": "NoSchedule" }],
        });
        entry
    };
    let theirs = "capacity.cluster-autoscaler.kubernetes.io/memory";
    let [template, own] = deployment(&json!({ "anywhere.k0smotron.io/capacity-from-pool": "true", theirs: "1Gi" }));
    let mut other = own.clone();
    other["metadata"] = json!({ "name": "other", "annotations": { "some": "thing" } });
    lab.apply(&[
        template,
        own,
        other,
        sized("a", "127.200.8.1", "8", "1"),
        sized("b", "127.200.8.2", "4", "2"),
    ]);
    let cpu = r"{.metadata.annotations.capacity\.cluster-autoscaler\.kubernetes\.io/cpu}";
    let whole = |memory: &str| json!({ "cpu": "4", "memory": memory, "maxPods": "250", "labels": "disk=nvme", "taints": "edge=yes:NoSchedule" });
    lab.until("rmt", "t", cpu, "4");
    lab.until("machinedeployment", "md", cpu, "4");
    assert_eq!(announced(&lab.get("rmt", "t")), whole("8Gi"));
    assert_eq!(announced(&lab.get("machinedeployment", "md")), whole("1Gi"));
    assert_eq!(announced(&lab.get("machinedeployment", "other")), json!({}));
    // The pool changes; then its author wants to say it all himself.
    lab.namespace.kubectl(&["delete", "prm", "b"]).unwrap();
    lab.until("machinedeployment", "md", cpu, "8");
    assert_eq!(announced(&lab.get("machinedeployment", "md"))["labels"], "disk=nvme,rack=1");
    let no_more = [
        "annotate",
        "machinedeployment",
        "md",
        "anywhere.k0smotron.io/capacity-from-pool-",
    ];
    lab.namespace.kubectl(&no_more).unwrap();
    let began = Instant::now();
    while lab.get("machinedeployment", "md")["metadata"]["annotations"] != json!({ theirs: "1Gi" }) {
        assert!(began.elapsed() < WATCHDOG, "{:#}", lab.get("machinedeployment", "md"));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_deployment_has_as_many_machines_as_its_pool_if_it_is_to() {
    let lab = Lab::new("pool-follows");
    lab.apply(&[
        entry("a", "127.200.7.1"),
        entry("b", "127.200.7.2"),
        entry("c", "127.200.7.3"),
    ]);
    lab.apply(&deployment(&json!({ "anywhere.k0smotron.io/replicas-from-pool": "true" })));
    lab.until("machinedeployment", "md", "{.spec.replicas}", "3");
    lab.namespace.kubectl(&["delete", "prm", "c"]).unwrap();
    lab.until("machinedeployment", "md", "{.spec.replicas}", "2");
    let most = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size=1";
    lab.namespace.kubectl(&["annotate", "machinedeployment", "md", most]).unwrap();
    lab.until("machinedeployment", "md", "{.spec.replicas}", "1");
    lab.controller.until("pool edge has 1 machine(s) for it");
}
