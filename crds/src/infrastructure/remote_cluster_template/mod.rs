//! RemoteClusterTemplate: what the RemoteClusters of a ClusterClass are made from.

pub mod v1beta1;
pub mod v1beta2;

use crate::definition::{AGE, Definition, INFRASTRUCTURE, Served};
use crate::schema;

use super::PROVIDER;

/// The kind.
pub const DEFINITION: Definition = Definition {
    group: INFRASTRUCTURE,
    kind: "RemoteClusterTemplate",
    plural: "remoteclustertemplates",
    short_names: &["rmct"],
    categories: &["cluster-api"],
    provider: Some(PROVIDER),
    moved_by_clusterctl: false,
    v1beta1: Served {
        description: DESCRIPTION,
        spec: schema::of::<v1beta1::RemoteClusterTemplateSpec>,
        status: None,
        status_subresource: false,
        scale_subresource: false,
        columns: &[AGE],
    },
    v1beta2: Served {
        description: DESCRIPTION,
        spec: schema::of::<v1beta2::RemoteClusterTemplateSpec>,
        status: None,
        status_subresource: false,
        scale_subresource: false,
        columns: &[AGE],
    },
    moves: &[],
    derived: &[],
};

const DESCRIPTION: &str = "What the RemoteClusters of a ClusterClass are made from.";
