//! Types that several kinds have.

mod address;
mod condition;
mod initialization;
pub(crate) mod k0s_version;
mod metadata;
mod node_info;
mod references;

pub use address::MachineAddress;
pub use condition::{ConditionList, Conditions};
pub use initialization::Provisioned;
pub use metadata::{LabelsAndAnnotations, TemplateMetadata};
pub use node_info::NodeInfo;
pub use references::{SecretKeyRef, SecretValueRef};
