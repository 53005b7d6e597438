//! K0sControllerConfig: the bootstrap data of a machine of the control plane.

pub mod v1beta1;
pub mod v1beta2;

use crate::bootstrap::k0s_config::{derived_type, moves};
use crate::bootstrap::{BootstrapStatusV1Beta1, BootstrapStatusV1Beta2};
use crate::conversion::{Derived, Move};
use crate::definition::{AGE, BOOTSTRAP, Column, Definition, Served, Version};
use crate::schema;

use super::PROVIDER;

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
        deprecated: true,
        description: DESCRIPTION,
        spec: schema::of::<v1beta1::K0sControllerConfigSpec>,
        status: Some(schema::of::<BootstrapStatusV1Beta1>),
        status_subresource: true,
        scale_subresource: false,
        columns: &[
            CLUSTER,
            Column::new("Ready", ".status.ready", "boolean", "Whether the bootstrap data is there"),
            SECRET,
            AGE,
        ],
    },
    v1beta2: Served {
        deprecated: false,
        description: DESCRIPTION,
        spec: schema::of::<v1beta2::K0sControllerConfigSpec>,
        status: Some(schema::of::<BootstrapStatusV1Beta2>),
        status_subresource: true,
        scale_subresource: false,
        columns: &[
            CLUSTER,
            Column::new(
                "Ready",
                ".status.conditions[?(@.type==\"Ready\")].status",
                "string",
                "Whether the bootstrap data is there",
            ),
            Column::new(
                "Reason",
                ".status.conditions[?(@.type==\"Ready\")].reason",
                "string",
                "What is being waited for, or went wrong",
            ),
            Column::new(
                "Since",
                ".status.conditions[?(@.type==\"Ready\")].lastTransitionTime",
                "date",
                "Time since that is so",
            ),
            SECRET,
            AGE,
        ],
    },
    moves: moves!("spec.", Move::new("status.ready", "status.initialization.dataSecretCreated")),
    derived: &[derived_type!("spec.")],
};

const DESCRIPTION: &str = "How a machine is made a k0s controller.";

const CLUSTER: Column = Column::new(
    "Cluster",
    ".metadata.labels['cluster\\.x-k8s\\.io/cluster-name']",
    "string",
    "The Cluster that it is of",
);
const SECRET: Column = Column::new("Secret", ".status.dataSecretName", "string", "Where the bootstrap data is").wide();
