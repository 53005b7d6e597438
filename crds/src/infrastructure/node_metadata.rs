//! What a Node is given once it has joined.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Labels, annotations and taints of a Node. Ours.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("minProperties" = 1))]
pub struct NodeMetadata {
    /// Labels, beside those that the Node has already.
    pub labels: Option<BTreeMap<String, String>>,
    /// Annotations, likewise.
    pub annotations: Option<BTreeMap<String, String>>,
    /// Taints, likewise; each key and effect once.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["key", "effect"]))]
    pub taints: Option<Vec<NodeTaint>>,
}

impl NodeMetadata {
    /// What both say; where both say something of the same, as `over` has it.
    #[must_use]
    pub fn overlaid(self, over: Self) -> Self {
        let both = |own: Option<BTreeMap<String, String>>, over: Option<BTreeMap<String, String>>| match (own, over) {
            (Some(mut own), Some(over)) => {
                own.extend(over);
                Some(own)
            }
            (own, over) => over.or(own),
        };
        let is_same = |one: &NodeTaint, other: &NodeTaint| one.key == other.key && one.effect == other.effect;
        Self {
            labels: both(self.labels, over.labels),
            annotations: both(self.annotations, over.annotations),
            taints: match (self.taints, over.taints) {
                (Some(mut own), Some(over)) => {
                    own.retain(|taint| !over.iter().any(|other| is_same(taint, other)));
                    own.extend(over);
                    Some(own)
                }
                (own, over) => over.or(own),
            },
        }
    }
}

/// What keeps pods from a Node that do not tolerate it.
/// Source: <https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/>
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeTaint {
    /// The key.
    #[schemars(length(min = 1, max = 317))]
    pub key: String,
    /// The value.
    #[schemars(length(max = 63))]
    pub value: Option<String>,
    /// What is done with pods that do not tolerate it.
    pub effect: TaintEffect,
}

/// What is done with pods that do not tolerate a taint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TaintEffect {
    /// No new ones come.
    NoSchedule,
    /// New ones come if there is no other Node.
    PreferNoSchedule,
    /// No new ones come, and those that are there are evicted.
    NoExecute,
}
