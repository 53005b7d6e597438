//! What Cluster API waits for before it goes on, once and for all.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Whether the infrastructure was made.
/// Source: <https://cluster-api.sigs.k8s.io/developer/providers/contracts/infra-machine#inframachine-initialization-completed>
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Provisioned {
    /// True once the infrastructure is there; it stays true.
    pub provisioned: Option<bool>,
}
