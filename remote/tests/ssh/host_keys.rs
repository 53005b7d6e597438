//! Host keys: known, new, changed, revoked, pinned.

use std::fs;

use remote::ssh::{ConnectError, HostKeyError, Trust, Unknown, connect};
use tokio_util::sync::CancellationToken;

use crate::sshd::{Lab, pinned};
use crate::{connected, deadlines, refused};

#[tokio::test]
async fn trust_on_first_use_then_the_same_key_then_another() {
    let lab = Lab::new();
    lab.key("host2", &["-t", "ed25519"], "");
    let sshd = lab.sshd();
    let mut target = lab.target(&sshd, &["user"]);
    target.host_keys = lab.known_hosts("new/known_hosts", Unknown::Remember);
    for expected in [Trust::TrustedOnFirstUse, Trust::Known] {
        let connection = connected(&target).await;
        let host_key = connection.host_key().clone();
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
    assert_eq!(connection.host_key().key.algorithm(), "ssh-rsa");
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
    let fingerprint = connected(&target).await.host_key().key.fingerprint();
    let cases: &[(&[&str], bool)] = &[
        (&[&fingerprint], true),
        (&[&lab.public("host2"), &lab.public("host")], true),
        (&[&lab.public("host2")], false),
        (&["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"], false),
    ];
    for (pins, accepted) in cases {
        target.host_keys = pinned(pins, &[]);
        let result = connect(&target, &deadlines(), &CancellationToken::new()).await;
        assert_eq!(
            result.is_ok(),
            *accepted,
            "{pins:?}: {:?}",
            result.err().map(|error| error.to_string())
        );
    }
}

/// A fingerprint does not tell the type of its key, and a server shows the key that the client likes best.
#[tokio::test]
async fn a_pinned_fingerprint_of_any_of_the_hosts_keys() {
    let lab = Lab::new();
    lab.key("p256", &["-t", "ecdsa"], "");
    lab.key("rsa", &["-t", "rsa", "-b", "2048"], "");
    let names = ["host", "p256", "rsa"];
    let sshd = lab.sshd_with(&names, &["user"], "");
    let mut target = lab.target(&sshd, &["user"]);
    for name in names {
        target.host_keys = pinned(&[&lab.fingerprint(name)], &[]);
        let connection = connected(&target).await;
        assert_eq!(connection.host_key().key.fingerprint(), lab.fingerprint(name));
        assert_eq!(connection.host_key().trust, Trust::Pinned);
        connection.close().await;
    }
    target.host_keys = pinned(&["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"], &[]);
    let error = refused(&target).await.to_string();
    for name in names {
        assert!(error.contains(&lab.fingerprint(name)), "{name} in: {error}");
    }
}
