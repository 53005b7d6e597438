//! An authenticated connection: [`connect`], [`Connection`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::Pty;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::authentication::authenticate;
use super::dial::dial;
use super::error::{ConnectError, ExecError, Phase, Unreachable};
use super::handshake::{Findings, Session, handshake};
use super::host_key::{HostKey, Trust};
use super::process::{Process, Surroundings, process};
use super::target::{Deadlines, Hop, Target};
use super::wire::{Greeting, Meter, Stream, Traffic, Wire};

/// How long the end of a session is waited for after its stream was taken away: it takes no time unless the machine is overloaded.
const LINGER: Duration = Duration::from_millis(50);

/// How long a server is given to take the goodbye.
const GOODBYE: Duration = Duration::from_millis(500);

/// The modes of a terminal that passes every byte on as it is, both ways (RFC 4254, 8; termios(3), "Raw mode").
const RAW: [(Pty, u32); 19] = [
    (Pty::IGNPAR, 0),
    (Pty::PARMRK, 0),
    (Pty::INPCK, 0),
    (Pty::ISTRIP, 0),
    (Pty::INLCR, 0),
    (Pty::IGNCR, 0),
    (Pty::ICRNL, 0),
    (Pty::IXON, 0),
    (Pty::IXANY, 0),
    (Pty::IXOFF, 0),
    (Pty::ISIG, 0),
    (Pty::ICANON, 0),
    (Pty::ECHO, 0),
    (Pty::ECHONL, 0),
    (Pty::IEXTEN, 0),
    (Pty::OPOST, 0),
    (Pty::ONLCR, 0),
    (Pty::CS8, 1),
    (Pty::PARENB, 0),
];

/// A host key that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedHostKey {
    /// The key.
    pub key: HostKey,
    /// Why it was accepted.
    pub trust: Trust,
}

/// A connection that is logged in. Dropping it ends it at once; [`Connection::close`] also waits for that.
pub struct Connection {
    /// The hops' sessions, the target's last: each runs inside the one before it.
    links: Vec<Link>,
    drains: Mutex<JoinSet<()>>,
    meter: Arc<Meter>,
    deadlines: Deadlines,
    chain: Chain,
}

struct Link {
    address: String,
    session: Session,
    findings: Arc<Findings>,
    host_key: VerifiedHostKey,
}

/// What all sessions of a connection have in common: one cut ends them, and their end can be waited for.
struct Chain {
    cut: CancellationToken,
    running: Option<mpsc::Sender<()>>,
    ended: mpsc::Receiver<()>,
    _cut_on_drop: DropGuard,
}

impl Chain {
    fn new() -> Self {
        let cut = CancellationToken::new();
        let (running, ended) = mpsc::channel(1);
        Self {
            _cut_on_drop: cut.clone().drop_guard(),
            cut,
            running: Some(running),
            ended,
        }
    }

    /// One hop: stream, handshake, login.
    async fn link(
        &self,
        hop: &Hop,
        via: Option<&Link>,
        deadlines: &Deadlines,
        cancel: &CancellationToken,
    ) -> Result<(Link, Arc<Meter>), ConnectError> {
        let host = hop.address();
        let meter = Arc::new(Meter::default());
        let halted = |halt, phase, after| match halt {
            Halt::Cancelled => ConnectError::Cancelled,
            Halt::Late => match (phase, meter.greeting()) {
                (Phase::KeyExchange, Greeting::Nothing) => ConnectError::Stalled {
                    host: host.clone(),
                    phase: Phase::Identification,
                    after,
                },
                (Phase::KeyExchange, Greeting::Other(greeting)) => ConnectError::NotSsh {
                    host: host.clone(),
                    greeting,
                },
                (phase, _) => ConnectError::Stalled {
                    host: host.clone(),
                    phase,
                    after,
                },
            },
        };
        let stream = within(deadlines.connect, cancel, open_stream(hop, via, deadlines.connect)).await;
        let stream = stream.map_err(|halt| halted(halt, Phase::Connect, deadlines.connect))??;
        let wire = Wire::new(stream, Arc::clone(&meter), &self.cut);
        // Always there until the chain ends.
        let Some(running) = self.running.clone() else {
            return Err(ConnectError::Cancelled);
        };
        let shaken = within(deadlines.key_exchange, cancel, handshake(hop, wire, &meter, running)).await;
        let (mut session, findings) = shaken.map_err(|halt| halted(halt, Phase::KeyExchange, deadlines.key_exchange))??;
        let admitted = within(deadlines.authentication, cancel, authenticate(&mut session, hop, &findings)).await;
        admitted.map_err(|halt| halted(halt, Phase::Authentication, deadlines.authentication))??;
        let Some(host_key) = findings.host_key.get().cloned() else {
            return Err(ConnectError::Protocol {
                host,
                what: "it showed no host key".to_owned(),
            });
        };
        Ok((
            Link {
                address: host,
                session,
                findings,
                host_key,
            },
            meter,
        ))
    }

