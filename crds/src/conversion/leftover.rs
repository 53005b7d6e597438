//! Fields that the version asked for has no place for: kept in an annotation, and put back on the way home.

use serde_json::{Map, Value};

use super::{ConversionError, annotations};
use crate::definition::{Schemas, Version};

/// The annotation that keeps fields of that version while the object is in the other one.
const fn annotation(version: Version) -> &'static str {
    match version {
        Version::V1Beta1 => "anywhere.k0smotron.io/v1beta1-fields",
        Version::V1Beta2 => "anywhere.k0smotron.io/v1beta2-fields",
    }
}

/// Fields that were kept of a version when the object left it.
#[derive(Debug, Default)]
pub(super) struct Kept(Map<String, Value>);

/// Takes out what was kept of `to` when the object left that version.
pub(super) fn take(object: &mut Map<String, Value>, to: Version) -> Result<Kept, ConversionError> {
    let name = annotation(to);
    let Some(text) = annotations::take(object, name) else {
        return Ok(Kept::default());
    };
    let broken = |reason: &str| ConversionError::Annotation {
        annotation: name,
        reason: reason.to_owned(),
    };
    let kept: Value = serde_json::from_str(&text).map_err(|error| broken(&error.to_string()))?;
    let Value::Object(kept) = kept else {
        return Err(broken("not a mapping"));
    };
    if kept.keys().any(|key| !PARTS.contains(&key.as_str())) {
        return Err(broken("something else than spec and status"));
    }
    Ok(Kept(kept))
}

/// Puts it back. Only after [`keep`]: fields of a newer release are in it, which no schema here has.
pub(super) fn restore(object: &mut Map<String, Value>, Kept(kept): Kept) {
    for (key, value) in kept {
        fill(object, key, value);
    }
}

/// Takes out what the schemas have no place for, and keeps it in the annotation for fields of `from`.
pub(super) fn keep(object: &mut Map<String, Value>, schemas: &Schemas, from: Version) {
    let mut kept = Map::new();
    for (part, schema) in [("spec", Some(&schemas.spec)), ("status", schemas.status.as_ref())] {
        let Some(value) = object.get_mut(part) else { continue };
        let leftover = match schema {
            Some(schema) => prune(value, schema),
            None => object.remove(part),
        };
        if let Some(leftover) = leftover {
            kept.insert(part.to_owned(), leftover);
        }
    }
    if kept.is_empty() {
        return;
    }
    annotations::put(object, annotation(from), Value::Object(kept).to_string());
}

/// What of an object has fields of its own in each version.
const PARTS: [&str; 2] = ["spec", "status"];

/// Takes out of a value what its schema does not have. Lists stay as they are: their entries are alike in all versions, and which
/// entry a kept field were of could not be told once somebody has changed the list.
fn prune(value: &mut Value, schema: &Value) -> Option<Value> {
    let fields = value.as_object_mut()?;
    let properties = schema.get("properties")?.as_object()?;
    if schema.get("x-kubernetes-preserve-unknown-fields").is_some() {
        return None;
    }
    let mut leftover = Map::new();
    let names: Vec<_> = fields.keys().cloned().collect();
    for name in names {
        let out = match (properties.get(&name), fields.get_mut(&name)) {
            (Some(schema), Some(field)) => prune(field, schema),
            (None, _) => fields.remove(&name),
            (Some(_), None) => None,
        };
        if let Some(out) = out {
            leftover.insert(name, out);
        }
    }
    (!leftover.is_empty()).then_some(Value::Object(leftover))
}

/// Puts a value where none is; a mapping is filled up.
fn fill(object: &mut Map<String, Value>, key: String, value: Value) {
    match (object.get_mut(&key), value) {
        (None, value) => {
            object.insert(key, value);
        }
        (Some(Value::Object(inner)), Value::Object(fields)) => {
            for (key, value) in fields {
                fill(inner, key, value);
            }
        }
        (Some(_), _) => {}
    }
}
