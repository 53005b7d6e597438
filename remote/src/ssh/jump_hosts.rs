//! Connections to jump hosts, shared by all machines behind them: [`JumpHosts`].

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::io::DuplexStream;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::connection::VerifiedHostKey;
use super::error::{ConnectError, Unreachable, failure_text};
use super::handshake::Session;
use super::host_key::HostKeys;
use super::link::{Halt, LINGER, Link, within};
use super::target::{Deadlines, Hop};
use super::tunnel::tunnel;

/// Channels on one connection: as many machines as are worked on at a time by default, with room; a server's limit on open files
/// (usually 1024 for each connection's process) is far away.
const CHANNELS: usize = 128;

/// Connections to a jump host that may turn out dead, one after the other.
const TRIES: usize = 3;

/// How long a jump host that opened no channel in time has to show that it is there at all.
const PING: Duration = Duration::from_secs(5);

/// A future that may contain itself: the way to a jump host may lead over another one.
type Opening<'a> = Pin<Box<dyn Future<Output = Result<Lease, ConnectError>> + Send + 'a>>;

/// Connections to jump hosts. Clones are the same ones.
///
/// There is one connection to each jump host, for all that go the same way to it with the same credentials; another one is made when
/// it carries as many channels as it may, or has died. They stay until [`JumpHosts::close`], or until the last clone is dropped.
#[derive(Clone)]
pub struct JumpHosts {
    channels: usize,
    slots: Arc<Mutex<HashMap<Way, Arc<Slot>>>>,
}

/// The hash of everything that makes a way to a jump host: the same for those who may share it.
type Way = [u8; 32];

/// The connections to one jump host.
#[derive(Default)]
struct Slot {
    /// Hops on the way, itself included.
    depth: usize,
    /// Attempts to connect that have failed so far.
    failures: AtomicU64,
    /// Held while somebody connects: the others wait for the outcome.
    state: tokio::sync::Mutex<State>,
}

#[derive(Default)]
struct State {
    connections: Vec<Arc<Shared>>,
    /// The last failure, and its number.
    failure: Option<(u64, ConnectError)>,
}

/// One connection to a jump host.
struct Shared {
    link: Link,
    /// The connection that it goes through itself.
    via: Option<Lease>,
    /// Leases on it.
    leases: AtomicUsize,
    /// It no longer answers: nobody shall be sent through it any more.
    retired: AtomicBool,
    tunnels: TaskTracker,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

impl AsRef<Session> for Shared {
    fn as_ref(&self) -> &Session {
        &self.link.session
    }
}

impl Shared {
    fn is_alive(&self) -> bool {
        !self.retired.load(Ordering::Relaxed) && self.link.findings.ended.get().is_none() && !self.link.session.is_closed()
    }
}

/// The right to one channel of a jump host's connection, which stays up as long.
pub(crate) struct Lease {
    shared: Arc<Shared>,
    /// Whether the connection was made for this lease.
    pub(crate) is_first: bool,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.shared.leases.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for JumpHosts {
    fn default() -> Self {
        Self::with_channels(CHANNELS)
    }
}

impl fmt::Debug for JumpHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        write!(f, "JumpHosts({})", slots.len())
    }
}

impl JumpHosts {
    /// With at most this many channels on one connection (at least one).
    #[must_use]
    pub fn with_channels(channels: usize) -> Self {
        Self {
            channels: channels.max(1),
            slots: Arc::default(),
        }
    }

    /// A channel's worth of the connection to the last of `hops`, which is made if there is none.
    pub(crate) fn lease<'a>(
        &'a self,
        hops: &'a [Hop],
        deadlines: &'a Deadlines,
        cancel: &'a CancellationToken,
    ) -> Option<Opening<'a>> {
        let (hop, before) = hops.split_last()?;
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            let depth = hops.len();
            let slot = || {
                Arc::new(Slot {
                    depth,
                    ..Slot::default()
                })
            };
            Arc::clone(slots.entry(way(hops)).or_insert_with(slot))
        };
        Some(Box::pin(async move {
            let failures = slot.failures.load(Ordering::SeqCst);
            let mut state = tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(ConnectError::Cancelled),
                state = slot.state.lock() => state,
            };
            state.connections.retain(|shared| shared.is_alive());
            let with_room = |shared: &&Arc<Shared>| shared.leases.load(Ordering::Relaxed) < self.channels;
            if let Some(shared) = state.connections.iter().find(with_room) {
                shared.leases.fetch_add(1, Ordering::Relaxed);
                let (shared, is_first) = (Arc::clone(shared), false);
                return Ok(Lease { shared, is_first });
            }
            // All who waited for an attempt that failed would fail likewise, one after the other.
            if let Some((number, error)) = &state.failure
                && *number > failures
            {
                return Err(error.clone());
            }
            match self.connect(hop, before, deadlines, cancel).await {
                Ok(shared) => {
                    state.connections.push(Arc::clone(&shared));
                    Ok(Lease { shared, is_first: true })
                }
                Err(ConnectError::Cancelled) => Err(ConnectError::Cancelled),
                Err(error) => {
                    let number = slot.failures.fetch_add(1, Ordering::SeqCst) + 1;
                    state.failure = Some((number, error.clone()));
                    Err(error)
                }
            }
        }))
    }

    /// Connects to `hop` over the last of `before`, if there is one.
    ///
    /// A connection that others made may have died unnoticed: then it is made anew, rather than fail whoever comes first.
    pub(crate) async fn link(
        &self,
        hop: &Hop,
        before: &[Hop],
        deadlines: &Deadlines,
        cancel: &CancellationToken,
    ) -> Result<(Link, Option<Lease>), ConnectError> {
        let mut tries = TRIES;
        loop {
            let via = match self.lease(before, deadlines, cancel) {
                Some(opening) => Some(opening.await?),
                None => None,
            };
            tries -= 1;
            match Link::connect(hop, via.as_ref(), deadlines, cancel).await {
                Ok(link) => return Ok((link, via)),
                Err(error) => {
                    let was_dead = via.is_some_and(|lease| !lease.is_first && !lease.shared.is_alive());
                    if !was_dead || tries == 0 || !error.is_transient() {
                        return Err(error);
                    }
                }
            }
        }
    }

    async fn connect(
        &self,
        hop: &Hop,
        before: &[Hop],
        deadlines: &Deadlines,
        cancel: &CancellationToken,
    ) -> Result<Arc<Shared>, ConnectError> {
        let (link, via) = self.link(hop, before, deadlines, cancel).await?;
        let stop = CancellationToken::new();
        Ok(Arc::new(Shared {
            link,
            via,
            leases: AtomicUsize::new(1),
            retired: AtomicBool::new(false),
            tunnels: TaskTracker::new(),
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
        }))
    }

    /// Ends all connections and waits, for a bounded time, until nothing of them is left. Those who still use one lose it. What is
    /// connected later is connected anew.
    pub async fn close(&self) {
        let mut slots: Vec<_> = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            slots.drain().map(|(_, slot)| slot).collect()
        };
        // Those that go through others first.
        slots.sort_by_key(|slot| std::cmp::Reverse(slot.depth));
        for slot in slots {
            let connections = std::mem::take(&mut slot.state.lock().await.connections);
            for shared in connections {
                shared.stop.cancel();
                shared.tunnels.close();
                let _ = timeout(LINGER, shared.tunnels.wait()).await;
                match Arc::try_unwrap(shared) {
                    Ok(shared) => shared.link.close().await,
                    Err(shared) => shared.link.cut().cancel(),
                }
            }
        }
    }
}

