//! SSH connections: one authenticated connection to a host, over jump hosts if need be, and commands on it.
//!
//! This module knows the transport only: nothing about what the commands are for, who may become root, or what is retried.
//! It is the only one that sees the SSH library; none of the library's types appear in its interface.

mod algorithms;
mod authentication;
mod connection;
mod dial;
mod error;
mod handshake;
mod host_key;
mod identity;
mod known_hosts;
mod known_hosts_file;
mod process;
mod target;
mod wire;

pub use connection::{Connection, VerifiedHostKey, connect};
pub use error::{AuthenticationFailure, ConnectError, ExecError, Phase, Unreachable};
pub use host_key::{HostKey, HostKeyError, HostKeys, Trust};
pub use identity::{Identity, KeyError};
pub use known_hosts_file::{KnownHosts, Unknown};
pub use process::{Output, Process, ProcessInput, ProcessOutput};
pub use target::{Credentials, Deadlines, Hop, Target};
pub use wire::Traffic;
