//! Metadata that an object gives to those made from it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Labels and annotations.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LabelsAndAnnotations {
    /// Annotations that the objects made from this one get.
    pub annotations: Option<BTreeMap<String, String>>,
    /// Labels that the objects made from this one get.
    pub labels: Option<BTreeMap<String, String>>,
}

/// The metadata of a template.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TemplateMetadata {
    /// Annotations that the objects made from the template get.
    pub annotations: Option<BTreeMap<String, String>>,
    /// Finalizers; accepted for the sake of existing manifests.
    pub finalizers: Option<Vec<String>>,
    /// Labels that the objects made from the template get.
    pub labels: Option<BTreeMap<String, String>>,
    /// Name; accepted for the sake of existing manifests: Cluster API names the objects.
    pub name: Option<String>,
    /// Namespace; accepted for the sake of existing manifests: objects are made in the namespace of their template.
    pub namespace: Option<String>,
}
