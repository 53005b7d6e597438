//! What is stored is read again as what it was, and nothing else is taken for it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up fails")]

use std::time::{Duration, SystemTime};

use pool::{ClaimId, Endpoint, Reason, State, Verification};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn object(status: Value) -> PooledRemoteMachine {
    let mut object = json!({
        "metadata": { "name": "one", "namespace": "default", "labels": { "disk": "nvme" } },
        "spec": { "pool": "edge", "failureDomain": "rack-1", "machine": {
            "address": "Worker-1.example.com.", "port": 2222, "sshKeyRef": { "name": "key" },
        } },
    });
    if !status.is_null() {
        object["status"] = status;
    }
    serde_json::from_value(object).unwrap()
}

fn state_of(status: Value) -> Result<State, String> {
    read(&object(status))
        .map(|entry| entry.state)
        .map_err(|damage| damage.to_string())
}

fn claims() -> impl Strategy<Value = ClaimId> {
    prop_oneof![
        "[0-9a-f]{8}-[0-9a-f]{4}".prop_map(|uid| ClaimId::new(&uid)),
        "[a-z]{1,5}/[a-z.]{1,5}".prop_map(|name| ClaimId::new(&name)),
        any::<String>().prop_map(|text| ClaimId::new(&text)),
    ]
}

fn hosts() -> impl Strategy<Value = Endpoint> {
    let addresses = prop_oneof![
        Just("192.0.2.1".to_owned()),
        Just("2001:db8::1".to_owned()),
        Just("fe80::1%eth0".to_owned()),
        "[a-z.]{1,8}",
        any::<String>(),
    ];
    (addresses, any::<u16>()).prop_map(|(address, port)| Endpoint::new(&address, port))
}

fn verifications() -> impl Strategy<Value = Verification> {
    prop_oneof![
        Just(Verification::Proven),
        Just(Verification::Accepted),
        Just(Verification::Untested)
    ]
}

fn reasons() -> impl Strategy<Value = Reason> {
    prop_oneof![
        prop::collection::vec(any::<String>(), 0..3).prop_map(Reason::Leftovers),
        any::<String>().prop_map(Reason::Unreachable),
        any::<String>().prop_map(Reason::Foreign),
        any::<String>().prop_map(Reason::Failed),
    ]
}

