//! The status that all control planes have.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::conversion::{Derived, Move};
use crate::definition::Version;
use crate::schema::Int32;
use crate::shared::{ConditionList, Conditions};

/// What was observed of a control plane, in v1beta1.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlaneStatusV1Beta1 {
    /// What is so, since when, and why.
    #[schemars(with = "Option<ConditionList>")]
    pub conditions: Option<Conditions>,
    /// Whether the control plane's machines are no Nodes of the cluster.
    pub external_managed_control_plane: Option<bool>,
    /// What Cluster API waits for.
    pub initialization: Option<ControlPlaneInitialized>,
    /// Whether the API server has answered once.
    pub initialized: Option<bool>,
    /// Whether the API server answers.
    pub ready: Option<bool>,
    /// How many machines or pods are ready.
    #[schemars(with = "Option<Int32>")]
    pub ready_replicas: Option<i32>,
    /// How many machines or pods there are.
    #[schemars(with = "Option<Int32>")]
    pub replicas: Option<i32>,
    /// By which labels they are found.
    pub selector: Option<String>,
    /// How many machines or pods are missing.
    #[schemars(with = "Option<Int32>")]
    pub unavailable_replicas: Option<i32>,
    /// How many machines or pods are as they are wanted.
    #[schemars(with = "Option<Int32>")]
    pub updated_replicas: Option<i32>,
    /// The version of Kubernetes that all of them have.
    pub version: Option<String>,
}

/// What was observed of a control plane, in v1beta2.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlaneStatusV1Beta2 {
    /// How many machines or pods are available.
    #[schemars(with = "Option<Int32>")]
    pub available_replicas: Option<i32>,
    /// What is so, since when, and why.
    #[schemars(with = "Option<ConditionList>")]
    pub conditions: Option<Conditions>,
    /// Whether the control plane's machines are no Nodes of the cluster.
    pub external_managed_control_plane: Option<bool>,
    /// What Cluster API waits for.
    #[schemars(extend("minProperties" = 1))]
    pub initialization: Option<ControlPlaneInitialized>,
    /// How many machines or pods are ready.
    #[schemars(with = "Option<Int32>")]
    pub ready_replicas: Option<i32>,
    /// How many machines or pods there are.
    #[schemars(with = "Option<Int32>")]
    pub replicas: Option<i32>,
    /// By which labels they are found.
    pub selector: Option<String>,
    /// How many machines or pods are as they are wanted.
    #[schemars(with = "Option<Int32>")]
    pub up_to_date_replicas: Option<i32>,
    /// The version of Kubernetes that all of them have.
    pub version: Option<String>,
}

/// Whether the control plane was made.
/// Source: <https://cluster-api.sigs.k8s.io/developer/providers/contracts/control-plane#controlplane-initialization-completed>
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlaneInitialized {
    /// True once the API server has answered; it stays true.
    pub control_plane_initialized: Option<bool>,
}

/// What has another place in v1beta2.
pub const UP_TO_DATE: Move = Move::new("status.updatedReplicas", "status.upToDateReplicas");

/// What v1beta1 says twice. Whether an API server answers now is in the conditions of v1beta2; what is known for sure of it there is
/// that it has answered.
pub const INITIALIZED: [Derived; 2] = [
    Derived::copy(
        Version::V1Beta1,
        "status.initialized",
        "status.initialization.controlPlaneInitialized",
    ),
    Derived::copy(
        Version::V1Beta1,
        "status.ready",
        "status.initialization.controlPlaneInitialized",
    ),
];
