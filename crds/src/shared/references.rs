//! References to other objects.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the SSH private key is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretKeyRef {
    /// A Secret in the object's namespace; its key `value` holds the private key. Ours, and optional: `passphrase` of that key,
    /// `certificate` for it, `password` of the user, and `sudoPassword`.
    pub name: String,
}

/// Where something is that is kept apart from the private key, because somebody else makes or renews it. Ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretValueRef {
    /// A Secret in the object's namespace; its key `value` holds it.
    pub name: String,
}
