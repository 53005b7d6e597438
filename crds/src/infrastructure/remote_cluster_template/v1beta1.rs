//! RemoteClusterTemplate v1beta1, the deprecated version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::DEFINITION;
use crate::definition::{Definition, Version};
use crate::infrastructure::remote_cluster::v1beta1::RemoteClusterSpec;
use crate::object::{NoStatus, Object, Spec};
use crate::shared::LabelsAndAnnotations;

/// What RemoteClusters are made from.
pub type RemoteClusterTemplate = Object<RemoteClusterTemplateSpec>;

impl Spec for RemoteClusterTemplateSpec {
    type Status = NoStatus;
    const DEFINITION: &'static Definition = &DEFINITION;
    const VERSION: Version = Version::V1Beta1;
}

/// What RemoteClusters are made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemoteClusterTemplateSpec {
    /// The RemoteCluster.
    pub template: RemoteClusterTemplateResource,
}

/// The RemoteCluster to be made.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemoteClusterTemplateResource {
    /// Its metadata.
    #[schemars(extend("minProperties" = 1))]
    pub metadata: Option<LabelsAndAnnotations>,
    /// Its spec.
    pub spec: RemoteClusterSpec,
}
