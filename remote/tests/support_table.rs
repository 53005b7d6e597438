//! The support table in `docs/cloud-init.md` is made from the table that the parser uses. `UPDATE_GOLDEN=1` rewrites it.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot be set up fails

use std::path::Path;

use remote::bootstrap::modules::{KEYS, Support};

const BEGIN: &str = "<!-- made by remote/tests/support_table.rs -->\n";

#[test]
fn the_documented_table_is_that_of_the_parser() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cloud-init.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (text, _) = page.split_once(BEGIN).expect("the page has the mark before its table");
    let mut expected = format!("{text}{BEGIN}\n| key | module | |\n|---|---|---|\n");
    for key in KEYS {
        let support = match key.support {
            Support::Applied => "applied",
            Support::Listed => "listed, with the reason",
            Support::NotYet => "not yet",
        };
        expected.push_str(&format!("| `{}` | {} | {support} |\n", key.name, key.module));
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    assert!(
        page == expected || std::env::var_os("UPDATE_GOLDEN").is_some(),
        "run `make golden` and look at the difference"
    );
}
