//! What becomes of an entry, and what a claim is to do, case by case.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod made;

use made::{at, claim};
use pool::{
    Action, Claim, ClaimAction, ClaimId, ClaimSeen, Decision, Endpoint, EntryId, Named, Names, Observed, Orders, Outcome, Reason,
    Retry, State, Verification, Work, claim_next, entry_next, may_clean, may_provision,
};

fn c() -> ClaimId {
    ClaimId::new("c")
}

fn here() -> Endpoint {
    Endpoint::new("here.example.com", 22)
}

fn free() -> State {
    State::Free(Verification::Proven)
}

fn reserved() -> State {
    State::Reserved {
        claim: c(),
        before: Verification::Proven,
    }
}

fn bound() -> State {
    State::Bound { claim: c(), at: here() }
}

fn releasing() -> State {
    State::Releasing { claim: c(), at: here() }
}

fn cleaning(attempt: u32) -> State {
    State::Cleaning {
        claim: Some(c()),
        at: here(),
        attempt,
    }
}

fn verified(by: Verification) -> State {
    State::Verified {
        claim: Some(c()),
        at: here(),
        by,
    }
}

fn unreachable() -> Reason {
    Reason::Unreachable("connection timed out".to_owned())
}

fn quarantined(attempt: u32, retry_at: Option<u64>) -> State {
    State::Quarantined {
        claim: Some(c()),
        at: here(),
        attempt,
        reason: unreachable(),
        retry_at: retry_at.map(at),
    }
}

fn name_it(at: Endpoint) -> Option<Action> {
    Some(Action::Name { claim: c(), at })
}

fn clean(attempt: u32) -> Option<Action> {
    Some(Action::Clean {
        owner: Some(c()),
        at: here(),
        attempt,
    })
}

/// The claim as it is while it has the entry; each case says what is different.
fn there(names: Names) -> ClaimSeen {
    ClaimSeen::There {
        names,
        deleting: false,
        holds: true,
        begun: true,
        confirmed: false,
    }
}

fn going(names: Names) -> ClaimSeen {
    ClaimSeen::There {
        names,
        deleting: true,
        holds: true,
        begun: true,
        confirmed: false,
    }
}

fn seen(claim: ClaimSeen) -> Observed {
    Observed {
        endpoint: here(),
        deleting: false,
        claim,
        named_by: None,
        work: Work::None,
        orders: Orders::default(),
    }
}

fn working(claim: ClaimSeen, work: Work) -> Observed {
    Observed { work, ..seen(claim) }
}

/// One hour after the beginning.
fn next(state: &State, seen: &Observed) -> Decision {
    entry_next(state, seen, at(3600), &Retry::default())
}

#[track_caller]
fn becomes(state: State, seen: Observed, expected: State, action: Option<Action>) {
    let decision = next(&state, &seen);
    assert_eq!((decision.state, decision.action), (expected, action), "{state:?} {seen:?}");
}

#[track_caller]
fn stays(state: State, seen: Observed, action: Option<Action>) {
    becomes(state.clone(), seen, state, action);
}

#[test]
fn a_free_entry() {
    stays(free(), seen(ClaimSeen::Missing), None);
    let mut leaving = seen(ClaimSeen::Missing);
    leaving.deleting = true;
    stays(free(), leaving.clone(), Some(Action::LetGo));
    // Its state was lost: who names it has it.
    let mut named = leaving;
    named.named_by = Some((c(), here()));
    becomes(free(), named, bound(), None);
}

#[test]
fn a_reserved_entry() {
    stays(reserved(), seen(ClaimSeen::Missing), Some(Action::Confirm(c())));
    stays(reserved(), seen(there(Names::Nothing)), name_it(here()));
    becomes(reserved(), seen(there(Names::This(here()))), bound(), None);
    becomes(reserved(), seen(going(Names::This(here()))), bound(), None);
    for never_named in [
        ClaimSeen::Gone,
        going(Names::Nothing),
        there(Names::Other),
        going(Names::Other),
    ] {
        becomes(reserved(), seen(never_named), free(), None);
    }
}

