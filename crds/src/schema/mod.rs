//! Schemas as a CustomResourceDefinition has them, made from the types.

mod fields;
mod foreign;
mod numbers;
mod structural;
mod unstructured;

pub use fields::{Field, fields};
pub use foreign::Foreign;
pub(crate) use numbers::named_schema;
pub use numbers::{Int32, Int64, Integer, Quantities, Quantity};
pub use unstructured::Unstructured;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

/// The structural schema of a type.
/// Source: <https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema>
pub fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    structural::rewrite(&mut schema);
    schema
}

/// A rule of `x-kubernetes-validations`, in CEL.
/// Source: <https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules>
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// What must be true of `self`; with `oldSelf` in it, of changes only.
    pub rule: &'static str,
    /// What to do about it.
    pub message: &'static str,
}
