//! Why a connection or a command on it failed, named by what the caller should do about it.

use std::fmt;
use std::io;
use std::time::Duration;

use super::host_key_error::HostKeyError;
use super::login_failure::AuthenticationFailure;

/// Why there is no connection. Every message names the host and says what to do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody answers, or not for long enough: try again later.
    #[error("{host} is unreachable: {why}")]
    Unreachable {
        /// `host:port` of the hop.
        host: String,
        /// In which way.
        why: Unreachable,
    },
    /// The host did not get on with a phase in time: try again later.
    #[error("{host} stalled: {phase} took longer than {after:?}; it is overloaded, or something between drops packets")]
    Stalled {
        /// `host:port` of the hop.
        host: String,
        /// What was waited for.
        phase: Phase,
        /// The deadline.
        after: Duration,
    },
    /// The host key is not to be believed: look at it.
    #[error("{problem}")]
    HostKey {
        /// `host:port` of the hop.
        host: String,
        /// What is wrong with the key.
        problem: Box<HostKeyError>,
    },
    /// Neither key nor password was accepted: mend the credentials.
    #[error("{0}")]
    Authentication(Box<AuthenticationFailure>),
    /// A jump host does not let connections through: change its configuration.
    #[error(
        "{via} does not let connections to {host} through ({reason}); set AllowTcpForwarding yes (and PermitOpen) in its sshd_config"
    )]
    ForwardingProhibited {
        /// `host:port` behind it.
        host: String,
        /// `host:port` of the jump host.
        via: String,
        /// Its words.
        reason: String,
    },
    /// Whatever listens there does not speak SSH: look at the address.
    #[error("{host} is not an SSH server: it says '{greeting}'; check the port")]
    NotSsh {
        /// `host:port` of the hop.
        host: String,
        /// The first line it sent.
        greeting: String,
    },
    /// The two sides cannot work together: look at the server.
    #[error("{host}: {what}")]
    Protocol {
        /// `host:port` of the hop.
        host: String,
        /// What went wrong.
        what: String,
    },
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl ConnectError {
    /// Whether the same call may succeed later without anybody doing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Stalled { .. } => true,
            Self::HostKey { .. }
            | Self::Authentication(_)
            | Self::ForwardingProhibited { .. }
            | Self::NotSsh { .. }
            | Self::Protocol { .. }
            | Self::Cancelled => false,
        }
    }
}

/// In which way a host is unreachable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// Its name has no address.
    #[error("its name cannot be resolved ({0})")]
    Name(String),
    /// The machine is there, nothing listens on the port.
    #[error("connection refused; nothing listens there (is sshd running, is it the right port?)")]
    Refused,
    /// The network knows no way.
    #[error("no route ({0})")]
    NoRoute(String),
    /// It did not answer for as long as it may take.
    #[error("no answer within {0:?}; the machine is down or a firewall drops the packets")]
    NoAnswer(Duration),
    /// The operating system or the jump host gave up.
    #[error("connection timed out; the machine is down or a firewall drops the packets")]
    TimedOut,
    /// The connection broke.
    #[error("the connection was reset during {0}")]
    Reset(Phase),
    /// The server accepted the connection and closed it without a word.
    #[error(
        "it closed the connection before its identification; sshd is overloaded (MaxStartups), bans this address, or is going down"
    )]
    ClosedBeforeIdentification,
    /// The server closed the connection.
    #[error("it closed the connection during {phase}{}", .said.as_ref().map(|said| format!(", saying '{said}'")).unwrap_or_default())]
    Closed {
        /// What it was waited for.
        phase: Phase,
        /// The message of its disconnect, if it sent one.
        said: Option<String>,
    },
    /// The jump host could not connect to it.
    #[error("{via} cannot connect to it ({reason})")]
    BehindJumpHost {
        /// `host:port` of the jump host.
        via: String,
        /// Its reason.
        reason: String,
    },
    /// Anything else the operating system says, or a failure inside the SSH library.
    #[error("{0}")]
    Other(String),
}

impl Unreachable {
    pub(crate) fn from_io(error: &io::Error, phase: Phase) -> Self {
        #[allow(clippy::wildcard_enum_match_arm)] // foreign and non_exhaustive: the system's own words do for the rest
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable => {
                Self::NoRoute(error.to_string())
            }
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => Self::Reset(phase),
            io::ErrorKind::UnexpectedEof => Self::Closed { phase, said: None },
            _ => Self::Other(error.to_string()),
        }
    }
}

/// What was being waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Name resolution and TCP connection.
    Connect,
    /// The server's identification line, the first thing it sends.
    Identification,
    /// Key exchange and host key.
    KeyExchange,
    /// User authentication.
    Authentication,
    /// The opening of a channel.
    Channel,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::Identification => "identification (SSH banner)",
            Self::KeyExchange => "key exchange",
            Self::Authentication => "authentication",
            Self::Channel => "channel open",
        })
    }
}

/// Why a server does not open a channel, in words.
pub(crate) fn failure_text(reason: &russh::ChannelOpenFailure) -> String {
    use russh::ChannelOpenFailure as Failure;
    match reason {
        Failure::AdministrativelyProhibited => "administratively prohibited".to_owned(),
        Failure::ConnectFailed => "connect failed".to_owned(),
        Failure::UnknownChannelType => "unknown channel type".to_owned(),
        Failure::ResourceShortage => "resource shortage".to_owned(),
        Failure::Other { code, .. } => format!("reason {code}"),
    }
}

/// Why a command could not be run, or its end is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecError {
    /// The connection is gone; what the command did is not known. Connect again and look.
    #[error("the connection was lost: {0}")]
    ConnectionLost(String),
    /// The server did not open the channel in time.
    #[error("the server stalled: {phase} took longer than {after:?}")]
    Stalled {
        /// What was waited for.
        phase: Phase,
        /// The deadline.
        after: Duration,
    },
    /// The server does not run commands for this user.
    #[error("the server refused to run a command: {0}; check MaxSessions in sshd_config, and the user's shell")]
    Refused(String),
    /// Nobody took the output for so long that the channel was given up, to keep the connection going.
    #[error("the output was not read for {0:?}; the command was given up")]
    OutputUnread(Duration),
    /// The command no longer reads its input: it has ended, or its channel has.
    #[error("the command takes no more input")]
    InputClosed,
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl ExecError {
    /// Whether a new connection may get further without anybody doing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::ConnectionLost(_) | Self::Stalled { .. } | Self::OutputUnread(_) => true,
            Self::Refused(_) | Self::InputClosed | Self::Cancelled => false,
        }
    }
}
