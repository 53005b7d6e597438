//! A TCP proxy on a loopback address of its own that injects the network's faults between a client and a machine.
//!
//! It runs on a thread with its own runtime, so that it serves synchronous and asynchronous tests alike and never waits
//! for them. It knows nothing of SSH but that a server starts with a line of text, the banner (RFC 4253, section 4.2).

mod connection;
mod pace;
mod server;

use crate::address::ReservedAddress;
use crate::error::TestbedError;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How long the proxy's thread may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// A way that data takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the machine.
    ToServer,
    /// From the machine to the client.
    ToClient,
}

/// When nothing is forwarded although both sockets stay open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stall {
    /// Never.
    #[default]
    No,
    /// In each connection, after the server's first line has reached the client.
    AfterBanner,
    /// Now, in both directions of every connection.
    Now,
}

/// The faults of a proxy from its start; most can be changed later.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Added to every byte's way; the round-trip time is twice that. The kernel makes a connection to a loopback address
    /// without delay, so the proxy also waits for one round trip before it takes the client's first bytes, and the
    /// machine sees the connection after one and a half, as it would when the handshake itself (RFC 9293, section 3.5)
    /// had crossed the network.
    pub one_way_delay: Duration,
    /// The bandwidth in each direction of each connection, in bytes per second.
    pub bytes_per_second: Option<u64>,
    /// Resets the connection that brings the total of this direction to this many bytes, after exactly these. Happens
    /// once; later connections work.
    pub cut_after: Option<(Direction, u64)>,
    /// Whether forwarding stands still.
    pub stall: Stall,
    /// Whether new connections are refused.
    pub refuse: bool,
}

/// What went through a proxy since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Bytes that reached the machine.
    pub bytes_to_server: u64,
    /// Bytes that reached the client.
    pub bytes_to_client: u64,
    /// Connections that were accepted.
    pub connections: u64,
    /// How often, in a connection, data of the client followed data of the server: each is a time that the client may
    /// have waited for the network to answer. The handshake of TCP is not in it.
    pub round_trips: u64,
}

/// Called for each chunk that was read from one of the two sides.
type ChunkListener = Box<dyn FnMut(Direction) + Send>;

/// What the proxy's thread and its owner both see.
#[derive(Default)]
struct Shared {
    bytes_to_server: AtomicU64,
    bytes_to_client: AtomicU64,
    connections: AtomicU64,
    round_trips: AtomicU64,
    /// Bytes still to go in this direction until the cut.
    cut_after: Mutex<Option<(Direction, u64)>>,
    at_chunk: Mutex<Option<ChunkListener>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    /// A chunk was read, and nothing of it has been forwarded.
    fn taken(&self, direction: Direction) {
        let mut at_chunk = self.at_chunk.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listener) = at_chunk.as_mut() {
            listener(direction);
        }
    }

    /// How many of these bytes may go, and whether the connection is reset after them.
    fn allowance(&self, direction: Direction, length: usize) -> (usize, bool) {
        let mut cut_after = self.cut_after.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((_, left)) = cut_after.as_mut().filter(|(armed, _)| *armed == direction) else {
            return (length, false);
        };
        match usize::try_from(*left) {
            Ok(fits) if fits <= length => {
                *cut_after = None;
                (fits, true)
            }
            Ok(_) | Err(_) => {
                *left = left.saturating_sub(length as u64);
                (length, false)
            }
        }
    }

    fn delivered(&self, direction: Direction, length: usize) {
        let counter = match direction {
            Direction::ToServer => &self.bytes_to_server,
            Direction::ToClient => &self.bytes_to_client,
        };
        counter.fetch_add(length as u64, Ordering::Relaxed);
    }
}

/// What the owner asks of the proxy's thread, which confirms when it is done.
enum Command {
    Refuse(bool, SyncSender<()>),
    CutNow(SyncSender<()>),
    Stop(SyncSender<()>),
}