    /// Takes the streams away and waits until no session task is left.
    async fn end(&mut self) {
        self.cut.cancel();
        self.running = None;
        let _ = timeout(LINGER, self.ended.recv()).await;
    }
}

enum Halt {
    Cancelled,
    Late,
}

/// Runs `work` until it is done, cancelled or late.
async fn within<T>(limit: Duration, cancel: &CancellationToken, work: impl Future<Output = T>) -> Result<T, Halt> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Halt::Cancelled),
        result = timeout(limit, work) => result.map_err(|_| Halt::Late),
    }
}

/// Connects to `target` over its jump hosts and logs in; every hop proves itself and is logged in to with its own keys.
///
/// Each phase of each hop has its deadline. When this returns an error, or is dropped, no task and no socket is left behind.
///
/// # Errors
///
/// See [`ConnectError`].
pub async fn connect(target: &Target, deadlines: &Deadlines, cancel: &CancellationToken) -> Result<Connection, ConnectError> {
    let mut chain = Chain::new();
    let mut links: Vec<Link> = Vec::new();
    let mut meter = None;
    for hop in target.hops() {
        match chain.link(&hop, links.last(), deadlines, cancel).await {
            Ok((link, link_meter)) => {
                // What counts is the traffic of the first hop: it carries that of the others.
                meter.get_or_insert(link_meter);
                links.push(link);
            }
            Err(error) => {
                drop(links);
                chain.end().await;
                return Err(error);
            }
        }
    }
    let meter = meter.unwrap_or_default();
    Ok(Connection {
        links,
        drains: Mutex::default(),
        meter,
        deadlines: *deadlines,
        chain,
    })
}

/// The stream to a hop: TCP to the first, a channel of the hop before for the others.
async fn open_stream(hop: &Hop, via: Option<&Link>, limit: Duration) -> Result<Box<dyn Stream>, ConnectError> {
    let host = hop.address();
    let Some(via) = via else {
        let dialled = dial(hop, limit).await;
        return Ok(Box::new(dialled.map_err(|why| ConnectError::Unreachable { host, why })?));
    };
    // The originator is only for the jump host's log (RFC 4254, 7.2).
    let opened = via
        .session
        .channel_open_direct_tcpip(hop.host.as_str(), u32::from(hop.port), "127.0.0.1", 0)
        .await;
    match opened {
        Ok(channel) => Ok(Box::new(channel.into_stream())),
        Err(russh::Error::ChannelOpenFailure(reason)) => {
            let (via, reason_text) = (via.address.clone(), failure_text(&reason));
            Err(match reason {
                russh::ChannelOpenFailure::AdministrativelyProhibited => ConnectError::ForwardingProhibited {
                    host,
                    via,
                    reason: reason_text,
                },
                russh::ChannelOpenFailure::ConnectFailed
                | russh::ChannelOpenFailure::UnknownChannelType
                | russh::ChannelOpenFailure::ResourceShortage
                | russh::ChannelOpenFailure::Other { .. } => ConnectError::Unreachable {
                    host,
                    why: Unreachable::BehindJumpHost {
                        via,
                        reason: reason_text,
                    },
                },
            })
        }
        Err(_) => {
            let why = Unreachable::BehindJumpHost {
                via: via.address.clone(),
                reason: via.findings.why_lost(),
            };
            Err(ConnectError::Unreachable { host, why })
        }
    }
}

fn failure_text(reason: &russh::ChannelOpenFailure) -> String {
    use russh::ChannelOpenFailure as Failure;
    match reason {
        Failure::AdministrativelyProhibited => "administratively prohibited".to_owned(),
        Failure::ConnectFailed => "connect failed".to_owned(),
        Failure::UnknownChannelType => "unknown channel type".to_owned(),
        Failure::ResourceShortage => "resource shortage".to_owned(),
        Failure::Other { code, .. } => format!("reason {code}"),
    }
}

