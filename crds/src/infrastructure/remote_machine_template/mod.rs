//! RemoteMachineTemplate: what the RemoteMachines of a MachineDeployment or a control plane are made from.

pub mod v1beta1;
pub mod v1beta2;

use crate::definition::{AGE, Column, Definition, INFRASTRUCTURE, Served};
use crate::schema;

use super::PROVIDER;

/// The kind.
pub const DEFINITION: Definition = Definition {
    group: INFRASTRUCTURE,
    kind: "RemoteMachineTemplate",
    plural: "remotemachinetemplates",
    short_names: &["rmt"],
    categories: &["cluster-api"],
    provider: Some(PROVIDER),
    moved_by_clusterctl: false,
    v1beta1: Served {
        description: DESCRIPTION,
        spec: schema::of::<v1beta1::RemoteMachineTemplateSpec>,
        status: Some(schema::of::<v1beta1::RemoteMachineTemplateStatus>),
        status_subresource: true,
        scale_subresource: false,
        columns: &COLUMNS,
    },
    v1beta2: Served {
        description: DESCRIPTION,
        spec: schema::of::<v1beta2::RemoteMachineTemplateSpec>,
        status: Some(schema::of::<v1beta2::RemoteMachineTemplateStatus>),
        status_subresource: true,
        scale_subresource: false,
        columns: &COLUMNS,
    },
    moves: &[],
    derived: &[],
};

const DESCRIPTION: &str = "What RemoteMachines are made from: the pool that each of them takes its machine from.";

const COLUMNS: [Column; 2] = [
    Column::new(
        "Pool",
        ".spec.template.spec.pool",
        "string",
        "The pool that machines are taken from",
    ),
    AGE,
];
