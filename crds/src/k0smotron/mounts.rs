//! Files of the pods of a control plane.

use std::borrow::Cow;

use k8s_openapi::api::core::v1::Volume;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Where a volume is mounted, and beside it the source of the volume, as a Volume of Kubernetes has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mount {}

impl JsonSchema for Mount {
    fn schema_name() -> Cow<'static, str> {
        "Mount".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Volume::json_schema(generator);
        schema.insert("required".to_owned(), json!(["path"]));
        if let Some(properties) = schema.get_mut("properties").and_then(|properties| properties.as_object_mut()) {
            properties.remove("name");
            properties.insert("path".to_owned(), json!({ "type": "string" }));
            properties.insert("readOnly".to_owned(), json!({ "type": "boolean" }));
        }
        schema
    }
}
