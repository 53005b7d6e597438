//! Bad input: every mistake is told so that it can be mended, with exit status 2, and no machine is touched.
//!
//! The cases are folders in `tests/bad_input/`; `golden/case.rs` says what is in them.

mod golden;
mod lab;

use golden::case::{self, CaseKeys, Untouched};

#[test]
fn mistakes_are_named_and_nothing_is_touched() {
    let (untouched, keys) = (Untouched::new(), CaseKeys::new());
    // A plan may show what apply would refuse.
    let may_end = |command: &str, status| status == 2 || (status == 0 && command.starts_with("anywhere plan"));
    let failures: Vec<_> = golden::cases("bad_input")
        .iter()
        .filter_map(|path| case::run(path, &untouched, &keys, may_end).err())
        .collect();
    golden::report(&failures);
}
