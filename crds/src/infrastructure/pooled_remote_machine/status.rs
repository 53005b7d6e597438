//! The status of a PooledRemoteMachine, the same in both versions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who has the entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PooledRemoteMachineStatus {
    /// Whether a RemoteMachine has the entry.
    pub reserved: bool,
    /// The RemoteMachine that has it; of empty names if none has.
    pub machine_ref: MachineRef,
}

/// A RemoteMachine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MachineRef {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
}
