//! K0smotronControlPlane: a control plane that runs as pods, of a cluster of Cluster API.

pub mod v1beta1;
pub mod v1beta2;

use serde_json::Value;

use crate::controlplane::{INITIALIZED, UP_TO_DATE};
use crate::conversion::{Derived, Move};
use crate::definition::{CONTROL_PLANE, Definition, Served, Version};
use crate::k0smotron::cluster::{derived_storage, moves, rules};
use crate::schema;

use super::{COLUMNS_V1BETA1, COLUMNS_V1BETA2, PROVIDER};

/// The kind.
pub const DEFINITION: Definition = Definition {
    group: CONTROL_PLANE,
    kind: "K0smotronControlPlane",
    plural: "k0smotroncontrolplanes",
    short_names: &[],
    categories: &["cluster-api"],
    provider: Some(PROVIDER),
    moved_by_clusterctl: false,
    v1beta1: Served {
        description: DESCRIPTION,
        spec: || complete(schema::of::<v1beta1::K0smotronControlPlaneSpec>()),
        status: Some(schema::of::<v1beta1::K0smotronControlPlaneStatus>),
        status_subresource: true,
        scale_subresource: true,
        columns: &COLUMNS_V1BETA1,
    },
    v1beta2: Served {
        description: DESCRIPTION,
        spec: || complete(schema::of::<v1beta2::K0smotronControlPlaneSpec>()),
        status: Some(schema::of::<v1beta2::K0smotronControlPlaneStatus>),
        status_subresource: true,
        scale_subresource: true,
        columns: &COLUMNS_V1BETA2,
    },
    moves: moves!("spec.", UP_TO_DATE),
    derived: &[derived_storage!("spec."), INITIALIZED[0], INITIALIZED[1]],
};

const DESCRIPTION: &str = "A control plane that runs as pods, of a cluster of Cluster API.";

fn complete(mut spec: Value) -> Value {
    rules::add_for_cluster_api(&mut spec);
    spec
}
