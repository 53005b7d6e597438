//! K0sControlPlane v1beta2, the stored version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{DEFINITION, MachineTemplate, rules};
use crate::bootstrap::k0s_config::v1beta2::K0sConfigSpec;
use crate::controlplane::ControlPlaneStatusV1Beta2;
use crate::controlplane::update_strategy::UpdateStrategy;
use crate::definition::{Definition, Version};
use crate::object::{Object, Spec};
use crate::schema::Int32;
use crate::shared::LabelsAndAnnotations;

/// A control plane on machines of its own.
pub type K0sControlPlane = Object<K0sControlPlaneSpec>;

impl Spec for K0sControlPlaneSpec {
    type Status = K0sControlPlaneStatus;
    const DEFINITION: &'static Definition = &DEFINITION;
    const VERSION: Version = Version::V1Beta2;
}

/// A control plane on machines of its own.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-validations" = rules::CONTROL_PLANE))]
#[serde(rename_all = "camelCase")]
pub struct K0sControlPlaneSpec {
    /// How k0s is configured on the machines.
    #[schemars(extend("x-kubernetes-validations" = rules::PROVISIONER))]
    pub k0s_config_spec: K0sConfigSpec,
    /// Labels and annotations of the Secret that the kubeconfig is put into.
    pub kubeconfig_secret_metadata: Option<LabelsAndAnnotations>,
    /// What the machines are made from.
    pub machine_template: MachineTemplate,
    /// How many machines the control plane has.
    #[schemars(with = "Option<Int32>", extend("default" = 1))]
    pub replicas: Option<i32>,
    /// How the machines come to a new version.
    #[schemars(extend("default" = "InPlace"))]
    pub update_strategy: Option<UpdateStrategy>,
    /// The version of k0s, such as `v1.34.2+k0s.0`.
    #[schemars(extend("x-kubernetes-validations" = rules::VERSION))]
    pub version: Option<String>,
}

/// What was observed of the control plane.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("default" = {"initialization": {"controlPlaneInitialized": false}, "version": ""}))]
#[serde(transparent)]
pub struct K0sControlPlaneStatus(pub ControlPlaneStatusV1Beta2);
