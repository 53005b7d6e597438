//! RemoteMachine v1beta1, the deprecated version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{DEFINITION, JumpHost, ProvisionJob, rules};
use crate::definition::{Definition, Version};
use crate::object::{Object, Spec};
use crate::schema::Integer;
use crate::shared::{MachineAddress, SecretKeyRef, SecretValueRef};

/// A machine that is reached by SSH.
pub type RemoteMachine = Object<RemoteMachineSpec>;

impl Spec for RemoteMachineSpec {
    type Status = RemoteMachineStatus;
    const DEFINITION: &'static Definition = &DEFINITION;
    const VERSION: Version = Version::V1Beta1;
}

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
    pub ssh_key_ref: Option<SecretKeyRef>,
    /// Provisioning by a Job.
    pub provision_job: Option<ProvisionJob>,
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

/// What was observed of the machine.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemoteMachineStatus {
    /// Whether the machine is provisioned.
    pub ready: Option<bool>,
    /// Where the machine can be reached.
    pub addresses: Option<Vec<MachineAddress>>,
    /// Why provisioning failed, in one word.
    pub failure_reason: Option<String>,
    /// Why provisioning failed.
    pub failure_message: Option<String>,
}
