//! K0sControllerConfig: the bootstrap data of a machine of the control plane.

pub mod v1beta1;
pub mod v1beta2;

use crate::bootstrap::k0s_config::{derived_type, moves};
use crate::bootstrap::{BootstrapStatusV1Beta1, BootstrapStatusV1Beta2};
use crate::conversion::{Derived, Move};
use crate::definition::{BOOTSTRAP, Definition, Served, Version};
use crate::schema;

use super::{COLUMNS_V1BETA1, COLUMNS_V1BETA2, PROVIDER};

/// The kind.
pub const DEFINITION: Definition = Definition {
    group: BOOTSTRAP,
    kind: "K0sControllerConfig",
    plural: "k0scontrollerconfigs",
    short_names: &[],
    categories: &["cluster-api"],
    provider: Some(PROVIDER),
    moved_by_clusterctl: false,
    v1beta1: Served {
        description: DESCRIPTION,
        spec: schema::of::<v1beta1::K0sControllerConfigSpec>,
        status: Some(schema::of::<BootstrapStatusV1Beta1>),
        status_subresource: true,
        scale_subresource: false,
        columns: &COLUMNS_V1BETA1,
    },
    v1beta2: Served {
        description: DESCRIPTION,
        spec: schema::of::<v1beta2::K0sControllerConfigSpec>,
        status: Some(schema::of::<BootstrapStatusV1Beta2>),
        status_subresource: true,
        scale_subresource: false,
        columns: &COLUMNS_V1BETA2,
    },
    moves: moves!("spec.", Move::new("status.ready", "status.initialization.dataSecretCreated")),
    derived: &[derived_type!("spec.")],
};

const DESCRIPTION: &str = "How a machine is made a k0s controller.";
