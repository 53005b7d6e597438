//! Which host to connect to, as whom, believing what, and how long to wait: the input of a connection.

use std::path::PathBuf;
use std::time::Duration;

use super::host_key::{HostKeys, HostName};
use super::identity::Identity;
use super::jump_hosts::JumpHosts;
use super::known_hosts::host_name;
use super::user_certificate::UserCertificate;
use crate::secret::Secret;

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
    /// The connections to those, shared by all targets that were given clones of the same one.
    pub jump_hosts: JumpHosts,
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
    /// The end of the way.
    pub(crate) fn last(&self) -> Hop {
        Hop {
            host: self.host.clone(),
            port: self.port,
            user: self.user.clone(),
            credentials: self.credentials.clone(),
            host_keys: self.host_keys.clone(),
        }
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

    /// The names under which its key is looked up.
    pub(crate) fn host_name(&self) -> HostName {
        host_name(&self.host, self.port)
    }
}

/// What to log in with, tried in this order: the identities, the keys of the agent, the password. A key that there is a certificate for
/// is shown with the certificate first.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// Private keys.
    pub identities: Vec<Identity>,
    /// Certificates, for whichever of the identities or of the agent's keys they are.
    pub certificates: Vec<UserCertificate>,
    /// The socket of an SSH agent (`SSH_AUTH_SOCK`).
    pub agent: Option<PathBuf>,
    /// The user's password: for the method of that name, and for the one question of keyboard-interactive.
    pub password: Option<Secret>,
}

/// How long each phase may take, for each hop.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// Name resolution and TCP connection, or the opening of the channel through a jump host.
    pub connect: Duration,
    /// From the first byte to an accepted host key.
    pub key_exchange: Duration,
    /// All keys and the password together.
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
