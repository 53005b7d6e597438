//! Where a hosted control plane keeps its data.

use std::borrow::Cow;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::schema::Foreign;

/// Where /var/lib/k0s of the control plane's pods is.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Persistence {
    /// Whether the claims are deleted with the control plane.
    #[serde(rename = "autoDeletePVCs")]
    #[schemars(extend("default" = false))]
    pub auto_delete_pvcs: Option<bool>,
    /// The folder of the node, for `hostPath`.
    pub host_path: Option<String>,
    /// The claim, for `pvc`.
    pub persistent_volume_claim: Option<Foreign<EmbeddedClaim>>,
    /// `emptyDir`, `hostPath` or `pvc`.
    #[serde(rename = "type")]
    #[schemars(required, extend("default" = "emptyDir"))]
    pub kind: Option<String>,
}

/// A PersistentVolumeClaim within another object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EmbeddedClaim {}

impl JsonSchema for EmbeddedClaim {
    fn schema_name() -> Cow<'static, str> {
        "EmbeddedClaim".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = PersistentVolumeClaim::json_schema(generator);
        schema.remove("required");
        let text = json_schema!({ "type": "string" });
        let texts = json_schema!({ "type": "object", "additionalProperties": text.clone() });
        let metadata = json_schema!({
            "type": "object",
            "properties": {
                "annotations": texts.clone(),
                "finalizers": { "type": "array", "items": text.clone() },
                "labels": texts,
                "name": text.clone(),
                "namespace": text,
            },
        });
        if let Some(properties) = schema.get_mut("properties").and_then(|properties| properties.as_object_mut()) {
            properties.insert("metadata".to_owned(), metadata.to_value());
        }
        schema
    }
}
