//! JoinTokenRequest v1beta1, the deprecated version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{DEFINITION, Role};
use crate::definition::{Definition, Version};
use crate::object::{Object, Spec};

/// A token to join a control plane.
pub type JoinTokenRequest = Object<JoinTokenRequestSpec>;

impl Spec for JoinTokenRequestSpec {
    type Status = JoinTokenRequestStatus;
    const DEFINITION: &'static Definition = &DEFINITION;
    const VERSION: Version = Version::V1Beta1;
}

/// Which token is wanted.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JoinTokenRequestSpec {
    /// The control plane to join.
    pub cluster_ref: ClusterRef,
    /// How long the token is good for, such as `24h`; for ever with `0s`.
    #[schemars(extend("default" = "0s"))]
    pub expiry: Option<String>,
    /// What joins with it.
    #[schemars(extend("default" = "worker"))]
    pub role: Option<Role>,
}

/// What was observed of the token.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JoinTokenRequestStatus {
    /// The UID of the control plane that the token is of.
    #[serde(rename = "clusterUID")]
    pub cluster_uid: Option<String>,
    /// What is being done, or went wrong.
    #[schemars(required)]
    pub reconciliation_status: Option<String>,
    /// By which the token can be taken back.
    #[serde(rename = "tokenID")]
    pub token_id: Option<String>,
}

/// A control plane in any namespace.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterRef {
    /// Its name.
    #[schemars(required)]
    pub name: Option<String>,
    /// Its namespace.
    #[schemars(required)]
    pub namespace: Option<String>,
}
