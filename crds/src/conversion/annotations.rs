//! Annotations of an object.

use serde_json::{Map, Value};

/// The text of an annotation, taken out; the mapping goes with the last one.
pub(super) fn take(object: &mut Map<String, Value>, name: &str) -> Option<String> {
    let metadata = object.get_mut("metadata")?.as_object_mut()?;
    let annotations = metadata.get_mut("annotations")?.as_object_mut()?;
    if !annotations.get(name)?.is_string() {
        return None;
    }
    let text = annotations.remove(name)?;
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
    text.as_str().map(str::to_owned)
}

/// Sets an annotation.
pub(super) fn put(object: &mut Map<String, Value>, name: &str, text: String) {
    let metadata = mapping(object, "metadata");
    mapping(metadata, "annotations").insert(name.to_owned(), text.into());
}

/// The mapping of that name; made where there is none, also in the place of something that no API server would have let in.
fn mapping<'a>(object: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let value = object.entry(name).or_insert(Value::Null);
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            unreachable!("made a mapping just now")
        }
    }
}
