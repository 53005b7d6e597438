//! One connection to a jump host for all machines behind it.

use std::fs;

use remote::ssh::{ConnectError, Connection, Deadlines, JumpHosts, Target, Trust, Unknown, connect};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::sshd::{Lab, Sshd};
use crate::{connected, deadlines, free_port, refused, run};

/// A server that logs each login, and how many there were.
fn counted(lab: &Lab) -> Sshd {
    lab.sshd_with(&["host"], &["user"], "LogLevel INFO\nMaxStartups 100")
}

fn logins(sshd: &Sshd) -> usize {
    let log = fs::read_to_string(&sshd.log).unwrap();
    log.lines().filter(|line| line.contains("Accepted publickey")).count()
}

fn behind(lab: &Lab, jumps: &[&Sshd], target: &Sshd, shared: &JumpHosts) -> Target {
    Target {
        jump: jumps.iter().map(|sshd| lab.hop(sshd, &["user"])).collect(),
        jump_hosts: shared.clone(),
        ..lab.target(target, &["user"])
    }
}

async fn all(targets: impl IntoIterator<Item = Target>) -> Vec<Connection> {
    let connecting = targets.into_iter().map(|target| async move { connected(&target).await });
    futures::future::join_all(connecting).await
}

#[tokio::test]
async fn one_connection_to_each_jump_host_for_all() {
    let lab = Lab::new();
    let (first, second, last) = (counted(&lab), counted(&lab), counted(&lab));
    let shared = JumpHosts::default();
    let connections = all((0..12).map(|_| behind(&lab, &[&first, &second], &last, &shared))).await;
    for connection in &connections {
        assert_eq!(run(connection, "echo hello").await.stdout, b"hello\n");
        assert_eq!(connection.host_keys().count(), 3);
    }
    // On the way to the second one, too, and after the others are gone.
    let direct = connected(&behind(&lab, &[&first], &last, &shared)).await;
    futures::future::join_all(connections.into_iter().map(Connection::close)).await;
    let later = connected(&behind(&lab, &[&first, &second], &last, &shared)).await;
    assert_eq!((logins(&first), logins(&second), logins(&last)), (1, 1, 14));
    direct.close().await;
    later.close().await;
    shared.close().await;
    // Afterwards they are made anew.
    connected(&behind(&lab, &[&first], &last, &shared)).await.close().await;
    assert_eq!(logins(&first), 2);
    shared.close().await;
}

#[tokio::test]
async fn nothing_is_left_when_they_are_closed_or_dropped() {
    let lab = Lab::new();
    let (jump, last) = (counted(&lab), counted(&lab));
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    for close in [true, false] {
        let shared = JumpHosts::default();
        let connections = all((0..4).map(|_| behind(&lab, &[&jump], &last, &shared))).await;
        assert!(tasks() > before);
        if close {
            futures::future::join_all(connections.into_iter().map(Connection::close)).await;
            shared.close().await;
            assert_eq!(tasks(), before);
        } else {
            drop((connections, shared));
            while tasks() > before {
                tokio::task::yield_now().await;
            }
        }
    }
}

#[tokio::test]
async fn another_connection_when_one_is_full() {
    let lab = Lab::new();
    let (jump, last) = (counted(&lab), counted(&lab));
    let shared = JumpHosts::with_channels(4);
    let connections = all((0..10).map(|_| behind(&lab, &[&jump], &last, &shared))).await;
    assert_eq!(logins(&jump), 3);
    futures::future::join_all(connections.into_iter().map(Connection::close)).await;
    let connections = all((0..10).map(|_| behind(&lab, &[&jump], &last, &shared))).await;
    assert_eq!(logins(&jump), 3, "they have room again");
    drop(connections);
    shared.close().await;
}

/// What happens to the connections that a proxy has.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    /// They go on.
    On,
    /// They are cut.
    Cut,
    /// They stay open, and nothing passes any more.
    Stall,
}

