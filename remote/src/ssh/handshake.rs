//! Identification, key exchange and host key of one hop.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use russh::client::{self, DisconnectReason};
use russh::keys::{PublicKeyBase64 as _, PublicKeyOrCertificate};
use tokio::sync::mpsc;

use super::algorithms::preferred;
use super::connection::VerifiedHostKey;
use super::error::{ConnectError, Phase, Unreachable};
use super::host_key::{Expected, HostKey, HostKeyError, HostKeys};
use super::target::Hop;
use super::wire::{Greeting, Meter, Wire};

/// A session of the library that has proved the server's identity.
pub(crate) type Session = client::Handle<Peer>;

/// How often an idle server is asked whether it is there, and how many answers may be missing.
const KEEPALIVE: (Duration, usize) = (Duration::from_secs(15), 3);

/// Frees a session that even the keepalive does not reach (it does not run before authentication ends). Longer than
/// the keepalives together, so that those decide about a session in use.
const INACTIVITY: Duration = Duration::from_secs(90);

/// What the session task finds out, for those who wait for it.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// The host key that was accepted.
    pub(crate) host_key: OnceLock<VerifiedHostKey>,
    /// Why the session ended.
    pub(crate) ended: OnceLock<End>,
}

/// How a session ended.
#[derive(Debug, Clone)]
pub(crate) struct End {
    /// The server's last words, if it sent a disconnect message.
    pub(crate) said: Option<String>,
    /// For people.
    pub(crate) why: String,
}

impl Findings {
    pub(crate) fn why_lost(&self) -> String {
        self.ended
            .get()
            .map_or_else(|| "it was closed".to_owned(), |end| end.why.clone())
    }
}

/// The library's callbacks for one session.
pub(crate) struct Peer {
    name: String,
    host_keys: HostKeys,
    findings: Arc<Findings>,
    refused: Arc<Mutex<Option<HostKeyError>>>,
    /// Dropped when the session task ends, which is how that is waited for.
    _running: mpsc::Sender<()>,
}

impl client::Handler for Peer {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let key = match key {
            PublicKeyOrCertificate::PublicKey { key, .. } => key,
            // None is asked for, so this server does not keep to the protocol.
            PublicKeyOrCertificate::Certificate(_) => return Ok(false),
        };
        let key = HostKey::new(key.algorithm().as_str(), key.public_key_bytes());
        let (name, host_keys, checked) = (self.name.clone(), self.host_keys.clone(), key.clone());
        let verdict = tokio::task::spawn_blocking(move || host_keys.verify(&name, &checked)).await;
        match verdict {
            Ok(Ok(trust)) => {
                let _ = self.findings.host_key.set(VerifiedHostKey { key, trust });
                Ok(true)
            }
            Ok(Err(problem)) => {
                *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
                Ok(false)
            }
            // The runtime is shutting down.
            Err(_) => Ok(false),
        }
    }

    async fn disconnected(&mut self, reason: DisconnectReason<russh::Error>) -> Result<(), russh::Error> {
        let end = match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                // Shown to people: no control characters, no novels.
                let said: String = info.message.chars().filter(|c| !c.is_control()).take(200).collect();
                End {
                    why: format!("the server ended it, saying '{said}'"),
                    said: Some(said),
                }
            }
            DisconnectReason::Error(russh::Error::KeepaliveTimeout | russh::Error::InactivityTimeout) => End {
                said: None,
                why: "the server no longer answers".to_owned(),
            },
            DisconnectReason::Error(russh::Error::Disconnect | russh::Error::HUP) => End {
                said: None,
                why: "the server closed it".to_owned(),
            },
            DisconnectReason::Error(error) => End {
                said: None,
                why: error.to_string(),
            },
        };
        let _ = self.findings.ended.set(end);
        Ok(())
    }
}

