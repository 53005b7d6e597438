//! From one version of a kind to the other, with nothing lost.
//!
//! Objects are converted as they are written, not by way of the types: what a newer release has added stays where it is. A kind
//! lists what has another place in the newer version ([`Move`]); a field that has no place in the version asked for is kept in an
//! annotation, as Cluster API's providers do, and put back on the way home.

mod annotations;
mod derived;
mod leftover;
mod moves;

pub use derived::Derived;
pub use moves::Move;

use serde_json::{Map, Value};

use crate::definition::{Definition, Version};

/// What cannot be converted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConversionError {
    /// Not an object with `apiVersion` and `kind`.
    #[error("not an object with apiVersion and kind")]
    NoObject,
    /// Another kind.
    #[error("{kind} in {api_version} is no kind of this API")]
    UnknownKind {
        /// As the object has it.
        api_version: String,
        /// As the object has it.
        kind: String,
    },
    /// Another version.
    #[error("{kind} has no version {version}: it has v1beta1 and v1beta2")]
    UnknownVersion {
        /// As the object has it.
        kind: String,
        /// The version asked for.
        version: String,
    },
    /// The annotation that keeps what the older version has no place for does not hold what was put there.
    #[error("annotation {annotation} does not hold what was put there: {reason}; take it away, and set again what is missing")]
    Annotation {
        /// Its name.
        annotation: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// The object in the version asked for, such as `infrastructure.cluster.x-k8s.io/v1beta1`.
///
/// # Errors
/// [`ConversionError`]; never because of what a spec or a status holds.
pub fn convert(object: Value, api_version: &str) -> Result<Value, ConversionError> {
    let Value::Object(mut fields) = object else {
        return Err(ConversionError::NoObject);
    };
    let (definition, from) = kind_of(&fields)?;
    let to = version_of(definition, api_version)?;
    if from == to {
        return Ok(Value::Object(fields));
    }
    derived::leave(definition.derived, from, &mut fields);
    moves::apply(definition.moves, from, to, &mut fields);
    let kept = leftover::take(&mut fields, to)?;
    leftover::keep(&mut fields, definition.schemas(to), from);
    leftover::restore(&mut fields, kept);
    derived::arrive(definition.derived, to, &mut fields);
    fields.insert("apiVersion".to_owned(), definition.api_version(to).into());
    Ok(Value::Object(fields))
}

fn kind_of(fields: &Map<String, Value>) -> Result<(&'static Definition, Version), ConversionError> {
    let text = |key: &str| fields.get(key).and_then(Value::as_str).ok_or(ConversionError::NoObject);
    let (api_version, kind) = (text("apiVersion")?, text("kind")?);
    let definition = Definition::of(api_version, kind).ok_or_else(|| ConversionError::UnknownKind {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
    })?;
    Ok((definition, version_of(definition, api_version)?))
}

fn version_of(definition: &Definition, api_version: &str) -> Result<Version, ConversionError> {
    let found = Version::ALL
        .into_iter()
        .find(|version| definition.api_version(*version) == api_version);
    found.ok_or_else(|| ConversionError::UnknownVersion {
        kind: definition.kind.to_owned(),
        version: api_version.to_owned(),
    })
}