impl Connection {
    /// Starts `command`, which the user's login shell runs, on a channel of its own without a terminal.
    ///
    /// Returns as soon as the channel is open: the server's answer to the request is not waited for, so input can follow at once.
    /// If it refuses, the output ends with [`ExecError::Refused`]. Once `cancel` is cancelled, the channel is closed; the command
    /// itself may go on running on the host.
    ///
    /// # Errors
    ///
    /// See [`ExecError`].
    pub async fn exec(&self, command: &str, cancel: &CancellationToken) -> Result<Process, ExecError> {
        self.exec_on(command, None, cancel).await
    }

    /// As [`Connection::exec`], with a terminal (RFC 4254, 6.2) that neither echoes nor changes any byte: what the command writes to
    /// its standard error comes as its standard output. Whether the server gives one is for the command to find out.
    ///
    /// # Errors
    ///
    /// See [`ExecError`].
    pub async fn exec_on_terminal(&self, command: &str, cancel: &CancellationToken) -> Result<Process, ExecError> {
        self.exec_on(command, Some(&RAW), cancel).await
    }

    async fn exec_on(
        &self,
        command: &str,
        terminal: Option<&[(Pty, u32)]>,
        cancel: &CancellationToken,
    ) -> Result<Process, ExecError> {
        let Some(link) = self.links.last() else {
            return Err(ExecError::ConnectionLost("it was closed".to_owned()));
        };
        let lost = || ExecError::ConnectionLost(link.findings.why_lost());
        let limit = self.deadlines.channel;
        let opened = async {
            let channel = link.session.channel_open_session().await?;
            if let Some(modes) = terminal {
                channel.request_pty(false, "dumb", 80, 24, 0, 0, modes).await?;
            }
            channel.exec(true, command).await?;
            Ok::<_, russh::Error>(channel)
        };
        let channel = match within(limit, cancel, opened).await {
            Ok(Ok(channel)) => channel,
            Ok(Err(russh::Error::ChannelOpenFailure(reason))) => return Err(ExecError::Refused(failure_text(&reason))),
            Ok(Err(_)) => return Err(lost()),
            Err(Halt::Cancelled) => return Err(ExecError::Cancelled),
            Err(Halt::Late) => {
                return Err(ExecError::Stalled {
                    phase: Phase::Channel,
                    after: limit,
                });
            }
        };
        let (read, write) = channel.split();
        let around = Surroundings {
            cancel: cancel.clone(),
            cut: self.chain.cut.clone(),
            findings: Arc::clone(&link.findings),
            patience: limit,
        };
        let (process, drain) = process(read, write, around);
        let mut drains = self.drains.lock().unwrap_or_else(PoisonError::into_inner);
        while drains.try_join_next().is_some() {}
        drains.spawn(drain);
        Ok(process)
    }

    /// Bytes on the wire so far, encryption included.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.meter.traffic()
    }

    /// The host key of the target.
    ///
    /// `None` never happens on a connection that [`connect`] returned.
    #[must_use]
    pub fn host_key(&self) -> Option<&VerifiedHostKey> {
        self.links.last().map(|link| &link.host_key)
    }

    /// The host keys of all hops, the target's last, each with the hop's `host:port`.
    pub fn host_keys(&self) -> impl Iterator<Item = (&str, &VerifiedHostKey)> {
        self.links.iter().map(|link| (link.address.as_str(), &link.host_key))
    }

    /// Says goodbye to every server and waits, for a bounded time, until nothing of the connection is left: no task, no socket.
    /// Processes that are still running on the hosts are not stopped.
    pub async fn close(mut self) {
        while let Some(Link { session, .. }) = self.links.pop() {
            let goodbye = async {
                let _ = session.disconnect(russh::Disconnect::ByApplication, "", "").await;
                session.await
            };
            let _ = timeout(GOODBYE, goodbye).await;
        }
        self.chain.end().await;
        let mut drains = std::mem::take(&mut *self.drains.lock().unwrap_or_else(PoisonError::into_inner));
        // They end as soon as the streams are gone; whatever does not is aborted.
        let _ = timeout(LINGER, async { while drains.join_next().await.is_some() {} }).await;
        drains.shutdown().await;
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hops: Vec<_> = self.links.iter().map(|link| link.address.as_str()).collect();
        f.debug_struct("Connection")
            .field("hops", &hops)
            .field("traffic", &self.traffic())
            .finish_non_exhaustive()
    }
}
