//! A cluster that has the original's definitions and objects gets ours: an upgrade in place, with nothing lost.

use std::collections::BTreeSet;
use std::path::Path;

use crds::KINDS;
use crds::definition::{Definition, ServiceReference, Version, custom_resource_definition};
use serde_json::{Value, json};
use testbed::{ControlPlane, ControlPlaneOptions};

use crate::webhook::Webhook;
use crate::{definitions, served, shown};

/// What the original's users have it installed by.
const THEIRS: &str = "clusterctl";
/// By which cert-manager puts the CA of the original's webhook into the definitions.
const INJECT: &str = "cert-manager.io/inject-ca-from";

#[test]
fn definitions_and_objects_of_the_original_are_taken_over_in_place() {
    let plane = ControlPlane::start(&ControlPlaneOptions::default()).unwrap();
    // Releases before 2.0 stored the older version.
    put(&plane, "create", &originals(Version::V1Beta1));
    served(&plane);
    let mut stored = store(&plane, Version::V1Beta1);
    // What no rule of ours would let in.
    let nowhere = json!({
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1", "kind": "RemoteMachine",
        "metadata": { "name": "nowhere" }, "spec": { "user": "root" },
    });
    plane.apply(&nowhere.to_string()).unwrap();
    put(&plane, "replace", &originals(Version::V1Beta2));
    stored.extend(store(&plane, Version::V1Beta2));

    // Whoever applies them is told whose the fields are, and that it takes `--force-conflicts`.
    let definitions = definitions();
    let refused = plane
        .kubectl_output(&["apply", "--server-side", "-f", "-"], &definitions)
        .unwrap();
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && told.contains(&format!("conflicts with \"{THEIRS}\"")),
        "{told}"
    );
    plane
        .kubectl_with(&["apply", "--server-side", "--force-conflicts", "-f", "-"], &definitions)
        .unwrap();
    let webhook = Webhook::start(&plane.kubeconfig(), "default");
    let annotations = plane
        .kubectl(&[
            "get",
            "customresourcedefinitions",
            "-o",
            "jsonpath={.items[*].metadata.annotations}",
        ])
        .unwrap();
    assert!(!annotations.contains(INJECT), "{annotations}");

    // As they were, also in the version that they are not stored in.
    let before = Version::ALL.map(|version| read(&plane, version));
    for object in &stored {
        let read = before.iter().flatten().find(|read| same(read, object));
        let read = read.unwrap_or_else(|| panic!("missing: {object}"));
        assert_within(object, read, &format!("{} {}", object["kind"], object["metadata"]["name"]));
    }
    shown::check(&plane, "upgraded");

    // Written back in either version, they are what they were.
    for version in Version::ALL {
        let mut objects = read(&plane, version);
        for object in &mut objects {
            object["metadata"]["labels"]["touched"] = json!(version.name());
        }
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects }).to_string();
        plane.kubectl_with(&["replace", "-f", "-"], &list).unwrap();
        let with_status: Vec<_> = read(&plane, version)
            .into_iter()
            .filter(|object| object.get("status").is_some())
            .collect();
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": with_status }).to_string();
        plane
            .kubectl_with(&["replace", "--subresource=status", "-f", "-"], &list)
            .unwrap();
        for (version, before) in Version::ALL.into_iter().zip(&before) {
            for (after, before) in read(&plane, version).into_iter().zip(before) {
                let name = format!("{} {}", before["kind"], before["metadata"]["name"]);
                let (after, before) = (settled(after), settled(before.clone()));
                assert_within(&before, &after, &name);
                // What was stored in the older version gets the defaults of the newer one when it is stored in that.
                if before["metadata"]["name"] == "newer" {
                    assert_within(&after, &before, &name);
                }
            }
        }
    }

    // What was wrong before may stay so, and what is wrong now is refused.
    let change = |patch: &str| {
        let arguments = ["patch", "remotemachine", "nowhere", "--type=merge", "-p", patch];
        plane.kubectl_output(&arguments, "").unwrap()
    };
    assert!(change(r#"{"spec":{"user":"admin"}}"#).status.success());
    assert!(
        change(r#"{"spec":{"address":"10.0.0.7","sshKeyRef":{"name":"key"}}}"#)
            .status
            .success()
    );
    assert!(!change(r#"{"spec":{"address":null}}"#).status.success());
    drop(webhook);
}

/// The original's definitions: ours, with only those fields that the contract lists, and nothing else that is ours.
fn originals(stored: Version) -> Vec<Value> {
    let fields = fields();
    let service = ServiceReference::default();
    KINDS
        .map(|definition| original(custom_resource_definition(definition, &service), definition, stored, &fields))
        .into()
}

fn original(mut crd: Value, definition: &Definition, stored: Version, fields: &BTreeSet<String>) -> Value {
    crd["metadata"]["labels"] = json!({ "cluster.x-k8s.io/v1beta1": "v1beta1", "cluster.x-k8s.io/v1beta2": "v1beta2" });
    let annotations = match definition.is_one_schema() {
        true => json!({}),
        false => json!({ INJECT: "k0smotron/serving" }),
    };
    crd["metadata"]["annotations"] = annotations;
    crd["spec"]["conversion"] = json!({ "strategy": "None" });
    crd["spec"]["names"].as_object_mut().unwrap().remove("shortNames");
    for version in crd["spec"]["versions"].as_array_mut().unwrap() {
        let name = version["name"].as_str().unwrap().to_owned();
        version["storage"] = json!(name == stored.name());
        version.as_object_mut().unwrap().remove("additionalPrinterColumns");
        let place = format!("{} {} {name} ", definition.group, definition.kind);
        for part in ["spec", "status"] {
            if let Some(schema) = version["schema"]["openAPIV3Schema"]["properties"].get_mut(part) {
                only(schema, &format!("{place}.{part}"), fields);
            }
        }
    }
    crd
}

/// The contract: `GROUP KIND VERSION PATH`.
fn fields() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds/tests/contract.tsv");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    rows.map(|line| line.split('\t').take(4).collect::<Vec<_>>().join(" "))
        .collect()
}

/// Takes out rules, and fields that the contract does not have. What it lists as a whole, such as a pod's template, stays.
fn only(schema: &mut Value, path: &str, fields: &BTreeSet<String>) {
    if let Some(items) = schema.get_mut("items") {
        only(items, &format!("{path}[]"), fields);
    }
    schema.as_object_mut().unwrap().remove("x-kubernetes-validations");
    let below = |path: &str| format!("{path}.");
    if !fields
        .range(below(path)..)
        .next()
        .is_some_and(|next| next.starts_with(&below(path)))
    {
        return;
    }
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    properties.retain(|name, _| fields.contains(&format!("{path}.{name}")));
    for (name, property) in properties {
        only(property, &format!("{path}.{name}"), fields);
    }
}

fn put(plane: &ControlPlane, verb: &str, definitions: &[Value]) {
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": definitions }).to_string();
    plane
        .kubectl_with(&[verb, &format!("--field-manager={THEIRS}"), "-f", "-"], &list)
        .unwrap();
}

/// Stores the objects of `stored/`, with their status.
fn store(plane: &ControlPlane, version: Version) -> Vec<Value> {
    let path = format!("{}/tests/api/stored/{}.yaml", env!("CARGO_MANIFEST_DIR"), version.name());
    let text = std::fs::read_to_string(&path).unwrap();
    let documents = remote::yaml::parse(&text, &path).unwrap();
    let objects: Vec<_> = documents.iter().map(|document| document.root.to_json()).collect();
    assert_eq!(objects.len(), KINDS.len());
    plane
        .kubectl_with(&["apply", "--server-side", "--validate=strict", "-f", "-"], &text)
        .unwrap();
    let with_status: Vec<_> = objects.iter().filter(|object| object.get("status").is_some()).collect();
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": with_status }).to_string();
    plane
        .kubectl_with(&["apply", "--server-side", "--subresource=status", "-f", "-"], &list)
        .unwrap();
    objects
}

/// All objects of all kinds, in that version.
fn read(plane: &ControlPlane, version: Version) -> Vec<Value> {
    let kinds = KINDS.map(|definition| format!("{}.{}.{}", definition.plural, version.name(), definition.group));
    let text = plane.kubectl(&["get", &kinds.join(","), "-o", "json"]).unwrap();
    let list: Value = serde_json::from_str(&text).unwrap();
    list["items"].as_array().unwrap().clone()
}

fn same(one: &Value, other: &Value) -> bool {
    let key = |object: &Value| [&object["apiVersion"], &object["kind"], &object["metadata"]["name"]].map(Clone::clone);
    key(one) == key(other)
}

/// Without what every write changes. What the older version keeps for the newer one is looked at in the newer one: it grows by the
/// defaults that an object gets when it is stored in that.
fn settled(mut object: Value) -> Value {
    let metadata = object["metadata"].as_object_mut().unwrap();
    for field in ["resourceVersion", "generation", "managedFields"] {
        metadata.remove(field);
    }
    for (mapping, key) in [("labels", "touched"), ("annotations", "anywhere.k0smotron.io/v1beta2-fields")] {
        if let Some(entries) = metadata.get_mut(mapping).and_then(Value::as_object_mut) {
            entries.remove(key);
            if entries.is_empty() {
                metadata.remove(mapping);
            }
        }
    }
    object
}

/// All that `given` says, `read` says as well; what it says beyond are defaults.
fn assert_within(given: &Value, read: &Value, path: &str) {
    match (given, read) {
        (Value::Object(given), Value::Object(read)) => {
            for (name, value) in given {
                let path = format!("{path}.{name}");
                assert_within(value, read.get(name).unwrap_or_else(|| panic!("{path} is lost")), &path);
            }
        }
        (Value::Array(given), Value::Array(read)) if given.len() == read.len() => {
            for (index, (given, read)) in given.iter().zip(read).enumerate() {
                assert_within(given, read, &format!("{path}[{index}]"));
            }
        }
        (given, read) => assert_eq!(given, read, "{path}"),
    }
}
