//! Which entry each claim gets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod made;

use std::collections::HashSet;

use made::{at, bound, claim, elsewhere, entry, pool};
use pool::{Claim, ClaimId, Endpoint, Entry, Matching, Named, Reason, Requirement, State, Verification, Why, assign};

/// What a pass comes to, as `claim=entry` and `claim#position`.
fn shown(matching: &Matching) -> Vec<String> {
    let mut shown: Vec<String> = matching
        .reservations
        .iter()
        .map(|reservation| format!("{}={}", reservation.claim, reservation.entry))
        .chain(
            matching
                .waiting
                .iter()
                .map(|waiting| format!("{}#{}", waiting.claim, waiting.position)),
        )
        .collect();
    shown.sort();
    shown
}

fn naming(entry: &Entry) -> Named {
    Named {
        entry: entry.id.clone(),
        at: entry.endpoint.clone(),
    }
}

fn assigned(entries: &[Entry], claims: &[Claim]) -> Vec<String> {
    shown(&assign(entries, claims, &HashSet::new()))
}

#[test]
fn first_come_first_served() {
    let entries = [entry("e1", ""), entry("e2", "")];
    let claims = [claim("late", 3, ""), claim("first", 1, ""), claim("second", 2, "")];
    assert_eq!(assigned(&entries, &claims), ["first=e1", "late#1", "second=e2"]);
}

#[test]
fn claims_of_the_same_second_are_served_by_their_ids() {
    assert_eq!(
        assigned(&[entry("e1", "")], &[claim("b", 1, ""), claim("a", 1, "")]),
        ["a=e1", "b#1"]
    );
}

#[test]
fn a_claim_gets_what_it_asks_for_only() {
    let entries = [entry("plain", ""), entry("fast", "disk=nvme"), entry("slow", "disk=hdd")];
    assert_eq!(
        assigned(&entries, &[claim("c1", 1, "disk=nvme"), claim("c2", 2, "disk=nvme")]),
        ["c1=fast", "c2#1"]
    );
    let mut elsewhere = claim("c", 1, "");
    elsewhere.failure_domain = Some("b".to_owned());
    assert_eq!(
        assigned(&[entry("a", "zone=a"), entry("none", ""), entry("b", "zone=b")], &[elsewhere]),
        ["c=b"]
    );
}

#[test]
fn every_kind_of_requirement() {
    let entries = [entry("plain", ""), entry("fast", "disk=nvme"), entry("slow", "disk=hdd")];
    let disk = || "disk".to_owned();
    for (requirement, expected) in [
        (Requirement::In(disk(), vec!["hdd".to_owned(), "tape".to_owned()]), "slow"),
        (Requirement::NotIn(disk(), vec!["nvme".to_owned(), "hdd".to_owned()]), "plain"),
        (Requirement::Exists(disk()), "fast"),
        (Requirement::DoesNotExist(disk()), "plain"),
        (Requirement::DoesNotExist("gpu".to_owned()), "fast"),
    ] {
        let mut wants = claim("c", 1, "");
        wants.selector.0.push(requirement);
        assert_eq!(assigned(&entries, &[wants.clone()]), [format!("c={expected}")], "{wants:?}");
    }
    let mut wants = claim("c", 1, "");
    wants.selector.0.push(Requirement::Exists("gpu".to_owned()));
    assert_eq!(assigned(&entries, &[wants]), ["c#1"]);
}

#[test]
fn an_earlier_claim_makes_room_where_it_can() {
    let entries = [entry("fast", "disk=nvme"), entry("plain", "")];
    assert_eq!(
        assigned(&entries, &[claim("any", 1, ""), claim("picky", 2, "disk=nvme")]),
        ["any=plain", "picky=fast"]
    );
}

#[test]
fn an_earlier_claim_never_loses_its_only_entry() {
    assert_eq!(
        assigned(
            &[entry("fast", "disk=nvme,cpu=x")],
            &[claim("early", 1, "disk=nvme"), claim("late", 2, "cpu=x")]
        ),
        ["early=fast", "late#1"]
    );
}

