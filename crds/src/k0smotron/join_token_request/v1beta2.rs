//! JoinTokenRequest v1beta2, the stored version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{DEFINITION, Role};
use crate::definition::{Definition, Version};
use crate::object::{Object, Spec};
use crate::shared::{ConditionList, Conditions};

/// A token to join a control plane.
pub type JoinTokenRequest = Object<JoinTokenRequestSpec>;

impl Spec for JoinTokenRequestSpec {
    type Status = JoinTokenRequestStatus;
    const DEFINITION: &'static Definition = &DEFINITION;
    const VERSION: Version = Version::V1Beta2;
}

/// Which token is wanted.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JoinTokenRequestSpec {
    /// The control plane to join, in the same namespace.
    #[schemars(length(min = 1, max = 63))]
    pub cluster_name: String,
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
    /// What is so, since when, and why.
    #[schemars(with = "Option<ConditionList>")]
    pub conditions: Option<Conditions>,
    /// What only readers of older versions look at.
    pub deprecated: Option<Deprecated>,
    /// By which the token can be taken back.
    #[serde(rename = "tokenID")]
    pub token_id: Option<String>,
}

/// Fields of older versions.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deprecated {
    /// Fields of v1beta1.
    pub v1beta1: Option<DeprecatedV1Beta1>,
}

/// Fields of v1beta1.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeprecatedV1Beta1 {
    /// The UID of the control plane that the token is of.
    #[serde(rename = "clusterUID")]
    pub cluster_uid: Option<String>,
    /// What is being done, or went wrong.
    pub reconciliation_status: Option<String>,
}
