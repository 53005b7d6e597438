//! What any node of a pool has at least: pure.
//!
//! A resource counts if every entry that the template can get says how much of it there is. Entries say so in the annotations that
//! Cluster Autoscaler has for it; where one says nothing of a resource, what its machine said counts, once it was asked.
//! <https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/clusterapi/README.md#scale-from-zero-support>

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::infrastructure::pooled_remote_machine::v1beta2::PooledRemoteMachine;
use crds::infrastructure::remote_machine_template::v1beta2::{
    RemoteMachineTemplate, RemoteMachineTemplateResourceSpec, RemoteMachineTemplateStatus,
};
use crds::shared::NodeInfo;
use serde_json::Value;

use super::announced;
use super::quantity::amount;
use crate::controllers::pools;

/// What Cluster Autoscaler's annotations begin with.
pub(super) const CAPACITY: &str = "capacity.cluster-autoscaler.kubernetes.io/";
/// Each of its words, and the resource that it is about.
pub(super) const RESOURCES: [(&str, &str); 4] = [
    ("cpu", "cpu"),
    ("memory", "memory"),
    ("ephemeral-disk", "ephemeral-storage"),
    ("maxPods", "pods"),
];
/// Labels that say what kind of machine it is, on an entry or among those that it gives its Node.
pub(super) const ARCHITECTURE: &str = "kubernetes.io/arch";
/// Likewise.
pub(super) const OPERATING_SYSTEM: &str = "kubernetes.io/os";

type Texts = BTreeMap<String, String>;

/// What is looked at of an entry.
pub(super) fn looked_at(entry: &PooledRemoteMachine) -> impl PartialEq + use<> {
    let meta = &entry.metadata;
    let spec = entry.spec.as_ref();
    (
        spec.map(|spec| (spec.pool.clone(), spec.failure_domain.clone(), spec.machine.node.clone())),
        meta.labels.clone(),
        meta.annotations.clone(),
        meta.deletion_timestamp.is_some(),
        entry
            .status
            .as_ref()
            .map(|status| (status.capacity.clone(), status.node_info.clone())),
    )
}

/// The status of a template that has these entries in its namespace.
pub(super) fn status(template: &RemoteMachineTemplate, entries: &[Arc<PooledRemoteMachine>]) -> RemoteMachineTemplateStatus {
    let spec = template.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let Some(spec) = spec else {
        return RemoteMachineTemplateStatus::default();
    };
    let can_be_had = can_be_had(spec, entries);
    let capacity = capacity(&can_be_had);
    let node_info = NodeInfo {
        architecture: common(&can_be_had, ARCHITECTURE, |kind| kind.architecture.as_ref()),
        operating_system: common(&can_be_had, OPERATING_SYSTEM, |kind| kind.operating_system.as_ref()),
    };
    RemoteMachineTemplateStatus {
        capacity: (!capacity.is_empty()).then_some(capacity),
        node_info: (node_info != NodeInfo::default()).then_some(node_info),
    }
}

/// What Cluster Autoscaler's annotations on the template and its MachineDeployments are to say; see [`announced`].
pub(super) fn announced(template: &RemoteMachineTemplate, entries: &[Arc<PooledRemoteMachine>]) -> Texts {
    let Some(spec) = template.spec.as_ref().and_then(|spec| spec.template.spec.as_ref()) else {
        return Texts::new();
    };
    let can_be_had = can_be_had(spec, entries);
    announced::wanted(template, &status(template, entries), &can_be_had)
}

/// The entries that machines of the template can get, whoever has them now. None, where it is not known what it asks for.
pub(super) fn can_be_had<'a>(
    spec: &RemoteMachineTemplateResourceSpec,
    entries: &'a [Arc<PooledRemoteMachine>],
) -> Vec<&'a PooledRemoteMachine> {
    let Some(selector) = pools::selector_of(spec.pool_selector.as_ref()) else {
        return Vec::new();
    };
    let none = Texts::new();
    let suits = |entry: &&PooledRemoteMachine| {
        let Some(its) = &entry.spec else { return false };
        let in_domain = spec.failure_domain.is_none() || its.failure_domain == spec.failure_domain;
        let labels = entry.metadata.labels.as_ref().unwrap_or(&none);
        its.pool == spec.pool && in_domain && entry.metadata.deletion_timestamp.is_none() && selector.matches(labels)
    };
    entries.iter().map(|entry| &**entry).filter(suits).collect()
}

fn capacity(entries: &[&PooledRemoteMachine]) -> BTreeMap<String, Value> {
    let mut all: Vec<BTreeMap<String, &str>> = entries.iter().map(|entry| of_one(entry)).collect();
    let Some(mut least) = all.pop() else {
        return BTreeMap::new();
    };
    for one in &all {
        least.retain(|name, text| match one.get(name) {
            Some(other) => {
                if amount(other) < amount(text) {
                    *text = *other;
                }
                true
            }
            None => false,
        });
    }
    least.into_iter().map(|(name, text)| (name, text.into())).collect()
}

