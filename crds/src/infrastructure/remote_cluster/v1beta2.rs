//! RemoteCluster v1beta2, the stored version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{ApiEndpoint, DEFINITION};
use crate::definition::{Definition, Version};
use crate::object::{Object, Spec};
use crate::shared::{ConditionList, Conditions, Provisioned};
/// The infrastructure of a cluster of RemoteMachines.
pub type RemoteCluster = Object<RemoteClusterSpec>;

impl Spec for RemoteClusterSpec {
    type Status = RemoteClusterStatus;
    const DEFINITION: &'static Definition = &DEFINITION;
    const VERSION: Version = Version::V1Beta2;
}

/// What is said of the cluster's infrastructure.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemoteClusterSpec {
    /// Where the cluster's API server is reached.
    pub control_plane_endpoint: Option<ApiEndpoint>,
}

/// What was observed of the cluster's infrastructure.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RemoteClusterStatus {
    /// What is so, since when, and why.
    #[schemars(with = "Option<ConditionList>")]
    pub conditions: Option<Conditions>,
    /// What Cluster API waits for.
    #[schemars(extend("minProperties" = 1))]
    pub initialization: Option<Provisioned>,
}
