//! What the API server refuses, with the way out.

use crate::schema::Rule;

/// A TCP port.
pub(in crate::infrastructure) const PORT: Rule = Rule {
    rule: "!has(self.port) || (self.port >= 1 && self.port <= 65535)",
    message: "port must be between 1 and 65535: it is that of the SSH server",
};

/// How a machine is found.
pub(super) const WHERE: [Rule; 3] = [
    Rule {
        rule: "has(self.pool) || has(self.address)",
        message: "set address (an IP address or DNS name of the machine), or pool (to take one from a pool)",
    },
    Rule {
        rule: "has(self.pool) || has(self.sshKeyRef) || has(self.provisionJob)",
        message: "set sshKeyRef.name: the Secret whose key `value` holds the SSH private key",
    },
    PORT,
];
