//! Every field of the contract is there, in the same versions, with the same type, default and bounds; `docs/api-fields.md` is the
//! list, with what is ours marked. `UPDATE_GOLDEN=1` rewrites it.
//!
//! `contract.tsv` lists the fields of the original's definitions: group, kind, version, path, type, whether it is required, bounds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // a test that cannot be set up fails

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crds::KINDS;
use crds::definition::{Definition, Version};
use crds::schema::{Field, fields};

type Fields = BTreeMap<String, Field>;
/// By kind (with its group, as there is more than one Cluster) and version.
type Contract = BTreeMap<(String, String), Fields>;

/// Types of Kubernetes, which the list names without their fields, and what our schema calls them.
const SUMMARISED: [(&str, &str); 9] = [
    ("[]metav1.Condition (listed type)", "[]object"),
    ("[]CAPI MachineAddress {type,address}", "[]object"),
    ("batch/v1 JobTemplateSpec (metadata,spec)", "object"),
    ("core/v1 ResourceRequirements", "object"),
    ("core/v1 ObjectReference", "object"),
    ("[]core/v1 Volume", "[]object"),
    ("[]core/v1 TopologySpreadConstraint", "[]object"),
    (
        "[]object: path(req string), readOnly bool, + inline core/v1 VolumeSource fields",
        "[]object",
    ),
    (
        "object: apiVersion,kind,metadata{name,namespace,labels,annotations,finalizers},spec=core/v1 PVCSpec,status=core/v1 PVCStatus",
        "object",
    ),
];

fn contract() -> (Contract, BTreeSet<String>) {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract.tsv")).unwrap();
    let mut contract = Contract::new();
    let mut summarised = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<_> = line.split('\t').collect();
        let [group, kind, version, path, kind_of_field, required, bounds] = cells.as_slice() else {
            panic!("{line}")
        };
        let place = format!("{kind}.{group}/{version}{path}");
        let kind_of_field = match SUMMARISED.iter().find(|(theirs, _)| theirs == kind_of_field) {
            Some((_, ours)) => {
                summarised.insert(place);
                *ours
            }
            None => kind_of_field.split(": ").next().unwrap(),
        };
        if let Some((_, names)) = cells[4]
            .split_once("object: ")
            .filter(|_| !cells[4].contains("path(") && !cells[4].contains('{'))
        {
            for name in names.split(',') {
                let kind = match name {
                    "annotations" | "labels" => "map[string]string",
                    "finalizers" => "[]string",
                    _ => "string",
                };
                let field = Field {
                    kind: kind.to_owned(),
                    required: false,
                    constraints: Vec::new(),
                };
                let key = (format!("{kind_}.{group}", kind_ = cells[1]), (*version).to_owned());
                contract.entry(key).or_default().insert(format!("{path}.{name}"), field);
            }
        }
        let field = Field {
            kind: kind_of_field.to_owned(),
            required: *required == "req",
            constraints: constraints(bounds),
        };
        let key = (format!("{kind}.{group}"), (*version).to_owned());
        contract.entry(key).or_default().insert((*path).to_owned(), field);
    }
    (contract, summarised)
}

/// As our list of fields has them; JSON in one form.
fn constraints(text: &str) -> Vec<String> {
    let mut constraints: Vec<_> = text
        .split("; ")
        .filter(|entry| !entry.is_empty() && !entry.starts_with("x-kubernetes-preserve-unknown-fields"))
        .map(|entry| {
            let (name, value) = entry.split_once('=').unwrap();
            let value: serde_json::Value = serde_json::from_str(value).unwrap_or_else(|error| panic!("{entry}: {error}"));
            format!("{name}={value}")
        })
        .collect();
    constraints.sort();
    constraints
}

fn ours(definition: &Definition, version: Version) -> Fields {
    let served = definition.served(version);
    let mut properties = serde_json::json!({ "spec": (served.spec)() });
    if let Some(status) = served.status {
        properties["status"] = status();
    }
    fields(&serde_json::json!({ "properties": properties }))
}

/// Fields of Kubernetes' own types are Kubernetes' business.
fn is_summarised(summarised: &BTreeSet<String>, place: &str) -> bool {
    summarised.iter().any(|parent| {
        place
            .strip_prefix(parent.as_str())
            .is_some_and(|rest| rest.starts_with('.') || rest.starts_with("[]"))
    })
}

