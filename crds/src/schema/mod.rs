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
///
/// The API server does not look again at what has not changed; so a rule stands as near as can be to the field that it is about.
/// Source: <https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules>
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    rule: &'static str,
    message: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    optional_old_self: bool,
}

impl Rule {
    /// What must be true of `self` (with `oldSelf` in it, of changes only), and what to do about it.
    pub const fn new(rule: &'static str, message: &'static str) -> Self {
        Self {
            rule,
            message,
            optional_old_self: false,
        }
    }

    /// `oldSelf` is optional: the rule is about new objects, too, and lets be what was wrong before.
    #[must_use]
    pub const fn unless_so_before(self) -> Self {
        Self {
            optional_old_self: true,
            ..self
        }
    }

    /// Adds rules to the schema at a JSON pointer (RFC 6901), beside those that it has.
    pub(crate) fn add(rules: &[Self], schema: &mut Value, pointer: &str) {
        let Some(Value::Object(fields)) = schema.pointer_mut(pointer) else {
            return;
        };
        let list = fields
            .entry("x-kubernetes-validations")
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.extend(rules.iter().map(|rule| serde_json::json!(rule)));
        }
    }
}
