//! Servers that offer little: one algorithm of a kind, or none that will do.

use remote::ssh::ConnectError;

use crate::sshd::Lab;
use crate::{connected, refused, run};

/// A host in FIPS mode, an old one, and those that were told to take one thing only.
#[tokio::test]
async fn servers_with_one_algorithm_of_a_kind() {
    let lab = Lab::new();
    lab.key("p256", &["-t", "ecdsa", "-b", "256"], "");
    lab.key("p384", &["-t", "ecdsa", "-b", "384"], "");
    lab.key("rsa", &["-t", "rsa", "-b", "2048"], "");
    for (host_key, configuration) in [
        ("host", "KexAlgorithms ecdh-sha2-nistp256"),
        ("host", "KexAlgorithms ecdh-sha2-nistp384"),
        ("host", "KexAlgorithms ecdh-sha2-nistp521"),
        (
            "p256",
            "KexAlgorithms ecdh-sha2-nistp256\nHostKeyAlgorithms ecdsa-sha2-nistp256\nCiphers aes256-gcm@openssh.com",
        ),
        (
            "p384",
            "KexAlgorithms ecdh-sha2-nistp384\nCiphers aes256-ctr\nMACs hmac-sha2-256",
        ),
        ("rsa", "HostKeyAlgorithms rsa-sha2-256"),
        ("rsa", "HostKeyAlgorithms rsa-sha2-512"),
        ("host", "Ciphers aes128-ctr\nMACs hmac-sha2-256-etm@openssh.com"),
        ("host", "Ciphers aes192-ctr\nMACs hmac-sha2-512-etm@openssh.com"),
        ("host", "Ciphers aes256-ctr\nMACs hmac-sha2-512"),
        ("host", "Ciphers chacha20-poly1305@openssh.com"),
        ("host", "Ciphers aes128-gcm@openssh.com"),
        ("rsa", "KexAlgorithms diffie-hellman-group14-sha256\nCiphers aes128-ctr"),
        ("host", "KexAlgorithms diffie-hellman-group16-sha512"),
        ("host", "KexAlgorithms diffie-hellman-group-exchange-sha256"),
        ("host", "KexAlgorithms curve25519-sha256@libssh.org"),
    ] {
        let sshd = lab.sshd_with(&[host_key], &["user"], configuration);
        let mut target = lab.target(&sshd, &["user"]);
        target.host_keys = crate::sshd::pinned(&[&lab.public(host_key)], &[]);
        let connection = connected(&target).await;
        // More than one packet each way, with the keys that were agreed on.
        let whole = run(&connection, "head -c 300000 /dev/zero; id -un").await;
        assert_eq!((whole.stdout.len(), whole.status), (300_005, Some(0)), "{configuration}");
        connection.close().await;
    }
}

#[tokio::test]
async fn servers_that_take_one_kind_of_user_key() {
    let lab = Lab::new();
    lab.key("rsa", &["-t", "rsa", "-b", "2048"], "");
    lab.key("p256", &["-t", "ecdsa", "-b", "256"], "");
    for (key, algorithm) in [
        ("rsa", "rsa-sha2-256"),
        ("rsa", "rsa-sha2-512"),
        ("p256", "ecdsa-sha2-nistp256"),
        ("user", "ssh-ed25519"),
    ] {
        let sshd = lab.sshd_with(
            &["host"],
            &["user", "rsa", "p256"],
            &format!("PubkeyAcceptedAlgorithms {algorithm}"),
        );
        connected(&lab.target(&sshd, &[key])).await.close().await;
        let all = ["p256", "user", "rsa"];
        connected(&lab.target(&sshd, &all)).await.close().await;
    }
}

#[tokio::test]
async fn nothing_in_common() {
    let lab = Lab::new();
    for (configuration, kind, theirs, ours) in [
        (
            "KexAlgorithms diffie-hellman-group14-sha1",
            "key exchange",
            "diffie-hellman-group14-sha1",
            "ecdh-sha2-nistp256",
        ),
        (
            "Ciphers aes128-cbc,aes256-cbc",
            "encryption",
            "aes128-cbc, aes256-cbc",
            "aes128-ctr",
        ),
        (
            "Ciphers aes128-ctr\nMACs hmac-sha1",
            "MAC",
            "hmac-sha1",
            "hmac-sha2-256-etm@openssh.com",
        ),
    ] {
        let sshd = lab.sshd_with(&["host"], &["user"], configuration);
        let error = refused(&lab.target(&sshd, &["user"])).await;
        assert!(matches!(error, ConnectError::Protocol { .. }) && !error.is_transient());
        let text = error.to_string();
        for part in [
            &format!("no {kind} algorithm in common; it offers {theirs}"),
            "; supported are ",
            ours,
        ] {
            assert!(text.contains(part), "{part} in: {text}");
        }
    }
    // A host key that can sign with SHA-1 only.
    lab.key("rsa", &["-t", "rsa", "-b", "2048"], "");
    let sshd = lab.sshd_with(&["rsa"], &["user"], "HostKeyAlgorithms ssh-rsa");
    let mut target = lab.target(&sshd, &["user"]);
    target.host_keys = remote::ssh::HostKeys::AcceptAny;
    let text = refused(&target).await.to_string();
    assert!(
        text.contains("no host key algorithm in common; it offers ssh-rsa; supported are ssh-ed25519"),
        "{text}"
    );
}
