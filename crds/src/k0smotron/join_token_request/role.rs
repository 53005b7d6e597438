//! What joins with a token.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What joins with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A worker.
    Worker,
    /// A controller.
    Controller,
}
