//! Who wants a machine.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::{Endpoint, EntryId, Pool, Selector};

/// Names a claim for good: its UID. A claim made again under the same name is another claim.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClaimId(Arc<str>);

impl ClaimId {
    /// The claim with this UID.
    pub fn new(uid: &str) -> Self {
        Self(uid.into())
    }

    /// The UID.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClaimId {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

/// A claim as it was seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Which one.
    pub id: ClaimId,
    /// The pool that it wants an entry of.
    pub pool: Pool,
    /// What the entry's labels must be.
    pub selector: Selector,
    /// The failure domain that the entry must be in, if any.
    pub failure_domain: Option<String>,
    /// Whose machines are spread over the failure domains together, such as a cluster's or a MachineDeployment's.
    pub group: String,
    /// When it was made: first come, first served.
    pub created: SystemTime,
    /// The entry that the claim names as its own.
    pub named: Option<Named>,
    /// Whether something of the claim may be on the host. It is written before the host is touched, and taken back once it is certain
    /// that the host has taken nothing: it could not be reached, or refused.
    pub begun: bool,
    /// Whether it is being deleted.
    pub deleting: bool,
}

/// What a claim says of its entry.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Named {
    /// Which entry.
    pub entry: EntryId,
    /// Which host that is.
    pub at: Endpoint,
}