/// Forwards connections to a server. A fate is that of the connections which there are when it is sent.
async fn proxy(to: u16) -> (u16, tokio::sync::watch::Sender<Fate>, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, fates) = tokio::sync::watch::channel(Fate::On);
    let task = tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            let mut fates = fates.clone();
            fates.mark_unchanged();
            tokio::spawn(async move {
                let mut far = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    _ = fates.changed() => if *fates.borrow() == Fate::Stall {
                        // Until the client gives it up.
                        let mut rest = Vec::new();
                        let _ = near.read_to_end(&mut rest).await;
                    }
                }
            });
        }
    });
    (port, sender, task)
}

/// Machines that come when the connection to the jump host has died and nobody has noticed.
#[tokio::test]
async fn a_jump_host_that_died_unnoticed_fails_nobody() {
    let lab = Lab::new();
    let (jump, last) = (counted(&lab), counted(&lab));
    for (fate, limit) in [(Fate::Cut, 20_000), (Fate::Stall, 2_000)] {
        let (port, fates, task) = proxy(jump.port).await;
        let shared = JumpHosts::default();
        let mut target = behind(&lab, &[&jump], &last, &shared);
        target.jump[0].port = port;
        let before = logins(&jump);
        let _first = connected(&target).await;
        fates.send(fate).unwrap();
        let limits = Deadlines {
            connect: std::time::Duration::from_millis(limit),
            ..deadlines()
        };
        let cancel = CancellationToken::new();
        let connecting = (0..5).map(|_| connect(&target, &limits, &cancel));
        for connection in futures::future::join_all(connecting).await {
            let connection = connection.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(run(&connection, "echo hello").await.stdout, b"hello\n");
            connection.close().await;
        }
        assert_eq!(logins(&jump) - before, 2);
        shared.close().await;
        task.abort();
    }
}

#[tokio::test]
async fn a_jump_host_that_died_is_connected_to_again() {
    let lab = Lab::new();
    let (jump, last) = (counted(&lab), counted(&lab));
    let (port, fates, task) = proxy(jump.port).await;
    let shared = JumpHosts::default();
    let through = || {
        let mut target = behind(&lab, &[&jump], &last, &shared);
        target.jump[0].port = port;
        target
    };
    let connections = all((0..3).map(|_| through())).await;
    fates.send(Fate::Cut).unwrap();
    for connection in &connections {
        // Each notices.
        let lost = async {
            while connection.exec("true", &CancellationToken::new()).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), lost).await.unwrap();
    }
    let again = all((0..3).map(|_| through())).await;
    assert_eq!(logins(&jump), 2);
    assert_eq!(run(&again[2], "echo hello").await.stdout, b"hello\n");
    drop((connections, again));
    shared.close().await;
    task.abort();
}

/// Nobody is let in with what somebody else logged in with.
#[tokio::test]
async fn only_the_same_credentials_share() {
    let lab = Lab::new();
    lab.key("other", &["-t", "ed25519"], "");
    let (jump, last) = (counted(&lab), counted(&lab));
    let shared = JumpHosts::default();
    let target = behind(&lab, &[&jump], &last, &shared);
    let connection = connected(&target).await;
    let mut other = target.clone();
    other.jump[0].credentials.identities = vec![lab.identity("other", None)];
    assert!(matches!(refused(&other).await, ConnectError::Authentication(_)));
    let mut other = target.clone();
    other.jump[0].user = "nobody".to_owned();
    connected(&other).await.close().await;
    assert_eq!(logins(&jump), 2);
    let mut other = target.clone();
    other.jump[0].host_keys = crate::sshd::pinned(&[&lab.public("other")], &[]);
    assert!(matches!(refused(&other).await, ConnectError::HostKey { .. }));
    connection.close().await;
    shared.close().await;
}

