//! Against the real thing: each case is user-data that cloud-init (Debian's package) applies to one machine and `anywhere` to
//! another; both must leave the same behind. What differs on purpose is in the case's `differences.md`, with the reason, and in
//! `docs/against-cloud-init.md`. `UPDATE_GOLDEN=1` rewrites both; `CASE=name` runs only the cases whose names contain it.
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot be set up fails

#[path = "../lab/mod.rs"]
mod lab;

mod accounts;
mod case;
mod compare;
mod differences;
mod machines;
mod page;
mod snapshot;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use case::Case;

/// Pairs of machines at once. A pair waits now and then for others, so that two cores have work with this many.
const PAIRS: usize = 4;

#[test]
fn the_same_user_data_leaves_the_same_behind() {
    let filter = std::env::var("CASE").ok();
    let cases: Vec<Case> = Case::all()
        .filter(|case| filter.as_ref().is_none_or(|part| case.name.contains(part)))
        .collect();
    assert!(!cases.is_empty(), "no case has that name");
    let reference = machines::Reference::start();
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..PAIRS {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| machines::differences(case, &reference)));
                    let checked = match seen {
                        Ok(seen) => differences::check(case, &seen),
                        Err(_) => Err("could not be run: see above".to_owned()),
                    };
                    if let Err(failure) = checked {
                        failures.lock().unwrap().insert(case.name.clone(), failure);
                    }
                }
            });
        }
    });
    let failures: Vec<_> = failures
        .into_inner()
        .unwrap()
        .into_iter()
        .map(|(name, failure)| format!("{name}:\n{failure}"))
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} cases:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}

#[test]
fn the_page_tells_the_differences() {
    page::check(Case::all().collect());
}

#[test]
fn there_are_many_cases() {
    assert!(Case::all().count() >= 120);
}
