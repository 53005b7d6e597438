//! What is announced in Cluster Autoscaler's annotations: pure.
//!
//! The autoscaler reads `status.capacity` and `status.nodeInfo` of a template by itself. Labels, taints and the number of pods it reads
//! from annotations of the MachineDeployment and from nowhere else, where they override what the template's status says.
//!
//! Source: <https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/clusterapi/README.md#scale-from-zero-support>
//!
//! What a person wrote stays as it is. What is ours is remembered, with its value, in an annotation beside: one that has another value
//! now is a person's.

use std::collections::{BTreeMap, BTreeSet};

use crds::infrastructure::pooled_remote_machine::v1beta2::PooledRemoteMachine;
use crds::infrastructure::remote_machine_template::v1beta2::{RemoteMachineTemplate, RemoteMachineTemplateStatus};
use crds::infrastructure::{NodeMetadata, NodeTaint, TaintEffect};
use serde_json::{Map, Value, json};

use super::capacity::{ARCHITECTURE, CAPACITY, OPERATING_SYSTEM, RESOURCES};

/// Which of the annotations are ours, with their values: a JSON object by the words of [`CAPACITY`].
const OURS: &str = "anywhere.k0smotron.io/capacity";

type Texts = BTreeMap<String, String>;

/// The annotations that say what any node of these entries has, by their words.
pub(super) fn wanted(
    template: &RemoteMachineTemplate,
    status: &RemoteMachineTemplateStatus,
    entries: &[&PooledRemoteMachine],
) -> Texts {
    let mut all = Texts::new();
    let capacity = status.capacity.iter().flatten();
    let mut others = Vec::new();
    for (resource, amount) in capacity.filter_map(|(name, amount)| Some((name.as_str(), amount.as_str()?))) {
        match RESOURCES.iter().find(|(_, ours)| *ours == resource) {
            Some(("maxPods", _)) if !is_whole(amount) => {}
            Some((word, _)) => drop(all.insert((*word).to_owned(), amount.to_owned())),
            None => others.push((resource, amount)),
        }
    }
    // There is room for one kind of GPU.
    if let [(kind, count)] = others.as_slice()
        && is_whole(count)
    {
        all.insert("gpu-type".to_owned(), (*kind).to_owned());
        all.insert("gpu-count".to_owned(), (*count).to_owned());
    }
    let spec = template.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let of_template = spec.and_then(|spec| spec.node.as_ref());
    let (labels, taints) = common(of_template, status, entries);
    for (word, list) in [("labels", labels), ("taints", taints)] {
        if !list.is_empty() {
            all.insert(word.to_owned(), list.join(","));
        }
    }
    all
}

/// The autoscaler reads these as integers, and takes nothing of the annotations where one is none.
fn is_whole(amount: &str) -> bool {
    amount.parse::<u32>().is_ok()
}

/// Labels and taints that every Node gets, as the autoscaler reads them: `key=value`, `key=value:effect`.
fn common(
    of_template: Option<&NodeMetadata>,
    status: &RemoteMachineTemplateStatus,
    entries: &[&PooledRemoteMachine],
) -> (Vec<String>, Vec<String>) {
    let mut nodes = entries.iter().map(|entry| {
        let of_entry = entry.spec.as_ref().and_then(|spec| spec.machine.node.as_ref());
        (labels(of_template, of_entry), taints(of_template, of_entry))
    });
    let Some((mut labels, mut taints)) = nodes.next() else {
        return (Vec::new(), Vec::new());
    };
    for (its_labels, its_taints) in nodes {
        labels.retain(|key, value| its_labels.get(key) == Some(value));
        taints.retain(|taint| its_taints.contains(taint));
    }
    // The kubelet gives its Node these.
    if let Some(kind) = &status.node_info {
        let own = [(ARCHITECTURE, &kind.architecture), (OPERATING_SYSTEM, &kind.operating_system)];
        let own = own
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)));
        labels.extend(own);
    }
    let labels = labels.iter().map(|(key, value)| format!("{key}={value}"));
    (labels.collect(), taints.into_iter().collect())
}

/// As a claim is given them: those of the entry win over those of the template.
fn labels(of_template: Option<&NodeMetadata>, of_entry: Option<&NodeMetadata>) -> Texts {
    let both = [of_template, of_entry].into_iter().flatten();
    let labels = both.filter_map(|node| node.labels.clone()).flatten();
    labels.collect()
}

fn taints(of_template: Option<&NodeMetadata>, of_entry: Option<&NodeMetadata>) -> BTreeSet<String> {
    let both = [of_template, of_entry].into_iter().flatten();
    let all = both.filter_map(|node| node.taints.as_ref()).flatten();
    let all: BTreeMap<_, _> = all.map(|taint| ((&taint.key, effect(taint)), taint)).collect();
    all.into_values().map(written).collect()
}

fn written(taint: &NodeTaint) -> String {
    let (key, effect) = (&taint.key, effect(taint));
    let value = taint.value.as_deref().unwrap_or_default();
    format!("{key}={value}:{effect}")
}

fn effect(taint: &NodeTaint) -> &'static str {
    match taint.effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    }
}

/// The merge patch (RFC 7396) that has an object say so, where a person says nothing; nothing if it is as it is to be.
pub(super) fn patch(annotations: Option<&Texts>, wanted: &Texts) -> Option<Value> {
    let none = Texts::new();
    let there = annotations.unwrap_or(&none);
    let name = |word: &str| format!("{CAPACITY}{word}");
    let before: Texts = there
        .get(OURS)
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let is_free = |word: &str| match there.get(&name(word)) {
        None => true,
        Some(value) => before.get(word) == Some(value),
    };
    // A GPU's kind and count belong together, and are one person's.
    let may_write = |word: &str| match word {
        "gpu-type" | "gpu-count" => is_free("gpu-type") && is_free("gpu-count"),
        _ => is_free(word),
    };
    let ours: Texts = wanted
        .iter()
        .filter(|(word, _)| may_write(word))
        .map(|(word, value)| (word.clone(), value.clone()))
        .collect();
    let mut changes = Map::new();
    for (word, value) in &ours {
        if there.get(&name(word)) != Some(value) {
            changes.insert(name(word), json!(value));
        }
    }
    for (word, value) in &before {
        if !ours.contains_key(word) && there.get(&name(word)) == Some(value) {
            changes.insert(name(word), Value::Null);
        }
    }
    let remembered = (!ours.is_empty()).then(|| json!(ours).to_string());
    if there.get(OURS) != remembered.as_ref() {
        changes.insert(OURS.to_owned(), json!(remembered));
    }
    (!changes.is_empty()).then(|| json!({ "metadata": { "annotations": changes } }))
}

#[cfg(test)]
#[path = "announced_tests.rs"]
mod tests;
