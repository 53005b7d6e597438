//! What a Node lacks to be that of its machine, as one merge patch (RFC 7386). Pure.
//!
//! What was added for `spec.node` is remembered in an annotation of the Node, so that what is taken out there vanishes here too,
//! and nothing that others gave the Node does.

use std::collections::{BTreeMap, BTreeSet};

use crds::infrastructure::{NodeMetadata, NodeTaint};
use k8s_openapi::api::core::v1::Taint;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::matching::{MACHINE_NAME, Wanted};
use super::node::Node;

/// The annotation with the keys that were added for `spec.node`.
const ADDED: &str = "anywhere.k0smotron.io/node-metadata";

/// Taints of a Node that waits for whoever knows its machine: the kubelet's own with an external cloud provider, and Cluster API's.
/// Sources: <https://kubernetes.io/docs/reference/labels-annotations-taints/#node-cloudprovider-kubernetes-io-uninitialized>,
/// <https://cluster-api.sigs.k8s.io/developer/providers/contracts/bootstrap-config#taint-nodes-at-creation>
const UNINITIALIZED: [&str; 2] = [
    "node.cloudprovider.kubernetes.io/uninitialized",
    "node.cluster.x-k8s.io/uninitialized",
];

/// The longest value of a label.
/// Source: <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set>
const LABEL_LENGTH: usize = 63;

/// Keys that were added, sorted.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Added {
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    labels: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    annotations: BTreeSet<String>,
    /// `key:effect`
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    taints: BTreeSet<String>,
}

impl Added {
    fn of(metadata: &NodeMetadata) -> Self {
        let keys = |map: &Option<BTreeMap<String, String>>| map.iter().flat_map(BTreeMap::keys).cloned().collect();
        Self {
            labels: keys(&metadata.labels),
            annotations: keys(&metadata.annotations),
            taints: metadata.taints.iter().flatten().map(|taint| identity(&wire(taint))).collect(),
        }
    }

    /// What a Node says was added before. Whoever has spoilt the annotation keeps what was added.
    fn before(node: &Node) -> Self {
        node.annotation(ADDED)
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }
}

/// The patch that makes the Node what is wanted; nothing if it is that already.
///
/// The patch names the version of the Node that was seen: taints are one list, which is replaced as a whole.
pub(crate) fn patch(node: &Node, wanted: &Wanted) -> Option<Value> {
    let (before, now) = (Added::before(node), Added::of(&wanted.metadata));
    let mut labels = changes(node.metadata.labels.as_ref(), wanted.metadata.labels.as_ref(), &before.labels);
    if wanted.machine.len() <= LABEL_LENGTH && node.label(MACHINE_NAME) != Some(&wanted.machine) {
        labels.insert(MACHINE_NAME.to_owned(), json!(wanted.machine));
    }
    let mut annotations = changes(
        node.metadata.annotations.as_ref(),
        wanted.metadata.annotations.as_ref(),
        &before.annotations,
    );
    if before != now {
        let is_empty = now == Added::default();
        annotations.insert(
            ADDED.to_owned(),
            if is_empty {
                Value::Null
            } else {
                json!(json!(now).to_string())
            },
        );
    }
    let mut spec = Map::new();
    if node.provider_id().is_none() {
        spec.insert("providerID".to_owned(), json!(wanted.provider_id));
    }
    let taints = taints(&node.spec.taints, wanted, &before.taints);
    if taints != node.spec.taints {
        spec.insert("taints".to_owned(), json!(taints));
    }
    if labels.is_empty() && annotations.is_empty() && spec.is_empty() {
        return None;
    }
    Some(json!({
        "metadata": {
            "resourceVersion": node.metadata.resource_version,
            "labels": labels,
            "annotations": annotations,
        },
        "spec": spec,
    }))
}

/// Values that differ from those wanted; null for what was added before and is not wanted any more.
fn changes(
    has: Option<&BTreeMap<String, String>>,
    wanted: Option<&BTreeMap<String, String>>,
    before: &BTreeSet<String>,
) -> Map<String, Value> {
    let value = |map: Option<&BTreeMap<String, String>>, key: &String| map.and_then(|map| map.get(key).cloned());
    let set = wanted
        .into_iter()
        .flatten()
        .filter(|(key, wanted)| value(has, key).as_ref() != Some(wanted))
        .map(|(key, wanted)| (key.clone(), json!(wanted)));
    let gone = before
        .iter()
        .filter(|key| value(wanted, key).is_none() && value(has, key).is_some())
        .map(|key| (key.clone(), Value::Null));
    set.chain(gone).collect()
}

fn taints(has: &[Taint], wanted: &Wanted, before: &BTreeSet<String>) -> Vec<Taint> {
    let wanted: Vec<Taint> = wanted.metadata.taints.iter().flatten().map(wire).collect();
    let is_wanted = |taint: &Taint| wanted.iter().find(|its| identity(its) == identity(taint));
    let kept = has.iter().filter_map(|taint| match is_wanted(taint) {
        // That it is there since some time is kept.
        Some(its) => Some(Taint {
            value: its.value.clone(),
            ..taint.clone()
        }),
        None => {
            let is_gone = UNINITIALIZED.contains(&taint.key.as_str()) || before.contains(&identity(taint));
            (!is_gone).then(|| taint.clone())
        }
    });
    let kept: Vec<Taint> = kept.collect();
    let is_new = |taint: &&Taint| !kept.iter().any(|its| identity(its) == identity(taint));
    let new: Vec<Taint> = wanted.iter().filter(is_new).cloned().collect();
    kept.into_iter().chain(new).collect()
}

