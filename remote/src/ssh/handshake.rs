//! Identification, key exchange and host key of one hop.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use russh::Channel;
use russh::client::{self, ChannelOpenHandle, DisconnectReason};
use russh::keys::{PublicKeyBase64 as _, PublicKeyOrCertificate};
use tokio::sync::mpsc;

use super::algorithms::preferred;
use super::connection::VerifiedHostKey;
use super::error::{ConnectError, Phase, Unreachable};
use super::host_key::{Expected, ExpectedKeys, HostKey, HostKeys, HostName, Shown};
use super::host_key_error::HostKeyError;
use super::target::Hop;
use super::wire::{Greeting, Meter, Wire};
use crate::event::printable;

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

/// A key that was not accepted, and why.
struct Refused {
    key: HostKey,
    problem: HostKeyError,
}

/// The library's callbacks for one session.
pub(crate) struct Peer {
    name: HostName,
    host_keys: HostKeys,
    findings: Arc<Findings>,
    refused: Arc<Mutex<Option<Refused>>>,
    /// Dropped when the session task ends, which is how that is waited for.
    _running: mpsc::Sender<()>,
}

impl Peer {
    /// Ends the session: the server opened a channel, though nothing was ever forwarded to it.
    fn end_uninvited(&self) -> Result<(), russh::Error> {
        let _ = self.findings.ended.set(End {
            said: None,
            why: "the server opened a channel, which nobody asked it for".to_owned(),
        });
        Err(russh::Error::Disconnect)
    }
}

