//! K0sWorkerConfig v1beta2, the stored version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::DEFINITION;
use crate::bootstrap::files::File;
use crate::bootstrap::provisioner::Provisioner;
use crate::bootstrap::{BootstrapStatusV1Beta2, rules};
use crate::definition::{Definition, Version};
use crate::object::{Object, Spec};
use crate::shared::LabelsAndAnnotations;

/// How a machine is made a k0s worker.
pub type K0sWorkerConfig = Object<K0sWorkerConfigSpec>;

impl Spec for K0sWorkerConfigSpec {
    type Status = BootstrapStatusV1Beta2;
    const DEFINITION: &'static Definition = &DEFINITION;
    const VERSION: Version = Version::V1Beta2;
}

/// How a machine is made a k0s worker.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct K0sWorkerConfigSpec {
    /// More flags of `k0s install`.
    pub args: Option<Vec<String>>,
    /// Commands that run after k0s is started.
    #[serde(rename = "postK0sCommands")]
    pub post_k0s_commands: Option<Vec<String>>,
    /// Commands that run before k0s is downloaded.
    #[serde(rename = "preK0sCommands")]
    pub pre_k0s_commands: Option<Vec<String>>,
    /// In which form bootstrap data is made, and for which system.
    pub provisioner: Option<Provisioner>,
    /// Where the k0s binary is downloaded from: `http://`, `https://` or `oci://`; k0s's own place if nothing is given.
    #[serde(rename = "downloadURL")]
    pub download_url: Option<String>,
    /// Files that the machine gets before k0s is started.
    pub files: Option<Vec<File>>,
    /// The folder of the k0s binary.
    #[schemars(extend("default" = "/usr/local/bin"))]
    pub k0s_install_dir: Option<String>,
    /// Whether k0s is on the machine already, so that nothing is downloaded.
    #[serde(rename = "preInstalledK0s")]
    pub pre_installed_k0s: Option<bool>,
    /// Labels and annotations of the Secret that the bootstrap data is put into.
    pub secret_metadata: Option<LabelsAndAnnotations>,
    /// Whether the Node is named as the machine names itself, instead of as its Machine.
    #[schemars(extend("default" = false))]
    pub use_system_hostname: Option<bool>,
    /// The version of k0s, such as `v1.34.2+k0s.0`; that of the Machine if nothing is given.
    #[schemars(extend("x-kubernetes-validations" = rules::VERSION))]
    pub version: Option<String>,
    /// The folder of token and configuration, instead of /etc.
    pub working_dir: Option<String>,
}
