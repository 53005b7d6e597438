//! Commands: input, output, how they end.

use std::time::Duration;

use remote::ssh::{Deadlines, ExecError, Output, Traffic, connect};
use tokio_util::sync::CancellationToken;

use crate::sshd::Lab;
use crate::{Whole, all, connected, deadlines, run};

#[tokio::test]
async fn a_command_with_input_output_and_status() {
    let lab = Lab::new();
    let sshd = lab.sshd();
    let connection = connected(&lab.target(&sshd, &["user"])).await;
    let mut process = connection
        .exec("cat; echo oops >&2; exit 3", &CancellationToken::new())
        .await
        .unwrap();
    process.input.write_all(b"hello").await.unwrap();
    process.input.close().await.unwrap();
    let whole = all(&mut process.output).await;
    assert_eq!(
        whole,
        Whole {
            stdout: b"hello".into(),
            stderr: b"oops\n".into(),
            status: Some(3),
            ..Whole::default()
        }
    );
    assert_eq!(process.output.next().await, Output::Closed);

    let whole = run(&connection, "kill -KILL $$").await;
    assert_eq!((whole.status, whole.signal.as_deref()), (None, Some("KILL")));

    let Traffic { sent, received } = connection.traffic();
    assert!(sent > 1000 && received > 1000, "{sent} {received}");
    connection.close().await;
}

#[tokio::test]
async fn megabytes_both_ways_at_once() {
    let lab = Lab::new();
    let sshd = lab.sshd();
    let connection = connected(&lab.target(&sshd, &["user"])).await;
    let process = connection.exec("cat", &CancellationToken::new()).await.unwrap();
    let (mut input, mut output) = (process.input, process.output);
    let data: Vec<u8> = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect();
    let sent = data.clone();
    let writer = tokio::spawn(async move {
        input.write_all(&sent).await.unwrap();
        input.close().await.unwrap();
    });
    let whole = all(&mut output).await;
    writer.await.unwrap();
    assert!(whole.stdout == data && whole.status == Some(0));
    connection.close().await;
}

#[tokio::test]
async fn a_command_that_does_not_read_its_input_blocks_nobody() {
    let lab = Lab::new();
    let sshd = lab.sshd();
    let connection = connected(&lab.target(&sshd, &["user"])).await;
    let mut process = connection.exec("exec sleep 0.1", &CancellationToken::new()).await.unwrap();
    let written = process.input.write_all(&vec![0; 20_000_000]).await;
    assert_eq!(written, Err(ExecError::InputClosed));
    assert_eq!(all(&mut process.output).await.status, Some(0));
    connection.close().await;
}

#[tokio::test]
async fn unread_output_gives_way_in_time() {
    let lab = Lab::new();
    let sshd = lab.sshd();
    let target = lab.target(&sshd, &["user"]);
    let limits = Deadlines {
        channel: Duration::from_millis(300),
        ..deadlines()
    };
    let connection = connect(&target, &limits, &CancellationToken::new()).await.unwrap();
    let flood = "head -c 100000000 /dev/zero; sleep 100";
    let dropped = connection.exec(flood, &CancellationToken::new()).await.unwrap();
    drop(dropped.output);
    let mut unread = connection.exec(flood, &CancellationToken::new()).await.unwrap();
    // Nobody reads the output; that the input ends is the sign that the channel was given up.
    let written = unread.input.write_all(&vec![0; 20_000_000]).await;
    assert_eq!(written, Err(ExecError::InputClosed));
    assert_eq!(
        all(&mut unread.output).await.lost,
        Some(ExecError::OutputUnread(limits.channel))
    );
    assert_eq!(run(&connection, "true").await.status, Some(0), "the other channels go on");
    connection.close().await;
}

#[tokio::test]
async fn a_server_that_goes_away_is_a_lost_connection() {
    let lab = Lab::new();
    let sshd = lab.sshd();
    let connection = connected(&lab.target(&sshd, &["user"])).await;
    // The parent of the shell is the server's process for this connection.
    let whole = run(&connection, "kill -KILL $PPID; sleep 10").await;
    assert!(matches!(whole.lost, Some(ExecError::ConnectionLost(_))), "{whole:?}");
    let error = connection.exec("true", &CancellationToken::new()).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    connection.close().await;
}

#[tokio::test]
async fn a_server_that_allows_no_sessions() {
    let lab = Lab::new();
    let sshd = lab.sshd_with(&["host"], &["user"], "MaxSessions 0");
    let connection = connected(&lab.target(&sshd, &["user"])).await;
    let error = connection.exec("true", &CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("MaxSessions"), "{error}");
    connection.close().await;
}
