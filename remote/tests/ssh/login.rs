//! Key exchange, login and jump hosts.

use remote::ssh::{ConnectError, Credentials};

use crate::sshd::{Lab, pinned};
use crate::{connected, free_port, refused, run};

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
    let offered: Vec<_> = failure
        .offered
        .iter()
        .map(|offer| (offer.label.as_str(), offer.algorithm.as_str()))
        .collect();
    assert_eq!(
        offered,
        [("rsa", "rsa-sha2-512"), ("rsa", "rsa-sha2-256"), ("user", "ssh-ed25519")]
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
        "other (ssh-ed25519 SHA256:",
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
    assert!(
        text.contains("asks for more: password") && text.contains("give the user's password"),
        "{text}"
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
    target.host_keys = pinned(&[&lab.public("host2")], &[]);
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
    wrong.jump[1].host_keys = pinned(&[&lab.public("host2")], &[]);
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
