//! K0sControlPlaneTemplate v1beta2, the stored version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{DEFINITION, MachineTemplate};
use crate::bootstrap::k0s_config::v1beta2::K0sConfigSpec;
use crate::controlplane::k0s_control_plane::rules;
use crate::controlplane::update_strategy::UpdateStrategy;
use crate::definition::{Definition, Version};
use crate::object::{NoStatus, Object, Spec};
use crate::shared::TemplateMetadata;

/// What K0sControlPlanes are made from.
pub type K0sControlPlaneTemplate = Object<K0sControlPlaneTemplateSpec>;

impl Spec for K0sControlPlaneTemplateSpec {
    type Status = NoStatus;
    const DEFINITION: &'static Definition = &DEFINITION;
    const VERSION: Version = Version::V1Beta2;
}

/// What K0sControlPlanes are made from.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct K0sControlPlaneTemplateSpec {
    /// The K0sControlPlane.
    pub template: Option<K0sControlPlaneTemplateResource>,
}

/// The K0sControlPlane to be made.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct K0sControlPlaneTemplateResource {
    /// Its metadata.
    pub metadata: Option<TemplateMetadata>,
    /// Its spec.
    pub spec: Option<K0sControlPlaneTemplateResourceSpec>,
}

/// The spec of the K0sControlPlane to be made.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct K0sControlPlaneTemplateResourceSpec {
    /// How k0s is configured on the machines.
    #[schemars(extend("x-kubernetes-validations" = rules::PROVISIONER))]
    pub k0s_config_spec: K0sConfigSpec,
    /// What the machines are made from.
    pub machine_template: Option<MachineTemplate>,
    /// How the machines come to a new version.
    #[schemars(extend("default" = "InPlace"))]
    pub update_strategy: Option<UpdateStrategy>,
    /// The version of k0s, such as `v1.34.2+k0s.0`.
    pub version: Option<String>,
}
