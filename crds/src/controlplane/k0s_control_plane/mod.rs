//! K0sControlPlane: a control plane on machines of its own.

mod machine_template;
pub(crate) mod rules;
pub mod v1beta1;
pub mod v1beta2;

pub use machine_template::MachineTemplate;

use crate::bootstrap::k0s_config::{derived_type, moves};
use crate::controlplane::{INITIALIZED, UP_TO_DATE};
use crate::conversion::{Derived, Move};
use crate::definition::{CONTROL_PLANE, Definition, Served, Version};
use crate::schema;

use super::{COLUMNS_V1BETA1, COLUMNS_V1BETA2, PROVIDER};

/// The kind.
pub const DEFINITION: Definition = Definition {
    group: CONTROL_PLANE,
    kind: "K0sControlPlane",
    plural: "k0scontrolplanes",
    short_names: &["kcp"],
    categories: &["cluster-api"],
    provider: Some(PROVIDER),
    moved_by_clusterctl: false,
    v1beta1: Served {
        description: DESCRIPTION,
        spec: schema::of::<v1beta1::K0sControlPlaneSpec>,
        status: Some(schema::of::<v1beta1::K0sControlPlaneStatus>),
        status_subresource: true,
        scale_subresource: true,
        columns: &COLUMNS_V1BETA1,
    },
    v1beta2: Served {
        description: DESCRIPTION,
        spec: schema::of::<v1beta2::K0sControlPlaneSpec>,
        status: Some(schema::of::<v1beta2::K0sControlPlaneStatus>),
        status_subresource: true,
        scale_subresource: true,
        columns: &COLUMNS_V1BETA2,
    },
    moves: moves!("spec.k0sConfigSpec.", UP_TO_DATE),
    derived: &[derived_type!("spec.k0sConfigSpec."), INITIALIZED[0], INITIALIZED[1]],
};

const DESCRIPTION: &str = "A control plane on machines of its own.";
