//! How k0s is configured, in v1beta1, the deprecated version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::bootstrap::files::{ContentSource, File};
use crate::bootstrap::provisioner::Ignition;
use crate::bootstrap::tunneling::Tunneling;
use crate::schema::Unstructured;

/// How k0s is configured on a machine of the control plane.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct K0sConfigSpec {
    /// More flags of `k0s install`.
    pub args: Option<Vec<String>>,
    /// Text that is appended to the user data.
    pub custom_user_data_ref: Option<ContentSource>,
    /// Makes the bootstrap data Ignition.
    pub ignition: Option<Ignition>,
    /// Commands that run after k0s is started.
    pub post_start_commands: Option<Vec<String>>,
    /// Commands that run before k0s is downloaded.
    pub pre_start_commands: Option<Vec<String>>,
    /// Where the k0s binary is downloaded from: `http://`, `https://` or `oci://`; k0s's own place if nothing is given.
    #[serde(rename = "downloadURL")]
    pub download_url: Option<String>,
    /// Files that the machine gets before k0s is started.
    pub files: Option<Vec<File>>,
    /// k0s's own ClusterConfig.
    pub k0s: Option<Unstructured>,
    /// The folder of the k0s binary.
    #[schemars(extend("default" = "/usr/local/bin"))]
    pub k0s_install_dir: Option<String>,
    /// Whether k0s is on the machine already, so that nothing is downloaded.
    #[serde(rename = "preInstalledK0s")]
    pub pre_installed_k0s: Option<bool>,
    /// A tunnel to the management cluster.
    pub tunneling: Option<Tunneling>,
    /// Whether the Node is named as the machine names itself, instead of as its Machine.
    #[schemars(extend("default" = false))]
    pub use_system_hostname: Option<bool>,
    /// The folder of token and configuration, instead of /etc.
    pub working_dir: Option<String>,
}
