//! Fields that have another place in the newer version.

use serde_json::{Map, Value};

use super::annotations;
use crate::definition::Version;

/// A field of v1beta1, and the same field of v1beta2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    older: Place,
    newer: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A path from the object down.
    Field(&'static str),
    /// An annotation: a text as it is, anything else as JSON.
    Annotation(&'static str),
}

impl Move {
    /// Paths from the object down, such as `spec.service.type`; never through a list.
    pub const fn new(older: &'static str, newer: &'static str) -> Self {
        Self {
            older: Place::Field(older),
            newer: Place::Field(newer),
        }
    }

    /// A field that v1beta2 has an annotation for.
    pub const fn to_annotation(older: &'static str, annotation: &'static str) -> Self {
        Self {
            older: Place::Field(older),
            newer: Place::Annotation(annotation),
        }
    }

    const fn place(self, version: Version) -> Place {
        match version {
            Version::V1Beta1 => self.older,
            Version::V1Beta2 => self.newer,
        }
    }
}

/// Moves what is there in `from` to where `to` has it.
///
/// All fields are taken out before the first is put in: one may go where another one was.
pub(super) fn apply(moves: &[Move], from: Version, to: Version, object: &mut Map<String, Value>) {
    let taken: Vec<_> = moves
        .iter()
        .map(|step| (step.place(to), step.place(from).take(object)))
        .collect();
    for (place, value) in taken {
        if let Some(value) = value {
            place.put(object, value);
        }
    }
}

impl Place {
    fn take(self, object: &mut Map<String, Value>) -> Option<Value> {
        match self {
            Self::Field(path) => take(object, path),
            Self::Annotation(name) => {
                annotations::take(object, name).map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
            }
        }
    }

    fn put(self, object: &mut Map<String, Value>, value: Value) {
        match (self, value) {
            (Self::Field(path), value) => put(object, path, value),
            (Self::Annotation(name), Value::String(text)) => annotations::put(object, name, text),
            (Self::Annotation(name), value) => annotations::put(object, name, value.to_string()),
        }
    }
}

/// The value at a path.
pub(super) fn get<'a>(object: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    match path.split_once('.') {
        Some((parent, rest)) => get(object.get(parent)?.as_object()?, rest),
        None => object.get(path),
    }
}

/// The value at a path, taken out; parents that are empty without it go as well.
pub(super) fn take(object: &mut Map<String, Value>, path: &str) -> Option<Value> {
    let Some((parent, rest)) = path.split_once('.') else {
        return object.remove(path);
    };
    let inner = object.get_mut(parent)?.as_object_mut()?;
    let value = take(inner, rest)?;
    if inner.is_empty() {
        object.remove(parent);
    }
    Some(value)
}

/// Puts a value at a path, with the parents it needs.
pub(super) fn put(object: &mut Map<String, Value>, path: &str, value: Value) {
    let Some((parent, rest)) = path.split_once('.') else {
        object.insert(path.to_owned(), value);
        return;
    };
    let inner = object.entry(parent).or_insert_with(|| Value::Object(Map::new()));
    if let Some(inner) = inner.as_object_mut() {
        put(inner, rest, value);
    }
}
