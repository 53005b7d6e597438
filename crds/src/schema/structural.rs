//! From what schemars makes of a Rust type to what the API server takes.

use serde_json::{Map, Value, json};

use super::foreign::MARK;

/// Rewrites a schema, and all in it.
pub(super) fn rewrite(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    for noise in ["$schema", "title", "$defs", "examples"] {
        object.remove(noise);
    }
    unwrap_option(object);
    choices(object);
    constant(object);
    if object
        .get("format")
        .and_then(Value::as_str)
        .is_some_and(|format| !FORMATS.contains(&format))
    {
        object.remove("format");
    }
    let is_foreign = object.remove(MARK).is_some();
    for_each_child(object, rewrite);
    if is_foreign {
        for_each_child(object, strip);
    }
}

/// The formats that the API server knows and that types here have.
const FORMATS: [&str; 5] = ["int32", "int64", "date-time", "byte", "double"];

fn for_each_child(object: &mut Map<String, Value>, act: fn(&mut Value)) {
    for keyword in ["properties", "patternProperties"] {
        if let Some(children) = object.get_mut(keyword).and_then(Value::as_object_mut) {
            children.values_mut().for_each(act);
        }
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(child) = object.get_mut(keyword) {
            act(child);
        }
    }
}

/// Kubernetes' own types are described in its own documentation: their texts would make the definitions ten times as large.
fn strip(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    object.remove("description");
    for_each_child(object, strip);
}

/// An optional value is one that may be left out; `null` is nothing that anybody writes.
fn unwrap_option(object: &mut Map<String, Value>) {
    if let Some(types) = object.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(values) = object.get_mut("enum").and_then(Value::as_array_mut) {
        values.retain(|value| !value.is_null());
    }
    for keyword in ["anyOf", "allOf"] {
        let Some(branches) = object.get_mut(keyword).and_then(Value::as_array_mut) else {
            continue;
        };
        branches.retain(|branch| *branch != json!({ "type": "null" }));
        if let [Value::Object(only)] = branches.as_slice() {
            let only = only.clone();
            object.remove(keyword);
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
    }
}

/// An enum whose variants have texts of their own: `enum`, with the texts in the description.
fn choices(object: &mut Map<String, Value>) {
    let Some(branches) = object.get("oneOf").and_then(Value::as_array) else {
        return;
    };
    let mut values = Vec::new();
    let mut texts = Vec::new();
    for branch in branches {
        let Some(value) = branch.get("const") else { return };
        if let (Some(name), Some(text)) = (value.as_str(), branch.get("description").and_then(Value::as_str)) {
            texts.push(format!("{name}: {text}"));
        }
        values.push(value.clone());
    }
    object.remove("oneOf");
    object.insert("type".to_owned(), "string".into());
    object.insert("enum".to_owned(), values.into());
    let text = object.get("description").and_then(Value::as_str).unwrap_or_default();
    let text = format!("{text}\n\n{}", texts.join("\n"));
    object.insert("description".to_owned(), text.trim().into());
}

fn constant(object: &mut Map<String, Value>) {
    if let Some(value) = object.remove("const") {
        object.insert("enum".to_owned(), json!([value]));
    }
}
