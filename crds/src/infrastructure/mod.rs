//! `infrastructure.cluster.x-k8s.io`.

pub mod remote_machine;

/// The group's name.
pub const GROUP: &str = "infrastructure.cluster.x-k8s.io";
