//! The etcd of a hosted control plane.

use k8s_openapi::api::core::v1::ResourceRequirements;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_with::skip_serializing_none;

use crate::schema::{Foreign, Quantity};

/// An etcd of several members, run beside the control plane.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Etcd {
    /// More arguments of etcd.
    pub args: Option<Vec<String>>,
    /// Whether the claims of its volumes are deleted with it.
    #[serde(rename = "autoDeletePVCs")]
    #[schemars(extend("default" = false))]
    pub auto_delete_pvcs: Option<bool>,
    /// Regular defragmentation.
    pub defrag_job: Option<DefragJob>,
    /// The image of etcd.
    #[schemars(required, extend("default" = "quay.io/k0sproject/etcd:v3.7.1"))]
    pub image: Option<String>,
    /// Where its data is.
    pub persistence: Option<VolumePersistence>,
    /// What its containers need.
    pub resources: Option<Foreign<ResourceRequirements>>,
}

/// A CronJob that defragments etcd.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DefragJob {
    /// Whether there is one.
    #[schemars(required, extend("default" = false))]
    pub enabled: Option<bool>,
    /// The image of etcd-defrag.
    #[schemars(required, extend("default" = "ghcr.io/ahrtr/etcd-defrag:v0.16.0"))]
    pub image: Option<String>,
    /// When a member is defragmented.
    #[schemars(required, extend("default" = "dbQuotaUsage > 0.8 || dbSize - dbSizeInUse > 200*1024*1024"))]
    pub rule: Option<String>,
    /// When members are looked at, in the words of cron.
    #[schemars(required, extend("default" = "0 12 * * *"))]
    pub schedule: Option<String>,
}

/// A volume of a size.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumePersistence {
    /// How large it is.
    #[schemars(with = "Option<Quantity>", extend("default" = "1Gi"))]
    pub size: Option<Value>,
    /// The StorageClass that it is made from; the cluster's default one if nothing is given.
    pub storage_class: Option<String>,
}
