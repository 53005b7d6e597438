//! PooledRemoteMachine v1beta2, the stored version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{DEFINITION, PooledRemoteMachineStatus};
use crate::definition::{Definition, Version};
use crate::infrastructure::fields::fields;
use crate::object::{Object, Spec};
use crate::shared::SecretKeyRef;

/// An entry of a pool.
pub type PooledRemoteMachine = Object<PooledRemoteMachineSpec>;

impl Spec for PooledRemoteMachineSpec {
    type Status = PooledRemoteMachineStatus;
    const DEFINITION: &'static Definition = &DEFINITION;
    const VERSION: Version = Version::V1Beta2;
}

/// A machine, and the pool that it is in. RemoteMachines can ask for labels of the entry.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PooledRemoteMachineSpec {
    /// The pool; RemoteMachines name it.
    pub pool: String,
    /// Ours: what fails together with the machine, such as a rack or a site. RemoteMachines can ask for one.
    #[schemars(length(min = 1, max = 256))]
    pub failure_domain: Option<String>,
    /// How the machine is reached.
    pub machine: PooledMachineSpec,
}

fields! {
    [login run]
    /// How the machine is reached, and how bootstrap data is applied there.
    #[skip_serializing_none]
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "camelCase")]
    pub struct PooledMachineSpec {
        /// IP address or DNS name.
        pub address: String,
        /// Commands that clean the machine when it is given back; they replace the built-in clean-up.
        pub clean_up_commands: Option<Vec<String>>,
        /// The SSH private key.
        pub ssh_key_ref: SecretKeyRef,
    }
}
