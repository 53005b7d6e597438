//! Reaching a control plane that cannot be reached from the management cluster.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::schema::Int32;

/// A tunnel from the control plane's machines to the management cluster.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tunneling {
    /// Whether there is one.
    #[schemars(extend("default" = false))]
    pub enabled: Option<bool>,
    /// How the API server is reached through it.
    #[schemars(extend("default" = "tunnel"))]
    pub mode: Option<TunnelingMode>,
    /// Where the machines reach the tunnel's server; a node of the management cluster if nothing is given.
    pub server_address: Option<String>,
    /// The node port of the tunnel's server.
    #[schemars(with = "Option<Int32>", extend("default" = 31700))]
    pub server_node_port: Option<i32>,
    /// The node port of the API server behind the tunnel.
    #[schemars(with = "Option<Int32>", extend("default" = 31443))]
    pub tunneling_node_port: Option<i32>,
}

/// How an API server is reached through a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TunnelingMode {
    /// A kubeconfig that names the tunnel.
    Tunnel,
    /// A kubeconfig that names the tunnel as its proxy.
    Proxy,
}