#[test]
fn making_room_goes_over_several_claims() {
    let entries = [entry("e1", "a=1,b=1"), entry("e2", "b=1,c=1"), entry("e3", "c=1")];
    let claims = [claim("x", 1, "b=1"), claim("y", 2, "c=1"), claim("z", 3, "a=1")];
    assert_eq!(assigned(&entries, &claims), ["x=e2", "y=e3", "z=e1"]);
}

#[test]
fn what_is_proven_clean_goes_first_then_what_answered_last_then_the_name() {
    let mut entries = [entry("a", ""), entry("b", ""), entry("c", ""), entry("d", "")];
    entries[3].state = State::Free(Verification::Proven);
    entries[2].reached = Some(at(20));
    entries[1].reached = Some(at(10));
    let claims = [claim("1", 1, ""), claim("2", 2, ""), claim("3", 3, ""), claim("4", 4, "")];
    assert_eq!(assigned(&entries, &claims), ["1=d", "2=c", "3=b", "4=a"]);
}

#[test]
fn a_group_is_spread_over_the_failure_domains() {
    let mut entries = [
        entry("a1", "zone=a"),
        entry("a2", "zone=a"),
        entry("a3", "zone=a"),
        entry("b1", "zone=b"),
        entry("b2", "zone=b"),
    ];
    entries[0].state = bound("old");
    let mut old = claim("old", 0, "");
    old.named = Some(naming(&entries[0]));
    let mut other = claim("other", 4, "");
    other.group = "another".to_owned();
    let claims = [old, claim("1", 1, ""), claim("2", 2, ""), claim("3", 3, ""), other];
    assert_eq!(assigned(&entries, &claims), ["1=b1", "2=a2", "3=b2", "other=a3"]);
}

#[test]
fn a_machine_described_twice_goes_to_nobody() {
    let mut twin = entry("twin", "");
    twin.endpoint = Endpoint::new("E1.example.com.", 22);
    assert_eq!(
        assigned(
            &[entry("e1", ""), twin, entry("e2", "")],
            &[claim("c1", 1, ""), claim("c2", 2, "")]
        ),
        ["c1=e2", "c2#1"]
    );
    let elsewhere = HashSet::from([Endpoint::new("e1.example.com", 22)]);
    let matching = assign(&[entry("e1", "")], &[claim("c", 1, "")], &elsewhere);
    assert_eq!(shown(&matching), ["c#1"]);
    assert_eq!(matching.waiting[0].why.in_conflict, 1);
}

#[test]
fn who_has_an_entry_or_goes_gets_none() {
    let mut entries = [entry("e1", ""), entry("e2", ""), entry("named", "")];
    entries[0].state = State::Reserved {
        claim: ClaimId::new("reserved"),
        before: Verification::Untested,
    };
    let mut going = claim("going", 1, "");
    going.deleting = true;
    let mut named = claim("named", 2, "");
    named.named = Some(naming(&entries[2]));
    let mut leaving = entry("leaving", "");
    leaving.deleting = true;
    let mut other_pool = claim("other", 4, "");
    other_pool.pool = pool("q");
    let [e1, e2, e3] = entries;
    assert_eq!(
        assigned(
            &[e1, e2, e3, leaving],
            &[
                going,
                named,
                claim("reserved", 0, ""),
                claim("new", 5, ""),
                claim("next", 6, ""),
                other_pool
            ]
        ),
        ["new=e2", "next#1", "other#1"]
    );
}

