//! What the machines of a control plane are made from.

use k8s_openapi::api::core::v1::ObjectReference;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::schema::Foreign;
use crate::shared::LabelsAndAnnotations;

/// What the machines of a control plane are made from.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MachineTemplate {
    /// The template of the infrastructure, such as a RemoteMachineTemplate.
    pub infrastructure_ref: Foreign<ObjectReference>,
    /// Labels and annotations of the Machines.
    #[schemars(extend("minProperties" = 1))]
    pub metadata: Option<LabelsAndAnnotations>,
}
