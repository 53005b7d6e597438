//! K0sWorkerConfig: the bootstrap data of a worker.

pub mod v1beta1;
pub mod v1beta2;

use serde_json::Value;

use crate::bootstrap::k0s_config::{derived_type, moves};
use crate::bootstrap::{BootstrapStatusV1Beta1, BootstrapStatusV1Beta2};
use crate::conversion::{Derived, Move};
use crate::definition::{BOOTSTRAP, Definition, Served, Version};
use crate::schema;

use super::{COLUMNS_V1BETA1, COLUMNS_V1BETA2, PROVIDER, rules};

/// The kind.
pub const DEFINITION: Definition = Definition {
    group: BOOTSTRAP,
    kind: "K0sWorkerConfig",
    plural: "k0sworkerconfigs",
    short_names: &[],
    categories: &["cluster-api"],
    provider: Some(PROVIDER),
    moved_by_clusterctl: false,
    v1beta1: Served {
        description: DESCRIPTION,
        spec: || complete(schema::of::<v1beta1::K0sWorkerConfigSpec>()),
        status: Some(schema::of::<BootstrapStatusV1Beta1>),
        status_subresource: true,
        scale_subresource: false,
        columns: &COLUMNS_V1BETA1,
    },
    v1beta2: Served {
        description: DESCRIPTION,
        spec: || complete(schema::of::<v1beta2::K0sWorkerConfigSpec>()),
        status: Some(schema::of::<BootstrapStatusV1Beta2>),
        status_subresource: true,
        scale_subresource: false,
        columns: &COLUMNS_V1BETA2,
    },
    moves: moves!("spec.", Move::new("status.ready", "status.initialization.dataSecretCreated")),
    derived: &[derived_type!("spec.")],
};

const DESCRIPTION: &str = "How a machine is made a k0s worker.";

fn complete(mut spec: Value) -> Value {
    rules::add_for_worker(&mut spec);
    spec
}
