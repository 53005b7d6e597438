//! The CustomResourceDefinition of a kind.
//!
//! Source: <https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/custom-resource-definition-v1/>

use serde_json::{Map, Value, json};

use super::{Column, Definition, Schemas, Served, Version};
use crate::schema::fields;

/// Where the Service of the webhook is, which converts objects between the versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceReference {
    /// Namespace of the Service.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The Certificate (`namespace/name`) of cert-manager whose CA cert-manager puts into the definition; without one, the webhook
    /// does that itself.
    /// Source: <https://cert-manager.io/docs/concepts/ca-injector/>
    pub certificate: Option<String>,
}

impl Default for ServiceReference {
    /// The one that `anywhere webhook` takes itself to be behind, if it is not told otherwise.
    fn default() -> Self {
        Self {
            namespace: "anywhere-system".to_owned(),
            name: "anywhere-webhook".to_owned(),
            certificate: None,
        }
    }
}

/// The path that the webhook serves conversion at.
const CONVERT: &str = "/convert";

/// The definition as an object of `apiextensions.k8s.io/v1`.
///
/// Kinds whose versions have one schema need no webhook, and have none: the API server itself changes their `apiVersion`.
pub fn custom_resource_definition(definition: &Definition, service: &ServiceReference) -> Value {
    let versions: Vec<_> = Version::ALL.into_iter().map(|version| served(definition, version)).collect();
    let mut metadata = json!({ "name": definition.name(), "labels": labels(definition) });
    if let (Some(certificate), false, Some(metadata)) =
        (&service.certificate, definition.is_one_schema(), metadata.as_object_mut())
    {
        metadata.insert(
            "annotations".to_owned(),
            json!({ "cert-manager.io/inject-ca-from": certificate }),
        );
    }
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": {
            "group": definition.group,
            "names": names(definition),
            "scope": "Namespaced",
            "versions": versions,
            "conversion": strategy(definition, service),
        },
    })
}

/// A definition that cannot be written as YAML.
#[derive(Debug, thiserror::Error)]
#[error("the definition cannot be written as YAML: {0}; this is a fault of this program")]
pub struct YamlError(#[from] serde_saphyr::ser::Error);

/// As a YAML document.
///
/// # Errors
/// [`YamlError`], where there is something in the definition that YAML has no form for.
pub fn to_yaml(definition: &Value) -> Result<String, YamlError> {
    Ok(serde_saphyr::to_string(definition)?)
}

/// Contract labels say which version of the kind fulfils which version of Cluster API's contract.
/// Source: <https://cluster-api.sigs.k8s.io/developer/providers/contracts/infra-machine#infrainfrastructuremachine-crd-naming-conventions>
fn labels(definition: &Definition) -> Value {
    let mut labels = Map::new();
    if let Some(provider) = definition.provider {
        labels.insert("cluster.x-k8s.io/provider".to_owned(), provider.into());
    }
    if definition.group.ends_with("cluster.x-k8s.io") {
        for version in Version::ALL {
            labels.insert(format!("cluster.x-k8s.io/{}", version.name()), version.name().into());
        }
    }
    labels.insert("app.kubernetes.io/part-of".to_owned(), "anywhere".into());
    if definition.moved_by_clusterctl {
        labels.insert("clusterctl.cluster.x-k8s.io/move".to_owned(), "".into());
    }
    Value::Object(labels)
}

fn names(definition: &Definition) -> Value {
    let mut names = json!({
        "kind": definition.kind,
        "listKind": format!("{}List", definition.kind),
        "plural": definition.plural,
        "singular": definition.kind.to_lowercase(),
    });
    for (key, list) in [("shortNames", definition.short_names), ("categories", definition.categories)] {
        if let (Some(names), false) = (names.as_object_mut(), list.is_empty()) {
            names.insert(key.to_owned(), json!(list));
        }
    }
    names
}

fn served(definition: &Definition, version: Version) -> Value {
    let served = definition.served(version);
    let mut entry = json!({
        "name": version.name(),
        "served": true,
        "storage": version == Version::V1Beta2,
        "schema": { "openAPIV3Schema": root(served, definition.schemas(version)) },
    });
    let Some(fields) = entry.as_object_mut() else { return entry };
    if version == Version::V1Beta1 {
        fields.insert("deprecated".to_owned(), true.into());
    }
    let subresources = subresources(served);
    if subresources.as_object().is_some_and(|some| !some.is_empty()) {
        fields.insert("subresources".to_owned(), subresources);
    }
    if !served.columns.is_empty() {
        let columns: Vec<_> = served.columns.iter().map(column).collect();
        fields.insert("additionalPrinterColumns".to_owned(), columns.into());
    }
    entry
}

fn root(served: &Served, schemas: &Schemas) -> Value {
    let mut properties = json!({
        "apiVersion": {
            "type": "string",
            "description": "The group and version of the schema that this object follows.",
        },
        "kind": { "type": "string", "description": "The kind of object that this is." },
        "metadata": { "type": "object" },
        "spec": schemas.spec,
    });
    if let (Some(status), Some(properties)) = (&schemas.status, properties.as_object_mut()) {
        properties.insert("status".to_owned(), status.clone());
    }
    json!({ "type": "object", "description": served.description, "properties": properties })
}

fn subresources(served: &Served) -> Value {
    let mut subresources = Map::new();
    if served.status_subresource {
        subresources.insert("status".to_owned(), json!({}));
    }
    if served.scale_subresource {
        let scale = json!({
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector",
        });
        subresources.insert("scale".to_owned(), scale);
    }
    Value::Object(subresources)
}

fn column(column: &Column) -> Value {
    let mut entry = json!({
        "name": column.name,
        "jsonPath": column.path,
        "type": column.kind,
        "description": column.description,
    });
    if let (true, Some(fields)) = (column.priority > 0, entry.as_object_mut()) {
        fields.insert("priority".to_owned(), column.priority.into());
    }
    entry
}

fn strategy(definition: &Definition, service: &ServiceReference) -> Value {
    if definition.is_one_schema() {
        return json!({ "strategy": "None" });
    }
    let ServiceReference { namespace, name, .. } = service;
    let client = json!({ "service": { "namespace": namespace, "name": name, "path": CONVERT, "port": 443 } });
    json!({ "strategy": "Webhook", "webhook": { "clientConfig": client, "conversionReviewVersions": ["v1"] } })
}

impl Definition {
    /// Whether both versions have the same fields, so that an object of one is an object of the other.
    pub fn is_one_schema(&self) -> bool {
        let shape = |version| {
            let Schemas { spec, status } = self.schemas(version);
            (fields(spec), status.as_ref().map(fields))
        };
        shape(Version::V1Beta1) == shape(Version::V1Beta2)
    }
}
