//! What a machine proved itself with when it was first met.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The host keys by which a machine was known when it was first met; it must show one of them from then on. Ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RememberedHost {
    /// Address and port where it was met. A machine elsewhere is another.
    pub host: String,
    /// Its host keys, each a public key or a fingerprint as in `hostKeys`. To accept another, remove these.
    pub keys: Vec<String>,
}