#[test]
fn no_field_of_the_contract_is_missing_or_different() {
    let (contract, _) = contract();
    let mut wrong = Vec::new();
    for ((kind, version), fields) in &contract {
        let Some(definition) = KINDS
            .into_iter()
            .find(|definition| format!("{}.{}", definition.kind, definition.group) == *kind)
        else {
            wrong.push(format!("{kind}: no such kind"));
            continue;
        };
        let ours = ours(definition, Version::parse(version).unwrap());
        for (path, theirs) in fields {
            match ours.get(path) {
                None => wrong.push(format!("{kind}/{version} {path}: missing")),
                Some(ours) if !is_same(path, theirs, ours) => {
                    wrong.push(format!("{kind}/{version} {path}: theirs {theirs:?}, ours {ours:?}"));
                }
                Some(_) => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Bounds that the original leaves out: without them, a rule is too much work for the API server.
const STRICTER: [(&str, &str); 2] = [(".spec.files", "maxItems=200"), (".spec.files[].path", "maxLength=512")];

fn is_same(path: &str, theirs: &Field, ours: &Field) -> bool {
    let stricter = |entry: &&String| {
        STRICTER
            .iter()
            .any(|(end, bound)| path.ends_with(end) && entry.as_str() == *bound)
    };
    let constraints: Vec<_> = ours.constraints.iter().filter(|entry| !stricter(entry)).cloned().collect();
    theirs.kind == ours.kind && theirs.required == ours.required && theirs.constraints == constraints
}

const PAGE: &str = "../docs/api-fields.md";

#[test]
fn the_page_lists_every_field() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = page();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return std::fs::write(path, page).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(path).unwrap_or_default(),
        page,
        "run `make golden` and look at the difference"
    );
}

fn page() -> String {
    let (contract, summarised) = contract();
    let mut page = String::from(
        "# Which fields does the API have?\n\n\
         Every field of every kind, in both versions: `v1beta1` is served, `v1beta2` is served and stored. Fields and kinds are those of\n\
         k0smotron's API; what Anywhere adds is marked *ours*, and is optional. `req` means that the parent must have the field. The fields\n\
         of Kubernetes' own types are not listed. Made by `crds/tests/contract.rs`.\n",
    );
    for definition in KINDS {
        let [older, newer] = Version::ALL.map(|version| ours(definition, version));
        let paths: BTreeSet<_> = older.keys().chain(newer.keys()).collect();
        page.push_str(&format!(
            "\n## {} ({})\n\n| field | versions | type | |\n|---|---|---|---|\n",
            definition.kind, definition.group
        ));
        for path in paths {
            let kind = format!("{}.{}", definition.kind, definition.group);
            let place = |version: Version| format!("{kind}/{}{path}", version.name());
            if Version::ALL
                .iter()
                .any(|version| is_summarised(&summarised, &place(*version)))
            {
                continue;
            }
            let versions = [(&older, Version::V1Beta1), (&newer, Version::V1Beta2)];
            let versions: Vec<_> = versions.into_iter().filter(|(fields, _)| fields.contains_key(path)).collect();
            let is_theirs = |(_, version): &(&Fields, Version)| {
                contract
                    .get(&(kind.clone(), version.name().to_owned()))
                    .is_some_and(|fields| fields.contains_key(path))
            };
            let is_ours = !versions.iter().any(is_theirs);
            // A line for both, unless they differ.
            let same: Vec<&[_]> = if older.get(path) == newer.get(path) {
                vec![&versions]
            } else {
                versions.chunks(1).collect()
            };
            for versions in same {
                page.push_str(&line(path, versions, is_ours));
            }
        }
    }
    page
}

/// A field that is the same in these versions.
fn line(path: &str, versions: &[(&Fields, Version)], is_ours: bool) -> String {
    let names: Vec<_> = versions.iter().map(|(_, version)| version.name()).collect();
    let field = versions[0].0.get(path).unwrap();
    let mut notes = field
        .constraints
        .iter()
        .map(|entry| format!("`{}`", entry.replace('|', "\\|")))
        .collect::<Vec<_>>();
    if field.required {
        notes.insert(0, "req".to_owned());
    }
    if is_ours {
        notes.insert(0, "*ours*".to_owned());
    }
    format!("| `{path}` | {} | {} | {} |\n", names.join(", "), field.kind, notes.join(" "))
}
