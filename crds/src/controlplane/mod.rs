//! `controlplane.cluster.x-k8s.io`: the control planes of clusters, on machines of their own or as pods.

pub mod k0s_control_plane;
pub mod k0s_control_plane_template;
pub mod k0smotron_control_plane;
pub mod k0smotron_control_plane_template;
mod status;
pub mod update_strategy;

pub use status::{ControlPlaneInitialized, ControlPlaneStatusV1Beta1, ControlPlaneStatusV1Beta2, INITIALIZED, UP_TO_DATE};

use crate::definition::{AGE, AVAILABLE_REASON, CLUSTER, Column};

/// The value of the label by which clusterctl knows the kinds of this group.
const PROVIDER: &str = "control-plane-k0smotron";

/// What `kubectl get` shows of a control plane, in v1beta1.
const COLUMNS_V1BETA1: [Column; 9] = [
    CLUSTER,
    Column::new(
        "API Server Available",
        ".status.ready",
        "boolean",
        "Whether the API server answers",
    ),
    DESIRED,
    REPLICAS,
    READY,
    Column::new(
        "Updated",
        ".status.updatedReplicas",
        "integer",
        "How many are as they are wanted",
    ),
    Column::new(
        "Unavailable",
        ".status.unavailableReplicas",
        "integer",
        "How many are missing",
    ),
    AGE,
    VERSION_COLUMN,
];

/// The same, in v1beta2.
const COLUMNS_V1BETA2: [Column; 9] = [
    CLUSTER,
    DESIRED,
    REPLICAS,
    READY,
    Column::new(
        "UpToDate",
        ".status.upToDateReplicas",
        "integer",
        "How many are as they are wanted",
    ),
    Column::new("Available", ".status.availableReplicas", "integer", "How many are available"),
    AVAILABLE_REASON,
    AGE,
    VERSION_COLUMN,
];

const DESIRED: Column = Column::new("Desired", ".spec.replicas", "integer", "How many are wanted").wide();
const REPLICAS: Column = Column::new("Replicas", ".status.replicas", "integer", "How many there are");
const READY: Column = Column::new("Ready", ".status.readyReplicas", "integer", "How many are ready");
const VERSION_COLUMN: Column = Column::new("Version", ".spec.version", "string", "The version of k0s");
