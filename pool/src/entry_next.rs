//! What becomes of an entry.

use std::time::SystemTime;

use crate::{ClaimId, Endpoint, EntryId, Named, Reason, Retry, State, Verification};

/// All that was seen of an entry's surroundings. It may be old: a decision on it is written by compare-and-swap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Observed {
    /// Where the entry says that its host is.
    pub endpoint: Endpoint,
    /// Whether the entry is being deleted.
    pub deleting: bool,
    /// The claim that the state speaks of; [`ClaimSeen::Missing`] also where it speaks of none.
    pub claim: ClaimSeen,
    /// A claim that names this entry as its own and has not let go of it, and the host that it has.
    pub named_by: Option<(ClaimId, Endpoint)>,
    /// What is being done on the host by this process, or how that ended.
    pub work: Work,
    /// What a person asked for.
    pub orders: Orders,
}

/// What was seen of the claim.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClaimSeen {
    /// The cache does not have it, which proves nothing: it may be newer than the cache.
    Missing,
    /// The store itself was asked and does not have it. No claim of this id will ever be seen again.
    Gone,
    /// It is there.
    There {
        /// What it names as its entry.
        names: Names,
        /// Whether it is being deleted.
        deleting: bool,
        /// Whether it waits for this entry before it goes (it still has our finalizer).
        holds: bool,
        /// Whether something of it may be on the host; see [`crate::Claim::begun`].
        begun: bool,
        /// Whether the store itself said so just now, and not a cache.
        confirmed: bool,
    },
}

/// What a claim names as its entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Names {
    /// Nothing yet.
    Nothing,
    /// This entry, with its host where it was when the claim was told.
    This(Endpoint),
    /// Another entry.
    Other,
}

impl Names {
    /// What a claim's `named` says of this entry.
    pub fn of(named: Option<&Named>, entry: &EntryId) -> Self {
        match named {
            None => Self::Nothing,
            Some(named) if named.entry == *entry => Self::This(named.at.clone()),
            Some(_) => Self::Other,
        }
    }
}

/// What is done on the host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Work {
    /// Nothing, as far as this process knows.
    None,
    /// It is being provisioned.
    Provisioning,
    /// The host refused to be provisioned: it carries a run of the owner of this name.
    Refused(String),
    /// It is being cleaned.
    Cleaning,
    /// A cleaning ended.
    Cleaned {
        /// The attempt that ended.
        attempt: u32,
        /// How.
        outcome: Outcome,
    },
}

/// How a cleaning ended.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// The host is proven clean.
    Clean,
    /// It is not, for this reason.
    Unclean(Reason),
}

/// What a person asked for, by annotations.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Orders {
    /// Try again now.
    pub retry: bool,
    /// Take the host to be clean as it is.
    pub accept: bool,
    /// Do not try again.
    pub give_up: bool,
}

/// What to do about an entry. A state that differs is written first; the action is for when it has been written, or was so already.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// The state from here on.
    pub state: State,
    /// What else to do.
    pub action: Option<Action>,
    /// When to look again, if nothing is seen before.
    pub wake_at: Option<SystemTime>,
}

/// Something to do besides writing the state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Ask the store itself for this claim, and decide again at once.
    Confirm(ClaimId),
    /// Name this entry and its host in the claim, unless the claim has changed since it was seen.
    Name {
        /// In which claim.
        claim: ClaimId,
        /// Which host.
        at: Endpoint,
    },
    /// Stop what is being provisioned.
    Stop,
    /// Clean the host of what this owner left there, and look; without an owner, only look. See [`may_clean`].
    Clean {
        /// Whose traces.
        owner: Option<ClaimId>,
        /// Which host.
        at: Endpoint,
        /// Which attempt this is.
        attempt: u32,
    },
    /// Let the entry be deleted.
    LetGo,
}

impl From<State> for Decision {
    fn from(state: State) -> Self {
        Self {
            state,
            action: None,
            wake_at: None,
        }
    }
}

