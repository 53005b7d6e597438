//! PooledRemoteMachine: a machine that waits in a pool until a RemoteMachine claims it.

mod status;
pub mod v1beta1;
pub mod v1beta2;

pub use status::{MachineRef, PooledRemoteMachineStatus, Quarantine};

use crate::conversion::Move;
use crate::definition::{AGE, Column, Definition, INFRASTRUCTURE, READY_REASON, Served, since};
use crate::schema;

use super::PROVIDER;

/// The kind.
pub const DEFINITION: Definition = Definition {
    group: INFRASTRUCTURE,
    kind: "PooledRemoteMachine",
    plural: "pooledremotemachines",
    short_names: &["prm"],
    categories: &["cluster-api"],
    provider: Some(PROVIDER),
    // No Cluster owns an entry: without the label, `clusterctl move` would leave the pool behind.
    moved_by_clusterctl: true,
    v1beta1: Served {
        description: DESCRIPTION,
        spec: schema::of::<v1beta1::PooledRemoteMachineSpec>,
        status: Some(schema::of::<PooledRemoteMachineStatus>),
        status_subresource: true,
        scale_subresource: false,
        columns: &COLUMNS,
    },
    v1beta2: Served {
        description: DESCRIPTION,
        spec: schema::of::<v1beta2::PooledRemoteMachineSpec>,
        status: Some(schema::of::<PooledRemoteMachineStatus>),
        status_subresource: true,
        scale_subresource: false,
        columns: &COLUMNS,
    },
    moves: &[Move::new(
        "spec.machine.customCleanUpCommands",
        "spec.machine.cleanUpCommands",
    )],
    derived: &[],
};

const DESCRIPTION: &str = "An entry of a pool: a machine that is there to be claimed by a RemoteMachine that names the pool.";

const COLUMNS: [Column; 8] = [
    Column::new("Address", ".spec.machine.address", "string", "Where the machine is"),
    Column::new("Pool", ".spec.pool", "string", "The pool that it is in"),
    Column::new("Reserved", ".status.reserved", "string", "Whether a RemoteMachine has it"),
    Column::new("State", ".status.state", "string", "What it is in"),
    Column::new(
        "Remote Machine",
        ".status.machineRef.name",
        "string",
        "The RemoteMachine that has it",
    ),
    READY_REASON,
    since(".status.since"),
    AGE,
];
