//! What `examples/` holds is taken by the API server as it stands there, also in the older version, and reads back equal.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crds::KINDS;
use crds::conversion::convert;
use crds::definition::{Definition, Version};
use serde_json::{Value, json};
use testbed::Provider;

use crate::api;

/// What is no object of an API server: user-data, and what clusterctl and kustomize read.
const NO_OBJECTS: [&str; 4] = ["user-data.yaml", "clusterctl.yaml", "metadata.yaml", "kustomization.yaml"];

/// All manifests.
fn manifests(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            manifests(&path, found);
        } else if path.extension().is_some_and(|end| end == "yaml") && !NO_OBJECTS.iter().any(|name| path.ends_with(name)) {
            found.push(path);
        }
    }
    found.sort();
}

fn kind_of(object: &Value) -> Option<&'static Definition> {
    Definition::of(object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap())
}

/// As `clusterctl generate` makes a manifest of a template: `${NAME}` and `${NAME:=DEFAULT}` become values. Other manifests stay.
fn generated(text: &str) -> String {
    let mut pieces = text.split("${");
    let mut made = pieces.next().unwrap().to_owned();
    for piece in pieces {
        let (variable, rest) = piece.split_once('}').unwrap();
        let value = match variable.split_once(":=") {
            Some((_, default)) => default,
            None => match variable {
                "CLUSTER_NAME" => "generated",
                "NAMESPACE" => "default",
                "CONTROL_PLANE_ENDPOINT_HOST" => "10.0.0.9",
                "WORKER_MACHINE_COUNT" => "3",
                "KUBERNETES_VERSION" => "v1.36.3",
                "POOL" => "pool",
                _ => panic!("what is {variable}?"),
            },
        };
        made.push_str(value);
        made.push_str(rest);
    }
    made
}

#[test]
fn every_example_is_taken_in_both_versions_and_reads_back_equal() {
    let plane = api().plane;
    for provider in [Provider::Core, Provider::KubeadmBootstrap] {
        plane.install_crds(provider).unwrap();
    }
    let mut files = Vec::new();
    manifests(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"), &mut files);
    let mut kinds = BTreeSet::new();
    for file in files {
        let text = generated(&std::fs::read_to_string(&file).unwrap());
        let documents = remote::yaml::parse(&text, &file.display().to_string()).unwrap();
        let mut objects: Vec<_> = documents.iter().map(|document| document.root.to_json()).collect();
        plane
            .kubectl_with(&["apply", "--server-side", "--validate=strict", "-f", "-"], &text)
            .unwrap();
        objects.retain(|object| kind_of(object).is_some());
        kinds.extend(objects.iter().map(|object| object["kind"].to_string()));
        check(&objects, Version::V1Beta2);
        for object in &mut objects {
            let definition = kind_of(object).unwrap();
            *object = convert(object.take(), &definition.api_version(Version::V1Beta1)).unwrap();
            object["metadata"]["name"] = json!(format!("{}-older", object["metadata"]["name"].as_str().unwrap()));
        }
        check(&objects, Version::V1Beta1);
    }
    let all: BTreeSet<_> = KINDS.iter().map(|definition| json!(definition.kind).to_string()).collect();
    assert_eq!(kinds, all, "kinds with an example");
}

fn check(objects: &[Value], version: Version) {
    if objects.is_empty() {
        return;
    }
    let list = objects.iter().map(Value::to_string).collect::<Vec<_>>().join("\n---\n");
    let plane = api().plane;
    plane
        .kubectl_with(&["apply", "--server-side", "--validate=strict", "-f", "-"], &list)
        .unwrap();
    let read: Value = serde_json::from_str(&plane.kubectl_with(&["get", "-f", "-", "-o", "json"], &list).unwrap()).unwrap();
    // One object is no list.
    let read = read["items"].as_array().cloned().unwrap_or_else(|| vec![read]);
    assert_eq!(read.len(), objects.len());
    for (read, object) in read.iter().zip(objects) {
        let mut expected = object["spec"].clone();
        let definition = kind_of(object).unwrap();
        fill_defaults(&mut expected, &definition.schemas(version).spec);
        assert_eq!(read["spec"], expected, "{} {}", object["kind"], object["metadata"]["name"]);
        assert_eq!(read["apiVersion"], object["apiVersion"]);
    }
}

/// What the API server fills in, by its own rules.
/// Source: <https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting>
fn fill_defaults(value: &mut Value, schema: &Value) {
    if let (Some(list), Some(items)) = (value.as_array_mut(), schema.get("items")) {
        list.iter_mut().for_each(|entry| fill_defaults(entry, items));
    }
    let (Some(fields), Some(properties)) = (value.as_object_mut(), schema.get("properties").and_then(Value::as_object)) else {
        return;
    };
    for (name, property) in properties {
        if let (None, Some(default)) = (fields.get(name), property.get("default")) {
            fields.insert(name.clone(), default.clone());
        }
        if let Some(field) = fields.get_mut(name) {
            fill_defaults(field, property);
        }
    }
}
