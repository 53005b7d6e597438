//! `infrastructure.cluster.x-k8s.io`: the machines, and the clusters that they are of.

pub(crate) mod fields;
mod jump_host;
mod node_metadata;
pub mod pooled_remote_machine;
mod remembered_host;
pub mod remote_cluster;
pub mod remote_cluster_template;
pub mod remote_machine;
pub mod remote_machine_template;
mod rules;
mod timeouts;

pub use jump_host::JumpHost;
pub use node_metadata::{NodeMetadata, NodeTaint, TaintEffect};
pub use remembered_host::RememberedHost;
pub use timeouts::Timeouts;

/// The value of the label by which clusterctl knows the kinds of this group.
const PROVIDER: &str = "infrastructure-k0smotron";
