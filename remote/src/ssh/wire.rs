//! The byte stream under an SSH session: counted, and cut on demand.
//!
//! Dropping or timing out a handshake does not end the library's session task; taking its stream away does, in every phase.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Enough for the identification line of a server, which RFC 4253, 4.2 limits to 255 bytes.
const HEAD: usize = 512;

/// Bytes that passed over the network, counted at the TCP connection to the first host (the jump host if there is one).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes sent.
    pub sent: u64,
    /// Bytes received.
    pub received: u64,
}

/// What has passed over one [`Wire`].
#[derive(Debug, Default)]
pub(crate) struct Meter {
    sent: AtomicU64,
    received: AtomicU64,
    head: Mutex<Vec<u8>>,
}

/// What the peer said first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Greeting {
    Nothing,
    Ssh,
    /// Something else: its first line, with what is not printable replaced.
    Other(String),
}

impl Meter {
    pub(crate) fn traffic(&self) -> Traffic {
        Traffic {
            sent: self.sent.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn greeting(&self) -> Greeting {
        let head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&head);
        if text.is_empty() {
            Greeting::Nothing
        } else if text.lines().any(|line| line.starts_with("SSH-")) {
            Greeting::Ssh
        } else {
            let line = text.lines().next().unwrap_or_default();
            Greeting::Other(
                line.chars()
                    .take(80)
                    .map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '.' })
                    .collect(),
            )
        }
    }

    fn received(&self, bytes: &[u8]) {
        let before = self
            .received
            .fetch_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
        if before < HEAD as u64 {
            let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
            let room = HEAD.saturating_sub(head.len());
            head.extend(bytes.iter().take(room));
        }
    }
}

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A stream that is counted by `meter` and fails as soon as `cut` is cancelled.
pub(crate) struct Wire {
    stream: Box<dyn Stream>,
    meter: Arc<Meter>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Wire {
    pub(crate) fn new(stream: Box<dyn Stream>, meter: Arc<Meter>, cut: &CancellationToken) -> Self {
        Self {
            stream,
            meter,
            cut: Box::pin(cut.clone().cancelled_owned()),
        }
    }

    fn poll_cut(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(cx) {
            Poll::Pending => Ok(()),
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll_cut(cx)?;
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.meter.received(buf.filled().get(before..).unwrap_or_default());
        polled
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_cut(cx)?;
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        if let Poll::Ready(Ok(written)) = &polled {
            self.meter
                .sent
                .fetch_add(u64::try_from(*written).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_cut(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A cut stream has nothing left to say goodbye to, and must not make the session wait for its peer.
        if self.poll_cut(cx).is_err() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn counts_and_is_cut_while_waiting() {
        let (near, mut far) = tokio::io::duplex(64);
        let (meter, cut) = (Arc::new(Meter::default()), CancellationToken::new());
        let mut wire = Wire::new(Box::new(near), Arc::clone(&meter), &cut);
        far.write_all(b"SSH-2.0-x\r\n").await.unwrap();
        wire.write_all(b"hello").await.unwrap();
        let mut buffer = [0; 11];
        wire.read_exact(&mut buffer).await.unwrap();
        assert_eq!(meter.traffic(), Traffic { sent: 5, received: 11 });
        assert_eq!(meter.greeting(), Greeting::Ssh);

        let waiting = tokio::spawn(async move { wire.read_u8().await });
        cut.cancel();
        assert_eq!(waiting.await.unwrap().unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
        assert_eq!(
            far.read_to_end(&mut Vec::new()).await.unwrap(),
            5,
            "the other side sees the end"
        );
    }

    #[test]
    fn greetings() {
        let cases: [(&[u8], Greeting); 4] = [
            (b"", Greeting::Nothing),
            (b"SSH-2.0-OpenSSH_9.2\r\n", Greeting::Ssh),
            (b"Welcome\r\nSSH-2.0-x\r\n", Greeting::Ssh),
            (
                b"HTTP/1.1 400 Bad \x1bRequest\r\n",
                Greeting::Other("HTTP/1.1 400 Bad .Request".to_owned()),
            ),
        ];
        for (bytes, expected) in cases {
            let meter = Meter::default();
            meter.received(bytes);
            assert_eq!(meter.greeting(), expected);
        }
    }
}
