//! Listeners that misbehave, and cancellation: nothing may be left behind.

use std::time::Duration;

use remote::ssh::{ConnectError, Deadlines, ExecError, Output, Phase, Unreachable, connect};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::sshd::Lab;
use crate::{connected, deadlines, free_port, refused, run, target_at};

/// A listener that says `greeting` and then waits for the client to hang up; sends how many connections have ended.
async fn silent(greeting: &'static [u8]) -> (u16, tokio::sync::mpsc::UnboundedReceiver<()>, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (ended, ends) = tokio::sync::mpsc::unbounded_channel();
    let task = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let ended = ended.clone();
            tokio::spawn(async move {
                let _ = stream.write_all(greeting).await;
                let _ = stream.read_to_end(&mut Vec::new()).await;
                let _ = ended.send(());
            });
        }
    });
    (port, ends, task)
}

#[tokio::test]
async fn servers_that_stall_leave_nothing_behind() {
    let lab = Lab::new();
    let limits = Deadlines {
        key_exchange: Duration::from_millis(100),
        ..deadlines()
    };
    for (greeting, expected) in [
        (&b""[..], Phase::Identification),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Phase::KeyExchange),
    ] {
        let (port, mut ends, listener) = silent(greeting).await;
        let target = target_at(&lab, port);
        let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let attempts = (0..50).map(|_| async {
            let error = connect(&target, &limits, &CancellationToken::new())
                .await
                .map(|_| ())
                .unwrap_err();
            assert!(
                matches!(error, ConnectError::Stalled { phase, .. } if phase == expected),
                "{error}"
            );
            assert!(error.is_transient());
        });
        futures::future::join_all(attempts).await;
        for _ in 0..50 {
            ends.recv().await.unwrap();
        }
        tokio::task::yield_now().await;
        let after = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert!(after <= before, "{before} tasks before, {after} after");
        listener.abort();
    }
}

#[tokio::test]
async fn what_is_no_ssh_server() {
    let lab = Lab::new();
    let limits = Deadlines {
        key_exchange: Duration::from_millis(200),
        ..deadlines()
    };
    let (port, _ends, listener) = silent(b"220 mail.example ESMTP\r\n").await;
    let error = connect(&target_at(&lab, port), &limits, &CancellationToken::new())
        .await
        .map(|_| ())
        .unwrap_err();
    assert!(
        !error.is_transient() && error.to_string().contains("it says '220 mail.example ESMTP'"),
        "{error}"
    );
    listener.abort();

    let error = refused(&target_at(&lab, free_port().await)).await;
    assert!(
        matches!(
            error,
            ConnectError::Unreachable {
                why: Unreachable::Refused,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.is_transient());

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let closing = tokio::spawn(async move { drop(listener.accept().await.unwrap()) });
    let error = refused(&target_at(&lab, port)).await;
    assert!(error.is_transient() && error.to_string().contains("MaxStartups"), "{error}");
    closing.await.unwrap();

    let mut target = target_at(&lab, 22);
    target.host = "no-such-host.invalid".to_owned();
    let error = refused(&target).await;
    assert!(
        matches!(
            error,
            ConnectError::Unreachable {
                why: Unreachable::Name(_),
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn cancelled_in_each_phase() {
    let lab = Lab::new();
    // Identification and key exchange.
    for greeting in [&b""[..], b"SSH-2.0-OpenSSH_9.2\r\n"] {
        let (port, mut ends, listener) = silent(greeting).await;
        let (target, cancel) = (target_at(&lab, port), CancellationToken::new());
        let limits = deadlines();
        let attempt = connect(&target, &limits, &cancel);
        tokio::pin!(attempt);
        // Far enough to have connected: nothing more happens by itself.
        let early = tokio::time::timeout(Duration::from_millis(50), &mut attempt).await;
        assert!(early.is_err());
        cancel.cancel();
        assert!(matches!(attempt.await, Err(ConnectError::Cancelled)));
        ends.recv().await.unwrap();
        listener.abort();
    }

    // Authentication: an agent that never answers.
    let sshd = lab.sshd();
    let socket = lab.path("deaf");
    let deaf = tokio::net::UnixListener::bind(&socket).unwrap();
    let mut target = lab.target(&sshd, &[]);
    target.credentials.agent = Some(socket);
    let cancel = CancellationToken::new();
    let attempt = tokio::spawn({
        let (target, cancel) = (target.clone(), cancel.clone());
        async move { connect(&target, &deadlines(), &cancel).await.map(|_| ()) }
    });
    let (mut stream, _) = deaf.accept().await.unwrap();
    cancel.cancel();
    assert!(matches!(attempt.await.unwrap(), Err(ConnectError::Cancelled)));
    stream.read_to_end(&mut Vec::new()).await.unwrap();

    // A dropped future is as good as a cancelled one.
    let attempt = tokio::spawn({
        let target = target.clone();
        async move { connect(&target, &deadlines(), &CancellationToken::new()).await.map(|_| ()) }
    });
    let (mut stream, _) = deaf.accept().await.unwrap();
    attempt.abort();
    assert!(attempt.await.unwrap_err().is_cancelled());
    stream.read_to_end(&mut Vec::new()).await.unwrap();

    // A running command.
    let connection = connected(&lab.target(&sshd, &["user"])).await;
    let cancel = CancellationToken::new();
    let mut process = connection.exec("echo started; exec sleep 100", &cancel).await.unwrap();
    assert_eq!(process.output.next().await, Output::Stdout("started\n".into()));
    cancel.cancel();
    assert_eq!(process.output.next().await, Output::Lost(ExecError::Cancelled));
    assert_eq!(process.input.write_all(b"x").await, Err(ExecError::Cancelled));
    assert_eq!(connection.exec("true", &cancel).await.map(|_| ()), Err(ExecError::Cancelled));
    // The connection itself is still good.
    assert_eq!(run(&connection, "true").await.status, Some(0));
    let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    connection.close().await;
    assert!(tokio::runtime::Handle::current().metrics().num_alive_tasks() < before);
}
