//! Certificates that are brought along.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// A Secret with a certificate and its key.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateRef {
    /// The Secret; made if nothing is given.
    pub name: Option<String>,
    /// What the certificate is for.
    #[serde(rename = "type")]
    pub kind: CertificateType,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateType {
    /// The cluster's CA.
    Ca,
    /// The keys that service account tokens are signed with.
    Sa,
    /// The CA of the front proxy.
    Proxy,
    /// The CA of etcd.
    Etcd,
    /// The API server as a client of etcd.
    ApiserverEtcdClient,
    /// A member of etcd among its peers.
    EtcdPeer,
    /// A member of etcd as a server.
    EtcdServer,
}
