//! K0smotronControlPlaneTemplate v1beta2, the stored version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::DEFINITION;
use crate::definition::{Definition, Version};
use crate::k0smotron::cluster::v1beta2::ClusterSpec;
use crate::object::{NoStatus, Object, Spec};
use crate::shared::TemplateMetadata;

/// What K0smotronControlPlanes are made from.
pub type K0smotronControlPlaneTemplate = Object<K0smotronControlPlaneTemplateSpec>;

impl Spec for K0smotronControlPlaneTemplateSpec {
    type Status = NoStatus;
    const DEFINITION: &'static Definition = &DEFINITION;
    const VERSION: Version = Version::V1Beta2;
}

/// What K0smotronControlPlanes are made from.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct K0smotronControlPlaneTemplateSpec {
    /// The K0smotronControlPlane.
    pub template: Option<K0smotronControlPlaneTemplateResource>,
}

/// The K0smotronControlPlane to be made.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct K0smotronControlPlaneTemplateResource {
    /// Its metadata.
    pub metadata: Option<TemplateMetadata>,
    /// Its spec.
    pub spec: Option<ClusterSpec>,
}
