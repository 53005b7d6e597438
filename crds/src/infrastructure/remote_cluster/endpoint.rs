//! Where a cluster's API server is reached.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::schema::Int32;

/// Where the cluster's API server is reached. No load balancer is made for it.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("minProperties" = 1))]
pub struct ApiEndpoint {
    /// DNS name or IP address.
    #[schemars(length(min = 1, max = 512))]
    pub host: Option<String>,
    /// TCP port.
    #[schemars(with = "Option<Int32>", extend("minimum" = 1, "maximum" = 65535))]
    pub port: Option<i32>,
}