#[tokio::test]
async fn one_failure_is_the_failure_of_all_who_waited() {
    let lab = Lab::new();
    let last = counted(&lab);
    // A jump host that says nothing: each attempt takes the whole of its time.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let accepted = tokio::spawn(async move {
        let mut streams = Vec::new();
        let waited = tokio::time::timeout(std::time::Duration::from_secs(3), async {
            loop {
                streams.push(listener.accept().await.unwrap());
            }
        });
        let _: Result<(), _> = waited.await;
        streams.len()
    });
    let limits = Deadlines {
        key_exchange: std::time::Duration::from_millis(500),
        ..deadlines()
    };
    let shared = JumpHosts::default();
    let attempts = (0..50).map(|_| {
        let mut target = behind(&lab, &[&last], &last, &shared);
        target.jump[0].port = port;
        async move {
            connect(&target, &limits, &CancellationToken::new())
                .await
                .map(|_| ())
                .unwrap_err()
        }
    });
    for error in futures::future::join_all(attempts).await {
        assert!(matches!(error, ConnectError::Stalled { .. }), "{error}");
    }
    assert_eq!(accepted.await.unwrap(), 1);
}

/// A machine that sends and does not stop, and one that is not there, are nobody else's trouble.
#[tokio::test]
async fn machines_behind_a_jump_host_do_not_get_in_each_others_way() {
    let lab = Lab::new();
    let (jump, last) = (counted(&lab), counted(&lab));
    let shared = JumpHosts::default();
    let target = behind(&lab, &[&jump], &last, &shared);
    let (loud, quiet) = (connected(&target).await, connected(&target).await);
    let flood = loud.exec("cat /dev/zero", &CancellationToken::new()).await.unwrap();
    let mut gone = target.clone();
    gone.port = free_port().await;
    for _ in 0..20 {
        assert_eq!(run(&quiet, "echo hello").await.stdout, b"hello\n");
        assert!(matches!(refused(&gone).await, ConnectError::Unreachable { .. }));
    }
    assert_eq!(logins(&jump), 1);
    drop(flood);
    loud.close().await;
    quiet.close().await;
    shared.close().await;
}

/// The way to a machine that does not answer is given up; the jump host itself answers and is kept.
#[tokio::test]
async fn a_machine_that_does_not_answer_is_not_the_jump_hosts_fault() {
    let lab = Lab::new();
    let (jump, last) = (counted(&lab), counted(&lab));
    let shared = JumpHosts::default();
    let target = behind(&lab, &[&jump], &last, &shared);
    let connection = connected(&target).await;
    let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut silent = target.clone();
    silent.port = deaf.local_addr().unwrap().port();
    let limits = Deadlines {
        key_exchange: std::time::Duration::from_millis(300),
        ..deadlines()
    };
    let error = connect(&silent, &limits, &CancellationToken::new())
        .await
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(error, ConnectError::Stalled { .. }), "{error}");
    // The jump host's connection to it is closed, too.
    let (mut stream, _) = deaf.accept().await.unwrap();
    let _ = stream.write_all(b"x").await;
    tokio::time::timeout(std::time::Duration::from_secs(20), stream.read_to_end(&mut Vec::new()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(run(&connection, "echo hello").await.stdout, b"hello\n");
    connected(&target).await.close().await;
    assert_eq!(logins(&jump), 1);
    connection.close().await;
    shared.close().await;
}

#[tokio::test]
async fn a_jump_host_that_is_new_is_told_of_once() {
    let lab = Lab::new();
    let (jump, last) = (counted(&lab), counted(&lab));
    let shared = JumpHosts::default();
    let mut target = behind(&lab, &[&jump], &last, &shared);
    target.jump[0].host_keys = lab.known_hosts("known_hosts", Unknown::Remember);
    let (first, second) = (connected(&target).await, connected(&target).await);
    let new: Vec<_> = first.trusted_on_first_use().map(|(address, _)| address.to_owned()).collect();
    assert_eq!(new, [format!("127.0.0.1:{}", jump.port)]);
    assert_eq!(second.trusted_on_first_use().count(), 0);
    assert_eq!(first.host_key().trust, Trust::Pinned);
    first.close().await;
    second.close().await;
    shared.close().await;
}