#[test]
fn a_bound_entry() {
    stays(bound(), seen(there(Names::This(here()))), None);
    stays(bound(), seen(ClaimSeen::Missing), Some(Action::Confirm(c())));
    becomes(bound(), seen(ClaimSeen::Gone), releasing(), None);
    becomes(bound(), seen(going(Names::This(here()))), releasing(), None);
    // The claim's note was lost, by a restored backup.
    stays(bound(), seen(there(Names::Nothing)), name_it(here()));
    // The claim has another entry. What may run here is left alone, but the host is looked at.
    stays(bound(), seen(there(Names::Other)), Some(Action::Confirm(c())));
    let mut other = there(Names::Other);
    if let ClaimSeen::There { confirmed, .. } = &mut other {
        *confirmed = true;
    }
    let look = State::Cleaning {
        claim: None,
        at: here(),
        attempt: 1,
    };
    let clean = Action::Clean {
        owner: None,
        at: here(),
        attempt: 1,
    };
    becomes(bound(), seen(other), look, Some(clean));
    // Taking an entry away waits for its claim.
    let mut leaving = seen(there(Names::This(here())));
    leaving.deleting = true;
    stays(bound(), leaving, None);
}

#[test]
fn a_bound_entry_that_is_edited() {
    let there = |begun, names| ClaimSeen::There {
        names,
        deleting: false,
        holds: true,
        begun,
        confirmed: false,
    };
    let elsewhere = Endpoint::new("elsewhere.example.com", 22);
    let edited = |claim, work| Observed {
        endpoint: elsewhere.clone(),
        ..working(claim, work)
    };
    let moved = State::Bound {
        claim: c(),
        at: elsewhere.clone(),
    };
    // Nothing runs there yet: the claim is told first, then the entry follows.
    let told = |at: &Endpoint| Names::This(at.clone());
    stays(
        bound(),
        edited(there(false, told(&here())), Work::None),
        name_it(elsewhere.clone()),
    );
    becomes(
        bound(),
        edited(there(false, told(&elsewhere)), Work::None),
        moved.clone(),
        None,
    );
    stays(moved.clone(), edited(there(false, told(&elsewhere)), Work::None), None);
    // Something may run there: it stays.
    stays(bound(), edited(there(true, told(&here())), Work::None), None);
    stays(moved.clone(), seen(there(true, told(&elsewhere))), None);
    // What has begun is where the claim was told.
    becomes(bound(), seen(there(true, told(&elsewhere))), moved, None);
}

#[test]
fn a_host_that_refuses_its_claim() {
    let foreign = State::Quarantined {
        claim: None,
        at: here(),
        attempt: 1,
        reason: Reason::Foreign("someone".to_owned()),
        retry_at: Some(at(3660)),
    };
    becomes(
        bound(),
        working(there(Names::This(here())), Work::Refused("someone".to_owned())),
        foreign,
        None,
    );
    // A claim that goes is released as ever.
    becomes(
        bound(),
        working(going(Names::This(here())), Work::Refused("someone".to_owned())),
        releasing(),
        None,
    );
}

#[test]
fn a_releasing_entry() {
    stays(
        releasing(),
        working(going(Names::This(here())), Work::Provisioning),
        Some(Action::Stop),
    );
    becomes(releasing(), seen(going(Names::This(here()))), cleaning(1), clean(1));
    becomes(releasing(), seen(ClaimSeen::Gone), cleaning(1), clean(1));
}

#[test]
fn an_entry_that_is_cleaned() {
    let ended = |attempt, outcome| working(going(Names::This(here())), Work::Cleaned { attempt, outcome });
    stays(cleaning(2), working(going(Names::This(here())), Work::Cleaning), None);
    stays(cleaning(2), seen(going(Names::This(here()))), clean(2));
    becomes(cleaning(2), ended(2, Outcome::Clean), verified(Verification::Proven), None);
    // What an earlier attempt said is no proof.
    stays(cleaning(2), ended(1, Outcome::Clean), clean(2));
    becomes(
        cleaning(2),
        ended(2, Outcome::Unclean(unreachable())),
        quarantined(2, Some(3720)),
        None,
    );
}

#[test]
fn a_verified_entry() {
    stays(verified(Verification::Proven), seen(going(Names::This(here()))), None);
    stays(
        verified(Verification::Proven),
        seen(ClaimSeen::Missing),
        Some(Action::Confirm(c())),
    );
    becomes(verified(Verification::Proven), seen(ClaimSeen::Gone), free(), None);
    let mut let_go = seen(going(Names::This(here())));
    if let ClaimSeen::There { holds, .. } = &mut let_go.claim {
        *holds = false;
    }
    becomes(verified(Verification::Proven), let_go.clone(), free(), None);
    let_go.endpoint = Endpoint::new("elsewhere.example.com", 22);
    becomes(
        verified(Verification::Proven),
        let_go,
        State::Free(Verification::Untested),
        None,
    );
}

