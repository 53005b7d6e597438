//! RemoteCluster: the infrastructure of a cluster of RemoteMachines, which is its endpoint and nothing else.

mod endpoint;
pub mod v1beta1;
pub mod v1beta2;

pub use endpoint::ApiEndpoint;

use crate::conversion::Move;
use crate::definition::{AGE, CLUSTER, Column, Definition, INFRASTRUCTURE, READY_SINCE, Served};
use crate::schema;

use super::PROVIDER;

/// The kind.
pub const DEFINITION: Definition = Definition {
    group: INFRASTRUCTURE,
    kind: "RemoteCluster",
    plural: "remoteclusters",
    short_names: &["rmc"],
    categories: &["cluster-api"],
    provider: Some(PROVIDER),
    moved_by_clusterctl: false,
    v1beta1: Served {
        description: DESCRIPTION,
        spec: schema::of::<v1beta1::RemoteClusterSpec>,
        status: Some(schema::of::<v1beta1::RemoteClusterStatus>),
        status_subresource: true,
        scale_subresource: false,
        columns: &[
            CLUSTER,
            HOST,
            PORT,
            Column::new("Ready", ".status.ready", "boolean", "Whether the cluster can have machines"),
            AGE,
        ],
    },
    v1beta2: Served {
        description: DESCRIPTION,
        spec: schema::of::<v1beta2::RemoteClusterSpec>,
        status: Some(schema::of::<v1beta2::RemoteClusterStatus>),
        status_subresource: true,
        scale_subresource: false,
        columns: &[
            CLUSTER,
            HOST,
            PORT,
            Column::new(
                "Ready",
                ".status.conditions[?(@.type==\"Ready\")].status",
                "string",
                "Whether the cluster can have machines",
            ),
            READY_SINCE,
            AGE,
        ],
    },
    moves: &[Move::new("status.ready", "status.initialization.provisioned")],
    derived: &[],
};

const DESCRIPTION: &str = "The infrastructure of a cluster whose machines are RemoteMachines.";

const HOST: Column = Column::new(
    "Host",
    ".spec.controlPlaneEndpoint.host",
    "string",
    "Host of the cluster's API server",
);
const PORT: Column = Column::new(
    "Port",
    ".spec.controlPlaneEndpoint.port",
    "integer",
    "Port of the cluster's API server",
);
