//! How long things on a machine may take.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::schema::Int32;

/// How long things may take, each in seconds, up to 30 days. Ours.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("minProperties" = 1))]
#[serde(rename_all = "camelCase")]
pub struct Timeouts {
    /// Name resolution and the TCP connection; 10 if nothing is given.
    #[schemars(with = "Option<Int32>", extend("minimum" = 1, "maximum" = 2_592_000))]
    pub connect_seconds: Option<u32>,
    /// One command or file; the machine itself ends it then. 1800 if nothing is given.
    #[schemars(with = "Option<Int32>", extend("minimum" = 1, "maximum" = 2_592_000))]
    pub step_seconds: Option<u32>,
    /// All of the bootstrap data, however often the connection is lost meanwhile; 7200 if nothing is given.
    #[schemars(with = "Option<Int32>", extend("minimum" = 1, "maximum" = 2_592_000))]
    pub run_seconds: Option<u32>,
}