/// What an entry says that it has; what is no quantity, it does not say.
fn of_one(entry: &PooledRemoteMachine) -> BTreeMap<String, &str> {
    let annotation = |word: &str| {
        let annotations = entry.metadata.annotations.as_ref()?;
        annotations.get(&format!("{CAPACITY}{word}")).map(String::as_str)
    };
    let mut all: BTreeMap<String, &str> = RESOURCES
        .iter()
        .filter_map(|(word, resource)| Some(((*resource).to_owned(), annotation(word)?)))
        .collect();
    // What its machine said of itself, where its author says nothing.
    let known = entry.status.as_ref().and_then(|status| status.capacity.as_ref());
    for (name, amount) in known.into_iter().flatten() {
        if let Some(amount) = amount.as_str() {
            all.entry(name.clone()).or_insert(amount);
        }
    }
    if let (Some(kind), Some(count)) = (annotation("gpu-type"), annotation("gpu-count")) {
        all.insert(kind.to_owned(), count);
    }
    all.retain(|_, text| amount(text).is_some_and(|amount| amount >= 0.0));
    all
}

/// The value of a label, or what the machine said of that, if all have the same.
fn common(entries: &[&PooledRemoteMachine], label: &str, known: fn(&NodeInfo) -> Option<&String>) -> Option<String> {
    let mut values = entries.iter().map(|entry| {
        let node = entry.spec.as_ref().and_then(|spec| spec.machine.node.as_ref());
        let of_node = node.and_then(|node| node.labels.as_ref()?.get(label));
        let of_node = of_node.or_else(|| entry.metadata.labels.as_ref()?.get(label));
        of_node.or_else(|| known(entry.status.as_ref()?.node_info.as_ref()?))
    });
    let first = values.next()??;
    values.all(|value| value == Some(first)).then(|| first.clone())
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test that cannot be set up fails"
    )]

    use serde_json::json;

    use super::*;

    fn entry(pool: &str, labels: Value, capacity: Value) -> Arc<PooledRemoteMachine> {
        let annotations: BTreeMap<String, Value> = capacity
            .as_object()
            .unwrap()
            .iter()
            .map(|(word, value)| (format!("{CAPACITY}{word}"), value.clone()))
            .collect();
        let object = json!({
            "metadata": { "labels": labels, "annotations": annotations },
            "spec": { "pool": pool, "machine": { "address": "a", "sshKeyRef": { "name": "key" } } },
        });
        Arc::new(serde_json::from_value(object).unwrap())
    }

    fn shown(more: Value, entries: &[Arc<PooledRemoteMachine>]) -> Value {
        let mut spec = json!({ "pool": "edge" });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let template = serde_json::from_value(json!({ "spec": { "template": { "spec": spec } } })).unwrap();
        serde_json::to_value(status(&template, entries)).unwrap()
    }

    #[test]
    fn a_node_has_what_the_smallest_entry_has() {
        let arm = json!({ "kubernetes.io/arch": "arm64", "kubernetes.io/os": "linux" });
        let amd = json!({ "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "gpu": "yes" });
        let small = entry("edge", arm, json!({ "cpu": "4", "memory": "8Gi", "maxPods": "110" }));
        let great = entry(
            "edge",
            amd,
            json!({ "cpu": "64", "memory": "8G", "ephemeral-disk": "1Ti", "gpu-type": "nvidia.com/gpu", "gpu-count": "2" }),
        );
        let other = entry("other", json!({}), json!({ "cpu": "1" }));
        let all = [small.clone(), great.clone(), other];
        assert_eq!(
            shown(json!({}), &all),
            json!({ "capacity": { "cpu": "4", "memory": "8G" }, "nodeInfo": { "operatingSystem": "linux" } })
        );
        assert_eq!(
            shown(json!({ "poolSelector": { "matchLabels": { "gpu": "yes" } } }), &all),
            json!({
                "capacity": { "cpu": "64", "memory": "8G", "ephemeral-storage": "1Ti", "nvidia.com/gpu": "2" },
                "nodeInfo": { "architecture": "amd64", "operatingSystem": "linux" },
            })
        );
        assert_eq!(shown(json!({ "failureDomain": "elsewhere" }), &all), json!({}));
        assert_eq!(shown(json!({}), &[]), json!({}));
    }

    #[test]
    fn what_a_machine_said_counts_where_its_entry_says_nothing() {
        let mut known = (*entry("edge", json!({}), json!({ "memory": "1Gi" }))).clone();
        let status = json!({
            "reserved": false, "machineRef": { "name": "", "namespace": "" },
            "capacity": { "cpu": "2", "memory": "2Gi" }, "nodeInfo": { "architecture": "arm64", "operatingSystem": "linux" },
        });
        known.status = serde_json::from_value(status).unwrap();
        let said = entry(
            "edge",
            json!({ "kubernetes.io/arch": "arm64" }),
            json!({ "cpu": "4", "memory": "8Gi" }),
        );
        assert_eq!(
            shown(json!({}), &[Arc::new(known), said]),
            json!({ "capacity": { "cpu": "2", "memory": "1Gi" }, "nodeInfo": { "architecture": "arm64" } })
        );
    }

    #[test]
    fn what_one_entry_does_not_say_is_not_said() {
        let silent = entry("edge", json!({}), json!({}));
        let wrong = entry("edge", json!({}), json!({ "cpu": "many", "memory": "-1" }));
        let right = entry("edge", json!({}), json!({ "cpu": "4" }));
        assert_eq!(shown(json!({}), &[right.clone(), silent]), json!({}));
        assert_eq!(shown(json!({}), &[right, wrong]), json!({}));
    }
}
