//! Reaching a hosted control plane by host name.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::schema::Int64;

/// An Ingress that passes TLS through.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ingress {
    /// Annotations of the Ingress.
    pub annotations: Option<BTreeMap<String, String>>,
    /// The host name of the API server.
    pub api_host: String,
    /// The IngressClass.
    pub class_name: Option<String>,
    /// Whether the Ingress is made; true if nothing is given.
    pub deploy: Option<bool>,
    /// The host name of konnectivity.
    pub konnectivity_host: String,
    /// The port that the ingress controller listens on.
    #[schemars(with = "Option<Int64>", extend("default" = 443))]
    pub port: Option<i64>,
}
