//! Numbers and amounts as Kubernetes has them. The types here only name schemas: `#[schemars(with = "Option<Int32>")]`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

macro_rules! named_schema {
    ($(#[$doc:meta])* $name:ident, $schema:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                $schema(generator)
            }
        }
    };
}

pub(crate) use named_schema;

named_schema!(
    /// An integer of no format.
    Integer,
    |_| json_schema!({ "type": "integer" })
);
named_schema!(
    /// An integer of 32 bits.
    Int32,
    |_| json_schema!({ "type": "integer", "format": "int32" })
);
named_schema!(
    /// An integer of 64 bits.
    Int64,
    |_| json_schema!({ "type": "integer", "format": "int64" })
);
named_schema!(
    /// An amount such as `1Gi`, or a number.
    /// Source: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>
    Quantity,
    |_| json_schema!({
        "x-kubernetes-int-or-string": true,
        "anyOf": [{ "type": "integer" }, { "type": "string" }],
        "pattern": QUANTITY,
    })
);
named_schema!(
    /// Amounts by name, such as `cpu` and `memory`.
    Quantities,
    |generator| json_schema!({ "type": "object", "additionalProperties": Quantity::json_schema(generator) })
);

/// What the API server takes for a quantity.
const QUANTITY: &str =
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";
