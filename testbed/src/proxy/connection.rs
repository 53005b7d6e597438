//! One connection through the proxy.

use super::pace::Pace;
use super::{Direction, Faults, Shared, Stall};
use socket2::SockRef;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

/// Size of one read.
const CHUNK: usize = 16 * 1024;
/// How many chunks are under way in one direction: 4 MiB, enough for 100 Mbit/s over 300 ms.
const CHUNKS: usize = 256;

/// Bytes and when they arrive. None at all are the end of the stream.
type Chunk = (Instant, Vec<u8>);

/// What the two directions of a connection share.
struct Link<'a> {
    faults: &'a Faults,
    shared: &'a Shared,
    stall: watch::Receiver<Stall>,
    /// The client has the server's first line.
    banner: AtomicBool,
    /// The last data that the client saw came from the server.
    answered: AtomicBool,
}

/// Forwards until both sides are done or one of them fails. Whatever ends it but the former, being dropped too, resets
/// both sides.
pub(super) async fn forward(
    mut client: TcpStream,
    upstream: SocketAddr,
    faults: &Faults,
    shared: &Shared,
    stall: watch::Receiver<Stall>,
) -> Result<()> {
    reset_on_close(&client, true)?;
    client.set_nodelay(true)?;
    let link = Link {
        faults,
        shared,
        stall,
        banner: AtomicBool::new(false),
        answered: AtomicBool::new(false),
    };
    let delay = faults.one_way_delay;
    sleep(delay * 2).await;
    let (to_server, from_client) = mpsc::channel(CHUNKS);
    let (client_reads, client_writes) = client.split();
    let far_side = async {
        sleep(delay).await;
        let mut server = TcpStream::connect(upstream).await?;
        reset_on_close(&server, true)?;
        server.set_nodelay(true)?;
        let (to_client, from_server) = mpsc::channel(CHUNKS);
        let (server_reads, server_writes) = server.split();
        tokio::try_join!(
            link.take(Direction::ToClient, server_reads, to_client),
            link.deliver(Direction::ToServer, from_client, server_writes),
            link.deliver(Direction::ToClient, from_server, client_writes),
        )?;
        reset_on_close(&server, false)
    };
    tokio::try_join!(link.take(Direction::ToServer, client_reads, to_server), far_side)?;
    reset_on_close(&client, false)
}

/// Closing a socket that lingers for no time resets the connection (socket(7), SO_LINGER).
fn reset_on_close(stream: &TcpStream, reset: bool) -> Result<()> {
    SockRef::from(stream).set_linger(reset.then_some(Duration::ZERO))
}

impl Link<'_> {
    /// Reads one side until its end.
    async fn take(&self, direction: Direction, mut from: ReadHalf<'_>, to: mpsc::Sender<Chunk>) -> Result<()> {
        loop {
            let mut bytes = Vec::with_capacity(CHUNK);
            let length = from.read_buf(&mut bytes).await?;
            if length > 0 {
                self.shared.taken(direction);
            }
            if length > 0 && direction == Direction::ToServer && self.answered.swap(false, Ordering::Relaxed) {
                self.shared.round_trips.fetch_add(1, Ordering::Relaxed);
            }
            let arrives = Instant::now() + self.faults.one_way_delay;
            if to.send((arrives, bytes)).await.is_err() || length == 0 {
                return Ok(());
            }
        }
    }

    /// Writes to the other side what has arrived.
    async fn deliver(&self, direction: Direction, mut from: mpsc::Receiver<Chunk>, mut to: WriteHalf<'_>) -> Result<()> {
        let mut pace = Pace::new(self.faults.bytes_per_second);
        while let Some((arrives, bytes)) = from.recv().await {
            let mut rest = bytes.as_slice();
            if rest.is_empty() {
                sleep_until(arrives).await;
                self.until_not_stalled().await;
                return to.shutdown().await;
            }
            while !rest.is_empty() {
                let piece = self.piece(direction, rest).min(pace.piece());
                sleep_until(pace.through_at(arrives, piece)).await;
                self.until_not_stalled().await;
                let (allowed, cut) = self.shared.allowance(direction, piece);
                let (now, later) = rest.split_at(allowed);
                // The other side may answer before the write returns: be ready to count that.
                self.arriving(direction, now);
                to.write_all(now).await?;
                self.shared.delivered(direction, now.len());
                if cut {
                    return Err(Error::from(ErrorKind::ConnectionReset));
                }
                rest = later;
            }
        }
        Ok(())
    }

    /// How much may be written at once so that the end of the banner is the end of a write.
    fn piece(&self, direction: Direction, rest: &[u8]) -> usize {
        let in_banner = direction == Direction::ToClient && !self.banner.load(Ordering::Relaxed);
        let line = rest.iter().position(|byte| *byte == b'\n').map(|newline| newline + 1);
        line.filter(|_| in_banner).unwrap_or(rest.len())
    }

    fn arriving(&self, direction: Direction, bytes: &[u8]) {
        if direction == Direction::ToClient && !bytes.is_empty() {
            self.answered.store(true, Ordering::Relaxed);
            if bytes.contains(&b'\n') {
                self.banner.store(true, Ordering::Relaxed);
            }
        }
    }

    async fn until_not_stalled(&self) {
        let stalled = |stall: &Stall| match stall {
            Stall::No => false,
            Stall::AfterBanner => self.banner.load(Ordering::Relaxed),
            Stall::Now => true,
        };
        // The sender outlives every connection; if it were gone, nothing could be stalled any more.
        let _ = self.stall.clone().wait_for(|stall| !stalled(stall)).await;
    }
}
