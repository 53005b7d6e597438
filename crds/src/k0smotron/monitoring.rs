//! Metrics of a hosted control plane.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// A Prometheus beside the control plane.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Monitoring {
    /// Whether there is one.
    pub enabled: bool,
    /// The image of Prometheus.
    #[schemars(required, extend("default" = "quay.io/k0sproject/prometheus:v2.44.0"))]
    pub prometheus_image: Option<String>,
    /// The image of the proxy before it.
    #[schemars(required, extend("default" = "nginx:1.19.10"))]
    pub proxy_image: Option<String>,
}
