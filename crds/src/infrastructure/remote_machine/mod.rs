//! RemoteMachine: a machine with an SSH server, which becomes a Kubernetes node.

pub mod v1beta1;
pub mod v1beta2;

use serde::{Deserialize, Serialize};

/// Where the SSH private key is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretKeyRef {
    /// A Secret in the RemoteMachine's namespace; its key `value` holds the private key. Ours, and optional: `passphrase` of that
    /// key, `certificate` for it, `password` of the user, and `sudoPassword`.
    pub name: String,
}

/// Where something is that is kept apart from the private key, because somebody else makes or renews it. Ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretValueRef {
    /// A Secret in the RemoteMachine's namespace; its key `value` holds it.
    pub name: String,
}

/// An SSH server on the way to a machine. Ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JumpHost {
    /// IP address or DNS name, as the jump host before this one sees it.
    pub address: String,
    /// TCP port of its SSH server.
    #[serde(default = "port")]
    pub port: u16,
    /// User to log in as.
    #[serde(default = "user")]
    pub user: String,
    /// The SSH private key, in a Secret with the same keys as the machine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_key_ref: Option<SecretKeyRef>,
    /// As the machine's `hostKeys`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_keys: Option<Vec<String>>,
    /// As the machine's `hostCertificateAuthorities`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_certificate_authorities: Option<Vec<String>>,
}

/// Provisioning by a Kubernetes Job instead of from the controller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionJob {
    /// What stands for `ssh` in the job's script.
    #[serde(default = "ssh_command")]
    pub ssh_command: String,
    /// What stands for `scp` in the job's script.
    #[serde(default = "scp_command")]
    pub scp_command: String,
    /// A batch/v1 JobTemplateSpec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_spec_template: Option<serde_json::Value>,
}

fn ssh_command() -> String {
    "ssh".to_owned()
}

fn scp_command() -> String {
    "scp".to_owned()
}

fn port() -> u16 {
    22
}

fn user() -> String {
    "root".to_owned()
}

fn working_dir() -> String {
    "/etc/k0smotron".to_owned()
}

fn is_false(value: &bool) -> bool {
    !value
}
