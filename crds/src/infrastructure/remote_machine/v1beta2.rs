//! RemoteMachine v1beta2, the stored version.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_with::skip_serializing_none;

use super::{DEFINITION, ProvisionJob};
use crate::definition::{Definition, Version};
use crate::infrastructure::RememberedHost;
use crate::infrastructure::fields::fields;
use crate::infrastructure::pooled_remote_machine::v1beta2::PooledMachineSpec;
use crate::infrastructure::rules;
use crate::object::{Object, Spec};
use crate::schema::Quantities;
use crate::shared::{ConditionList, Conditions, MachineAddress, NodeInfo, Provisioned, SecretKeyRef};

/// A machine that is reached by SSH.
pub type RemoteMachine = Object<RemoteMachineSpec>;

impl Spec for RemoteMachineSpec {
    type Status = RemoteMachineStatus;
    const DEFINITION: &'static Definition = &DEFINITION;
    const VERSION: Version = Version::V1Beta2;
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
        pub clean_up_commands: Option<Vec<String>>,
        /// The SSH private key.
        pub ssh_key_ref: Option<SecretKeyRef>,
        /// Provisioning by a Job.
        pub provision_job: Option<ProvisionJob>,
    }
}

impl RemoteMachineSpec {
    /// TCP port of the SSH server: 22 where nothing is given.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(22)
    }

    /// User to log in as: root where nothing is given.
    pub fn user(&self) -> &str {
        self.user.as_deref().unwrap_or("root")
    }

    /// Folder of the script that all commands run as: `/etc/k0smotron` where nothing is given.
    pub fn working_dir(&self) -> &str {
        self.working_dir.as_deref().unwrap_or("/etc/k0smotron")
    }

    /// The same with the machine of an entry. How that is reached is the entry's alone: what it does not say does not stay from elsewhere.
    /// How long things may take, what is run again and what the Node gets, both may say; the entry knows the machine better.
    #[must_use]
    pub fn with_machine(self, machine: PooledMachineSpec) -> Self {
        let PooledMachineSpec {
            address,
            clean_up_commands,
            ssh_key_ref,
            port,
            user,
            use_sudo,
            commands_as_script,
            working_dir,
            host_keys,
            host_certificate_authorities,
            jump_hosts,
            ssh_certificate_ref,
            ssh_password_ref,
            sudo_password_ref,
            timeouts,
            rerun_interrupted,
            node,
        } = machine;
        Self {
            address: Some(address),
            clean_up_commands,
            ssh_key_ref: Some(ssh_key_ref),
            port,
            user,
            use_sudo,
            commands_as_script,
            working_dir,
            host_keys,
            host_certificate_authorities,
            jump_hosts,
            ssh_certificate_ref,
            ssh_password_ref,
            sudo_password_ref,
            timeouts: timeouts.or(self.timeouts),
            rerun_interrupted: rerun_interrupted.or(self.rerun_interrupted),
            node: match (self.node, node) {
                (Some(own), Some(its)) => Some(own.overlaid(its)),
                (own, its) => its.or(own),
            },
            ..self
        }
    }
}

/// What was observed of the machine.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemoteMachineStatus {
    /// What Cluster API waits for.
    pub initialization: Option<Provisioned>,
    /// Where the machine can be reached.
    pub addresses: Option<Vec<MachineAddress>>,
    /// What is so, since when, and why.
    #[schemars(with = "Option<ConditionList>")]
    pub conditions: Option<Conditions>,
    /// Ours: what the machine and the jump hosts on the way proved themselves with, where the spec does not say what they must.
    pub remembered_hosts: Option<Vec<RememberedHost>>,
    /// Ours: what a machine of a pool said that it has: `cpu`, `memory`, and as `ephemeral-storage` the file system of `/var`.
    #[schemars(with = "Option<Quantities>")]
    pub capacity: Option<BTreeMap<String, Value>>,
    /// Ours: what kind of machine it said that it is.
    pub node_info: Option<NodeInfo>,
    /// What only readers of older versions look at.
    pub deprecated: Option<Deprecated>,
}

/// Fields of older versions.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Deprecated {
    /// Fields of v1beta1.
    pub v1beta1: Option<DeprecatedV1Beta1>,
}

/// Fields of v1beta1.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeprecatedV1Beta1 {
    /// Why provisioning failed, in one word.
    pub failure_reason: Option<String>,
    /// Why provisioning failed.
    pub failure_message: Option<String>,
}
