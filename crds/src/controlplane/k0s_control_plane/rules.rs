//! What the API server refuses, with the way out.

use crate::schema::Rule;
use crate::shared::k0s_version::{READABLE, SKEW};

/// Of the spec of a control plane on machines, in both versions.
pub(crate) const CONTROL_PLANE: [Rule; 2] = [
    Rule::new(
        "!has(self.updateStrategy) || self.updateStrategy != 'Recreate' || !has(self.k0sConfigSpec.args) || \
         !('--single' in self.k0sConfigSpec.args)",
        "a control plane with --single has one machine only: use updateStrategy InPlace or RecreateDeleteFirst",
    ),
    Rule::new(
        "has(self.version) || oldSelf.hasValue() && !has(oldSelf.value().version)",
        "set version: that of k0s, such as v1.34.2+k0s.0",
    )
    .unless_so_before(),
];

/// Of the version of a control plane.
pub(crate) const VERSION: [Rule; 3] = [
    READABLE,
    SKEW,
    Rule::new(
        "!self.matches('^v?1[.]31[.]1([-+]|$)')",
        "version v1.31.1 cannot be joined by further machines: use v1.31.2 or later",
    ),
];

/// Of the provisioner of a control plane, in v1beta2.
pub(crate) const PROVISIONER: [Rule; 1] = [Rule::new(
    "!has(self.provisioner) || (!has(self.provisioner.platform) || self.provisioner.platform == 'linux') && \
     (!has(self.provisioner.type) || !self.provisioner.type.startsWith('powershell'))",
    "a control plane runs on Linux: use platform linux, and type cloud-config or ignition",
)];
