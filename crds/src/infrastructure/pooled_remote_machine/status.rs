//! The status of a PooledRemoteMachine, the same in both versions.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_with::skip_serializing_none;

use crate::infrastructure::RememberedHost;
use crate::schema::{Int32, Quantities, Unstructured};
use crate::shared::{ConditionList, Conditions, NodeInfo};

// What is an enumeration to the API server is text here: a newer release may have added words to it, and an entry with such a word must
// be read as one that is not understood, not as none.
/// Who has the entry, and what becomes of it.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PooledRemoteMachineStatus {
    /// Whether a RemoteMachine has the entry, or it is not proven clean yet: false of a free one only.
    pub reserved: bool,
    /// The RemoteMachine that has it, or whose traces are on it; of empty names if there is none.
    pub machine_ref: MachineRef,
    /// Ours: what the entry is in. Without it, `reserved` and `machineRef` say it all.
    #[schemars(extend("enum" = ["Free", "Reserved", "Bound", "Releasing", "Cleaning", "Verified", "Quarantined"]))]
    pub state: Option<String>,
    /// Ours: since when the entry is in that state.
    pub since: Option<Time>,
    /// Ours: address and port of the machine that the RemoteMachine has, or that its traces are on. It stays, where the entry is
    /// edited, until the machine is given back.
    #[schemars(length(min = 1))]
    pub host: Option<String>,
    /// Ours: why the machine is taken to be clean (of a reserved one: was, before): it was cleaned and proven clean, a person said
    /// so, or it is new.
    #[schemars(extend("enum" = ["Proven", "Accepted", "Untested"]))]
    pub verification: Option<String>,
    /// Ours: which attempt to clean the machine this is, or was the last; the first is 1.
    #[schemars(with = "Option<Int32>", extend("minimum" = 0))]
    pub attempt: Option<u32>,
    /// Ours: why no RemoteMachine gets the entry.
    pub quarantine: Option<Quarantine>,
    /// Ours: when the machine last answered.
    pub last_reached_time: Option<Time>,
    /// Ours: what the machine and the jump hosts on the way proved themselves with, where the spec does not say what they must.
    pub remembered_hosts: Option<Vec<RememberedHost>>,
    /// Ours: what the machine said that it has, when it was last provisioned: `cpu`, `memory`, and as `ephemeral-storage` the file
    /// system of `/var`.
    #[schemars(with = "Option<Quantities>")]
    pub capacity: Option<BTreeMap<String, Value>>,
    /// Ours: what kind of machine it said that it is.
    pub node_info: Option<NodeInfo>,
    /// Ours: how the RemoteMachine that has it is provisioned, where that is by a Job: by such a one the machine is cleaned.
    pub provision_job: Option<Unstructured>,
    /// Ours: what is so, since when, and why.
    #[schemars(with = "Option<ConditionList>")]
    pub conditions: Option<Conditions>,
}

/// A RemoteMachine.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MachineRef {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Ours: its UID. One that was made again under the same name is another.
    pub uid: Option<String>,
}

/// Why no RemoteMachine gets an entry. Ours.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quarantine {
    /// What keeps it here: something was left after it was cleaned, it did not answer, it carries a run of another owner, or cleaning
    /// it failed.
    #[schemars(extend("enum" = ["Leftovers", "Unreachable", "Foreign", "Failed"]))]
    pub reason: String,
    /// What was said; of a foreign run, its owner.
    pub message: Option<String>,
    /// What was left.
    pub leftovers: Option<Vec<String>>,
    /// When it is tried again by itself; never, if nothing is given.
    pub retry_at: Option<Time>,
}
