//! How the machines of a control plane come to a new version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the machines of a control plane come to a new version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UpdateStrategy {
    /// k0s is exchanged on the machines.
    InPlace,
    /// A new machine is made before an old one is deleted.
    Recreate,
    /// An old machine is deleted before a new one is made, where there are three or more.
    RecreateDeleteFirst,
}
