//! How long it takes to give 10,000 entries to 1,000 claims, in the cases that differ most: `cargo bench -p anywhere-pool`.
//! Prints times, and asserts only that the work was done.
#![allow(
    clippy::print_stdout,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark prints, and fails where the work was not done"
)]

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant, SystemTime};

use pool::{Claim, ClaimId, Endpoint, Entry, EntryId, Pool, Requirement, Selector, State, Verification, assign};

const ENTRIES: usize = 10_000;
const CLAIMS: usize = 1_000;
const RUNS: usize = 21;

fn pool_of(number: usize, pools: usize) -> Pool {
    Pool {
        namespace: "default".into(),
        name: format!("p{}", number % pools).into(),
    }
}

fn entry(number: usize, pools: usize) -> Entry {
    let label = |key: &str, values: usize| (key.to_owned(), format!("v{}", number % values));
    Entry {
        id: EntryId::new(&format!("entry-{number:05}")),
        pool: pool_of(number, pools),
        endpoint: Endpoint::new(&format!("10.{}.{}.{}", number >> 16, (number >> 8) & 255, number & 255), 22),
        labels: BTreeMap::from([label("rack", 40), label("disk", 3), label("row", 1000)]),
        failure_domain: Some(format!("zone-{}", number % 5)),
        state: State::Free(Verification::Proven),
        reached: None,
        deleting: false,
    }
}

fn claim(number: usize, pools: usize, selector: Selector) -> Claim {
    Claim {
        id: ClaimId::new(&format!("claim-{number:04}")),
        pool: pool_of(number, pools),
        selector,
        failure_domain: None,
        group: format!("md-{}", number % 20),
        created: SystemTime::UNIX_EPOCH + Duration::from_secs(number as u64),
        named: None,
        begun: false,
        deleting: false,
    }
}

fn wants(key: &str, value: usize) -> Selector {
    Selector(vec![Requirement::In(key.to_owned(), vec![format!("v{value}")])])
}

fn main() {
    let any = |_| Selector::default();
    let racks = |number: usize| wants("rack", number % 40);
    // Each wish of its own, and of each but ten entries: the most there is to look at.
    let rows = |number: usize| wants("row", number);
    // All want the same few: most wait, after everything was tried.
    let few = |number: usize| wants("row", number % 20);
    type Wish<'a> = &'a dyn Fn(usize) -> Selector;
    let cases: [(&str, usize, Wish<'_>, usize); 5] = [
        ("any entry of one pool", 1, &any, CLAIMS),
        ("any entry of 20 pools", 20, &any, CLAIMS),
        ("one of 40 racks", 1, &racks, CLAIMS),
        ("each another row", 1, &rows, CLAIMS),
        ("all one of 20 rows: 800 wait", 1, &few, 200),
    ];
    println!("{ENTRIES} entries, {CLAIMS} claims; median and worst of {RUNS} runs");
    for (name, pools, wish, served) in cases {
        let entries: Vec<Entry> = (0..ENTRIES).map(|number| entry(number, pools)).collect();
        let claims: Vec<Claim> = (0..CLAIMS).map(|number| claim(number, pools, wish(number))).collect();
        let mut times: Vec<Duration> = (0..RUNS)
            .map(|_| {
                let began = Instant::now();
                let matching = assign(&entries, &claims, &HashSet::new());
                let took = began.elapsed();
                assert_eq!(
                    (matching.reservations.len(), matching.waiting.len()),
                    (served, CLAIMS - served),
                    "{name}"
                );
                took
            })
            .collect();
        times.sort();
        let (median, worst) = (times[RUNS / 2], times[RUNS - 1]);
        println!(
            "{name:30} {:6.2} ms {:6.2} ms",
            median.as_secs_f64() * 1e3,
            worst.as_secs_f64() * 1e3
        );
    }
}