impl Decision {
    fn stay(state: &State, action: Action) -> Self {
        Self {
            state: state.clone(),
            action: Some(action),
            wake_at: None,
        }
    }

    fn name(state: &State, claim: &ClaimId, at: &Endpoint) -> Self {
        let (claim, at) = (claim.clone(), at.clone());
        Self::stay(state, Action::Name { claim, at })
    }
}

/// What becomes of an entry in this state, from what was seen. Total, and without memory: called again with the same, it says the same.
pub fn entry_next(state: &State, seen: &Observed, now: SystemTime, retry: &Retry) -> Decision {
    match state {
        State::Free(_) => free(state, seen),
        State::Reserved { claim, before } => reserved(state, claim, *before, seen),
        State::Bound { claim, at } => bound(state, claim, at, seen, now, retry),
        State::Releasing { claim, at } => match seen.work {
            Work::Provisioning => Decision::stay(state, Action::Stop),
            Work::None | Work::Refused(_) | Work::Cleaning | Work::Cleaned { .. } => cleaning(Some(claim.clone()), at.clone(), 1),
        },
        State::Cleaning { claim, at, attempt } => match &seen.work {
            Work::Provisioning => Decision::stay(state, Action::Stop),
            Work::Cleaning => state.clone().into(),
            Work::Cleaned { attempt: ended, outcome } if ended == attempt => match outcome {
                Outcome::Clean => State::Verified {
                    claim: claim.clone(),
                    at: at.clone(),
                    by: Verification::Proven,
                }
                .into(),
                Outcome::Unclean(reason) => State::Quarantined {
                    claim: claim.clone(),
                    at: at.clone(),
                    attempt: *attempt,
                    reason: reason.clone(),
                    retry_at: retry.after(*attempt, now),
                }
                .into(),
            },
            Work::None | Work::Refused(_) | Work::Cleaned { .. } => cleaning(claim.clone(), at.clone(), *attempt),
        },
        State::Verified { claim, at, by } => verified(state, claim.as_ref(), at, *by, seen),
        State::Quarantined { .. } => quarantined(state.clone(), seen, now),
    }
}

/// A claim that names a free entry had it before the entry's state was lost, and its run may be on the host.
fn free(state: &State, seen: &Observed) -> Decision {
    match &seen.named_by {
        Some((claim, at)) => State::Bound {
            claim: claim.clone(),
            at: at.clone(),
        }
        .into(),
        None if seen.deleting => Decision::stay(state, Action::LetGo),
        None => state.clone().into(),
    }
}

fn reserved(state: &State, claim: &ClaimId, before: Verification, seen: &Observed) -> Decision {
    match &seen.claim {
        ClaimSeen::Missing => Decision::stay(state, Action::Confirm(claim.clone())),
        // From here on the claim may provision the host, so that it is given back only through cleaning.
        ClaimSeen::There {
            names: Names::This(at), ..
        } => State::Bound {
            claim: claim.clone(),
            at: at.clone(),
        }
        .into(),
        ClaimSeen::There {
            names: Names::Nothing,
            deleting: false,
            ..
        } => Decision::name(state, claim, &seen.endpoint),
        // A claim that is gone, is going or has named another entry has not run anything here: only a bound entry is provisioned.
        ClaimSeen::Gone
        | ClaimSeen::There {
            names: Names::Nothing | Names::Other,
            ..
        } => State::Free(before).into(),
    }
}