/// Runs the handshake over `wire`. Has no deadline of its own: whoever gives up cuts the wire.
pub(crate) async fn handshake(
    hop: &Hop,
    wire: Wire,
    meter: &Meter,
    running: mpsc::Sender<()>,
) -> Result<(Session, Arc<Findings>), ConnectError> {
    let (name, host_keys) = (hop.known_hosts_name(), hop.host_keys.clone());
    let looked_up = tokio::task::spawn_blocking(move || host_keys.expected(&name)).await;
    let expected = match looked_up {
        Ok(Ok(expected)) => expected,
        Ok(Err(problem)) => {
            return Err(ConnectError::HostKey {
                host: hop.address(),
                problem: Box::new(problem),
            });
        }
        Err(error) => {
            return Err(ConnectError::Protocol {
                host: hop.address(),
                what: error.to_string(),
            });
        }
    };
    let config = client::Config {
        client_id: russh::SshId::Standard(concat!("SSH-2.0-Anywhere_", env!("CARGO_PKG_VERSION")).into()),
        preferred: preferred(expected.algorithms()),
        nodelay: true,
        keepalive_interval: Some(KEEPALIVE.0),
        keepalive_max: KEEPALIVE.1,
        inactivity_timeout: Some(INACTIVITY),
        ..client::Config::default()
    };
    let findings = Arc::new(Findings::default());
    let refused = Arc::new(Mutex::new(None));
    let peer = Peer {
        name: hop.known_hosts_name(),
        host_keys: hop.host_keys.clone(),
        findings: Arc::clone(&findings),
        refused: Arc::clone(&refused),
        _running: running,
    };
    match client::connect_stream(Arc::new(config), wire, peer).await {
        Ok(session) => Ok((session, findings)),
        Err(error) => {
            let refused = refused.lock().unwrap_or_else(PoisonError::into_inner).take();
            Err(explain(hop, &expected, meter, refused, error))
        }
    }
}

fn explain(hop: &Hop, expected: &Expected, meter: &Meter, refused: Option<HostKeyError>, error: russh::Error) -> ConnectError {
    let host = hop.address();
    if let Some(problem) = refused {
        return ConnectError::HostKey {
            host,
            problem: Box::new(problem),
        };
    }
    let greeting = meter.greeting();
    if let Greeting::Other(greeting) = greeting {
        return ConnectError::NotSsh { host, greeting };
    }
    let phase = if greeting == Greeting::Ssh {
        Phase::KeyExchange
    } else {
        Phase::Identification
    };
    let unreachable = |why| ConnectError::Unreachable { host: host.clone(), why };
    let closed = || {
        unreachable(match phase {
            Phase::Identification => Unreachable::ClosedBeforeIdentification,
            Phase::Connect | Phase::KeyExchange | Phase::Authentication | Phase::Channel => {
                Unreachable::Closed { phase, said: None }
            }
        })
    };
    #[allow(clippy::wildcard_enum_match_arm)] // a foreign enum of some fifty variants; the rest are violations of the protocol
    match error {
        russh::Error::NoCommonAlgo {
            kind: russh::AlgorithmKind::Key,
            ours,
            theirs,
        } => match expected.not_offered(&hop.known_hosts_name(), &theirs) {
            Some(problem) => ConnectError::HostKey {
                host,
                problem: Box::new(problem),
            },
            None => no_common(host, "host key", &ours, &theirs),
        },
        russh::Error::NoCommonAlgo { kind, ours, theirs } => no_common(host, &format!("{kind:?}").to_lowercase(), &ours, &theirs),
        russh::Error::IO(error) if phase == Phase::Identification && is_closed(&error) => closed(),
        russh::Error::IO(error) => unreachable(Unreachable::from_io(&error, phase)),
        russh::Error::Disconnect | russh::Error::HUP => closed(),
        russh::Error::InactivityTimeout => ConnectError::Stalled {
            host,
            phase,
            after: INACTIVITY,
        },
        russh::Error::Version => ConnectError::Protocol {
            host,
            what: "its identification is not that of SSH 2.0 (RFC 4253, 4.2); it is too old, or no SSH server".to_owned(),
        },
        russh::Error::WrongServerSig => ConnectError::Protocol {
            host,
            what: "it does not hold the host key that it shows; somebody may be in between: do not go on".to_owned(),
        },
        // A panic in the library: the next attempt may meet another path.
        russh::Error::Join(error) => unreachable(Unreachable::Other(format!("the SSH library failed ({error})"))),
        error => ConnectError::Protocol {
            host,
            what: format!("the key exchange failed ({error}); look into the server's log"),
        },
    }
}

fn is_closed(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe
    )
}

fn no_common(host: String, kind: &str, ours: &[String], theirs: &[String]) -> ConnectError {
    let what = format!(
        "no {kind} algorithm in common; it offers {}; supported are {}",
        theirs.join(", "),
        ours.join(", ")
    );
    ConnectError::Protocol { host, what }
}
