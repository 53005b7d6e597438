//! RemoteMachine: a machine with an SSH server, which becomes a Kubernetes node.

mod job;
pub mod v1beta1;
pub mod v1beta2;

pub use job::ProvisionJob;

use crate::conversion::Move;
use crate::definition::{AGE, CLUSTER, Column, Definition, INFRASTRUCTURE, READY_REASON, READY_SINCE, Served};
use crate::schema;

use super::PROVIDER;

/// The kind.
pub const DEFINITION: Definition = Definition {
    group: INFRASTRUCTURE,
    kind: "RemoteMachine",
    plural: "remotemachines",
    short_names: &["rm"],
    categories: &["cluster-api"],
    provider: Some(PROVIDER),
    moved_by_clusterctl: false,
    v1beta1: Served {
        description: DESCRIPTION,
        spec: schema::of::<v1beta1::RemoteMachineSpec>,
        status: Some(schema::of::<v1beta1::RemoteMachineStatus>),
        status_subresource: true,
        scale_subresource: false,
        columns: &[
            CLUSTER,
            ADDRESS,
            POOL,
            Column::new("Ready", ".status.ready", "boolean", "Whether the machine is provisioned"),
            PROVIDER_ID,
            AGE,
        ],
    },
    v1beta2: Served {
        description: DESCRIPTION,
        spec: schema::of::<v1beta2::RemoteMachineSpec>,
        status: Some(schema::of::<v1beta2::RemoteMachineStatus>),
        status_subresource: true,
        scale_subresource: false,
        columns: &[
            CLUSTER,
            ADDRESS,
            POOL,
            Column::new(
                "Ready",
                ".status.conditions[?(@.type==\"Ready\")].status",
                "string",
                "Whether the machine is provisioned",
            ),
            READY_REASON,
            READY_SINCE,
            PROVIDER_ID,
            AGE,
        ],
    },
    moves: &[
        Move::new("spec.customCleanUpCommands", "spec.cleanUpCommands"),
        Move::new("status.ready", "status.initialization.provisioned"),
        Move::new("status.failureReason", "status.deprecated.v1beta1.failureReason"),
        Move::new("status.failureMessage", "status.deprecated.v1beta1.failureMessage"),
    ],
    derived: &[],
};

const DESCRIPTION: &str = "A machine that is reached by SSH and made a node of a cluster. It says where the machine is, or the \
                           pool that one is taken from, and how to log in there.";

const ADDRESS: Column = Column::new("Address", ".spec.address", "string", "Where the machine is");
const POOL: Column = Column::new("Pool", ".spec.pool", "string", "The pool that it is taken from");
const PROVIDER_ID: Column = Column {
    priority: 10,
    ..Column::new(
        "Provider ID",
        ".spec.providerID",
        "string",
        "By which Cluster API finds the Node of the machine",
    )
};
