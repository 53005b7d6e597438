//! The part of `docs/against-cloud-init.md` that tells what differs, made from the reasons of the cases. `UPDATE_GOLDEN=1` rewrites it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::case::Case;
use crate::differences;

const BEGIN: &str = "<!-- made by tests/against_cloud_init -->\n";
const END: &str = "<!-- end -->\n";

/// Whether the page tells each reason, with the cases that show it.
pub(crate) fn check(cases: Vec<Case>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/against-cloud-init.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (text, rest) = page.split_once(BEGIN).unwrap();
    let (_, rest) = rest.split_once(END).unwrap();
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for case in &cases {
        for explained in differences::read(&case.differences()) {
            reasons.entry(explained.reason).or_default().push(format!("`{}`", case.name));
        }
    }
    let alike = cases.iter().filter(|case| case.differences().is_empty()).count();
    let mut expected = format!(
        "{text}{BEGIN}\n{} cases, of which {alike} leave the same behind. In the others:\n\n",
        cases.len()
    );
    for (reason, names) in reasons {
        expected.push_str(&item(&format!("{reason} ({})", names.join(", "))));
    }
    expected.push_str(&format!("\n{END}{rest}"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &expected).unwrap();
    } else {
        assert!(page == expected, "run `make golden` and look at the difference");
    }
}

/// An item of a list, in lines of the width that the page has.
fn item(text: &str) -> String {
    const WIDTH: usize = 140;
    let (mut lines, mut line) = (String::new(), "-".to_owned());
    for word in text.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines += &line;
            lines.push('\n');
            " ".clone_into(&mut line);
        }
        line.push(' ');
        line += word;
    }
    lines + &line + "\n"
}

#[test]
fn items_are_wrapped() {
    let text = item(&"word ".repeat(40));
    assert!(
        text.starts_with("- word word") && text.contains("\n  word") && text.lines().all(|line| line.len() <= 140),
        "{text}"
    );
}
