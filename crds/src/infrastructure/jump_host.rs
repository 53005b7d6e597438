//! SSH servers on the way to a machine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::rules;
use crate::schema::Integer;
use crate::shared::SecretKeyRef;

/// An SSH server on the way to a machine. Ours.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JumpHost {
    /// IP address or DNS name, as the jump host before this one sees it.
    pub address: String,
    /// TCP port of its SSH server.
    #[schemars(with = "Option<Integer>", extend("default" = 22, "x-kubernetes-validations" = rules::PORT))]
    pub port: Option<u16>,
    /// User to log in as.
    #[schemars(extend("default" = "root"))]
    pub user: Option<String>,
    /// The SSH private key, in a Secret with the same keys as the machine's own.
    pub ssh_key_ref: Option<SecretKeyRef>,
    /// As the machine's `hostKeys`.
    pub host_keys: Option<Vec<String>>,
    /// As the machine's `hostCertificateAuthorities`.
    pub host_certificate_authorities: Option<Vec<String>>,
}

impl JumpHost {
    /// TCP port of its SSH server: 22 where nothing is given.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(22)
    }

    /// User to log in as: root where nothing is given.
    pub fn user(&self) -> &str {
        self.user.as_deref().unwrap_or("root")
    }
}
