//! The cluster that control planes are run in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Another cluster, in which the pods of the control plane run.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemoteHostCluster {
    /// How it is reached.
    pub kubeconfig_ref: Option<KubeconfigRef>,
}

/// A Secret with a kubeconfig.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KubeconfigRef {
    /// The key of the Secret.
    #[schemars(extend("default" = "value"))]
    pub key: Option<String>,
    /// The name of the Secret.
    pub name: String,
    /// The namespace of the Secret.
    pub namespace: String,
}
