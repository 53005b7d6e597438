//! An authenticated connection: [`connect`], [`Connection`].

use std::sync::{Arc, Mutex, PoisonError};

use russh::Pty;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::error::{ConnectError, ExecError, Phase, failure_text};
use super::host_key::{HostKey, Trust};
use super::jump_hosts::Lease;
use super::link::{Halt, LINGER, Link, within};
use super::process::{Process, Surroundings, process};
use super::target::{Deadlines, Target};
use super::wire::Traffic;

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
    link: Link,
    /// The jump host's connection that it goes through.
    via: Option<Lease>,
    drains: Mutex<JoinSet<()>>,
    deadlines: Deadlines,
}

/// Connects to `target` over its jump hosts and logs in; every hop proves itself and is logged in to with its own keys. The jump hosts'
/// connections are those of [`Target::jump_hosts`], made if they are not there yet.
///
/// Each phase of each hop has its deadline. When this returns an error, or is dropped, no task and no socket is left behind but those
/// of jump hosts' connections.
///
/// # Errors
///
/// See [`ConnectError`].
pub async fn connect(target: &Target, deadlines: &Deadlines, cancel: &CancellationToken) -> Result<Connection, ConnectError> {
    let (link, via) = target
        .jump_hosts
        .link(&target.last(), &target.jump, deadlines, cancel)
        .await?;
    Ok(Connection {
        link,
        via,
        drains: Mutex::default(),
        deadlines: *deadlines,
    })
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
        let link = &self.link;
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
            cut: link.cut().clone(),
            findings: Arc::clone(&link.findings),
            patience: limit,
        };
        let (process, drain) = process(read, write, around);
        let mut drains = self.drains.lock().unwrap_or_else(PoisonError::into_inner);
        while drains.try_join_next().is_some() {}
        drains.spawn(drain);
        Ok(process)
    }

    /// Bytes on the wire so far, encryption included; through a jump host, those of its connection that are for this one.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.link.meter.traffic()
    }

    /// The host key of the target.
    #[must_use]
    pub fn host_key(&self) -> &VerifiedHostKey {
        &self.link.host_key
    }

    /// The host keys of all hops, the target's first, each with the hop's `host:port`.
    pub fn host_keys(&self) -> impl Iterator<Item = (&str, &VerifiedHostKey)> {
        let jumps = std::iter::successors(self.via.as_ref(), |lease| lease.via()).map(Lease::host_key);
        std::iter::once((self.link.address.as_str(), &self.link.host_key)).chain(jumps)
    }

    /// The host keys that nobody had vouched for before they were remembered for this connection, each with the hop's `host:port`.
    pub fn trusted_on_first_use(&self) -> impl Iterator<Item = (&str, &HostKey)> {
        let leases = std::iter::successors(self.via.as_ref(), |lease| lease.via());
        let jumps = leases.take_while(|lease| lease.is_first).map(Lease::host_key);
        std::iter::once((self.link.address.as_str(), &self.link.host_key))
            .chain(jumps)
            .filter(|(_, verified)| verified.trust == Trust::TrustedOnFirstUse)
            .map(|(address, verified)| (address, &verified.key))
    }

    /// Says goodbye to the server and waits, for a bounded time, until nothing of the connection is left: no task, no socket.
    /// Processes that are still running on the host are not stopped, and the jump hosts' connections stay.
    pub async fn close(self) {
        let Self { link, via, drains, .. } = self;
        link.close().await;
        drop(via);
        let mut drains = drains.into_inner().unwrap_or_else(PoisonError::into_inner);
        // They end as soon as the stream is gone; whatever does not is aborted.
        let _ = timeout(LINGER, async { while drains.join_next().await.is_some() {} }).await;
        drains.shutdown().await;
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hops: Vec<_> = self.host_keys().map(|(address, _)| address).collect();
        f.debug_struct("Connection")
            .field("hops", &hops)
            .field("traffic", &self.traffic())
            .finish_non_exhaustive()
    }
}
