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

/// The value of the label by which clusterctl knows the kinds of this group.
const PROVIDER: &str = "bootstrap-k0smotron";
