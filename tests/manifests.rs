//! Manifests as people write them: what the machines and their plans come out as.
//!
//! The cases are folders in `tests/manifests/`; `golden/case.rs` says what is in them.

mod golden;
mod lab;

use golden::case::{self, CaseKeys, Untouched};

#[test]
fn manifests_become_plans() {
    let (untouched, keys) = (Untouched::new(), CaseKeys::new());
    let failures: Vec<_> = golden::cases("manifests")
        .iter()
        .filter_map(|path| case::run(path, &untouched, &keys, |_, status| status == 0).err())
        .collect();
    golden::report(&failures);
}
