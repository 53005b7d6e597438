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
