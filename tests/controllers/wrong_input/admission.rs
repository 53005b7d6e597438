//! What the API server says of each field that is of another type than it should be, out of bounds, or not there.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crds::schema::Field;
use serde_json::{Value, json};

use super::{fields_of, golden};
use crate::controller_lab::plane;
use crate::golden::compare;

/// A spec with all fields in it, as they should be.
fn whole(kind: &str) -> Value {
    let reference = json!({ "name": "x" });
    let mut machine = json!({
        "address": "10.0.0.1", "port": 22, "user": "root", "useSudo": true, "commandsAsScript": false, "workingDir": "/etc/k0smotron",
        "cleanUpCommands": ["true"], "hostKeys": ["x"], "hostCertificateAuthorities": ["x"],
        "jumpHosts": [{
            "address": "10.0.0.2", "port": 22, "user": "root", "sshKeyRef": reference, "hostKeys": ["x"],
            "hostCertificateAuthorities": ["x"],
        }],
        "sshKeyRef": reference, "sshCertificateRef": reference, "sshPasswordRef": reference, "sudoPasswordRef": reference,
        "timeouts": { "connectSeconds": 1, "stepSeconds": 1, "runSeconds": 1 }, "rerunInterrupted": false,
        "node": { "labels": { "a": "b" }, "annotations": { "a": "b" }, "taints": [{ "key": "a", "value": "b", "effect": "NoSchedule" }] },
    });
    if kind == "PooledRemoteMachine" {
        return json!({ "pool": "edge", "failureDomain": "rack-1", "machine": machine });
    }
    let pod = json!({ "restartPolicy": "Never", "containers": [{ "name": "ssh", "image": "ssh" }] });
    let more = json!({
        "pool": "edge", "failureDomain": "rack-1", "providerID": "x",
        "poolSelector": { "matchLabels": { "a": "b" }, "matchExpressions": [{ "key": "a", "operator": "In", "values": ["b"] }] },
        "provisionJob": { "sshCommand": "ssh", "scpCommand": "scp", "jobSpecTemplate": { "spec": { "template": { "spec": pod } } } },
    });
    machine.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    machine
}

/// Where a path such as `.spec.jumpHosts[].port` is in an object.
fn pointer(path: &str) -> String {
    path.replace("[]", ".0").replace('.', "/")
}

/// What the field is given that it should not be.
fn wrong_values(field: &Field) -> Vec<Option<Value>> {
    let mut wrong = vec![Some(match field.kind.as_str() {
        "string" => json!(7),
        "boolean" => json!("yes"),
        kind if kind.starts_with("integer") => json!("22"),
        _ => json!("x"),
    })];
    for constraint in &field.constraints {
        let (name, bound) = constraint.split_once('=').unwrap();
        let bound: Value = serde_json::from_str(bound).unwrap();
        let number = bound.as_i64().unwrap_or_default();
        wrong.push(Some(match name {
            "minimum" => json!(number - 1),
            "maximum" => json!(number + 1),
            "minLength" => json!(""),
            "maxLength" => json!("x".repeat(usize::try_from(number).unwrap() + 1)),
            "minProperties" => json!({}),
            "enum" => json!("Never"),
            "default" => continue,
            _ => panic!("{constraint}: a value that is against it is to be made here"),
        }));
    }
    // What a rule says.
    if field.constraints.iter().any(|constraint| constraint == "default=22") {
        wrong.extend([Some(json!(0)), Some(json!(65_536))]);
    }
    if field.required {
        wrong.push(None);
    }
    wrong
}

#[test]
fn what_has_not_the_type_that_it_should_have_is_refused_by_its_name() {
    for kind in ["RemoteMachine", "PooledRemoteMachine"] {
        let mut tried: Vec<(String, Option<Value>)> = Vec::new();
        for (path, field) in fields_of(kind) {
            tried.extend(wrong_values(&field).into_iter().map(|wrong| (path.clone(), wrong)));
        }
        let object = |name: &str| {
            json!({
                "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2", "kind": kind, "metadata": { "name": name }, "spec": whole(kind),
            })
        };
        let mut all = vec![object("right")];
        for (number, (path, wrong)) in tried.iter().enumerate() {
            let mut object = object(&format!("w{number}"));
            match wrong {
                Some(wrong) => *object.pointer_mut(&pointer(path)).expect(path) = wrong.clone(),
                None => {
                    let place = pointer(path);
                    let (parent, name) = place.rsplit_once('/').unwrap();
                    object.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
                }
            }
            all.push(object);
        }
        let said = refused(kind, &all);
        assert_eq!(said.get("right"), None, "{said:#?}");
        let mut text = String::new();
        for (number, (path, wrong)) in tried.iter().enumerate() {
            let given = match wrong {
                None => "left out".to_owned(),
                Some(Value::String(long)) if long.len() > 100 => format!("{} characters", long.len()),
                Some(wrong) => wrong.to_string(),
            };
            let _ = writeln!(text, "{path}: {given}");
            match said.get(&format!("w{number}")) {
                Some(line) => {
                    let _ = writeln!(text, "    {}", shortened(line));
                }
                None => panic!("{kind}: {path} may be {given}"),
            }
            let name = path.rsplit(['.', '[']).next().unwrap();
            assert!(said[&format!("w{number}")].contains(name), "{path} is not named:\n{text}");
        }
        compare(&golden(&format!("admission-{kind}")), &text).unwrap();
    }
}

/// A long value that was given is not repeated.
fn shortened(line: &str) -> String {
    let long = "x".repeat(64);
    match line.find(&long) {
        Some(at) => format!("{}...{}", &line[..at], line[at..].trim_start_matches('x')),
        None => line.to_owned(),
    }
}

/// What is said of the objects that are refused, by their names.
fn refused(kind: &str, objects: &[Value]) -> BTreeMap<String, String> {
    let stream: Vec<String> = objects.iter().map(|object| format!("---\n{object}\n")).collect();
    let arguments = ["create", "--dry-run=server", "--validate=strict", "-n", "default", "-f", "-"];
    let output = plane().kubectl_output(&arguments, &stream.concat()).unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    // What the API server adds where it has not looked at the rules.
    let not_looked = ", <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct \
                      the existing errors to complete validation";
    let said = told.lines().map(|line| {
        let (of, what) = line
            .split_once(&format!(" {kind}.infrastructure.cluster.x-k8s.io \""))
            .and_then(|(_, rest)| rest.split_once("\" is invalid: "))
            .unwrap_or_else(|| panic!("{line}"));
        let what = what.replace(not_looked, "");
        (of.to_owned(), what.trim_start_matches('[').trim_end_matches(']').to_owned())
    });
    said.collect()
}
