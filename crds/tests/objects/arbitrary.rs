//! Arbitrary objects of a kind, made from its schema: every field may be there or not.

use crds::definition::{Definition, Version};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::Union;
use serde_json::{Map, Value, json};

/// An object of that kind and version, with name, perhaps labels and annotations, and perhaps spec and status.
pub(crate) fn object(definition: &'static Definition, version: Version) -> BoxedStrategy<Value> {
    let served = definition.served(version);
    let spec = option::of(value(&(served.spec)()));
    let status = served
        .status
        .map_or_else(|| Just(None).boxed(), |status| option::of(value(&status())).boxed());
    let annotations = option::of(btree_map("[a-z]{1,8}", "[a-z0-9 ]{0,8}", 1..3));
    (spec, status, annotations)
        .prop_map(move |(spec, status, annotations)| {
            let mut object = json!({
                "apiVersion": definition.api_version(version),
                "kind": definition.kind,
                "metadata": { "name": "one", "namespace": "default" },
            });
            if let Some(annotations) = annotations {
                object["metadata"]["annotations"] = json!(annotations);
            }
            for (part, value) in [("spec", spec), ("status", status)] {
                if let Some(value) = value {
                    object[part] = value;
                }
            }
            object
        })
        .boxed()
}

/// A value that the schema takes (patterns and rules aside).
fn value(schema: &Value) -> BoxedStrategy<Value> {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return proptest::sample::select(values.clone()).boxed();
    }
    if schema.get("x-kubernetes-int-or-string").is_some() {
        return Union::new([Just(json!(2)), Just(json!("1Gi"))]).boxed();
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") if schema.get("format").and_then(Value::as_str) == Some("date-time") => {
            Just(json!("2026-01-02T03:04:05Z")).boxed()
        }
        Some("string") => "[a-z]{1,6}".prop_map(Value::from).boxed(),
        Some("integer") => (1..60_000_i64).prop_map(Value::from).boxed(),
        Some("number") => Just(json!(1.5)).boxed(),
        Some("boolean") => any::<bool>().prop_map(Value::from).boxed(),
        Some("array") => vec(schema.get("items").map_or_else(json, value), 0..3)
            .prop_map(Value::from)
            .boxed(),
        Some("object") => mapping(schema),
        _ => json(),
    }
}

fn mapping(schema: &Value) -> BoxedStrategy<Value> {
    if let Some(values) = schema.get("additionalProperties") {
        return btree_map("[a-z]{1,5}", value(values), 0..3)
            .prop_map(|fields| json!(fields))
            .boxed();
    }
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return btree_map("[a-z]{1,5}", json(), 0..3).prop_map(|fields| json!(fields)).boxed();
    };
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut fields = Just(Map::new()).boxed();
    for (name, property) in properties {
        let name = name.clone();
        let property = match required.contains(&json!(name)) {
            true => value(property).prop_map(Some).boxed(),
            false => option::weighted(0.4, value(property)).boxed(),
        };
        fields = (fields, property)
            .prop_map(move |(mut fields, value)| {
                if let Some(value) = value {
                    fields.insert(name.clone(), value);
                }
                fields
            })
            .boxed();
    }
    fields.prop_map(Value::Object).boxed()
}

/// Any JSON, but not deep.
pub(crate) fn json() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z./]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let keys = proptest::sample::select(vec!["spec", "status", "metadata", "annotations", "service", "machine", "x"]);
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map(keys.prop_map(str::to_owned), inner, 0..4).prop_map(|fields| json!(fields)),
        ]
    })
    .boxed()
}

/// Nothing in the value that the schema does not have.
pub(crate) fn assert_known(value: &Value, schema: &Value, path: &str) {
    if schema.get("x-kubernetes-preserve-unknown-fields").is_some() {
        return;
    }
    let (Some(fields), Some(properties)) = (value.as_object(), schema.get("properties")) else {
        return;
    };
    for (name, value) in fields {
        let property = properties
            .get(name)
            .unwrap_or_else(|| panic!("{path}.{name} is unknown there"));
        assert_known(value, property, &format!("{path}.{name}"));
    }
}
