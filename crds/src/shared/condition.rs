//! Conditions, as all of Kubernetes has them.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::schema::named_schema;

/// What was observed, one entry a type.
/// Source: <https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties>
pub type Conditions = Vec<Condition>;

named_schema!(
    /// Their schema: a list that is merged by `type`, with the bounds that Kubernetes' own conditions have.
    ConditionList,
    conditions
);

fn conditions(generator: &mut SchemaGenerator) -> Schema {
    let mut condition = Condition::json_schema(generator);
    for (name, bounds) in [
        ("type", json_schema!({ "maxLength": 316, "pattern": QUALIFIED_NAME })),
        ("status", json_schema!({ "enum": ["True", "False", "Unknown"] })),
        (
            "reason",
            json_schema!({ "minLength": 1, "maxLength": 1024, "pattern": REASON }),
        ),
        ("message", json_schema!({ "maxLength": 32768 })),
        ("observedGeneration", json_schema!({ "minimum": 0 })),
    ] {
        let property = condition
            .pointer_mut(&format!("/properties/{name}"))
            .and_then(|property| property.as_object_mut());
        if let (Some(property), Some(bounds)) = (property, bounds.as_object()) {
            property.extend(bounds.clone());
        }
    }
    json_schema!({
        "type": "array",
        "items": condition,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    })
}

const QUALIFIED_NAME: &str =
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$";
const REASON: &str = "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$";