impl client::Handler for Peer {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let shown = match key {
            PublicKeyOrCertificate::PublicKey { key, .. } => {
                Shown::Key(HostKey::new(key.algorithm().as_str(), key.public_key_bytes()))
            }
            PublicKeyOrCertificate::Certificate(certificate) => Shown::Certificate(Box::new(certificate.clone())),
        };
        let key = shown.key();
        let (name, host_keys) = (self.name.clone(), self.host_keys.clone());
        let verdict = tokio::task::spawn_blocking(move || host_keys.verify(&name, &shown)).await;
        match verdict {
            Ok(Ok(trust)) => {
                let _ = self.findings.host_key.set(VerifiedHostKey { key, trust });
                Ok(true)
            }
            Ok(Err(problem)) => {
                *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(Refused { key, problem });
                Ok(false)
            }
            // The runtime is shutting down.
            Err(_) => Ok(false),
        }
    }

    // The library would take every channel that a server opens, and keep it (RFC 4254, 6.1: "client implementations SHOULD reject").

    async fn server_channel_open_session(
        &mut self,
        _: Channel<client::Msg>,
        _: ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), russh::Error> {
        self.end_uninvited()
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _: Channel<client::Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), russh::Error> {
        self.end_uninvited()
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _: Channel<client::Msg>,
        _: &str,
        _: ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), russh::Error> {
        self.end_uninvited()
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _: Channel<client::Msg>,
        _: ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), russh::Error> {
        self.end_uninvited()
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _: Channel<client::Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), russh::Error> {
        self.end_uninvited()
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _: Channel<client::Msg>,
        _: &str,
        _: ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), russh::Error> {
        self.end_uninvited()
    }

    async fn server_channel_open_x11(
        &mut self,
        _: Channel<client::Msg>,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), russh::Error> {
        self.end_uninvited()
    }

    async fn disconnected(&mut self, reason: DisconnectReason<russh::Error>) -> Result<(), russh::Error> {
        let end = match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                // Shown to people: no control characters, no novels.
                let said: String = printable(info.message.as_bytes()).chars().take(200).collect();
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

/// How a handshake ended well enough.
pub(crate) enum Shaken {
    /// The host may be believed.
    Done(Session, Arc<Findings>),
    /// The host showed a key that is not the one given, which may be of another type: ask it for others, over a new stream.
    Another(HostKey),
}

/// Runs the handshake over `wire`. Has no deadline of its own: whoever gives up cuts the wire.
///
/// `refused` are the keys that the host showed before, see [`Shaken::Another`].
pub(crate) async fn handshake(
    hop: &Hop,
    wire: Wire,
    meter: &Meter,
    running: mpsc::Sender<()>,
    refused: &[HostKey],
) -> Result<Shaken, ConnectError> {
    let (name, host_keys) = (hop.host_name(), hop.host_keys.clone());
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
    // An authority's certificate was not there the first time, so it will not be now.
    let certificate = expected.certificate && refused.is_empty();
    let config = client::Config {
        client_id: russh::SshId::Standard(concat!("SSH-2.0-Anywhere_", env!("CARGO_PKG_VERSION")).into()),
        preferred: preferred(expected.algorithms(refused).as_deref(), certificate),
        nodelay: true,
        keepalive_interval: Some(KEEPALIVE.0),
        keepalive_max: KEEPALIVE.1,
        inactivity_timeout: Some(INACTIVITY),
        ..client::Config::default()
    };
    let findings = Arc::new(Findings::default());
    let refusal = Arc::new(Mutex::new(None));
    let peer = Peer {
        name: hop.host_name(),
        host_keys: hop.host_keys.clone(),
        findings: Arc::clone(&findings),
        refused: Arc::clone(&refusal),
        _running: running,
    };
    match client::connect_stream(Arc::new(config), wire, peer).await {
        Ok(session) => Ok(Shaken::Done(session, findings)),
        Err(error) => {
            let refusal = refusal.lock().unwrap_or_else(PoisonError::into_inner).take();
            match refusal {
                // Nothing would be left to ask for.
                Some(refusal) if matches!(expected.keys, ExpectedKeys::Fingerprints) => {
                    let seen = [refused, std::slice::from_ref(&refusal.key)].concat();
                    if expected.algorithms(&seen).is_some_and(|types| types.is_empty()) {
                        return Err(shown_in_vain(hop, refusal.problem, refused));
                    }
                    Ok(Shaken::Another(refusal.key))
                }
                Some(Refused { problem, .. }) => Err(shown_in_vain(hop, problem, refused)),
                None => Err(explain(hop, &expected, meter, refused, error)),
            }
        }
    }
}

/// The error for a host whose key is not accepted, with all keys that it showed.
fn shown_in_vain(hop: &Hop, mut problem: HostKeyError, refused: &[HostKey]) -> ConnectError {
    if let HostKeyError::NotPinned { offered, .. } = &mut problem {
        let before = refused.iter().map(HostKey::shown).collect::<Vec<_>>();
        offered.splice(0..0, before);
    }
    ConnectError::HostKey {
        host: hop.address(),
        problem: Box::new(problem),
    }
}

fn explain(hop: &Hop, expected: &Expected, meter: &Meter, refused: &[HostKey], error: russh::Error) -> ConnectError {
    let host = hop.address();
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
        } => match hop.host_keys.not_offered(&hop.host_name(), expected, refused, &theirs) {
            Some(problem) => ConnectError::HostKey {
                host,
                problem: Box::new(problem),
            },
            None => no_common(host, kind_of(&russh::AlgorithmKind::Key), &ours, &theirs),
        },
        russh::Error::NoCommonAlgo { kind, ours, theirs } => no_common(host, kind_of(&kind), &ours, &theirs),
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

/// What an algorithm is for, in the words of RFC 4253.
fn kind_of(kind: &russh::AlgorithmKind) -> &'static str {
    match kind {
        russh::AlgorithmKind::Kex => "key exchange",
        russh::AlgorithmKind::Key => "host key",
        russh::AlgorithmKind::Cipher => "encryption",
        russh::AlgorithmKind::Compression => "compression",
        russh::AlgorithmKind::Mac => "MAC",
    }
}

fn no_common(host: String, kind: &str, ours: &[String], theirs: &[String]) -> ConnectError {
    // In the server's words, of which there may be many.
    let theirs: String = printable(theirs.join(", ").as_bytes()).chars().take(1000).collect();
    let what = format!(
        "no {kind} algorithm in common; it offers {theirs}; supported are {}",
        ours.join(", ")
    );
    ConnectError::Protocol { host, what }
}