/// A running proxy. Dropping it resets its connections and waits until its thread has ended.
#[derive(Debug)]
pub struct Proxy {
    address: ReservedAddress,
    port: u16,
    commands: mpsc::Sender<Command>,
    stall: watch::Sender<Stall>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy in front of this address. It listens on the same port of a loopback address of its own.
    ///
    /// # Errors
    /// When no address or thread can be had.
    pub fn start(upstream: SocketAddr, faults: Faults) -> Result<Self, TestbedError> {
        let port = upstream.port();
        let address = ReservedAddress::new(port)?;
        let shared = Arc::new(Shared {
            cut_after: Mutex::new(faults.cut_after),
            ..Shared::default()
        });
        let (stall, _) = watch::channel(faults.stall);
        let (commands, orders) = mpsc::channel(16);
        let listen = SocketAddr::new(IpAddr::V4(address.get()), port);
        let server = server::Server::bind(listen, upstream, faults, Arc::clone(&shared), stall.clone())?;
        let thread = std::thread::Builder::new()
            .name("testbed-proxy".to_owned())
            .spawn(move || server.run(orders))
            .map_err(TestbedError::io("start the proxy's thread"))?;
        Ok(Self {
            address,
            port,
            commands,
            stall,
            shared,
            thread: Some(thread),
        })
    }

    /// Where clients connect.
    pub fn socket_address(&self) -> SocketAddr {
        SocketAddr::new(self.address(), self.port)
    }

    /// The loopback address where clients connect.
    pub fn address(&self) -> IpAddr {
        IpAddr::V4(self.address.get())
    }

    /// The port where clients connect, the same as the machine's.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Resets every connection, on both sides. Returns when that is done.
    ///
    /// # Errors
    /// When the proxy does not answer.
    pub fn cut_now(&self) -> Result<(), TestbedError> {
        self.ask(Command::CutNow)
    }

    /// Resets the connection that carries the last of this many further bytes in this direction, after exactly these.
    pub fn cut_after_bytes(&self, direction: Direction, bytes: u64) {
        *self.shared.cut_after.lock().unwrap_or_else(PoisonError::into_inner) = Some((direction, bytes));
    }

    /// From now on calls `listener` for each chunk (of one read, 16 KiB at most) that either side sent, before anything of it is
    /// forwarded. All connections wait for it.
    pub fn at_each_chunk(&self, listener: impl FnMut(Direction) + Send + 'static) {
        *self.shared.at_chunk.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(listener));
    }

    /// Stops forwarding in both directions of all connections, which stay open.
    pub fn stall_now(&self) {
        self.stall.send_replace(Stall::Now);
    }

    /// From now on, each connection stands still after the server's first line.
    pub fn stall_after_banner(&self) {
        self.stall.send_replace(Stall::AfterBanner);
    }

    /// Forwards again, first what has been waiting.
    pub fn resume(&self) {
        self.stall.send_replace(Stall::No);
    }

    /// Refuses new connections (the client sees "connection refused") or accepts them again. Open ones stay. Returns when
    /// that is in effect.
    ///
    /// # Errors
    /// When the proxy does not answer.
    pub fn refuse(&self, refuse: bool) -> Result<(), TestbedError> {
        self.ask(|done| Command::Refuse(refuse, done))
    }

    /// What went through so far.
    pub fn counters(&self) -> Counters {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            bytes_to_server: value(&self.shared.bytes_to_server),
            bytes_to_client: value(&self.shared.bytes_to_client),
            connections: value(&self.shared.connections),
            round_trips: value(&self.shared.round_trips),
        }
    }

    /// Resets all connections and ends the proxy, which dropping it does, too.
    pub fn stop(self) {
        drop(self);
    }

    fn ask(&self, command: impl FnOnce(SyncSender<()>) -> Command) -> Result<(), TestbedError> {
        let (done, confirmed) = sync_channel(1);
        // The thread may be one of a runtime, so this must not use the channel's blocking calls.
        self.commands
            .try_send(command(done))
            .map_err(|_| TestbedError::Proxy("it has ended or is overwhelmed"))?;
        confirmed
            .recv_timeout(ANSWER_LIMIT)
            .map_err(|_| TestbedError::Proxy("no confirmation within 20 s"))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let asked = self.ask(Command::Stop);
        if let (Ok(()), Some(thread)) = (asked, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cut_is_after_exactly_the_bytes_and_once() {
        let shared = Shared {
            cut_after: Mutex::new(Some((Direction::ToClient, 10))),
            ..Shared::default()
        };
        assert_eq!(shared.allowance(Direction::ToServer, 50), (50, false));
        assert_eq!(shared.allowance(Direction::ToClient, 4), (4, false));
        assert_eq!(shared.allowance(Direction::ToClient, 6), (6, true));
        assert_eq!(shared.allowance(Direction::ToClient, 6), (6, false));
    }
}
