//! The status that all bootstrap configurations have.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::shared::{ConditionList, Conditions};

/// What was observed of the bootstrap data, in v1beta1.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BootstrapStatusV1Beta1 {
    /// What is so, since when, and why.
    #[schemars(with = "Option<ConditionList>")]
    pub conditions: Option<Conditions>,
    /// The Secret that the bootstrap data is in.
    pub data_secret_name: Option<String>,
    /// Whether the bootstrap data is there.
    pub ready: Option<bool>,
}

/// What was observed of the bootstrap data, in v1beta2.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BootstrapStatusV1Beta2 {
    /// What is so, since when, and why.
    #[schemars(with = "Option<ConditionList>")]
    pub conditions: Option<Conditions>,
    /// The Secret that the bootstrap data is in.
    pub data_secret_name: Option<String>,
    /// What Cluster API waits for.
    pub initialization: Option<DataSecretCreated>,
}

/// Whether the bootstrap data was made.
/// Source: <https://cluster-api.sigs.k8s.io/developer/providers/contracts/bootstrap-config#bootstrapconfig-initialization-completed>
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DataSecretCreated {
    /// True once the Secret is there; it stays true.
    pub data_secret_created: Option<bool>,
}
