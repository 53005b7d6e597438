//! RemoteMachine v1beta1, deprecated: the clean-up commands have another name.

use serde::{Deserialize, Serialize};

use super::{JumpHost, ProvisionJob, SecretKeyRef, SecretValueRef, is_false, port, user, working_dir};

/// How the machine is reached, and how bootstrap data is applied there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoteMachineSpec {
    /// The pool that a PooledRemoteMachine is claimed from; it then gives all that says how the machine is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Set once the machine is provisioned: `remote-machine://<address>:<port>`. If its author sets it, provisioning is skipped.
    #[serde(default, rename = "providerID", skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// IP address or DNS name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// TCP port of the SSH server.
    #[serde(default = "port")]
    pub port: u16,
    /// User to log in as.
    #[serde(default = "user")]
    pub user: String,
    /// Whether steps run as root by sudo.
    #[serde(default, skip_serializing_if = "is_false")]
    pub use_sudo: bool,
    /// Whether all commands run as one script, `<workingDir>/k0s_install.sh`, with `set -e`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub commands_as_script: bool,
    /// Folder of that script.
    #[serde(default = "working_dir")]
    pub working_dir: String,
    /// Commands that clean the machine when it is given back; they replace the built-in clean-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_clean_up_commands: Option<Vec<String>>,
    /// The SSH private key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_key_ref: Option<SecretKeyRef>,
    /// Provisioning by a Job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provision_job: Option<ProvisionJob>,
    /// Ours: the machine proves itself with one of these keys and no other. Each is a public key (`ssh-ed25519 AAAA...`) or a
    /// fingerprint (`SHA256:...`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_keys: Option<Vec<String>>,
    /// Ours: or with a host certificate by one of these authorities, given as public keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_certificate_authorities: Option<Vec<String>>,
    /// Ours: the SSH servers on the way to the machine, the first one reached first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump_hosts: Option<Vec<JumpHost>>,
    /// Ours: an OpenSSH certificate for the private key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_certificate_ref: Option<SecretValueRef>,
    /// Ours: the user's password, for machines that take no keys or ask for more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_password_ref: Option<SecretValueRef>,
    /// Ours: the password that sudo asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sudo_password_ref: Option<SecretValueRef>,
}

impl From<RemoteMachineSpec> for super::v1beta2::RemoteMachineSpec {
    fn from(spec: RemoteMachineSpec) -> Self {
        let RemoteMachineSpec {
            pool,
            provider_id,
            address,
            port,
            user,
            use_sudo,
            commands_as_script,
            working_dir,
            custom_clean_up_commands,
            ssh_key_ref,
            provision_job,
            host_keys,
            host_certificate_authorities,
            jump_hosts,
            ssh_certificate_ref,
            ssh_password_ref,
            sudo_password_ref,
        } = spec;
        Self {
            pool,
            provider_id,
            address,
            port,
            user,
            use_sudo,
            commands_as_script,
            working_dir,
            clean_up_commands: custom_clean_up_commands,
            ssh_key_ref,
            provision_job,
            host_keys,
            host_certificate_authorities,
            jump_hosts,
            ssh_certificate_ref,
            ssh_password_ref,
            sudo_password_ref,
        }
    }
}
