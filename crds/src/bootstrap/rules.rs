//! What the API server refuses, with the way out.

use crate::schema::Rule;

/// Of a file.
pub(crate) const FILE: [Rule; 1] = [Rule {
    rule: "has(self.content) != has(self.contentFrom)",
    message: "give what the file holds once: either in content, or by contentFrom",
}];

/// Of where a text is taken from.
pub(crate) const CONTENT_SOURCE: [Rule; 1] = [Rule {
    rule: "has(self.secretRef) != has(self.configMapRef)",
    message: "name one source: either secretRef or configMapRef",
}];

/// Of the spec of a worker.
pub(crate) const WORKER: [Rule; 1] = [Rule {
    rule: "!has(self.version) || !self.version.contains('-k0s.')",
    message: "version is written with a plus, such as v1.34.2+k0s.0, not with -k0s.",
}];

/// Of a provisioner.
pub(crate) const PROVISIONER: [Rule; 1] = [Rule {
    rule: "!has(self.type) || self.type != 'ignition' || has(self.ignition)",
    message: "type ignition needs ignition.variant and ignition.version",
}];