fn bound(state: &State, claim: &ClaimId, at: &Endpoint, seen: &Observed, now: SystemTime, retry: &Retry) -> Decision {
    let (names, begun, confirmed) = match &seen.claim {
        ClaimSeen::Missing => return Decision::stay(state, Action::Confirm(claim.clone())),
        ClaimSeen::Gone | ClaimSeen::There { deleting: true, .. } => {
            return State::Releasing {
                claim: claim.clone(),
                at: at.clone(),
            }
            .into();
        }
        ClaimSeen::There {
            names,
            begun,
            confirmed,
            deleting: false,
            ..
        } => (names, *begun, *confirmed),
    };
    if let Work::Refused(owner) = &seen.work {
        return State::Quarantined {
            claim: None,
            at: at.clone(),
            attempt: 1,
            reason: Reason::Foreign(owner.clone()),
            retry_at: retry.after(1, now),
        }
        .into();
    }
    // A wrong address is mended by editing the entry, as long as nothing runs at the old one. The claim is told first, by a write that
    // fails if it has begun meanwhile; told of another host than the entry's state speaks of, it does not begin. Then the entry follows.
    match names {
        Names::Nothing => Decision::name(state, claim, if begun { at } else { &seen.endpoint }),
        Names::This(told) if !begun && *told != seen.endpoint => Decision::name(state, claim, &seen.endpoint),
        Names::This(told) if told != at => State::Bound {
            claim: claim.clone(),
            at: told.clone(),
        }
        .into(),
        Names::This(_) => state.clone().into(),
        Names::Other if !confirmed => Decision::stay(state, Action::Confirm(claim.clone())),
        // Two writers gave the claim two entries, and it took the other. Or a person made it name another while it runs here: so the
        // host is only looked at, and nothing is cleaned under it.
        Names::Other => cleaning(None, at.clone(), 1),
    }
}

fn cleaning(claim: Option<ClaimId>, at: Endpoint, attempt: u32) -> Decision {
    Decision {
        action: Some(Action::Clean {
            owner: claim.clone(),
            at: at.clone(),
            attempt,
        }),
        state: State::Cleaning { claim, at, attempt },
        wake_at: None,
    }
}

fn verified(state: &State, claim: Option<&ClaimId>, at: &Endpoint, by: Verification, seen: &Observed) -> Decision {
    match (claim, &seen.claim) {
        (Some(claim), ClaimSeen::Missing) => Decision::stay(state, Action::Confirm(claim.clone())),
        (
            Some(_),
            ClaimSeen::There {
                names: Names::This(_),
                holds: true,
                ..
            },
        ) => state.clone().into(),
        (None, _) | (Some(_), ClaimSeen::Gone | ClaimSeen::There { .. }) => {
            // Of a host that the entry did not speak of at the time nothing is known.
            let same = *at == seen.endpoint;
            State::Free(if same { by } else { Verification::Untested }).into()
        }
    }
}

fn quarantined(state: State, seen: &Observed, now: SystemTime) -> Decision {
    let State::Quarantined {
        claim,
        at,
        attempt,
        reason,
        retry_at,
    } = state
    else {
        return state.into();
    };
    let due = retry_at.is_some_and(|at| at <= now);
    if seen.deleting {
        // Who takes the machine out of the pool takes its state with it.
        let state = State::Quarantined {
            claim,
            at,
            attempt,
            reason,
            retry_at,
        };
        Decision::stay(&state, Action::LetGo)
    } else if seen.orders.accept {
        let by = Verification::Accepted;
        State::Verified { claim, at, by }.into()
    } else if seen.orders.retry || (due && !seen.orders.give_up) {
        cleaning(claim, at, attempt.saturating_add(1))
    } else {
        let retry_at = retry_at.filter(|_| !seen.orders.give_up);
        Decision {
            state: State::Quarantined {
                claim,
                at,
                attempt,
                reason,
                retry_at,
            },
            action: None,
            wake_at: retry_at,
        }
    }
}

/// Whether a host may be cleaned. To be asked with a state that was read from the store itself, just before the host is touched: an old
/// picture must not clean a host that has gone on to another claim.
pub fn may_clean(state: &State, owner: Option<&ClaimId>, attempt: u32) -> bool {
    match state {
        State::Cleaning {
            claim, attempt: current, ..
        } => claim.as_ref() == owner && *current == attempt,
        State::Free(_)
        | State::Reserved { .. }
        | State::Bound { .. }
        | State::Releasing { .. }
        | State::Verified { .. }
        | State::Quarantined { .. } => false,
    }
}
