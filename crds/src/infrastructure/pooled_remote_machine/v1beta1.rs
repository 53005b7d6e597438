//! PooledRemoteMachine v1beta1, the older version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{DEFINITION, PooledRemoteMachineStatus};
use crate::definition::{Definition, Version};
use crate::infrastructure::remote_machine::{JumpHost, rules};
use crate::object::{Object, Spec};
use crate::schema::Integer;
use crate::shared::{SecretKeyRef, SecretValueRef};

/// An entry of a pool.
pub type PooledRemoteMachine = Object<PooledRemoteMachineSpec>;

impl Spec for PooledRemoteMachineSpec {
    type Status = PooledRemoteMachineStatus;
    const DEFINITION: &'static Definition = &DEFINITION;
    const VERSION: Version = Version::V1Beta1;
}

/// A machine, and the pool that it is in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PooledRemoteMachineSpec {
    /// The pool; RemoteMachines name it.
    pub pool: String,
    /// How the machine is reached.
    pub machine: PooledMachineSpec,
}

/// How the machine is reached, and how bootstrap data is applied there.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-validations" = [rules::PORT]))]
#[serde(rename_all = "camelCase")]
pub struct PooledMachineSpec {
    /// IP address or DNS name.
    pub address: String,
    /// TCP port of the SSH server.
    #[schemars(with = "Option<Integer>", extend("default" = 22))]
    pub port: Option<u16>,
    /// User to log in as.
    #[schemars(extend("default" = "root"))]
    pub user: Option<String>,
    /// Whether steps run as root by sudo.
    pub use_sudo: Option<bool>,
    /// Whether all commands run as one script, `<workingDir>/k0s_install.sh`, with `set -e`.
    #[schemars(extend("default" = false))]
    pub commands_as_script: Option<bool>,
    /// Folder of that script.
    #[schemars(extend("default" = "/etc/k0smotron"))]
    pub working_dir: Option<String>,
    /// Commands that clean the machine when it is given back; they replace the built-in clean-up.
    pub custom_clean_up_commands: Option<Vec<String>>,
    /// The SSH private key.
    pub ssh_key_ref: SecretKeyRef,
    /// Ours: the machine proves itself with one of these keys and no other. Each is a public key (`ssh-ed25519 AAAA...`) or a
    /// fingerprint (`SHA256:...`).
    pub host_keys: Option<Vec<String>>,
    /// Ours: or with a host certificate by one of these authorities, given as public keys.
    pub host_certificate_authorities: Option<Vec<String>>,
    /// Ours: the SSH servers on the way to the machine, the first one reached first.
    pub jump_hosts: Option<Vec<JumpHost>>,
    /// Ours: an OpenSSH certificate for the private key.
    pub ssh_certificate_ref: Option<SecretValueRef>,
    /// Ours: the user's password, for machines that take no keys or ask for more than one.
    pub ssh_password_ref: Option<SecretValueRef>,
    /// Ours: the password that sudo asks for.
    pub sudo_password_ref: Option<SecretValueRef>,
}
