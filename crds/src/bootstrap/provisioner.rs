//! In which form bootstrap data is made, and for which system.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::files::ContentSource;
use super::rules;

/// In which form bootstrap data is made, and for which system.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-validations" = rules::PROVISIONER))]
#[serde(rename_all = "camelCase")]
pub struct Provisioner {
    /// Text that is appended to the user data.
    pub custom_user_data_ref: Option<ContentSource>,
    /// How Ignition is made, for that type.
    pub ignition: Option<Ignition>,
    /// The system that the machine runs.
    #[schemars(extend("default" = "linux"))]
    pub platform: Option<Platform>,
    /// The form of the bootstrap data.
    #[serde(rename = "type")]
    #[schemars(extend("default" = "cloud-config"))]
    pub kind: Option<ProvisionerType>,
}

/// Systems that a machine may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// Any Linux.
    Linux,
    /// Windows Server.
    Windows,
}

/// Forms of bootstrap data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProvisionerType {
    /// For cloud-init.
    CloudConfig,
    /// For Ignition.
    Ignition,
    /// For PowerShell.
    Powershell,
    /// For PowerShell, as it is wrapped for EC2.
    PowershellXml,
}

/// How Ignition is made: by Butane.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ignition {
    /// Butane that is merged with what is made here.
    pub additional_config: Option<String>,
    /// The variant of Butane's specification.
    pub variant: IgnitionVariant,
    /// The version of that specification.
    pub version: String,
}

/// Variants of Butane's specification.
/// Source: <https://coreos.github.io/butane/specs/>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IgnitionVariant {
    /// Fedora CoreOS.
    Fcos,
    /// Flatcar.
    Flatcar,
    /// OpenShift.
    Openshift,
    /// RHEL for Edge.
    R4e,
    /// Fedora IoT.
    Fiot,
}
