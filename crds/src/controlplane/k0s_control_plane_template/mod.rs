//! K0sControlPlaneTemplate: what the K0sControlPlane of a ClusterClass is made from.

mod machine_template;
pub mod v1beta1;
pub mod v1beta2;

pub use machine_template::MachineTemplate;

use crate::bootstrap::k0s_config::{derived_type, moves};
use crate::conversion::{Derived, Move};
use crate::definition::{AGE, CONTROL_PLANE, Definition, Served, Version};
use crate::schema;

use super::PROVIDER;

/// The kind.
pub const DEFINITION: Definition = Definition {
    group: CONTROL_PLANE,
    kind: "K0sControlPlaneTemplate",
    plural: "k0scontrolplanetemplates",
    short_names: &[],
    categories: &["cluster-api"],
    provider: Some(PROVIDER),
    moved_by_clusterctl: false,
    v1beta1: Served {
        description: DESCRIPTION,
        spec: schema::of::<v1beta1::K0sControlPlaneTemplateSpec>,
        status: None,
        status_subresource: true,
        scale_subresource: false,
        columns: &[AGE],
    },
    v1beta2: Served {
        description: DESCRIPTION,
        spec: schema::of::<v1beta2::K0sControlPlaneTemplateSpec>,
        status: None,
        status_subresource: true,
        scale_subresource: false,
        columns: &[AGE],
    },
    moves: moves!("spec.template.spec.k0sConfigSpec."),
    derived: &[derived_type!("spec.template.spec.k0sConfigSpec.")],
};

const DESCRIPTION: &str = "What the K0sControlPlane of a ClusterClass is made from.";
