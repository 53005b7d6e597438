//! Wrong input: each field given wrongly is refused by the API server, or told in a condition that names the field and the fix; once that
//! is mended, the machine is provisioned by itself.
//!
//! What is said is in `wrong_input/`, by kind: `admission-*.txt` for what the API server refuses, the others for what conditions say.
//! `UPDATE_GOLDEN=1` writes the files.

mod admission;
mod cases;
mod machines;
mod tried;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crds::KINDS;
use crds::definition::Version;
use crds::schema::{Field, fields};
use serde_json::json;

use cases::{BY_TYPE, On, cases};

/// The fields of Kubernetes' own Jobs are Kubernetes' business.
const JOB: &str = ".spec.provisionJob.jobSpecTemplate.";

/// The file of what is said.
fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/controllers/wrong_input/{name}.txt"))
}

/// All fields of the spec of a kind that have a type of their own, as paths: `.spec.jumpHosts[].port`.
fn fields_of(kind: &str) -> Vec<(String, Field)> {
    let definition = KINDS.into_iter().find(|definition| definition.kind == kind).unwrap();
    let schema = (definition.served(Version::V1Beta2).spec)();
    fields(&json!({ "properties": { "spec": schema } }))
        .into_iter()
        .filter(|(path, _)| path.starts_with(".spec.") && !path.starts_with(JOB))
        .collect()
}

#[test]
fn each_field_is_given_wrongly_by_a_case() {
    for kind in ["RemoteMachine", "PooledRemoteMachine"] {
        let mut named: BTreeSet<String> = BTreeSet::new();
        for case in cases() {
            let is_of_it = match case.on {
                On::Machine => true,
                On::Alone | On::Claim | On::Data => kind == "RemoteMachine",
                On::Entry => kind == "PooledRemoteMachine",
            };
            if is_of_it {
                named.extend(case.fields.iter().map(|field| place(kind, case.on, field)));
            }
        }
        let by_type = |path: &str| {
            let mut all = BY_TYPE.into_iter();
            all.any(|field| path == place(kind, On::Machine, field) || path == place(kind, On::Claim, field))
        };
        let all = fields_of(kind);
        for (path, _) in &all {
            let is_parent = all
                .iter()
                .any(|(other, _)| other.strip_prefix(path).is_some_and(|rest| rest.starts_with(['.', '['])));
            assert!(
                is_parent || named.contains(path) || by_type(path),
                "no case gives {path} of {kind} wrongly"
            );
        }
        // A field that is gone must not stay here.
        for path in named {
            assert!(all.iter().any(|(known, _)| *known == path), "{kind} has no {path}");
        }
    }
}

/// The path of a field of the machine, or of the object itself.
fn place(kind: &str, on: On, field: &str) -> String {
    let of_machine = on == On::Machine && kind == "PooledRemoteMachine";
    format!("{}.{field}", if of_machine { ".spec.machine" } else { ".spec" })
}
