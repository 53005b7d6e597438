//! What kind of machine a node is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Architecture and operating system, in the words that Kubernetes labels nodes with.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeInfo {
    /// `amd64`, `arm64`, `s390x`, `ppc64le` and the like.
    pub architecture: Option<String>,
    /// `linux` or `windows`.
    pub operating_system: Option<String>,
}
