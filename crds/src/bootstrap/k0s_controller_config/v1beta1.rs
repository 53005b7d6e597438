//! K0sControllerConfig v1beta1, the deprecated version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::DEFINITION;
use crate::bootstrap::BootstrapStatusV1Beta1;
use crate::bootstrap::k0s_config::v1beta1::K0sConfigSpec;
use crate::definition::{Definition, Version};
use crate::object::{Object, Spec};

/// How a machine is made a k0s controller.
pub type K0sControllerConfig = Object<K0sControllerConfigSpec>;

impl Spec for K0sControllerConfigSpec {
    type Status = BootstrapStatusV1Beta1;
    const DEFINITION: &'static Definition = &DEFINITION;
    const VERSION: Version = Version::V1Beta1;
}

/// How a machine is made a k0s controller.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct K0sControllerConfigSpec {
    /// What controllers have in common with what a K0sControlPlane says of them.
    #[serde(flatten)]
    pub config: K0sConfigSpec,
    /// The version of k0s, such as `v1.34.2+k0s.0`; that of the Machine if nothing is given.
    pub version: Option<String>,
}
