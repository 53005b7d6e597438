//! Parts of an object whose type is Kubernetes' own.

use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A value of `T`, kept as it was written: what a newer Kubernetes has added to `T`, and how quantities and times were spelled, stay
/// as they are when the object is written back.
#[derive(Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct Foreign<T> {
    value: Value,
    #[serde(skip)]
    of: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Foreign<T> {
    /// The value as Kubernetes' type.
    ///
    /// # Errors
    /// Where it is none.
    pub fn decode(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&self.value)
    }
}

impl<T> From<Value> for Foreign<T> {
    fn from(value: Value) -> Self {
        Self { value, of: PhantomData }
    }
}

impl<T> Clone for Foreign<T> {
    fn clone(&self) -> Self {
        self.value.clone().into()
    }
}

impl<T> PartialEq for Foreign<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T> std::fmt::Debug for Foreign<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.value.fmt(formatter)
    }
}

/// Marks a schema as foreign until it is made structural.
pub(super) const MARK: &str = "x-foreign";

impl<T: JsonSchema> JsonSchema for Foreign<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Foreign{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        schema.insert(MARK.to_owned(), T::schema_name().into_owned().into());
        schema
    }
}
