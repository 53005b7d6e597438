//! Entries and claims in few words.
#![allow(dead_code, reason = "each test uses some of these")]

use std::time::{Duration, SystemTime};

use pool::{Claim, ClaimId, Endpoint, Entry, EntryId, Pool, Requirement, Selector, State, Verification};

/// The pool of all that is made here.
pub(crate) fn pool(name: &str) -> Pool {
    Pool {
        namespace: "default".into(),
        name: name.into(),
    }
}

/// A free entry of the pool `p`, new there, with labels written as `rack=a,disk=nvme`, and its failure domain if the label `zone` is there.
pub(crate) fn entry(name: &str, labels: &str) -> Entry {
    let labels: std::collections::BTreeMap<String, String> = labels
        .split(',')
        .filter_map(|label| label.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    Entry {
        id: EntryId::new(name),
        pool: pool("p"),
        endpoint: Endpoint::new(&format!("{name}.example.com"), 22),
        failure_domain: labels.get("zone").cloned(),
        labels,
        state: State::Free(Verification::Untested),
        reached: None,
        deleting: false,
    }
}

/// A claim on the pool `p`, the `age`th that was made, for an entry with labels written as `rack=a,disk=nvme`.
pub(crate) fn claim(name: &str, age: u64, labels: &str) -> Claim {
    Claim {
        id: ClaimId::new(name),
        pool: pool("p"),
        selector: Selector(
            labels
                .split(',')
                .filter_map(|label| label.split_once('='))
                .map(|(key, value)| Requirement::In(key.to_owned(), vec![value.to_owned()]))
                .collect(),
        ),
        failure_domain: None,
        group: "all".to_owned(),
        created: at(age),
        named: None,
        begun: false,
        deleting: false,
    }
}

/// So many seconds after the beginning.
pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Bound to this claim.
pub(crate) fn bound(claim: &str) -> State {
    State::Bound {
        claim: ClaimId::new(claim),
        at: elsewhere(),
    }
}

/// Where no entry is that is made here.
pub(crate) fn elsewhere() -> Endpoint {
    Endpoint::new("elsewhere.example.com", 22)
}
