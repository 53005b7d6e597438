//! RemoteMachine: a machine with an SSH server, which becomes a Kubernetes node.

mod job;
mod jump_host;
pub(super) mod rules;
pub mod v1beta1;
pub mod v1beta2;

pub use job::ProvisionJob;
pub use jump_host::JumpHost;

use crate::conversion::Move;
use crate::definition::{AGE, Column, Definition, INFRASTRUCTURE, Served};
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
        deprecated: true,
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
        deprecated: false,
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

const CLUSTER: Column = Column::new(
    "Cluster",
    ".metadata.labels['cluster\\.x-k8s\\.io/cluster-name']",
    "string",
    "The Cluster that the machine is of",
);
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
