//! What the machines of a control plane are made from, in a template.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::shared::LabelsAndAnnotations;

/// What the machines of a control plane are made from; the infrastructure is that of the ClusterClass.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MachineTemplate {
    /// Labels and annotations of the Machines.
    #[schemars(extend("minProperties" = 1))]
    pub metadata: Option<LabelsAndAnnotations>,
    /// How long a Node's deletion is waited for; accepted for the sake of existing manifests.
    pub node_deletion_timeout: Option<String>,
    /// How long a Node's draining is waited for; accepted for the sake of existing manifests.
    pub node_drain_timeout: Option<String>,
    /// How long the detaching of a Node's volumes is waited for; accepted for the sake of existing manifests.
    pub node_volume_detach_timeout: Option<String>,
}
