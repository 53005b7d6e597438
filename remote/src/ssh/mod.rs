//! SSH connections: one authenticated connection to a host, over jump hosts if need be, and commands on it.
//!
//! This module knows the transport only: nothing about what the commands are for, who may become root, or what is retried.
//! It is the only one that sees the SSH library; none of the library's types appear in its interface.

mod algorithms;
mod authentication;
mod certificate;
mod connection;
mod dial;
mod error;
mod first_use;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod handshake;
mod host_key;
mod host_key_error;
mod identity;
mod jump_hosts;
mod key_effort;
mod keys;
mod known_hosts;
mod known_hosts_file;
mod link;
mod login_failure;
mod password;
mod pins;
mod process;
mod signers;
mod target;
mod tunnel;
mod user_certificate;
mod wire;

pub use certificate::{Date, Flaw};
pub use connection::{Connection, VerifiedHostKey, connect};
pub use error::{ConnectError, ExecError, Phase, Unreachable};
pub use first_use::FirstUse;
pub use host_key::{HostKey, HostKeys, Trust};
pub use host_key_error::HostKeyError;
pub use identity::{Identity, KeyError};
pub use jump_hosts::JumpHosts;
pub use known_hosts_file::{KnownHosts, Unknown};
pub use login_failure::{AuthenticationFailure, Offer, PasswordUse};
pub use pins::Pins;
pub use process::{Output, Process, ProcessInput, ProcessOutput};
pub use target::{Credentials, Deadlines, Hop, Target};
pub use user_certificate::{CertificateError, UserCertificate};
pub use wire::Traffic;
