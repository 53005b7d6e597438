//! What an entry is in.

use std::time::SystemTime;

use crate::{ClaimId, Endpoint};

/// Why a host is taken to be clean.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Verification {
    /// It was cleaned and proven clean.
    Proven,
    /// A person said so.
    Accepted,
    /// It is new here, and nothing is known. Its first run is refused by the host itself if another owner's is on it.
    Untested,
}

/// The state of an entry: the one authority on who has the host.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum State {
    /// For any claim to have.
    Free(Verification),
    /// A claim is to have it, and has not yet named it. Nothing has run on the host.
    Reserved {
        /// Who.
        claim: ClaimId,
        /// What it was as a free entry, which it is again if the claim goes first.
        before: Verification,
    },
    /// A claim has it, and may provision the host.
    Bound {
        /// Who.
        claim: ClaimId,
        /// Which host: what the entry said when the claim got it. An entry that is edited afterwards does not move what runs.
        at: Endpoint,
    },
    /// The claim goes: what it is running on the host is being stopped.
    Releasing {
        /// Whose it was.
        claim: ClaimId,
        /// Which host.
        at: Endpoint,
    },
    /// The host is being cleaned and then looked at.
    Cleaning {
        /// Whose it was; of nobody here if another owner's run was found on it, and then it is only looked at.
        claim: Option<ClaimId>,
        /// Which host.
        at: Endpoint,
        /// The first is 1.
        attempt: u32,
    },
    /// Taken to be clean; the claim that had it has not yet let go.
    Verified {
        /// Whose it was.
        claim: Option<ClaimId>,
        /// Which host.
        at: Endpoint,
        /// Why it is taken to be clean.
        by: Verification,
    },
    /// Not proven clean. No claim gets it.
    Quarantined {
        /// Whose it was.
        claim: Option<ClaimId>,
        /// Which host.
        at: Endpoint,
        /// How often it was tried to clean it.
        attempt: u32,
        /// What keeps it here.
        reason: Reason,
        /// When it is tried again by itself; never once a person has given up on it.
        retry_at: Option<SystemTime>,
    },
}

/// What keeps an entry from being used.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reason {
    /// These were left on the host after it was cleaned.
    Leftovers(Vec<String>),
    /// The host did not answer.
    Unreachable(String),
    /// The host carries a run of another owner, of this name.
    Foreign(String),
    /// Cleaning it failed for another reason.
    Failed(String),
}

impl State {
    /// The claim that has the host, or whose traces are still on it.
    pub fn holder(&self) -> Option<&ClaimId> {
        match self {
            State::Free(_) => None,
            State::Reserved { claim, .. } | State::Bound { claim, .. } | State::Releasing { claim, .. } => Some(claim),
            State::Cleaning { claim, .. } | State::Verified { claim, .. } | State::Quarantined { claim, .. } => claim.as_ref(),
        }
    }

    /// The host that a claim has, or whose traces are on it.
    pub fn at(&self) -> Option<&Endpoint> {
        match self {
            State::Free(_) | State::Reserved { .. } => None,
            State::Bound { at, .. }
            | State::Releasing { at, .. }
            | State::Cleaning { at, .. }
            | State::Verified { at, .. }
            | State::Quarantined { at, .. } => Some(at),
        }
    }

    /// The state's name, as it is shown to people.
    pub fn name(&self) -> &'static str {
        match self {
            State::Free(_) => "Free",
            State::Reserved { .. } => "Reserved",
            State::Bound { .. } => "Bound",
            State::Releasing { .. } => "Releasing",
            State::Cleaning { .. } => "Cleaning",
            State::Verified { .. } => "Verified",
            State::Quarantined { .. } => "Quarantined",
        }
    }
}
