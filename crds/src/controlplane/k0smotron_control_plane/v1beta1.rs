//! K0smotronControlPlane v1beta1, the older version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DEFINITION;
use crate::controlplane::ControlPlaneStatusV1Beta1;
use crate::definition::{Definition, Version};
use crate::k0smotron::cluster::v1beta1::ClusterSpec;
use crate::object::{Object, Spec};

/// A control plane that runs as pods, of a cluster of Cluster API.
pub type K0smotronControlPlane = Object<K0smotronControlPlaneSpec>;

impl Spec for K0smotronControlPlaneSpec {
    type Status = K0smotronControlPlaneStatus;
    const DEFINITION: &'static Definition = &DEFINITION;
    const VERSION: Version = Version::V1Beta1;
}

/// A control plane that runs as pods.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct K0smotronControlPlaneSpec(pub ClusterSpec);

/// What was observed of the control plane.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("default" = {"conditions": [{"lastTransitionTime": "1970-01-01T00:00:00Z", "message": "Waiting for cluster topology to be reconciled", "reason": "ControlPlaneDoesNotExist", "status": "Unknown", "type": "ControlPlaneReady"}], "initialization": {"controlPlaneInitialized": false}, "initialized": false, "ready": false, "version": ""}))]
#[serde(transparent)]
pub struct K0smotronControlPlaneStatus(pub ControlPlaneStatusV1Beta1);