/// A Node has each key and effect once.
fn identity(taint: &Taint) -> String {
    format!("{}:{}", taint.key, taint.effect)
}

fn wire(taint: &NodeTaint) -> Taint {
    let effect = match taint.effect {
        crds::infrastructure::TaintEffect::NoSchedule => "NoSchedule",
        crds::infrastructure::TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        crds::infrastructure::TaintEffect::NoExecute => "NoExecute",
    };
    Taint {
        key: taint.key.clone(),
        value: taint.value.clone(),
        effect: effect.to_owned(),
        time_added: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(labels: Value, annotations: Value, spec: Value) -> Node {
        let metadata = json!({ "name": "n", "resourceVersion": "7", "labels": labels, "annotations": annotations });
        serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap()
    }

    fn wanted(metadata: Value) -> Wanted {
        Wanted {
            machine: "m".to_owned(),
            provider_id: "remote-machine://10.0.0.5:22".to_owned(),
            metadata: serde_json::from_value(metadata).unwrap(),
            ..Wanted::default()
        }
    }

    fn done(spec: Value) -> Node {
        let mut spec = spec;
        spec["providerID"] = json!("remote-machine://10.0.0.5:22");
        node(json!({ MACHINE_NAME: "m" }), json!({}), spec)
    }

    #[test]
    fn a_new_node_gets_provider_id_and_label_and_loses_the_taints_of_waiting() {
        let new = node(
            json!({ "kubernetes.io/os": "linux" }),
            json!({}),
            json!({ "taints": [
                { "key": UNINITIALIZED[0], "value": "true", "effect": "NoSchedule" },
                { "key": "node.kubernetes.io/not-ready", "effect": "NoSchedule", "timeAdded": "2026-01-01T00:00:00Z" },
                { "key": UNINITIALIZED[1], "effect": "NoSchedule" },
            ] }),
        );
        assert_eq!(
            patch(&new, &wanted(json!({}))).unwrap(),
            json!({
                "metadata": { "resourceVersion": "7", "labels": { MACHINE_NAME: "m" }, "annotations": {} },
                "spec": {
                    "providerID": "remote-machine://10.0.0.5:22",
                    "taints": [{ "key": "node.kubernetes.io/not-ready", "effect": "NoSchedule", "timeAdded": "2026-01-01T00:00:00Z" }],
                },
            })
        );
    }

    #[test]
    fn a_node_that_has_all_is_not_written() {
        assert_eq!(patch(&done(json!({})), &wanted(json!({}))), None);
        let foreign_taint = json!({ "taints": [{ "key": "theirs", "effect": "NoExecute" }] });
        assert_eq!(patch(&done(foreign_taint), &wanted(json!({}))), None);
    }

    #[test]
    fn the_name_of_a_machine_that_is_no_label_is_left_out() {
        let mut wanted = wanted(json!({}));
        wanted.machine = "m".repeat(64);
        assert_eq!(patch(&done(json!({})), &wanted), None);
    }

    /// What a Node becomes by its patch.
    fn patched(node: &Node, wanted: &Wanted) -> Node {
        let mut text = serde_json::to_value(node).unwrap();
        merge(&mut text, &patch(node, wanted).unwrap());
        serde_json::from_value(text).unwrap()
    }

    /// RFC 7386, section 2.
    fn merge(target: &mut Value, patch: &Value) {
        let Some(patch) = patch.as_object() else {
            *target = patch.clone();
            return;
        };
        if !target.is_object() {
            *target = json!({});
        }
        for (key, value) in patch {
            if value.is_null() {
                target.as_object_mut().unwrap().remove(key);
            } else {
                merge(&mut target[key], value);
            }
        }
    }

    #[test]
    fn what_spec_node_says_comes_and_goes_and_what_others_gave_stays() {
        let others = json!({ "taints": [{ "key": "theirs", "effect": "NoExecute" }] });
        let start = done(others);
        let first = wanted(json!({
            "labels": { "site": "a", "rack": "1" },
            "annotations": { "note": "x" },
            "taints": [{ "key": "gpu", "value": "yes", "effect": "NoSchedule" }],
        }));
        let with = patched(&start, &first);
        assert_eq!((with.label("site"), with.label("rack")), (Some("a"), Some("1")));
        assert_eq!(with.annotation("note"), Some("x"));
        assert_eq!(with.spec.taints.len(), 2);
        assert_eq!(patch(&with, &first), None, "once is enough");

        let changed = wanted(json!({
            "labels": { "site": "b" },
            "taints": [{ "key": "gpu", "value": "no", "effect": "NoSchedule" }],
        }));
        let with = patched(&with, &changed);
        assert_eq!(
            (with.label("site"), with.label("rack"), with.annotation("note")),
            (Some("b"), None, None)
        );
        let values: Vec<_> = with.spec.taints.iter().map(|taint| taint.value.as_deref()).collect();
        assert_eq!(values, [None, Some("no")]);
        assert_eq!(patch(&with, &changed), None);

        let nothing = wanted(json!({}));
        let without = patched(&with, &nothing);
        assert_eq!(without, start, "nothing of ours is left, all of theirs is");
    }

    #[test]
    fn a_spoilt_memory_harms_nobody() {
        let mut spoilt = done(json!({}));
        spoilt.metadata.annotations = Some([(ADDED.to_owned(), "no JSON".to_owned())].into());
        assert_eq!(patch(&spoilt, &wanted(json!({}))), None);
        let labels = wanted(json!({ "labels": { "a": "b" } }));
        assert_eq!(patched(&spoilt, &labels).annotation(ADDED), Some(r#"{"labels":["a"]}"#));
    }
}
