//! One SSH session that is logged in: its stream, its handshake, its login, and its end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::authentication::authenticate;
use super::connection::VerifiedHostKey;
use super::dial::dial;
use super::error::{ConnectError, Phase};
use super::handshake::{Findings, Session, Shaken, handshake};
use super::jump_hosts::Lease;
use super::target::{Deadlines, Hop};
use super::wire::{Greeting, Meter, Stream, Wire};

/// How long the end of a session is waited for after its stream was taken away: it takes no time unless the machine is overloaded.
pub(crate) const LINGER: Duration = Duration::from_millis(50);

/// How long a server is given to take the goodbye.
const GOODBYE: Duration = Duration::from_millis(500);

/// A session that is logged in. Dropping it ends it at once; [`Link::close`] also waits for that.
pub(crate) struct Link {
    pub(crate) address: String,
    pub(crate) session: Session,
    pub(crate) findings: Arc<Findings>,
    pub(crate) host_key: VerifiedHostKey,
    pub(crate) meter: Arc<Meter>,
    life: Life,
}

/// What ends a session's task, and tells when it has ended.
struct Life {
    cut: CancellationToken,
    running: Option<mpsc::Sender<()>>,
    ended: mpsc::Receiver<()>,
    _cut_on_drop: DropGuard,
}

impl Life {
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

    /// Takes the stream away and waits until no session task is left.
    async fn end(&mut self) {
        self.cut.cancel();
        self.running = None;
        let _ = timeout(LINGER, self.ended.recv()).await;
    }
}

pub(crate) enum Halt {
    Cancelled,
    Late,
}

/// Runs `work` until it is done, cancelled or late.
pub(crate) async fn within<T>(limit: Duration, cancel: &CancellationToken, work: impl Future<Output = T>) -> Result<T, Halt> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Halt::Cancelled),
        result = timeout(limit, work) => result.map_err(|_| Halt::Late),
    }
}

impl Link {
    /// Connects to `hop`, through `via` if there is one, and logs in. When this returns an error, or is dropped, nothing is left.
    pub(crate) async fn connect(
        hop: &Hop,
        via: Option<&Lease>,
        deadlines: &Deadlines,
        cancel: &CancellationToken,
    ) -> Result<Self, ConnectError> {
        let mut refused = Vec::new();
        loop {
            let mut life = Life::new();
            let linked = Self::attempt(hop, via, deadlines, cancel, &refused, &life).await;
            match linked {
                Ok(Ok((session, findings, meter))) => {
                    let Some(host_key) = findings.host_key.get().cloned() else {
                        return Err(ConnectError::Protocol {
                            host: hop.address(),
                            what: "it showed no host key".to_owned(),
                        });
                    };
                    return Ok(Self {
                        address: hop.address(),
                        session,
                        findings,
                        host_key,
                        meter,
                        life,
                    });
                }
                Ok(Err(another)) => refused.push(another),
                Err(error) => {
                    life.end().await;
                    return Err(error);
                }
            }
            life.end().await;
        }
    }

    /// `Ok(Err(key))`: the host showed a key that is not the one given, and may have others.
    async fn attempt(
        hop: &Hop,
        via: Option<&Lease>,
        deadlines: &Deadlines,
        cancel: &CancellationToken,
        refused: &[super::host_key::HostKey],
        life: &Life,
    ) -> Result<Result<(Session, Arc<Findings>, Arc<Meter>), super::host_key::HostKey>, ConnectError> {
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
        let stream: Box<dyn Stream> = match via {
            Some(lease) => Box::new(lease.open(hop, deadlines.connect, cancel).await?),
            None => {
                let dialled = within(deadlines.connect, cancel, dial(hop, deadlines.connect)).await;
                let dialled = dialled.map_err(|halt| halted(halt, Phase::Connect, deadlines.connect))?;
                let host = host.clone();
                Box::new(dialled.map_err(|why| ConnectError::Unreachable { host, why })?)
            }
        };
        let wire = Wire::new(stream, Arc::clone(&meter), &life.cut);
        // Always there until the life ends.
        let Some(running) = life.running.clone() else {
            return Err(ConnectError::Cancelled);
        };
        let shaken = within(deadlines.key_exchange, cancel, handshake(hop, wire, &meter, running, refused)).await;
        let (mut session, findings) = match shaken.map_err(|halt| halted(halt, Phase::KeyExchange, deadlines.key_exchange))?? {
            Shaken::Done(session, findings) => (session, findings),
            Shaken::Another(key) => return Ok(Err(key)),
        };
        let admitted = within(deadlines.authentication, cancel, authenticate(&mut session, hop, &findings)).await;
        admitted.map_err(|halt| halted(halt, Phase::Authentication, deadlines.authentication))??;
        Ok(Ok((session, findings, meter)))
    }

    /// Cancelled when the session is ended from here.
    pub(crate) fn cut(&self) -> &CancellationToken {
        &self.life.cut
    }

    /// Says goodbye and waits, for a bounded time, until nothing of the session is left: no task, no socket.
    pub(crate) async fn close(self) {
        let Self { session, mut life, .. } = self;
        let goodbye = async {
            let _ = session.disconnect(russh::Disconnect::ByApplication, "", "").await;
            session.await
        };
        let _ = timeout(GOODBYE, goodbye).await;
        life.end().await;
    }
}
