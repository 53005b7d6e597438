//! SSH connections to real OpenSSH servers, and to listeners that misbehave.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod sshd;

use std::fs;
use std::time::Duration;

use remote::ssh::{
    ConnectError, Connection, Credentials, Deadlines, ExecError, HostKeyError, HostKeys, Output, Phase, ProcessOutput, Target,
    Traffic, Trust, Unknown, Unreachable, connect,
};
use sshd::Lab;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

fn deadlines() -> Deadlines {
    let limit = Duration::from_secs(20);
    Deadlines {
        connect: limit,
        key_exchange: limit,
        authentication: limit,
        channel: limit,
    }
}

async fn connected(target: &Target) -> Connection {
    connect(target, &deadlines(), &CancellationToken::new())
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

async fn refused(target: &Target) -> ConnectError {
    connect(target, &deadlines(), &CancellationToken::new())
        .await
        .map(|_| ())
        .unwrap_err()
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Whole {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    status: Option<u32>,
    signal: Option<String>,
    lost: Option<ExecError>,
}

async fn all(output: &mut ProcessOutput) -> Whole {
    let mut whole = Whole::default();
    loop {
        match output.next().await {
            Output::Stdout(bytes) => whole.stdout.extend(bytes),
            Output::Stderr(bytes) => whole.stderr.extend(bytes),
            Output::Exited(status) => whole.status = Some(status),
            Output::Signalled(signal) => whole.signal = Some(signal),
            Output::Closed => return whole,
            Output::Lost(error) => {
                whole.lost = Some(error);
                return whole;
            }
        }
    }
}

async fn run(connection: &Connection, command: &str) -> Whole {
    let mut process = connection.exec(command, &CancellationToken::new()).await.unwrap();
    process.input.close().await.unwrap();
    all(&mut process.output).await
}

#[tokio::test]
async fn every_kind_of_key_logs_in() {
    let lab = Lab::new();
    let kinds: &[(&str, &[&str], &str)] = &[
        ("p256", &["-t", "ecdsa", "-b", "256"], ""),
        ("p384", &["-t", "ecdsa", "-b", "384"], ""),
        ("p521", &["-t", "ecdsa", "-b", "521"], ""),
        ("rsa", &["-t", "rsa", "-b", "2048"], ""),
        ("encrypted", &["-t", "ed25519"], "secret"),
    ];
    for (name, arguments, passphrase) in kinds {
        lab.key(name, arguments, passphrase);
    }
    let sshd = lab.sshd_with(&["host"], &["user", "p256", "p384", "p521", "rsa", "encrypted"], "");
    let mut target = lab.target(&sshd, &["user"]);
    for (name, _, passphrase) in kinds {
        target.credentials.identities = vec![lab.identity(name, Some(passphrase))];
        let connection = connected(&target).await;
        assert_eq!(run(&connection, "id -un").await.stdout, b"root\n", "{name}");
        connection.close().await;
    }
}

/// Dropbear, the server of small systems, takes no rsa-sha2-512 and says so.
#[tokio::test]
async fn a_server_that_takes_only_rsa_sha2_256() {
    let lab = Lab::new();
    lab.key("rsa", &["-t", "rsa", "-b", "2048"], "");
    let server = lab.dropbear();
    let ConnectError::Authentication(failure) = refused(&lab.target(&server, &["rsa", "user"])).await else {
        panic!()
    };
    assert_eq!(
        failure.offered,
        ["rsa (rsa-sha2-512)", "rsa (rsa-sha2-256)", "user (ssh-ed25519)"]
    );
}

#[tokio::test]
async fn keys_are_tried_in_order_then_those_of_the_agent() {
    let lab = Lab::new();
    lab.key("other", &["-t", "ed25519"], "");
    lab.key("rsa", &["-t", "rsa", "-b", "2048"], "");
    let sshd = lab.sshd_with(&["host"], &["user", "rsa"], "");
    connected(&lab.target(&sshd, &["other", "user"])).await.close().await;

    let agent = lab.agent(&["other", "rsa"]);
    let mut target = lab.target(&sshd, &["other"]);
    target.credentials.agent = Some(agent.socket.clone());
    connected(&target).await.close().await;
}

#[tokio::test]
async fn what_a_refused_login_says() {
    let lab = Lab::new();
    lab.key("other", &["-t", "ed25519"], "");
    let sshd = lab.sshd();
    let mut target = lab.target(&sshd, &["other"]);
    target.credentials.agent = Some(lab.path("no agent"));
    let error = refused(&target).await;
    assert!(!error.is_transient());
    let text = error.to_string();
    for part in [
        "user root",
        "other (ssh-ed25519)",
        "it takes publickey",
        "no agent",
        "authorized_keys",
    ] {
        assert!(text.contains(part), "{part} in: {text}");
    }

    target.credentials = Credentials::default();
    let text = refused(&target).await.to_string();
    assert!(
        text.contains("no key to log in to") && text.contains("give a private key"),
        "{text}"
    );
}

#[tokio::test]
async fn too_many_keys_stop_at_the_limit() {
    let lab = Lab::new();
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    names.iter().for_each(|name| lab.key(name, &["-t", "ed25519"], ""));
    for limit in [2, 6, 20] {
        let sshd = lab.sshd_with(&["host"], &["user"], &format!("MaxAuthTries {limit}"));
        let ConnectError::Authentication(failure) = refused(&lab.target(&sshd, &names)).await else {
            panic!("{limit}")
        };
        assert_eq!(failure.offered.len(), limit.min(6), "{failure}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_more_than_a_key() {
    let lab = Lab::new();
    let more = "AuthenticationMethods publickey,password\nPasswordAuthentication yes\nPermitRootLogin yes";
    let sshd = lab.sshd_with(&["host"], &["user"], more);
    let text = refused(&lab.target(&sshd, &["user"])).await.to_string();
    assert!(text.contains("asks for more: password"), "{text}");
}

#[tokio::test]
async fn trust_on_first_use_then_the_same_key_then_another() {
    let lab = Lab::new();
    lab.key("host2", &["-t", "ed25519"], "");
    let sshd = lab.sshd();
    let mut target = lab.target(&sshd, &["user"]);
    target.host_keys = lab.known_hosts("new/known_hosts", Unknown::Remember);
    for expected in [Trust::TrustedOnFirstUse, Trust::Known] {
        let connection = connected(&target).await;
        let host_key = connection.host_key().unwrap().clone();
        assert_eq!(host_key.trust, expected);
        assert!(lab.public("host").starts_with(&host_key.key.openssh()));
        connection.close().await;
    }
    // OpenSSH itself finds the line.
    let name = format!("[127.0.0.1]:{}", sshd.port);
    let file = lab.path("new/known_hosts");
    let found = std::process::Command::new("ssh-keygen")
        .args(["-F", &name, "-f"])
        .arg(&file)
        .status()
        .unwrap();
    assert!(found.success());

    let text = fs::read_to_string(&file)
        .unwrap()
        .replace(&lab.public("host")[..60], &lab.public("host2")[..60]);
    fs::write(&file, format!("# first\n{text}")).unwrap();
    let error = refused(&target).await;
    assert!(
        matches!(&error, ConnectError::HostKey { problem, .. } if matches!(**problem, HostKeyError::Changed { line: 2, .. }))
    );
    let text = error.to_string();
    for part in [
        "has changed",
        "SHA256:",
        &format!("{}:2", file.display()),
        &format!("ssh-keygen -R '{name}' -f"),
    ] {
        assert!(text.contains(part), "{part} in: {text}");
    }
}

#[tokio::test]
async fn known_hosts_written_by_openssh() {
    let lab = Lab::new();
    let sshd = lab.sshd();
    let mut target = lab.target(&sshd, &["user"]);
    let name = format!("[127.0.0.1]:{}", sshd.port);
    let file = lab.path("known_hosts");
    fs::write(&file, format!("{name} {}\n", lab.public("host"))).unwrap();
    let hashed = std::process::Command::new("ssh-keygen")
        .args(["-q", "-H", "-f"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(hashed.status.success() && fs::read_to_string(&file).unwrap().starts_with("|1|"));
    target.host_keys = lab.known_hosts("known_hosts", Unknown::Refuse);
    connected(&target).await.close().await;

    fs::write(&file, format!("{name} {0}\n@revoked * {0}\n", lab.public("host"))).unwrap();
    let error = refused(&target).await.to_string();
    assert!(error.contains("is revoked in") && error.contains(":2"), "{error}");

    fs::write(&file, "").unwrap();
    let error = refused(&target).await.to_string();
    assert!(
        error.contains("is not known") && error.contains(&format!("{name} ssh-ed25519")),
        "{error}"
    );
}

#[tokio::test]
async fn the_known_type_of_host_key_is_asked_for() {
    let lab = Lab::new();
    lab.key("rsahost", &["-t", "rsa", "-b", "2048"], "");
    let sshd = lab.sshd_with(&["host", "rsahost"], &["user"], "");
    let mut target = lab.target(&sshd, &["user"]);
    target.host_keys = lab.known_hosts("known_hosts", Unknown::Remember);
    let name = format!("[127.0.0.1]:{}", sshd.port);
    fs::write(lab.path("known_hosts"), format!("{name} {}\n", lab.public("rsahost"))).unwrap();
    let connection = connected(&target).await;
    assert_eq!(connection.host_key().unwrap().key.algorithm(), "ssh-rsa");
    connection.close().await;

    // Known by a type that it does not have: not taken for a new host.
    lab.key("p256", &["-t", "ecdsa"], "");
    fs::write(lab.path("known_hosts"), format!("{name} {}\n", lab.public("p256"))).unwrap();
    let error = refused(&target).await.to_string();
    assert!(
        error.contains("has changed: it offers only") && error.contains("knows it by ecdsa-sha2-nistp256"),
        "{error}"
    );
}

#[tokio::test]
async fn pinned_keys() {
    let lab = Lab::new();
    lab.key("host2", &["-t", "ed25519"], "");
    let sshd = lab.sshd();
    let mut target = lab.target(&sshd, &["user"]);
    let fingerprint = connected(&target).await.host_key().unwrap().key.fingerprint();
    let cases: &[(&[&str], bool)] = &[
        (&[&fingerprint], true),
        (&[&lab.public("host2"), &lab.public("host")], true),
        (&[&lab.public("host2")], false),
        (&["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"], false),
        (&["nonsense"], false),
        (&[], false),
    ];
    for (pins, accepted) in cases {
        target.host_keys = HostKeys::Pinned(pins.iter().map(|pin| (*pin).to_owned()).collect());
        let result = connect(&target, &deadlines(), &CancellationToken::new()).await;
        assert_eq!(
            result.is_ok(),
            *accepted,
            "{pins:?}: {:?}",
            result.err().map(|error| error.to_string())
        );
    }
}

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

#[tokio::test]
async fn only_nist_curves() {
    let lab = Lab::new();
    for curve in ["ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521"] {
        let sshd = lab.sshd_with(&["host"], &["user"], &format!("KexAlgorithms {curve}"));
        connected(&lab.target(&sshd, &["user"])).await.close().await;
    }
    let sshd = lab.sshd_with(&["host"], &["user"], "KexAlgorithms diffie-hellman-group14-sha1");
    let error = refused(&lab.target(&sshd, &["user"])).await;
    assert!(
        !error.is_transient() && error.to_string().contains("no kex algorithm in common"),
        "{error}"
    );
}

#[tokio::test]
async fn through_jump_hosts() {
    let lab = Lab::new();
    lab.key("jumper", &["-t", "ed25519"], "");
    lab.key("host2", &["-t", "ed25519"], "");
    let (first, second) = (
        lab.sshd_with(&["host"], &["jumper"], ""),
        lab.sshd_with(&["host2"], &["user"], ""),
    );
    let mut target = lab.target(&second, &["user"]);
    target.host_keys = HostKeys::Pinned(vec![lab.public("host2")]);
    target.jump = vec![lab.hop(&first, &["jumper"]), lab.hop(&first, &["jumper"])];
    let connection = connected(&target).await;
    let whole = run(&connection, "echo $SSH_CONNECTION; head -c 3000000 /dev/zero").await;
    assert_eq!(whole.status, Some(0));
    assert!(whole.stdout.len() > 3_000_000);
    assert_eq!(connection.host_keys().count(), 3);
    assert!(connection.traffic().received > 3_000_000);
    connection.close().await;

    // Each hop is held to its own host key and credentials.
    let mut wrong = target.clone();
    wrong.jump[1].host_keys = HostKeys::Pinned(vec![lab.public("host2")]);
    assert!(matches!(refused(&wrong).await, ConnectError::HostKey { .. }));
    let mut wrong = target.clone();
    wrong.jump[1].credentials = target.credentials.clone();
    assert!(matches!(refused(&wrong).await, ConnectError::Authentication(_)));

    let closed = free_port().await;
    let mut behind = target.clone();
    behind.port = closed;
    let error = refused(&behind).await;
    assert!(
        error.is_transient() && error.to_string().contains("cannot connect to it (connect failed)"),
        "{error}"
    );

    let strict = lab.sshd_with(&["host"], &["jumper"], "AllowTcpForwarding no");
    target.jump = vec![lab.hop(&strict, &["jumper"])];
    let error = refused(&target).await;
    assert!(matches!(error, ConnectError::ForwardingProhibited { .. }), "{error}");
}

async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

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

fn target_at(lab: &Lab, port: u16) -> Target {
    Target {
        host: "127.0.0.1".to_owned(),
        port,
        user: "root".to_owned(),
        credentials: Credentials {
            identities: vec![lab.identity("user", None)],
            agent: None,
        },
        host_keys: HostKeys::AcceptAny,
        jump: Vec::new(),
    }
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
