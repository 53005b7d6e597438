//! What makes a kind of the API: names, versions, columns and subresources; and the CustomResourceDefinition made from it.

mod columns;
mod crd;
mod schemas;

pub use columns::{AGE, AVAILABLE_REASON, AVAILABLE_SINCE, CLUSTER, Column, READY_REASON, READY_SINCE, reason, since};
pub use crd::{ServiceReference, YamlError, custom_resource_definition, to_yaml};
pub use schemas::Schemas;

use serde_json::Value;

use crate::KINDS;
use crate::conversion::{Derived, Move};

/// `bootstrap.cluster.x-k8s.io`
pub const BOOTSTRAP: &str = "bootstrap.cluster.x-k8s.io";

/// `controlplane.cluster.x-k8s.io`
pub const CONTROL_PLANE: &str = "controlplane.cluster.x-k8s.io";

/// `k0smotron.io`
pub const K0SMOTRON: &str = "k0smotron.io";

/// `infrastructure.cluster.x-k8s.io`
pub const INFRASTRUCTURE: &str = "infrastructure.cluster.x-k8s.io";

/// The versions that every kind has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// `v1beta1`: served, not stored.
    V1Beta1,
    /// `v1beta2`: served and stored.
    V1Beta2,
}

impl Version {
    /// Both, the older one first.
    pub const ALL: [Self; 2] = [Self::V1Beta1, Self::V1Beta2];

    /// As it stands in `apiVersion`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1Beta1 => "v1beta1",
            Self::V1Beta2 => "v1beta2",
        }
    }

    /// The version of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.name() == name)
    }
}

/// A kind of the API.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The API group.
    pub group: &'static str,
    /// The name of the kind, as in `kind:`.
    pub kind: &'static str,
    /// The name of the resource, as in `kubectl get`.
    pub plural: &'static str,
    /// What `kubectl get` takes as well.
    pub short_names: &'static [&'static str],
    /// What `kubectl get CATEGORY` lists it in; Cluster API's kinds are in `cluster-api`.
    pub categories: &'static [&'static str],
    /// The value of the label `cluster.x-k8s.io/provider`, by which clusterctl finds the kinds of a provider.
    /// Source: <https://cluster-api.sigs.k8s.io/developer/providers/contracts/clusterctl>
    pub provider: Option<&'static str>,
    /// Whether `clusterctl move` takes objects of this kind along though no Cluster owns them.
    pub moved_by_clusterctl: bool,
    /// The version that is served only.
    pub v1beta1: Served,
    /// The version that is stored.
    pub v1beta2: Served,
    /// What has another place in v1beta2 than it has in v1beta1.
    pub moves: &'static [Move],
    /// What follows from other fields in one of the versions.
    pub derived: &'static [Derived],
}

/// A kind in one of its versions.
#[derive(Clone, Copy, Debug)]
pub struct Served {
    /// What the schema says of the kind itself.
    pub description: &'static str,
    /// The schema of the spec.
    pub spec: fn() -> Value,
    /// The schema of the status; none where the kind has no status.
    pub status: Option<fn() -> Value>,
    /// Whether there is a status subresource.
    pub status_subresource: bool,
    /// Whether there is a scale subresource, over `.spec.replicas`, `.status.replicas` and `.status.selector`.
    pub scale_subresource: bool,
    /// What `kubectl get` shows behind the name.
    pub columns: &'static [Column],
}

impl Definition {
    /// The kind that an object with this `apiVersion`, of whichever version, and `kind` is of.
    pub fn of(api_version: &str, kind: &str) -> Option<&'static Self> {
        let group = api_version.split('/').next().unwrap_or_default();
        KINDS
            .into_iter()
            .find(|definition| definition.kind == kind && definition.group == group)
    }

    /// `group/version`
    pub fn api_version(&self, version: Version) -> String {
        format!("{}/{}", self.group, version.name())
    }

    /// The name of the definition: `plural.group`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.plural, self.group)
    }

    /// The kind in that version.
    pub const fn served(&self, version: Version) -> &Served {
        match version {
            Version::V1Beta1 => &self.v1beta1,
            Version::V1Beta2 => &self.v1beta2,
        }
    }
}
