//! The support table is complete and true: every key of cloud-init's schema (`support_table/`) is in it, and the parser does with each
//! what the table says. The table in `docs/cloud-init.md` is made from it; `UPDATE_GOLDEN=1` rewrites it.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot be set up fails

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use remote::bootstrap::modules::{KEYS, NOT_APPLIED_WITHIN, Support, find};
use remote::bootstrap::{Options, parse};
use remote::yaml;

const BEGIN: &str = "<!-- made by remote/tests/support_table.rs -->\n";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support_table")
}

/// Each key of the schema, and a document that has it, as JSON.
fn keys_of_cloud_init() -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    for file in ["keys.jsonl", "newer.jsonl"] {
        let text = std::fs::read_to_string(folder().join(file)).unwrap();
        for line in text.lines() {
            let line_of = yaml::parse(line, file).unwrap().remove(0).root;
            let key = line_of.get("key").unwrap().text().unwrap().to_owned();
            let (_, document) = line.split_once("\"document\": ").unwrap();
            keys.insert(key, document.strip_suffix('}').unwrap().to_owned());
        }
    }
    keys
}

/// `users[].sudo` is in `users`.
fn top(key: &str) -> &str {
    key.split(['.', '[']).next().unwrap()
}

/// What the table says of a key, nested or not: the nearest that it has.
fn said_of(key: &str) -> Option<Support> {
    let within = |known: &str| key == known || key.strip_prefix(known).is_some_and(|rest| rest.starts_with(['.', '[']));
    let nested = NOT_APPLIED_WITHIN.iter().find(|(known, _)| within(known));
    nested
        .map(|(_, support)| *support)
        .or_else(|| find(top(key)).map(|key| key.support))
}

/// `apt.sources.a.key` and `users[0].sudo` as the table has them.
fn is_same(pattern: &str, listed: &str) -> bool {
    let parts = |text: &str| -> Vec<String> { text.replace('[', ".[").split('.').map(str::to_owned).collect() };
    let (pattern, listed) = (parts(pattern), parts(listed));
    // Whoever lists a mapping lists all that is in it.
    listed.len() <= pattern.len()
        && listed
            .iter()
            .zip(&pattern)
            .all(|(listed, known)| listed == known || known == "*" || (known == "[]" && listed.starts_with('[')))
}

#[test]
fn every_key_of_the_schema_is_in_the_table_and_done_as_it_says() {
    let mut wrong = Vec::new();
    for (key, document) in keys_of_cloud_init() {
        let Some(said) = said_of(&key) else {
            wrong.push(format!("{key}: not in the table"));
            continue;
        };
        let text = format!("#cloud-config\n{document}\n");
        let options = Options {
            source: "x",
            ..Options::default()
        };
        let parsed = match parse(text.as_bytes(), &options) {
            Ok(parsed) => parsed,
            Err(error) => {
                wrong.push(format!("{key}: the document of the list cannot be read: {error}: {document}"));
                continue;
            }
        };
        // `user` is always told of, for what a distribution would add; that is not about what is written.
        let unsupported = parsed.unsupported.iter().filter(|listed| listed.key != "user");
        let listed: Vec<_> = unsupported.filter(|listed| is_same(&key, &listed.key)).collect();
        if listed.iter().any(|unsupported| unsupported.why.contains("knows no such key")) {
            wrong.push(format!("{key}: not known to the parser"));
        }
        match (said, listed.first()) {
            (Support::Applied, Some(unsupported)) => {
                wrong.push(format!("{key}: said to be applied, and listed: {}", unsupported.why))
            }
            (Support::Ignored(_) | Support::Refused(_), None) => {
                wrong.push(format!("{key}: not applied, and not listed: {document}"))
            }
            (Support::Applied, None) | (Support::Ignored(_) | Support::Refused(_), Some(_)) => {}
        }
    }
    assert!(wrong.is_empty(), "{} keys:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_table_has_no_keys_that_cloud_init_does_not_have() {
    let keys = keys_of_cloud_init();
    let unknown: Vec<_> = KEYS
        .iter()
        .map(|key| key.name)
        .chain(NOT_APPLIED_WITHIN.iter().map(|(key, _)| *key))
        .filter(|key| !keys.contains_key(*key))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

fn words(support: Support) -> String {
    match support {
        Support::Applied => "applied".to_owned(),
        Support::Ignored(why) => format!("ignored: {why}"),
        Support::Refused(why) => format!("not applied: {why}"),
    }
}

#[test]
fn the_documented_table_is_that_of_the_parser() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cloud-init.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (text, _) = page.split_once(BEGIN).expect("the page has the mark before its table");
    let mut expected = format!("{text}{BEGIN}\n| key | module | |\n|---|---|---|\n");
    for key in KEYS {
        writeln!(expected, "| `{}` | {} | {} |", key.name, key.module, words(key.support)).unwrap();
        for (nested, support) in NOT_APPLIED_WITHIN.iter().filter(|(nested, _)| top(nested) == key.name) {
            writeln!(expected, "| `{nested}` | | {} |", words(*support)).unwrap();
        }
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    assert!(
        page == expected || std::env::var_os("UPDATE_GOLDEN").is_some(),
        "run `make golden` and look at the difference"
    );
}
