//! `bootstrap.cluster.x-k8s.io`: what makes a machine a k0s controller or worker.

pub mod files;
pub mod k0s_config;
pub mod k0s_controller_config;
pub mod k0s_worker_config;
pub mod k0s_worker_config_template;
pub mod provisioner;
mod rules;
mod status;
pub mod tunneling;

pub use status::{BootstrapStatusV1Beta1, BootstrapStatusV1Beta2};

use crate::definition::{AGE, CLUSTER, Column, READY_REASON, READY_SINCE};

/// The value of the label by which clusterctl knows the kinds of this group.
const PROVIDER: &str = "bootstrap-k0smotron";

/// What `kubectl get` shows of the bootstrap data of a machine, in v1beta1.
const COLUMNS_V1BETA1: [Column; 4] = [
    CLUSTER,
    Column::new("Ready", ".status.ready", "boolean", "Whether the bootstrap data is there"),
    SECRET,
    AGE,
];

/// The same, in v1beta2.
const COLUMNS_V1BETA2: [Column; 6] = [
    CLUSTER,
    Column::new(
        "Ready",
        ".status.conditions[?(@.type==\"Ready\")].status",
        "string",
        "Whether the bootstrap data is there",
    ),
    READY_REASON,
    READY_SINCE,
    SECRET,
    AGE,
];

const SECRET: Column = Column::new("Secret", ".status.dataSecretName", "string", "Where the bootstrap data is").wide();
