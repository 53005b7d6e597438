//! What the API server refuses, with the way out.

use crate::schema::Rule;

/// Of a TCP port.
pub(super) const PORT: [Rule; 1] = [Rule::new(
    "self >= 1 && self <= 65535",
    "port must be between 1 and 65535: it is that of the SSH server",
)];

/// Of a RemoteMachine: how the machine is found. What was never found may stay as it is.
pub(super) const WHERE: [Rule; 3] = [
    Rule::new(
        "has(self.pool) || has(self.address) || \
         oldSelf.hasValue() && !has(oldSelf.value().pool) && !has(oldSelf.value().address)",
        "set address (an IP address or DNS name of the machine), or pool (to take one from a pool)",
    )
    .unless_so_before(),
    Rule::new(
        "has(self.pool) || has(self.sshKeyRef) || has(self.sshPasswordRef) || has(self.provisionJob) || \
         oldSelf.hasValue() && !has(oldSelf.value().pool) && !has(oldSelf.value().sshKeyRef) && \
         !has(oldSelf.value().sshPasswordRef) && !has(oldSelf.value().provisionJob)",
        "set sshKeyRef.name: the Secret whose key `value` holds the SSH private key",
    )
    .unless_so_before(),
    Rule::new(
        "has(self.pool) || !has(self.poolSelector) && !has(self.failureDomain)",
        "poolSelector and failureDomain say which machine of a pool is taken: set pool as well",
    ),
];
