//! A custom resource: what all kinds have in common, around the spec and status of one.

mod changes;

use std::borrow::Cow;
use std::marker::PhantomData;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use schemars::JsonSchema;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::definition::{Definition, Version};

/// The spec of a kind in one of its versions, which says all else about that kind.
pub trait Spec: Clone + std::fmt::Debug + PartialEq + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The status of the same kind and version.
    type Status: Clone + std::fmt::Debug + PartialEq + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;
    /// The kind.
    const DEFINITION: &'static Definition;
    /// The version of it.
    const VERSION: Version;
}

/// For kinds that have no status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoStatus {}

/// An object of the API. All kinds here live in namespaces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound = "")]
pub struct Object<S: Spec> {
    #[serde(default)]
    api_version: ApiVersion<S>,
    #[serde(default)]
    kind: Kind<S>,
    /// Name, namespace, labels and the rest of what all objects have.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub spec: Option<S>,
    /// What was seen.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub status: Option<S::Status>,
}

/// Unlike the derived default, needs nothing of `T`.
fn none<T>() -> Option<T> {
    None
}

impl<S: Spec> Object<S> {
    /// An object of that name with that spec.
    pub fn new(name: &str, spec: S) -> Self {
        Self {
            api_version: ApiVersion(PhantomData),
            kind: Kind(PhantomData),
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                ..ObjectMeta::default()
            },
            spec: Some(spec),
            status: None,
        }
    }
}

impl<S: Spec> Resource for Object<S> {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        S::DEFINITION.kind.into()
    }

    fn group((): &()) -> Cow<'_, str> {
        S::DEFINITION.group.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        S::VERSION.name().into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        S::DEFINITION.plural.into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// A field that has one value only. Reading anything else is an error, so that an object is never taken for another kind's.
macro_rules! constant {
    ($name:ident, $text:expr) => {
        #[derive(Clone, Debug, PartialEq, Eq)]
        struct $name<S>(PhantomData<fn() -> S>);

        impl<S> Default for $name<S> {
            fn default() -> Self {
                Self(PhantomData)
            }
        }

        impl<S: Spec> Serialize for $name<S> {
            fn serialize<Ser: Serializer>(&self, serializer: Ser) -> Result<Ser::Ok, Ser::Error> {
                let text: String = $text(S::DEFINITION, S::VERSION);
                serializer.serialize_str(&text)
            }
        }

        impl<'de, S: Spec> Deserialize<'de> for $name<S> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let found = String::deserialize(deserializer)?;
                let wanted: String = $text(S::DEFINITION, S::VERSION);
                if found == wanted {
                    Ok(Self(PhantomData))
                } else {
                    Err(D::Error::custom(format!("is {found}, where {wanted} is expected")))
                }
            }
        }
    };
}

constant!(ApiVersion, |definition: &Definition, version: Version| definition
    .api_version(version));
constant!(Kind, |definition: &Definition, _| definition.kind.to_owned());
