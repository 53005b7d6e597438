//! What the API server refuses, with the way out.

use crate::schema::Rule;

/// How a machine is found.
pub(super) const WHERE: [Rule; 2] = [
    Rule {
        rule: "has(self.pool) || has(self.address)",
        message: "set address (an IP address or DNS name of the machine), or pool (to take one from a pool)",
    },
    Rule {
        rule: "has(self.pool) || has(self.sshKeyRef) || has(self.provisionJob)",
        message: "set sshKeyRef.name: the Secret whose key `value` holds the SSH private key",
    },
];