/// See [`Way`]. Secrets are in it so that nobody goes in with what somebody else logged in with.
fn way(hops: &[Hop]) -> Way {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    };
    for hop in hops {
        add(hop.host_name().lookup.as_bytes());
        add(hop.user.as_bytes());
        let believed = match &hop.host_keys {
            HostKeys::FirstUse(first_use) => first_use.way(&hop.host_name()),
            other @ (HostKeys::KnownHosts(_) | HostKeys::Pinned(_) | HostKeys::AcceptAny) => format!("{other:?}"),
        };
        add(believed.as_bytes());
        let credentials = &hop.credentials;
        for identity in &credentials.identities {
            add(identity
                .key()
                .to_bytes()
                .map(zeroize::Zeroizing::new)
                .unwrap_or_default()
                .as_slice());
        }
        for certificate in &credentials.certificates {
            add(&certificate.certificate().to_bytes().unwrap_or_default());
        }
        add(format!("{:?}", credentials.agent).as_bytes());
        add(credentials.password.as_ref().map_or(b"", |password| password.expose()));
    }
    hash.finalize().into()
}

impl Lease {
    /// The stream to `hop`, which the jump host connects to.
    pub(crate) async fn open(
        &self,
        hop: &Hop,
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Result<DuplexStream, ConnectError> {
        let Shared { link, tunnels, stop, .. } = &*self.shared;
        let (host, via) = (hop.address(), link.address.clone());
        let behind = |reason: String| ConnectError::Unreachable {
            host: host.clone(),
            why: Unreachable::BehindJumpHost {
                via: via.clone(),
                reason,
            },
        };
        let (answer_in, answer) = oneshot::channel();
        let to = (hop.host.clone(), hop.port);
        tunnels.spawn(tunnel(Arc::clone(&self.shared), to, answer_in, stop.clone()));
        let refusal = match within(limit, cancel, answer).await {
            Ok(Ok(Ok(stream))) => return Ok(stream),
            Ok(Ok(Err(refusal))) => refusal,
            Ok(Err(_)) => return Err(behind(link.findings.why_lost())),
            Err(Halt::Cancelled) => return Err(ConnectError::Cancelled),
            Err(Halt::Late) => {
                return match within(PING, cancel, link.session.send_ping()).await {
                    Ok(Ok(())) if link.findings.ended.get().is_none() => Err(behind(format!("no answer within {limit:?}"))),
                    Err(Halt::Cancelled) => Err(ConnectError::Cancelled),
                    Ok(_) | Err(Halt::Late) => {
                        self.shared.retired.store(true, Ordering::Relaxed);
                        Err(behind("it no longer answers itself".to_owned()))
                    }
                };
            }
        };
        let russh::Error::ChannelOpenFailure(reason) = refusal else {
            return Err(behind(link.findings.why_lost()));
        };
        Err(match reason {
            russh::ChannelOpenFailure::AdministrativelyProhibited => ConnectError::ForwardingProhibited {
                reason: failure_text(&reason),
                host,
                via,
            },
            russh::ChannelOpenFailure::ConnectFailed
            | russh::ChannelOpenFailure::UnknownChannelType
            | russh::ChannelOpenFailure::ResourceShortage
            | russh::ChannelOpenFailure::Other { .. } => behind(failure_text(&reason)),
        })
    }

    /// The jump host's `host:port`, and the key that it proved itself with.
    pub(crate) fn host_key(&self) -> (&str, &VerifiedHostKey) {
        (&self.shared.link.address, &self.shared.link.host_key)
    }

    /// The connection that this one goes through.
    pub(crate) fn via(&self) -> Option<&Lease> {
        self.shared.via.as_ref()
    }
}
