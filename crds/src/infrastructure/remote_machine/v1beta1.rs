//! RemoteMachine v1beta1, the deprecated version.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_with::skip_serializing_none;

use super::{DEFINITION, ProvisionJob};
use crate::definition::{Definition, Version};
use crate::infrastructure::RememberedHost;
use crate::infrastructure::fields::fields;
use crate::infrastructure::rules;
use crate::object::{Object, Spec};
use crate::schema::Quantities;
use crate::shared::{MachineAddress, NodeInfo, SecretKeyRef};

/// A machine that is reached by SSH.
pub type RemoteMachine = Object<RemoteMachineSpec>;

impl Spec for RemoteMachineSpec {
    type Status = RemoteMachineStatus;
    const DEFINITION: &'static Definition = &DEFINITION;
    const VERSION: Version = Version::V1Beta1;
}

fields! {
    [claim login run]
    /// How the machine is reached, and how bootstrap data is applied there.
    #[skip_serializing_none]
    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[schemars(extend("x-kubernetes-validations" = rules::WHERE))]
    #[serde(rename_all = "camelCase")]
    pub struct RemoteMachineSpec {
        /// The pool that a PooledRemoteMachine is claimed from; it then gives all that says how the machine is reached.
        pub pool: Option<String>,
        /// Set once the machine is provisioned: `remote-machine://<address>:<port>`. If its author sets it, provisioning is skipped.
        #[serde(rename = "providerID")]
        pub provider_id: Option<String>,
        /// IP address or DNS name.
        pub address: Option<String>,
        /// Commands that clean the machine when it is given back; they replace the built-in clean-up.
        pub custom_clean_up_commands: Option<Vec<String>>,
        /// The SSH private key.
        pub ssh_key_ref: Option<SecretKeyRef>,
        /// Provisioning by a Job.
        pub provision_job: Option<ProvisionJob>,
    }
}

/// What was observed of the machine.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemoteMachineStatus {
    /// Whether the machine is provisioned.
    pub ready: Option<bool>,
    /// Where the machine can be reached.
    pub addresses: Option<Vec<MachineAddress>>,
    /// Ours: what the machine and the jump hosts on the way proved themselves with, where the spec does not say what they must.
    pub remembered_hosts: Option<Vec<RememberedHost>>,
    /// Ours: what a machine of a pool said that it has: `cpu`, `memory`, and as `ephemeral-storage` the file system of `/var`.
    #[schemars(with = "Option<Quantities>")]
    pub capacity: Option<BTreeMap<String, Value>>,
    /// Ours: what kind of machine it said that it is.
    pub node_info: Option<NodeInfo>,
    /// Why provisioning failed, in one word.
    pub failure_reason: Option<String>,
    /// Why provisioning failed.
    pub failure_message: Option<String>,
}
