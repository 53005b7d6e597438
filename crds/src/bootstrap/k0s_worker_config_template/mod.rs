//! K0sWorkerConfigTemplate: what the K0sWorkerConfigs of a MachineDeployment are made from.

pub mod v1beta1;
pub mod v1beta2;

use crate::bootstrap::k0s_config::{derived_type, moves};
use crate::conversion::{Derived, Move};
use crate::definition::{AGE, BOOTSTRAP, Definition, Served, Version};
use crate::schema;

use super::PROVIDER;

/// The kind.
pub const DEFINITION: Definition = Definition {
    group: BOOTSTRAP,
    kind: "K0sWorkerConfigTemplate",
    plural: "k0sworkerconfigtemplates",
    short_names: &[],
    categories: &["cluster-api"],
    provider: Some(PROVIDER),
    moved_by_clusterctl: false,
    v1beta1: Served {
        description: DESCRIPTION,
        spec: schema::of::<v1beta1::K0sWorkerConfigTemplateSpec>,
        status: None,
        status_subresource: true,
        scale_subresource: false,
        columns: &[AGE],
    },
    v1beta2: Served {
        description: DESCRIPTION,
        spec: schema::of::<v1beta2::K0sWorkerConfigTemplateSpec>,
        status: None,
        status_subresource: true,
        scale_subresource: false,
        columns: &[AGE],
    },
    moves: moves!("spec.template.spec."),
    derived: &[derived_type!("spec.template.spec.")],
};

const DESCRIPTION: &str = "What the K0sWorkerConfigs of a MachineDeployment are made from.";
