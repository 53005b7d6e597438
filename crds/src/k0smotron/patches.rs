//! The last word on what is made for a control plane.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// A patch of an object, just before that is applied.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComponentPatch {
    /// What is changed.
    pub patch: PatchText,
    /// The objects that are changed.
    pub target: PatchTarget,
}

/// What is changed.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PatchText {
    /// The patch, in YAML or JSON.
    pub content: String,
    /// The form of the patch.
    #[serde(rename = "type")]
    pub kind: PatchType,
}

/// Forms of patches.
/// Source: <https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PatchType {
    /// JSON patch (RFC 6902).
    Json,
    /// Strategic merge patch.
    Strategic,
    /// JSON merge patch (RFC 7386).
    Merge,
}

/// The objects that are changed: those of a kind and a component.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PatchTarget {
    /// The value of their label `app.kubernetes.io/component`.
    pub component: String,
    /// Their kind.
    pub kind: String,
}
