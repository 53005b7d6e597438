//! Addresses of a machine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An address of a machine, as Cluster API has it.
/// Source: <https://cluster-api.sigs.k8s.io/developer/providers/contracts/infra-machine#inframachine-addresses>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MachineAddress {
    /// `Hostname`, `ExternalIP`, `InternalIP`, `ExternalDNS` or `InternalDNS`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The address.
    pub address: String,
}
