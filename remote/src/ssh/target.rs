//! Which host to connect to, as whom, believing what, and how long to wait: the input of a connection.

use std::path::PathBuf;
use std::time::Duration;

use super::host_key::HostKeys;
use super::identity::Identity;
use super::known_hosts::lookup_name;

/// A host to connect to, over other hosts if need be.
#[derive(Clone, Debug)]
pub struct Target {
    /// Name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User to log in as.
    pub user: String,
    /// Keys to log in with.
    pub credentials: Credentials,
    /// Keys that the host may prove itself with.
    pub host_keys: HostKeys,
    /// Hosts to go through, the first one reached first (`ssh -J first,second`).
    pub jump: Vec<Hop>,
}

/// One SSH server on the way, or at the end of it.
#[derive(Clone, Debug)]
pub struct Hop {
    /// Name or address, without brackets; resolved by the hop before it.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User to log in as.
    pub user: String,
    /// Keys to log in with.
    pub credentials: Credentials,
    /// Keys that the host may prove itself with.
    pub host_keys: HostKeys,
}

impl Target {
    /// Every server to log in to, the target last.
    pub(crate) fn hops(&self) -> Vec<Hop> {
        let last = Hop {
            host: self.host.clone(),
            port: self.port,
            user: self.user.clone(),
            credentials: self.credentials.clone(),
            host_keys: self.host_keys.clone(),
        };
        self.jump.iter().cloned().chain([last]).collect()
    }
}

impl Hop {
    /// `host:port`, with brackets around an IPv6 address: what errors call it.
    pub(crate) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The name under which `known_hosts` has it.
    pub(crate) fn known_hosts_name(&self) -> String {
        lookup_name(&self.host, self.port)
    }
}

/// Keys to log in with, tried in this order: the identities, then those of the agent.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// Private keys.
    pub identities: Vec<Identity>,
    /// The socket of an SSH agent (`SSH_AUTH_SOCK`).
    pub agent: Option<PathBuf>,
}

/// How long each phase may take, for each hop.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// Name resolution and TCP connection, or the opening of the channel through a jump host.
    pub connect: Duration,
    /// From the first byte to an accepted host key.
    pub key_exchange: Duration,
    /// All keys together.
    pub authentication: Duration,
    /// The opening of a channel; also how long output may go unread before its channel is given up.
    pub channel: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            key_exchange: Duration::from_secs(15),
            // OpenSSH's LoginGraceTime is 120 s, of which slow PAM modules and reverse DNS take their share.
            authentication: Duration::from_secs(60),
            channel: Duration::from_secs(30),
        }
    }
}
