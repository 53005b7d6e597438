//! What the API server refuses, with the way out.

use crate::schema::Rule;

/// Of the spec of a control plane on machines, in both versions.
pub(crate) const CONTROL_PLANE: [Rule; 2] = [
    Rule {
        rule: "!has(self.updateStrategy) || self.updateStrategy != 'Recreate' || !has(self.k0sConfigSpec.args) || \
               !('--single' in self.k0sConfigSpec.args)",
        message: "a control plane with --single has one machine only: use updateStrategy InPlace or RecreateDeleteFirst",
    },
    Rule {
        rule: "!has(self.version) || !self.version.startsWith('v1.31.1+') && self.version != 'v1.31.1'",
        message: "version v1.31.1 cannot be joined by further machines: use v1.31.2 or later",
    },
];

/// Of the provisioner of a control plane, in v1beta2.
pub(crate) const PROVISIONER: [Rule; 1] = [Rule {
    rule: "!has(self.provisioner) || (!has(self.provisioner.platform) || self.provisioner.platform == 'linux') && \
           (!has(self.provisioner.type) || !self.provisioner.type.startsWith('powershell'))",
    message: "a control plane runs on Linux: use platform linux, and type cloud-config or ignition",
}];
