//! K0sWorkerConfigTemplate v1beta1, the deprecated version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::DEFINITION;
use crate::bootstrap::k0s_worker_config::v1beta1::K0sWorkerConfigSpec;
use crate::definition::{Definition, Version};
use crate::object::{NoStatus, Object, Spec};
use crate::shared::TemplateMetadata;

/// What K0sWorkerConfigs are made from.
pub type K0sWorkerConfigTemplate = Object<K0sWorkerConfigTemplateSpec>;

impl Spec for K0sWorkerConfigTemplateSpec {
    type Status = NoStatus;
    const DEFINITION: &'static Definition = &DEFINITION;
    const VERSION: Version = Version::V1Beta1;
}

/// What K0sWorkerConfigs are made from.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct K0sWorkerConfigTemplateSpec {
    /// The K0sWorkerConfig.
    pub template: Option<K0sWorkerConfigTemplateResource>,
}

/// The K0sWorkerConfig to be made.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct K0sWorkerConfigTemplateResource {
    /// Its metadata.
    pub metadata: Option<TemplateMetadata>,
    /// Its spec.
    pub spec: Option<K0sWorkerConfigSpec>,
}
