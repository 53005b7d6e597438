//! Fields of one version that follow from others where nobody has set them.

use serde_json::{Map, Value};

use super::moves::{get, put, take};
use crate::definition::Version;

/// A field that has a value of its own in one version only, and there follows from another field.
///
/// It is set on the way to that version where it is not there, and left out on the way back where it is what would be set; so an
/// object that has been there and back is what it was. That somebody has left it out on purpose is kept as a `null`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Derived {
    version: Version,
    path: &'static str,
    value: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// This text, if there is anything at that path.
    Constant(&'static str, &'static str),
    /// What is at that path.
    Copy(&'static str),
}

impl Derived {
    /// In that version `path` is `value` if there is anything at `when`.
    pub const fn constant(version: Version, path: &'static str, value: &'static str, when: &'static str) -> Self {
        Self {
            version,
            path,
            value: Source::Constant(value, when),
        }
    }

    /// In that version `path` is what is at `of`.
    pub const fn copy(version: Version, path: &'static str, of: &'static str) -> Self {
        Self {
            version,
            path,
            value: Source::Copy(of),
        }
    }

    fn value(&self, object: &Map<String, Value>) -> Option<Value> {
        match self.value {
            Source::Constant(value, when) => get(object, when).map(|_| value.into()),
            Source::Copy(of) => get(object, of).cloned(),
        }
    }
}

/// Before an object leaves `from`.
pub(super) fn leave(derived: &[Derived], from: Version, object: &mut Map<String, Value>) {
    for field in derived.iter().filter(|field| field.version == from) {
        let Some(value) = field.value(object) else { continue };
        match get(object, field.path) {
            None => put(object, field.path, Value::Null),
            Some(found) if *found == value => drop(take(object, field.path)),
            Some(_) => {}
        }
    }
}

/// When an object has become one of `to`.
pub(super) fn arrive(derived: &[Derived], to: Version, object: &mut Map<String, Value>) {
    for field in derived.iter().filter(|field| field.version == to) {
        match (get(object, field.path), field.value(object)) {
            (Some(Value::Null), _) => drop(take(object, field.path)),
            (None, Some(value)) => put(object, field.path, value),
            _ => {}
        }
    }
}
