//! Merged as cloud-init merges: `tests/merging/<case>.json` is what cloud-init itself made of `<case>.yaml` (`compare.py` there);
//! and taken apart likewise: `tests/parts/`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that cannot be set up fails

use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use super::{Node, Options, Sources, UserData, envelope};
use crate::bootstrap::InProcess;

/// Cases where cloud-init makes something of a part that nobody can mean, or ignores it without a word.
const REFUSED_HERE: &[&str] = &["first-part-only-list", "how-only-list", "mapping-onto-list-append"];

#[test]
fn configurations_are_merged_as_cloud_init_does() {
    compare("merging", &["yaml"], |name, data| merged(name, str::from_utf8(data).unwrap()));
}

#[test]
fn containers_are_taken_apart_as_cloud_init_does() {
    compare("parts", &["mime", "archive"], |_, data| apart(data));
}

/// Compares each file with one of the extensions with what cloud-init made of it.
fn compare(folder: &str, extensions: &[&str], make: impl Fn(&str, &[u8]) -> Json) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut cases = 0;
    let mut failed = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !extensions.contains(&path.extension().unwrap().to_str().unwrap()) {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        let expected = match fs::read_to_string(path.with_extension("json")).unwrap() {
            _ if REFUSED_HERE.contains(&name) => "\"refused\"".into(),
            expected => expected,
        };
        let expected: Json = serde_json::from_str(&expected).unwrap();
        let actual = make(name, &fs::read(&path).unwrap());
        if actual != expected {
            failed.push(format!("{name}: {actual}\n    cloud-init: {expected}"));
        }
        cases += 1;
    }
    assert!(cases > 40 && failed.is_empty(), "{cases} cases\n{}", failed.join("\n"));
}

fn apart(data: &[u8]) -> Json {
    let (options, mut sources) = (
        Options {
            renderer: Some(&InProcess),
            ..Options::default()
        },
        Sources::default(),
    );
    let mut user_data = UserData::default();
    let done = envelope::open(data).map(|text| user_data.add(&text, &options, &mut sources));
    if !matches!(done, Ok(Ok(()))) {
        return "refused".into();
    }
    let config = user_data.config.as_ref().map_or_else(|| serde_json::json!({}), Node::to_json);
    let (scripts, _) = user_data.scripts.in_order(config.get("runcmd").is_some());
    let mut before = scripts.iter().filter(|script| script.before_commands).count();
    let mut texts: Vec<_> = scripts
        .iter()
        .map(|script| String::from_utf8_lossy(script.content.expose()).into_owned())
        .collect();
    if config.get("runcmd").is_some() {
        texts.insert(before, "runcmd".to_owned());
        before += 1;
    }
    assert!(before <= texts.len());
    serde_json::json!({ "config": config, "scripts": texts })
}

fn merged(name: &str, text: &str) -> Json {
    let (vendor, user) = match text.match_indices("#cloud-config\n").nth(1) {
        Some((position, _)) if name.starts_with("vendor-") => text.split_at(position),
        Some(_) | None => ("", text),
    };
    let options = Options {
        renderer: Some(&InProcess),
        ..Options::default()
    };
    let mut sources = Sources::default();
    let mut data = UserData::default();
    let done = data
        .add(&envelope::Unwrapped::Text(user.to_owned()), &options, &mut sources)
        .and_then(|()| {
            let mut vendor_data = UserData::default();
            if !vendor.is_empty() {
                vendor_data.add(&envelope::Unwrapped::Text(vendor.to_owned()), &options, &mut sources)?;
            }
            data.complete_with(vendor_data, &sources)
        });
    match done {
        Ok(()) => data.config.as_ref().map_or_else(|| serde_json::json!({}), Node::to_json),
        Err(_) => "refused".into(),
    }
}
