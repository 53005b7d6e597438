//! What a claim is to do.

use crate::{Claim, Named, State};

/// What a claim is to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClaimAction {
    /// Wait: for an entry, or for what its entry goes through.
    Wait,
    /// Have the host provisioned, or kept so. See [`may_provision`].
    Provision,
    /// Name no entry any more: the named one is not this claim's, and nothing of the claim has run on it. Another may be assigned. To be
    /// decided again with the entry's state as the store itself has it, before it is done.
    Unname,
    /// Its host is another's now, or its entry was taken away, after the claim had run there. A person must look; no other host is taken.
    Lost,
    /// Its entry is no more: clean the host as if there had never been one.
    CleanAlone,
    /// Let the claim be deleted.
    LetGo,
}

/// What a claim is to do, from itself and the state of the entry that it names; `None` if there is no such entry, which the store
/// itself must have said.
pub fn claim_next(claim: &Claim, entry: Option<&State>) -> ClaimAction {
    match (&claim.named, entry) {
        (None, _) if claim.deleting => ClaimAction::LetGo,
        (None, _) => ClaimAction::Wait,
        (Some(_), None) => match (claim.deleting, claim.begun) {
            (true, true) => ClaimAction::CleanAlone,
            (true, false) => ClaimAction::LetGo,
            (false, true) => ClaimAction::Lost,
            (false, false) => ClaimAction::Unname,
        },
        (Some(named), Some(state)) => with_entry(claim, named, state),
    }
}

fn with_entry(claim: &Claim, named: &Named, state: &State) -> ClaimAction {
    let holder = state.holder() == Some(&claim.id);
    match state {
        // Its state was lost; naming it brings that back.
        State::Free(_) => ClaimAction::Wait,
        State::Reserved { .. } | State::Releasing { .. } | State::Cleaning { .. } if holder => ClaimAction::Wait,
        State::Bound { at, .. } if holder && !claim.deleting && *at == named.at => ClaimAction::Provision,
        State::Bound { .. } if holder => ClaimAction::Wait,
        // What is left to do is the entry's: deletion does not wait for a host that does not answer.
        State::Verified { .. } | State::Quarantined { .. } if holder && claim.deleting => ClaimAction::LetGo,
        State::Verified { .. } | State::Quarantined { .. } if holder => ClaimAction::Wait,
        State::Reserved { .. }
        | State::Bound { .. }
        | State::Releasing { .. }
        | State::Cleaning { .. }
        | State::Verified { .. }
        | State::Quarantined { .. } => match (claim.deleting, claim.begun) {
            (true, _) => ClaimAction::LetGo,
            (false, true) => ClaimAction::Lost,
            (false, false) => ClaimAction::Unname,
        },
    }
}

/// Whether a claim may run on its entry's host. To be asked with a claim and a state that were read from the store itself, just before
/// the host is touched: that the claim has begun was written before, and may have been taken back since.
pub fn may_provision(claim: &Claim, entry: &State) -> bool {
    claim.begun && claim_next(claim, Some(entry)) == ClaimAction::Provision
}