#[test]
fn a_quarantined_entry() {
    let ordered = |orders| Observed {
        orders,
        ..seen(ClaimSeen::Gone)
    };
    let retry = Orders {
        retry: true,
        ..Orders::default()
    };
    let accept = Orders {
        accept: true,
        ..Orders::default()
    };
    let give_up = Orders {
        give_up: true,
        ..Orders::default()
    };
    stays(quarantined(1, Some(3601)), seen(ClaimSeen::Gone), None);
    assert_eq!(
        next(&quarantined(1, Some(3601)), &seen(ClaimSeen::Gone)).wake_at,
        Some(at(3601))
    );
    becomes(quarantined(1, Some(3600)), seen(ClaimSeen::Gone), cleaning(2), clean(2));
    becomes(quarantined(1, None), ordered(retry), cleaning(2), clean(2));
    becomes(
        quarantined(1, Some(3601)),
        ordered(accept),
        verified(Verification::Accepted),
        None,
    );
    becomes(quarantined(1, Some(3600)), ordered(give_up), quarantined(1, None), None);
    let mut leaving = seen(ClaimSeen::Gone);
    leaving.deleting = true;
    stays(quarantined(1, Some(3601)), leaving, Some(Action::LetGo));
}

#[test]
fn a_host_is_cleaned_only_while_its_entry_says_so() {
    assert!(may_clean(&cleaning(2), Some(&c()), 2));
    assert!(!may_clean(&cleaning(2), Some(&c()), 1));
    assert!(!may_clean(&cleaning(2), Some(&ClaimId::new("d")), 2));
    assert!(!may_clean(&cleaning(2), None, 2));
    for state in [
        free(),
        reserved(),
        bound(),
        releasing(),
        verified(Verification::Proven),
        quarantined(2, None),
    ] {
        assert!(!may_clean(&state, Some(&c()), 2), "{state:?}");
    }
}

fn naming(begun: bool, deleting: bool) -> Claim {
    Claim {
        named: Some(Named {
            entry: EntryId::new("e"),
            at: here(),
        }),
        begun,
        deleting,
        ..claim("c", 1, "")
    }
}

#[test]
fn a_claim_without_an_entry_waits_or_goes() {
    let mut unnamed = claim("c", 1, "");
    assert_eq!(claim_next(&unnamed, None), ClaimAction::Wait);
    unnamed.deleting = true;
    assert_eq!(claim_next(&unnamed, None), ClaimAction::LetGo);
}

#[test]
fn a_claim_and_its_own_entry() {
    for (state, staying, going) in [
        (free(), ClaimAction::Wait, ClaimAction::Wait),
        (reserved(), ClaimAction::Wait, ClaimAction::Wait),
        (bound(), ClaimAction::Provision, ClaimAction::Wait),
        (releasing(), ClaimAction::Wait, ClaimAction::Wait),
        (cleaning(1), ClaimAction::Wait, ClaimAction::Wait),
        (verified(Verification::Proven), ClaimAction::Wait, ClaimAction::LetGo),
        (quarantined(1, None), ClaimAction::Wait, ClaimAction::LetGo),
    ] {
        for begun in [false, true] {
            assert_eq!(claim_next(&naming(begun, false), Some(&state)), staying, "{state:?}");
            assert_eq!(claim_next(&naming(begun, true), Some(&state)), going, "{state:?}");
        }
    }
}

#[test]
fn a_claim_provisions_the_host_that_it_was_told_only() {
    let moved = State::Bound {
        claim: c(),
        at: Endpoint::new("elsewhere.example.com", 22),
    };
    assert!(may_provision(&naming(true, false), &bound()));
    assert!(!may_provision(&naming(true, false), &moved));
    assert!(
        !may_provision(&naming(false, false), &bound()),
        "that it begins is written first"
    );
}

#[test]
fn a_claim_and_an_entry_that_is_not_its_own() {
    let others = State::Bound {
        claim: ClaimId::new("d"),
        at: here(),
    };
    for (entry, begun, deleting, expected) in [
        (Some(&others), false, false, ClaimAction::Unname),
        (Some(&others), true, false, ClaimAction::Lost),
        (Some(&others), false, true, ClaimAction::LetGo),
        (Some(&others), true, true, ClaimAction::LetGo),
        (None, false, false, ClaimAction::Unname),
        (None, true, false, ClaimAction::Lost),
        (None, false, true, ClaimAction::LetGo),
        (None, true, true, ClaimAction::CleanAlone),
    ] {
        assert_eq!(
            claim_next(&naming(begun, deleting), entry),
            expected,
            "{entry:?} {begun} {deleting}"
        );
    }
}
