//! How a hosted control plane is reached.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::schema::Integer;

/// The Service of the control plane, in v1beta2.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSpec {
    /// The port of the API server.
    #[schemars(with = "Option<Integer>", extend("default" = 30443))]
    pub api_port: Option<i64>,
    /// The port of konnectivity.
    #[schemars(with = "Option<Integer>", extend("default" = 30132))]
    pub konnectivity_port: Option<i64>,
    /// The type of the Service.
    #[serde(rename = "type")]
    #[schemars(required, extend("default" = "ClusterIP"))]
    pub kind: Option<ServiceType>,
}

/// The Service of the control plane, in v1beta1.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSpecV1Beta1 {
    /// What the versions have in common.
    #[serde(flatten)]
    pub common: ServiceSpec,
    /// Annotations of the Service.
    pub annotations: Option<BTreeMap<String, String>>,
    /// Whether the addresses of clients are kept.
    pub external_traffic_policy: Option<ExternalTrafficPolicy>,
    /// Labels of the Service.
    pub labels: Option<BTreeMap<String, String>>,
    /// The class of the load balancer.
    pub load_balancer_class: Option<String>,
}

/// Types of Services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ServiceType {
    /// Within the cluster only.
    #[serde(rename = "ClusterIP")]
    ClusterIp,
    /// At a port of each node.
    NodePort,
    /// At a load balancer.
    LoadBalancer,
}

/// Where traffic from outside is taken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ExternalTrafficPolicy {
    /// To any pod.
    Cluster,
    /// To pods of the node that it comes to.
    Local,
}
