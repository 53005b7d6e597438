//! Files that a machine gets before k0s is started.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::rules;

/// A file on the machine.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-validations" = rules::FILE))]
#[serde(rename_all = "camelCase")]
pub struct File {
    /// What the file holds, as it stands here.
    pub content: Option<String>,
    /// Where what the file holds is taken from instead.
    pub content_from: Option<ContentSource>,
    /// Where the file is on the machine.
    pub path: Option<String>,
    /// Its mode, such as `0644`.
    pub permissions: Option<String>,
}

/// A key of a Secret or of a ConfigMap, in the object's namespace.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-validations" = rules::CONTENT_SOURCE))]
#[serde(rename_all = "camelCase")]
pub struct ContentSource {
    /// A key of a ConfigMap.
    pub config_map_ref: Option<KeyRef>,
    /// A key of a Secret.
    pub secret_ref: Option<KeyRef>,
}

/// A key of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyRef {
    /// The key.
    pub key: String,
    /// The name of the object.
    pub name: String,
}
