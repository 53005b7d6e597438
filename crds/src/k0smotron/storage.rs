//! What a hosted control plane keeps its objects in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::etcd::{Etcd, VolumePersistence};

/// What the API server keeps its objects in.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// etcd.
    #[schemars(extend("default" = {"image": "quay.io/k0sproject/etcd:v3.7.1", "persistence": {}}))]
    pub etcd: Option<Etcd>,
    /// kine, over a database of one's own.
    pub kine: Option<Kine>,
    /// NATS JetStream.
    pub nats: Option<Nats>,
    /// Which of them.
    #[serde(rename = "type")]
    #[schemars(extend("default" = "etcd"))]
    pub kind: Option<StorageType>,
}

/// What the API server may keep its objects in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StorageType {
    /// etcd.
    Etcd,
    /// kine.
    Kine,
    /// NATS JetStream.
    Nats,
}

/// The database of kine.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kine {
    /// A Secret whose key `K0SMOTRON_KINE_DATASOURCE_URL` says where it is.
    pub data_source_secret_name: Option<String>,
    /// Where it is, in clear.
    #[serde(rename = "dataSourceURL")]
    pub data_source_url: Option<String>,
}

/// An embedded NATS JetStream.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Nats {
    /// Where its data is.
    pub persistence: Option<VolumePersistence>,
}
