//! K0smotronControlPlane: a control plane that runs as pods, of a cluster of Cluster API.

pub mod v1beta1;
pub mod v1beta2;

use crate::controlplane::{INITIALIZED, UP_TO_DATE};
use crate::conversion::{Derived, Move};
use crate::definition::{AGE, CONTROL_PLANE, Column, Definition, Served, Version};
use crate::k0smotron::cluster::{derived_storage, moves};
use crate::schema;

use super::PROVIDER;

/// The kind.
pub const DEFINITION: Definition = Definition {
    group: CONTROL_PLANE,
    kind: "K0smotronControlPlane",
    plural: "k0smotroncontrolplanes",
    short_names: &[],
    categories: &["cluster-api"],
    provider: Some(PROVIDER),
    moved_by_clusterctl: false,
    v1beta1: Served {
        deprecated: false,
        description: DESCRIPTION,
        spec: schema::of::<v1beta1::K0smotronControlPlaneSpec>,
        status: Some(schema::of::<v1beta1::K0smotronControlPlaneStatus>),
        status_subresource: true,
        scale_subresource: true,
        columns: &[
            CLUSTER,
            Column::new(
                "API Server Available",
                ".status.ready",
                "boolean",
                "Whether the API server answers",
            ),
            DESIRED,
            REPLICAS,
            READY,
            Column::new(
                "Updated",
                ".status.updatedReplicas",
                "integer",
                "How many are as they are wanted",
            ),
            Column::new(
                "Unavailable",
                ".status.unavailableReplicas",
                "integer",
                "How many are missing",
            ),
            AGE,
            VERSION_COLUMN,
        ],
    },
    v1beta2: Served {
        deprecated: false,
        description: DESCRIPTION,
        spec: schema::of::<v1beta2::K0smotronControlPlaneSpec>,
        status: Some(schema::of::<v1beta2::K0smotronControlPlaneStatus>),
        status_subresource: true,
        scale_subresource: true,
        columns: &[
            CLUSTER,
            DESIRED,
            REPLICAS,
            READY,
            Column::new(
                "UpToDate",
                ".status.upToDateReplicas",
                "integer",
                "How many are as they are wanted",
            ),
            Column::new("Available", ".status.availableReplicas", "integer", "How many are available"),
            Column::new(
                "Reason",
                ".status.conditions[?(@.type==\"Available\")].reason",
                "string",
                "What is being waited for, or went wrong",
            ),
            AGE,
            VERSION_COLUMN,
        ],
    },
    moves: moves!("spec.", UP_TO_DATE),
    derived: &[derived_storage!("spec."), INITIALIZED[0], INITIALIZED[1]],
};

const DESCRIPTION: &str = "A control plane that runs as pods, of a cluster of Cluster API.";

const CLUSTER: Column = Column::new(
    "Cluster",
    ".metadata.labels['cluster\\.x-k8s\\.io/cluster-name']",
    "string",
    "The Cluster that it is of",
);
const DESIRED: Column = Column::new("Desired", ".spec.replicas", "integer", "How many are wanted").wide();
const REPLICAS: Column = Column::new("Replicas", ".status.replicas", "integer", "How many there are");
const READY: Column = Column::new("Ready", ".status.readyReplicas", "integer", "How many are ready");
const VERSION_COLUMN: Column = Column::new("Version", ".spec.version", "string", "The version of k0s");
