#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up fails"
)]

use super::*;

fn entry(node: Value) -> PooledRemoteMachine {
    let object =
        json!({ "spec": { "pool": "edge", "machine": { "address": "a", "sshKeyRef": { "name": "key" }, "node": node } } });
    serde_json::from_value(object).unwrap()
}

fn said(node: Value, status: Value, entries: &[PooledRemoteMachine]) -> Value {
    let template = json!({ "spec": { "template": { "spec": { "pool": "edge", "node": node } } } });
    let entries: Vec<_> = entries.iter().collect();
    json!(wanted(
        &serde_json::from_value(template).unwrap(),
        &serde_json::from_value(status).unwrap(),
        &entries
    ))
}

#[test]
fn capacity_is_said_in_the_words_of_the_autoscaler() {
    let capacity = json!({ "cpu": "4", "memory": "8Gi", "ephemeral-storage": "1Ti", "pods": "250", "nvidia.com/gpu": "2" });
    assert_eq!(
        said(Value::Null, json!({ "capacity": capacity }), &[]),
        json!({ "cpu": "4", "memory": "8Gi", "ephemeral-disk": "1Ti", "maxPods": "250", "gpu-type": "nvidia.com/gpu", "gpu-count": "2" })
    );
    // What it would not read, and would stumble over.
    let odd = json!({ "pods": "1k", "nvidia.com/gpu": "500m" });
    assert_eq!(said(Value::Null, json!({ "capacity": odd }), &[]), json!({}));
    let two = json!({ "nvidia.com/gpu": "2", "amd.com/gpu": "1" });
    assert_eq!(said(Value::Null, json!({ "capacity": two }), &[]), json!({}));
}

#[test]
fn labels_and_taints_are_those_that_every_node_gets() {
    let template = json!({ "labels": { "tier": "gold", "rack": "?" }, "taints": [{ "key": "edge", "effect": "NoSchedule" }] });
    let entries = [
        entry(
            json!({ "labels": { "rack": "1", "disk": "nvme" }, "taints": [{ "key": "gpu", "value": "a", "effect": "NoExecute" }] }),
        ),
        entry(
            json!({ "labels": { "rack": "2", "disk": "nvme" }, "taints": [{ "key": "gpu", "value": "a", "effect": "NoExecute" },
                { "key": "gpu", "value": "b", "effect": "NoSchedule" }] }),
        ),
    ];
    let status = json!({ "nodeInfo": { "architecture": "arm64", "operatingSystem": "linux" } });
    assert_eq!(
        said(template.clone(), status, &entries),
        json!({
            "labels": "disk=nvme,kubernetes.io/arch=arm64,kubernetes.io/os=linux,tier=gold",
            "taints": "edge=:NoSchedule,gpu=a:NoExecute",
        })
    );
    // The entry's value of a taint wins, as a claim is given it.
    let other = [entry(
        json!({ "taints": [{ "key": "edge", "value": "x", "effect": "NoSchedule" }] }),
    )];
    assert_eq!(said(template.clone(), json!({}), &other)["taints"], "edge=x:NoSchedule");
    assert_eq!(said(template, json!({}), &[]), json!({}));
}

fn texts(value: Value) -> Texts {
    serde_json::from_value(value).unwrap()
}

/// The annotations after the patch; the words of ours without what they begin with.
fn after(there: Value, wanted: Value) -> Value {
    let mut there = texts(there);
    if let Some(patch) = patch(Some(&there), &texts(wanted.clone())) {
        for (key, value) in patch["metadata"]["annotations"].as_object().unwrap() {
            match value.as_str() {
                Some(text) => drop(there.insert(key.clone(), text.to_owned())),
                None => drop(there.remove(key)),
            }
        }
    }
    assert_eq!(patch(Some(&there), &texts(wanted)), None, "once is enough");
    json!(there)
}

#[test]
fn what_a_person_wrote_stays_and_what_is_ours_follows() {
    let cpu = format!("{CAPACITY}cpu");
    let memory = format!("{CAPACITY}memory");
    let first = after(json!({ "a": "b", &cpu: "2" }), json!({ "cpu": "4", "memory": "8Gi" }));
    assert_eq!(
        first,
        json!({ "a": "b", &cpu: "2", &memory: "8Gi", OURS: "{\"memory\":\"8Gi\"}" })
    );
    let second = after(first.clone(), json!({ "cpu": "4", "memory": "4Gi" }));
    assert_eq!(second[&memory], "4Gi");
    // Somebody changes ours: from then on it is theirs.
    let mut changed = second.clone();
    changed[&memory] = "1Gi".into();
    assert_eq!(
        after(changed, json!({ "memory": "16Gi" })),
        json!({ "a": "b", &cpu: "2", &memory: "1Gi" })
    );
    // Nothing is known any more.
    assert_eq!(after(second, json!({})), json!({ "a": "b", &cpu: "2" }));
    assert_eq!(patch(None, &Texts::new()), None);
}

#[test]
fn a_kind_of_gpu_is_not_put_beside_somebodys_count() {
    let count = format!("{CAPACITY}gpu-count");
    let wanted = json!({ "gpu-type": "nvidia.com/gpu", "gpu-count": "2" });
    assert_eq!(after(json!({ &count: "1" }), wanted), json!({ &count: "1" }));
}