#[test]
fn who_waits_is_told_what_the_entries_are_doing() {
    let mut entries: Vec<Entry> = (0..7).map(|number| entry(&format!("e{number}"), "disk=nvme")).collect();
    entries[0].state = bound("x");
    entries[1].state = State::Releasing {
        claim: ClaimId::new("y"),
        at: elsewhere(),
    };
    entries[2].state = State::Cleaning {
        claim: None,
        at: elsewhere(),
        attempt: 3,
    };
    entries[3].state = State::Quarantined {
        claim: None,
        at: elsewhere(),
        attempt: 1,
        reason: Reason::Unreachable("no route to host".to_owned()),
        retry_at: None,
    };
    entries[4].endpoint = Endpoint::new("same", 22);
    entries[5].endpoint = Endpoint::new("same", 22);
    entries[6].deleting = true;
    entries.push(entry("slow", "disk=hdd"));
    let matching = assign(&entries, &[claim("c", 1, "disk=nvme")], &HashSet::new());
    assert_eq!(
        matching.waiting[0].why,
        Why {
            in_pool: 8,
            suitable: 7,
            in_use: 1,
            being_cleaned: 2,
            quarantined: 1,
            in_conflict: 2,
            deleted: 1
        }
    );
    assert_eq!(
        assign(&[], &[claim("c", 1, "")], &HashSet::new()).waiting[0].why,
        Why::default()
    );
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    fn labels() -> impl Strategy<Value = String> {
        proptest::collection::vec(("[abc]", "[12]"), 0..3).prop_map(|labels| {
            labels
                .into_iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect::<Vec<_>>()
                .join(",")
        })
    }

    fn requirement() -> impl Strategy<Value = Requirement> {
        let values = || proptest::collection::vec("[123]", 1..3);
        prop_oneof![
            ("[abc]", values()).prop_map(|(key, values)| Requirement::In(key, values)),
            ("[abc]", values()).prop_map(|(key, values)| Requirement::NotIn(key, values)),
            "[abc]".prop_map(Requirement::Exists),
            "[abc]".prop_map(Requirement::DoesNotExist),
        ]
    }

    prop_compose! {
        fn entries()(labels in proptest::collection::vec((labels(), 0_u8..4), 0..8)) -> Vec<Entry> {
            labels.iter().enumerate().map(|(number, (labels, state))| {
                let mut entry = entry(&format!("e{number}"), labels);
                if *state == 0 {
                    entry.state = bound("somebody");
                }
                entry
            }).collect()
        }
    }

    prop_compose! {
        fn claims()(wishes in proptest::collection::vec(proptest::collection::vec(requirement(), 0..3), 0..7)) -> Vec<Claim> {
            wishes.into_iter().enumerate().map(|(number, wishes)| {
                let mut claim = claim(&format!("c{number}"), number as u64, "");
                claim.selector.0 = wishes;
                claim
            }).collect()
        }
    }

    /// Whether all of these claims can have an entry of their own, by trying everything.
    fn all_can(claims: &[&Claim], free: &mut Vec<&Entry>) -> bool {
        let Some((first, rest)) = claims.split_first() else {
            return true;
        };
        (0..free.len()).any(|number| {
            let entry = free.remove(number);
            let can = first.selector.matches(&entry.labels) && all_can(rest, free);
            free.insert(number, entry);
            can
        })
    }

    proptest! {
        /// The claims that are served are those that trying everything, in the order of the claims, would serve; each has an entry of
        /// its own that suits it.
        #[test]
        fn as_good_as_trying_everything(entries in entries(), claims in claims()) {
            let matching = assign(&entries, &claims, &HashSet::new());
            let mut free: Vec<&Entry> = entries.iter().filter(|entry| matches!(entry.state, State::Free(_))).collect();
            let mut served: Vec<&Claim> = Vec::new();
            for claim in &claims {
                served.push(claim);
                if !all_can(&served, &mut free) {
                    served.pop();
                }
            }
            let mut expected: Vec<&ClaimId> = served.iter().map(|claim| &claim.id).collect();
            let mut given: Vec<&ClaimId> = matching.reservations.iter().map(|reservation| &reservation.claim).collect();
            expected.sort();
            given.sort();
            prop_assert_eq!(given, expected);
            let mut once = HashSet::new();
            for reservation in &matching.reservations {
                let entry = free.iter().find(|entry| entry.id == reservation.entry).expect("a free entry");
                let claim = claims.iter().find(|claim| claim.id == reservation.claim).expect("a claim");
                prop_assert!(claim.selector.matches(&entry.labels));
                prop_assert!(once.insert(&reservation.entry), "given twice");
            }
            prop_assert_eq!(matching.reservations.len() + matching.waiting.len(), claims.len());
        }
    }
}
