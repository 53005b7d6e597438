//! Cluster v1beta2, the stored version.

use k8s_openapi::api::core::v1::{ResourceRequirements, TopologySpreadConstraint, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{DEFINITION, rules};
use crate::definition::{Definition, Version};
use crate::k0smotron::certificates::CertificateRef;
use crate::k0smotron::ingress::Ingress;
use crate::k0smotron::kubeconfig::RemoteHostCluster;
use crate::k0smotron::monitoring::Monitoring;
use crate::k0smotron::mounts::Mount;
use crate::k0smotron::patches::ComponentPatch;
use crate::k0smotron::persistence::Persistence;
use crate::k0smotron::service::ServiceSpec;
use crate::k0smotron::storage::Storage;
use crate::object::{Object, Spec};
use crate::schema::{Foreign, Int32, Unstructured};
use crate::shared::{ConditionList, Conditions, LabelsAndAnnotations};

/// A control plane that runs as pods.
pub type Cluster = Object<ClusterSpec>;

impl Spec for ClusterSpec {
    type Status = ClusterStatus;
    const DEFINITION: &'static Definition = &DEFINITION;
    const VERSION: Version = Version::V1Beta2;
}

/// A control plane that runs as pods.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSpec {
    /// Certificates that are brought along; those that are missing are made.
    pub certificate_refs: Option<Vec<CertificateRef>>,
    /// More flags of `k0s controller`, and other values of those that are given anyway.
    pub control_plane_flags: Option<Vec<String>>,
    /// Where the API server is reached; found out, for a load balancer or node ports, if nothing is given.
    pub external_address: Option<String>,
    /// The image of k0s, without a tag.
    #[schemars(extend("default" = "quay.io/k0sproject/k0s", "x-kubernetes-validations" = rules::IMAGE))]
    pub image: Option<String>,
    /// Access by host name.
    pub ingress: Option<Ingress>,
    /// k0s's own ClusterConfig.
    pub k0s_config: Option<Unstructured>,
    /// Labels and annotations of the Secret that the kubeconfig is put into.
    pub kubeconfig_secret_metadata: Option<LabelsAndAnnotations>,
    /// Volumes with manifests, which k0s applies.
    pub manifests: Option<Vec<Foreign<Volume>>>,
    /// Metrics.
    pub monitoring: Option<Monitoring>,
    /// Files of the control plane's pods: a path, whether it is read-only, and the source of a volume.
    pub mounts: Option<Vec<Foreign<Mount>>>,
    /// Patches of the objects that are made, in this order.
    pub patches: Option<Vec<ComponentPatch>>,
    /// Where the pods keep their data.
    pub persistence: Option<Persistence>,
    /// Another cluster, in which the pods of the control plane run.
    pub remote_host_cluster: Option<RemoteHostCluster>,
    /// How many pods the control plane has.
    #[schemars(with = "Option<Int32>", extend("default" = 1))]
    pub replicas: Option<i32>,
    /// What the container of k0s needs.
    pub resources: Option<Foreign<ResourceRequirements>>,
    /// How the control plane is reached.
    #[schemars(extend("default" = {"apiPort": 30443, "konnectivityPort": 30132, "type": "ClusterIP"}))]
    pub service: Option<ServiceSpec>,
    /// The ServiceAccount of the pods.
    pub service_account: Option<String>,
    /// What the API server keeps its objects in.
    pub storage: Option<Storage>,
    /// How the pods are spread over nodes.
    pub topology_spread_constraints: Option<Vec<Foreign<TopologySpreadConstraint>>>,
    /// The version of k0s, such as `v1.34.2-k0s.0`.
    pub version: Option<String>,
}

/// What was observed of the control plane.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStatus {
    /// What is so, since when, and why.
    #[schemars(with = "Option<ConditionList>")]
    pub conditions: Option<Conditions>,
    /// What only readers of older versions look at.
    pub deprecated: Option<Deprecated>,
    /// How many pods are ready.
    #[schemars(with = "Option<Int32>")]
    pub ready_replicas: Option<i32>,
    /// How many pods there are.
    #[schemars(with = "Option<Int32>")]
    pub replicas: Option<i32>,
    /// By which labels they are found.
    pub selector: Option<String>,
    /// How many pods are of the version wanted.
    #[schemars(with = "Option<Int32>")]
    pub updated_replicas: Option<i32>,
}

/// Fields of older versions.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deprecated {
    /// Fields of v1beta1.
    pub v1beta1: Option<DeprecatedV1Beta1>,
}

/// Fields of v1beta1.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeprecatedV1Beta1 {
    /// Whether the control plane works.
    pub ready: Option<bool>,
    /// What is being done, or went wrong.
    pub reconciliation_status: Option<String>,
}
