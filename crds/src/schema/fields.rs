//! The fields of a schema, one by one.

use std::collections::BTreeMap;

use serde_json::Value;

/// What a schema says of a field, without what it tells people.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field {
    /// `string`, `integer/int32`, `[]object`, `map[string]string`, `int-or-string` and the like.
    pub kind: String,
    /// Whether the parent must have it.
    pub required: bool,
    /// Default, bounds and pattern, each as `name=JSON`, in the order of their names.
    pub constraints: Vec<String>,
}

/// All fields below a schema by their path, such as `.spec.files[].path`.
pub fn fields(schema: &Value) -> BTreeMap<String, Field> {
    let mut found = BTreeMap::new();
    below(schema, "", &mut found);
    found
}

const CONSTRAINTS: [&str; 10] = [
    "default",
    "enum",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "pattern",
];

fn below(schema: &Value, path: &str, found: &mut BTreeMap<String, Field>) {
    let schema = items(schema).unwrap_or(schema);
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    let required = schema.get("required").and_then(Value::as_array);
    for (name, property) in properties {
        let path = format!("{path}.{name}");
        let field = Field {
            kind: kind(property),
            required: required.is_some_and(|names| names.iter().any(|required| required == name)),
            constraints: constraints(property),
        };
        let suffix = if items(property).is_some() { "[]" } else { "" };
        below(property, &format!("{path}{suffix}"), found);
        found.insert(path, field);
    }
}

fn items(schema: &Value) -> Option<&Value> {
    schema.get("items")
}

fn kind(schema: &Value) -> String {
    if schema.get("x-kubernetes-int-or-string").is_some() {
        return "int-or-string".to_owned();
    }
    if let Some(items) = items(schema) {
        return format!("[]{}", kind(items));
    }
    if let Some(values) = schema.get("additionalProperties") {
        return format!("map[string]{}", kind(values));
    }
    if schema.get("x-kubernetes-preserve-unknown-fields").is_some() {
        return "object (unstructured)".to_owned();
    }
    let name = schema.get("type").and_then(Value::as_str).unwrap_or("any");
    match schema.get("format").and_then(Value::as_str) {
        Some(format) => format!("{name}/{format}"),
        None => name.to_owned(),
    }
}

fn constraints(schema: &Value) -> Vec<String> {
    let all = CONSTRAINTS.iter();
    all.filter_map(|name| schema.get(*name).map(|value| format!("{name}={value}")))
        .collect()
}