fn states() -> impl Strategy<Value = State> {
    let maybe = || prop::option::of(claims());
    let times = prop::option::of((0..4_000_000_000_u64).prop_map(at));
    prop_oneof![
        verifications().prop_map(State::Free),
        (claims(), verifications()).prop_map(|(claim, before)| State::Reserved { claim, before }),
        (claims(), hosts()).prop_map(|(claim, at)| State::Bound { claim, at }),
        (claims(), hosts()).prop_map(|(claim, at)| State::Releasing { claim, at }),
        (maybe(), hosts(), any::<u32>()).prop_map(|(claim, at, attempt)| State::Cleaning { claim, at, attempt }),
        (maybe(), hosts(), verifications()).prop_map(|(claim, at, by)| State::Verified { claim, at, by }),
        (maybe(), hosts(), any::<u32>(), reasons(), times).prop_map(|(claim, at, attempt, reason, retry_at)| {
            State::Quarantined {
                claim,
                at,
                attempt,
                reason,
                retry_at,
            }
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Through JSON, as the API server stores it, and whatever the entry was in before.
    #[test]
    fn there_and_back_is_what_it_was(state in states(), before in states(), is_known in any::<bool>()) {
        let name_of = |_: &ClaimId| is_known.then(|| ("default".to_owned(), "m".to_owned()));
        let first = status(&before, None, name_of, at(1));
        let stored = serde_json::to_value(status(&state, Some(&first), name_of, at(2))).unwrap();
        prop_assert_eq!(&stored["reserved"], &json!(!matches!(state, State::Free(_))));
        prop_assert_eq!(state_of(stored), Ok(state));
    }

    /// What is written again is the same, and its time does not move.
    #[test]
    fn nothing_new_is_nothing_to_write(state in states()) {
        let name_of = |_: &ClaimId| Some(("default".to_owned(), "m".to_owned()));
        let first = status(&state, None, name_of, at(1));
        // The claim may have gone meanwhile: its name stays.
        prop_assert_eq!(status(&state, Some(&first), |_| None, at(2)), first);
    }
}

#[test]
fn what_the_original_has_written_is_read() {
    let bound = State::Bound {
        claim: known_by_name("default", "m"),
        at: Endpoint::new("worker-1.example.com", 2222),
    };
    let machine = json!({ "name": "m", "namespace": "default" });
    let nobody = json!({ "name": "", "namespace": "" });
    for (status, expected) in [
        (Value::Null, State::Free(Verification::Untested)),
        (
            json!({ "reserved": false, "machineRef": nobody }),
            State::Free(Verification::Untested),
        ),
        // It does not look at the name where nothing is reserved.
        (
            json!({ "reserved": false, "machineRef": machine }),
            State::Free(Verification::Untested),
        ),
        (json!({ "reserved": true, "machineRef": machine }), bound),
    ] {
        assert_eq!(state_of(status.clone()), Ok(expected), "{status}");
    }
}

#[test]
fn what_is_damaged_is_told_and_never_free() {
    let with = |more: Value| {
        let mut status = json!({ "reserved": true, "machineRef": { "name": "m", "namespace": "default", "uid": "1" } });
        status.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        status
    };
    for (status, expected) in [
        (
            json!({ "reserved": true, "machineRef": { "name": "", "namespace": "" } }),
            "status.reserved is true and status.machineRef names nobody: set it to false if no RemoteMachine has the machine",
        ),
        (
            with(json!({ "state": "Draining" })),
            "status.state is \"Draining\", which this release does not know: run the release that wrote it, or remove status.state",
        ),
        (
            with(json!({ "state": "Bound" })),
            "status.state is \"Bound\" and status.host is missing: remove the status if no RemoteMachine has the machine",
        ),
        (
            with(json!({ "state": "Bound", "host": "192.0.2.1", "machineRef": { "name": "m", "namespace": "d" } })),
            "status.host is \"192.0.2.1\": no address and port: write it as 192.0.2.1:22, [2001:db8::1]:22 or worker-1.example.com:22",
        ),
        (
            with(json!({ "state": "Bound", "host": "a:22", "machineRef": { "name": "", "namespace": "" } })),
            "status.state is \"Bound\" and status.machineRef is missing: remove the status if no RemoteMachine has the machine",
        ),
        (
            with(json!({ "state": "Free" })),
            "status.state is \"Free\" and status.verification is missing: remove the status if no RemoteMachine has the machine",
        ),
        (
            with(json!({ "state": "Free", "verification": "Blessed" })),
            "status.verification is \"Blessed\", which this release does not know: run the release that wrote it, or mend it",
        ),
        (
            with(json!({ "state": "Quarantined", "host": "a:22", "attempt": 1, "quarantine": { "reason": "Bad" } })),
            "status.quarantine.reason is \"Bad\", which this release does not know: run the release that wrote it, or mend it",
        ),
    ] {
        assert_eq!(state_of(status.clone()), Err(expected.to_owned()), "{status}");
    }
}

#[test]
fn the_rest_of_an_entry_is_read() {
    let entry = read(&object(json!({
        "reserved": false, "machineRef": { "name": "", "namespace": "" }, "lastReachedTime": "1970-01-01T00:00:07Z",
    })))
    .unwrap();
    assert_eq!(entry.id.as_str(), "one");
    assert_eq!((&*entry.pool.namespace, &*entry.pool.name), ("default", "edge"));
    assert_eq!(entry.endpoint, Endpoint::new("worker-1.example.com", 2222));
    assert_eq!(entry.labels.get("disk").map(String::as_str), Some("nvme"));
    assert_eq!(entry.failure_domain.as_deref(), Some("rack-1"));
    assert_eq!(entry.reached, Some(at(7)));
    assert!(!entry.deleting);
}

#[test]
fn orders_are_annotations() {
    let with = |annotations: Value| {
        let mut object = object(Value::Null);
        object.metadata.annotations = serde_json::from_value(annotations).unwrap();
        orders(&object)
    };
    assert_eq!(with(json!({})), Orders::default());
    let all = with(json!({ RETRY: "", ACCEPT: "true", GIVE_UP: "yes" }));
    assert_eq!((all.retry, all.accept, all.give_up), (true, true, true));
    assert_eq!(with(json!({ RETRY: "false" })), Orders::default());
}

#[test]
fn a_free_entry_that_says_all_of_it_is_known_as_such() {
    for by in [Verification::Proven, Verification::Accepted, Verification::Untested] {
        let said = status(&State::Free(by), None, |_| None, at(5));
        assert!(says_free(&said, by));
        let others = [
            json!({ "reserved": true }),
            json!({ "machineRef": { "name": "m", "namespace": "default" } }),
            json!({ "state": "Verified" }),
            json!({ "state": null }),
            json!({ "since": null }),
            json!({ "host": "a:22" }),
            json!({ "verification": null }),
            json!({ "verification": if by == Verification::Proven { "Accepted" } else { "Proven" } }),
            json!({ "attempt": 1 }),
            json!({ "quarantine": { "reason": "Failed" } }),
        ];
        for other in others {
            let mut text = json!(said);
            for (key, value) in other.as_object().unwrap() {
                text[key] = value.clone();
            }
            let read: PooledRemoteMachineStatus = serde_json::from_value(text).unwrap();
            assert!(!says_free(&read, by), "{other}");
            // It would be written anew, with the same meaning where it has one.
            assert_ne!(status(&State::Free(by), Some(&read), |_| None, at(9)), read, "{other}");
        }
    }
}
