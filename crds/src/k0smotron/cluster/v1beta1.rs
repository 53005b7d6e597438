//! Cluster v1beta1, the deprecated version.

use k8s_openapi::api::core::v1::{ResourceRequirements, TopologySpreadConstraint, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{DEFINITION, rules};
use crate::definition::{Definition, Version};
use crate::k0smotron::certificates::CertificateRef;
use crate::k0smotron::etcd::Etcd;
use crate::k0smotron::ingress::Ingress;
use crate::k0smotron::kubeconfig::KubeconfigRef;
use crate::k0smotron::monitoring::Monitoring;
use crate::k0smotron::mounts::Mount;
use crate::k0smotron::persistence::Persistence;
use crate::k0smotron::service::ServiceSpecV1Beta1;
use crate::object::{Object, Spec};
use crate::schema::{Foreign, Int32, Unstructured};
use crate::shared::LabelsAndAnnotations;

/// A control plane that runs as pods.
pub type Cluster = Object<ClusterSpec>;

impl Spec for ClusterSpec {
    type Status = ClusterStatus;
    const DEFINITION: &'static Definition = &DEFINITION;
    const VERSION: Version = Version::V1Beta1;
}

/// A control plane that runs as pods.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSpec {
    /// Certificates that are brought along; those that are missing are made.
    pub certificate_refs: Option<Vec<CertificateRef>>,
    /// More flags of `k0s controller`, and other values of those that are given anyway.
    pub controller_plane_flags: Option<Vec<String>>,
    /// etcd, where no other storage is named.
    #[schemars(extend("default" = {"image": "quay.io/k0sproject/etcd:v3.7.1", "persistence": {}}))]
    pub etcd: Option<Etcd>,
    /// Where the API server is reached; found out, for a load balancer or node ports, if nothing is given.
    pub external_address: Option<String>,
    /// The image of k0s, without a tag.
    #[schemars(extend("default" = "quay.io/k0sproject/k0s", "x-kubernetes-validations" = rules::IMAGE))]
    pub image: Option<String>,
    /// Access by host name.
    pub ingress: Option<Ingress>,
    /// k0s's own ClusterConfig.
    pub k0s_config: Option<Unstructured>,
    /// A Secret whose key `K0SMOTRON_KINE_DATASOURCE_URL` says where kine's database is.
    pub kine_data_source_secret_name: Option<String>,
    /// Where kine's database is, in clear.
    #[serde(rename = "kineDataSourceURL")]
    pub kine_data_source_url: Option<String>,
    /// Another cluster, in which the pods of the control plane run.
    pub kubeconfig_ref: Option<KubeconfigRef>,
    /// Labels and annotations of the Secret that the kubeconfig is put into.
    pub kubeconfig_secret_metadata: Option<LabelsAndAnnotations>,
    /// Volumes with manifests, which k0s applies.
    pub manifests: Option<Vec<Foreign<Volume>>>,
    /// Metrics.
    pub monitoring: Option<Monitoring>,
    /// Files of the control plane's pods: a path, whether it is read-only, and the source of a volume.
    pub mounts: Option<Vec<Foreign<Mount>>>,
    /// Where the pods keep their data.
    #[schemars(extend("default" = {"type": "emptyDir"}))]
    pub persistence: Option<Persistence>,
    /// How many pods the control plane has.
    #[schemars(with = "Option<Int32>", extend("default" = 1))]
    pub replicas: Option<i32>,
    /// What the container of k0s needs.
    pub resources: Option<Foreign<ResourceRequirements>>,
    /// How the control plane is reached.
    #[schemars(extend("default" = {"apiPort": 30443, "konnectivityPort": 30132, "type": "ClusterIP"}))]
    pub service: Option<ServiceSpecV1Beta1>,
    /// The ServiceAccount of the pods.
    pub service_account: Option<String>,
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
    /// Whether the control plane works.
    pub ready: Option<bool>,
    /// What is being done, or went wrong.
    #[schemars(required)]
    pub reconciliation_status: Option<String>,
    /// How many pods there are.
    #[schemars(with = "Option<Int32>")]
    pub replicas: Option<i32>,
    /// By which labels they are found.
    pub selector: Option<String>,
}
