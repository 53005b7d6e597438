//! The CustomResourceDefinitions that are committed are those of the types. `UPDATE_GOLDEN=1` rewrites them.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot be set up fails

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crds::KINDS;
use crds::definition::{ServiceReference, Version, custom_resource_definition};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bases")
}

#[test]
fn the_committed_definitions_are_those_of_the_types() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut names = BTreeSet::new();
    for definition in KINDS {
        let name = format!("{}_{}.yaml", definition.group, definition.plural);
        let text = crds::definition::to_yaml(&custom_resource_definition(definition, &ServiceReference::default())).unwrap();
        if update {
            std::fs::create_dir_all(folder()).unwrap();
            std::fs::write(folder().join(&name), &text).unwrap();
        }
        let committed = std::fs::read_to_string(folder().join(&name)).unwrap_or_default();
        assert!(
            committed == text,
            "{name} is not that of the types: run `make golden` and look at the difference"
        );
        names.insert(name);
    }
    let present: BTreeSet<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(present, names, "files that no kind has");
}

#[test]
fn cert_manager_is_asked_for_a_ca_where_there_is_a_webhook_only() {
    let service = ServiceReference {
        certificate: Some("a/b".to_owned()),
        ..ServiceReference::default()
    };
    for definition in KINDS {
        let made = custom_resource_definition(definition, &service);
        let asked = made.pointer("/metadata/annotations/cert-manager.io~1inject-ca-from");
        assert_eq!(asked.is_some(), !definition.is_one_schema());
    }
}

#[test]
fn every_field_says_what_it_is_for() {
    let mut silent = Vec::new();
    for definition in KINDS {
        for version in Version::ALL {
            let served = definition.served(version);
            let at = |part: &str| format!("{} {} {part}", definition.kind, version.name());
            undescribed(&(served.spec)(), &at(".spec"), &mut silent);
            if let Some(status) = served.status {
                undescribed(&status(), &at(".status"), &mut silent);
            }
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

/// Kubernetes' own types have no texts here, so what is below a field without one is not looked at.
fn undescribed(schema: &Value, path: &str, silent: &mut Vec<String>) {
    let schema = schema.get("items").unwrap_or(schema);
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = format!("{path}.{name}");
        match property.get("description") {
            Some(_) => undescribed(property, &path, silent),
            None if is_foreign(&path) => {}
            None => silent.push(path),
        }
    }
}

/// Whether it is below a field of a type of Kubernetes' own: `foreign.txt` lists those.
fn is_foreign(path: &str) -> bool {
    include_str!("foreign.txt")
        .lines()
        .any(|name| path.contains(&format!(".{name}.")))
}
