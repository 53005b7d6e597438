//! One TCP connection that a jump host makes for us: a channel of its session, with a task of its own between the two.
//!
//! The library delivers the messages of all channels of a session from one loop, which waits while a channel's queue is full. So
//! the task always takes what comes, and a machine whose stream is not read is given up before it holds the others up.

use std::sync::Arc;
use std::time::Duration;

use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, client};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::handshake::Session;

/// Bytes kept in each direction for a slow reader, per tunnel.
const BUFFER: usize = 1 << 20;

/// How long the reader of a full buffer is waited for: so long, at most, do the other tunnels of the jump host stand still.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait for the library to take the last message of a channel.
const GOODBYE: Duration = Duration::from_secs(1);

/// Why a jump host opens no tunnel.
pub(crate) type Refusal = russh::Error;

/// Opens a channel to `host` and `port` as the jump host sees them, hands its stream over in `answer`, and moves bytes until one of the
/// two ends, or `stop` is cancelled. If nobody waits for the answer any more, the channel is closed again.
pub(crate) async fn tunnel<Owner: AsRef<Session>>(
    owner: Arc<Owner>,
    (host, port): (String, u16),
    answer: oneshot::Sender<Result<DuplexStream, Refusal>>,
    stop: CancellationToken,
) {
    let opened = {
        let session: &Session = (*owner).as_ref();
        // The originator is only for the jump host's log (RFC 4254, 7.2).
        let opening = session.channel_open_direct_tcpip(host, u32::from(port), "127.0.0.1", 0);
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            opened = opening => opened,
        }
    };
    drop(owner);
    let channel = match opened {
        Ok(channel) => channel,
        Err(error) => {
            let _ = answer.send(Err(error));
            return;
        }
    };
    let (read, write) = channel.split();
    let (near, far) = duplex(BUFFER);
    if answer.send(Ok(far)).is_ok() {
        let (near_read, near_write) = split(near);
        tokio::select! {
            () = stop.cancelled() => {}
            () = take(read, near_write) => {}
            () = give(near_read, &write) => {}
        }
    }
    let _ = timeout(GOODBYE, write.close()).await;
}

/// From the jump host, until it closes the channel or the reader is too slow.
async fn take(mut channel: ChannelReadHalf, mut near: WriteHalf<DuplexStream>) {
    let mut is_read = true;
    loop {
        #[allow(clippy::wildcard_enum_match_arm)] // foreign and non_exhaustive; the rest says nothing about a stream
        match channel.wait().await {
            // What nobody reads any more must not stand in the way of the others until the last word is sent.
            Some(ChannelMsg::Data { data }) if is_read => match timeout(PATIENCE, near.write_all(&data)).await {
                Ok(written) => is_read = written.is_ok(),
                Err(_) => return,
            },
            Some(ChannelMsg::Eof | ChannelMsg::Close) | None => {
                let _ = near.shutdown().await;
                return;
            }
            Some(_) => {}
        }
    }
}

/// To the jump host, until our side is dropped or the channel takes no more.
async fn give(mut near: ReadHalf<DuplexStream>, channel: &ChannelWriteHalf<client::Msg>) {
    let mut buffer = bytes::BytesMut::new();
    loop {
        buffer.reserve(32 << 10);
        match near.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if channel.data_bytes(buffer.split().freeze()).await.is_err() {
            return;
        }
    }
}
