//! `controlplane.cluster.x-k8s.io`: the control planes of clusters, on machines of their own or as pods.

pub mod k0s_control_plane;
pub mod k0s_control_plane_template;
pub mod k0smotron_control_plane;
pub mod k0smotron_control_plane_template;
mod status;
pub mod update_strategy;

pub use status::{ControlPlaneInitialized, ControlPlaneStatusV1Beta1, ControlPlaneStatusV1Beta2, INITIALIZED, UP_TO_DATE};

/// The value of the label by which clusterctl knows the kinds of this group.
const PROVIDER: &str = "control-plane-k0smotron";
