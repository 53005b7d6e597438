//! K0smotronControlPlaneTemplate: what the K0smotronControlPlane of a ClusterClass is made from.

pub mod v1beta1;
pub mod v1beta2;

use crate::conversion::{Derived, Move};
use crate::definition::{AGE, CONTROL_PLANE, Definition, Served, Version};
use crate::k0smotron::cluster::{derived_storage, moves};
use crate::schema;

use super::PROVIDER;

/// The kind.
pub const DEFINITION: Definition = Definition {
    group: CONTROL_PLANE,
    kind: "K0smotronControlPlaneTemplate",
    plural: "k0smotroncontrolplanetemplates",
    short_names: &[],
    categories: &["cluster-api"],
    provider: Some(PROVIDER),
    moved_by_clusterctl: false,
    v1beta1: Served {
        description: DESCRIPTION,
        spec: schema::of::<v1beta1::K0smotronControlPlaneTemplateSpec>,
        status: None,
        status_subresource: true,
        scale_subresource: false,
        columns: &[AGE],
    },
    v1beta2: Served {
        description: DESCRIPTION,
        spec: schema::of::<v1beta2::K0smotronControlPlaneTemplateSpec>,
        status: None,
        status_subresource: true,
        scale_subresource: false,
        columns: &[AGE],
    },
    moves: moves!("spec.template.spec."),
    derived: &[derived_storage!("spec.template.spec.")],
};

const DESCRIPTION: &str = "What the K0smotronControlPlane of a ClusterClass is made from.";
