//! Certificates: of users to log in with, of hosts to be believed.

use std::fs;

use remote::ssh::{ConnectError, Credentials, HostKeyError, Trust, Unknown};

use crate::sshd::{Lab, Sshd, pinned};
use crate::{connected, refused};

/// A server that lets nobody in but with a certificate of the authority `ca`.
fn sshd_with_authority(lab: &Lab) -> Sshd {
    lab.key("ca", &["-t", "ed25519"], "");
    let trusted = format!("TrustedUserCAKeys {}", lab.path("ca.pub").display());
    lab.sshd_with(&["host"], &[], &trusted)
}

#[tokio::test]
async fn a_user_certificate_for_every_kind_of_key() {
    let lab = Lab::new();
    let sshd = sshd_with_authority(&lab);
    for (name, arguments) in [
        ("user", &[][..]),
        ("p384", &["-t", "ecdsa", "-b", "384"]),
        ("rsa", &["-t", "rsa", "-b", "2048"]),
    ] {
        if !arguments.is_empty() {
            lab.key(name, arguments, "");
        }
        lab.sign("ca", name, &["-n", "root"]);
        let mut target = lab.target(&sshd, &[name]);
        target.credentials.certificates = vec![lab.certificate(name)];
        connected(&target).await.close().await;
    }
}

#[tokio::test]
async fn an_rsa_certificate_where_only_sha2_256_is_taken() {
    let lab = Lab::new();
    lab.key("ca", &["-t", "ed25519"], "");
    lab.key("rsa", &["-t", "rsa", "-b", "2048"], "");
    lab.sign("ca", "rsa", &["-n", "root"]);
    let trusted = format!(
        "TrustedUserCAKeys {}\nPubkeyAcceptedAlgorithms rsa-sha2-256-cert-v01@openssh.com,rsa-sha2-256",
        lab.path("ca.pub").display()
    );
    let sshd = lab.sshd_with(&["host"], &[], &trusted);
    let mut target = lab.target(&sshd, &["rsa"]);
    target.credentials.certificates = vec![lab.certificate("rsa")];
    connected(&target).await.close().await;
}

#[tokio::test]
async fn certificates_and_an_agent() {
    let lab = Lab::new();
    let sshd = sshd_with_authority(&lab);
    lab.key("other", &["-t", "ed25519"], "");
    lab.sign("ca", "user", &["-n", "root"]);

    // ssh-add takes the certificate beside the key as well.
    let agent = lab.agent(&["other", "user"]);
    let mut target = lab.target(&sshd, &[]);
    target.credentials.agent = Some(agent.socket.clone());
    connected(&target).await.close().await;
    drop(agent);

    // The agent holds the key only; the certificate is in a file.
    fs::rename(lab.path("user-cert.pub"), lab.path("elsewhere-cert.pub")).unwrap();
    fs::remove_file(lab.path("agent")).unwrap();
    let agent = lab.agent(&["user"]);
    target.credentials.agent = Some(agent.socket.clone());
    assert!(matches!(refused(&target).await, ConnectError::Authentication(_)));
    target.credentials.certificates = vec![lab.certificate("elsewhere")];
    connected(&target).await.close().await;
}

#[tokio::test]
async fn an_expired_user_certificate_is_not_shown() {
    let lab = Lab::new();
    let sshd = sshd_with_authority(&lab);
    lab.sign("ca", "user", &["-n", "root", "-V", "20200101000000Z:20200102000000Z"]);
    let mut target = lab.target(&sshd, &["user"]);
    target.credentials.certificates = vec![lab.certificate("user")];
    let ConnectError::Authentication(failure) = refused(&target).await else {
        panic!()
    };
    let shown: Vec<_> = failure.offered.iter().map(|offer| offer.algorithm.as_str()).collect();
    assert_eq!(shown, ["ssh-ed25519"]);
    assert_eq!(
        failure.not_offered,
        ["certificate user-cert.pub ('id of user'): it expired at 2020-01-02T00:00:00Z; get a new one"]
    );
}

#[tokio::test]
async fn a_user_certificate_for_another_user() {
    let lab = Lab::new();
    let sshd = sshd_with_authority(&lab);
    lab.sign("ca", "user", &["-n", "deploy"]);
    let mut target = lab.target(&sshd, &["user"]);
    target.credentials.certificates = vec![lab.certificate("user")];
    let error = refused(&target).await.to_string();
    for part in [
        "user-cert.pub (ssh-ed25519-cert-v01@openssh.com SHA256:",
        "certificate 'id of user'",
        "it is for deploy, not for root",
        "user (ssh-ed25519 SHA256:",
        "TrustedUserCAKeys",
    ] {
        assert!(error.contains(part), "{part} in: {error}");
    }
}

#[tokio::test]
async fn a_certificate_for_a_key_that_is_not_there() {
    let lab = Lab::new();
    let sshd = sshd_with_authority(&lab);
    lab.key("other", &["-t", "ed25519"], "");
    lab.sign("ca", "other", &["-n", "root"]);
    let mut target = lab.target(&sshd, &["user"]);
    target.credentials = Credentials {
        certificates: vec![lab.certificate("other")],
        ..target.credentials
    };
    let error = refused(&target).await.to_string();
    assert!(
        error.contains("other-cert.pub: none of the keys is the one that it is for"),
        "{error}"
    );
    let identity = lab.identity("user", None);
    let error = lab.certificate("other").check(&identity).unwrap_err().to_string();
    assert!(
        error.contains(&lab.fingerprint("user")) && error.contains(&lab.fingerprint("other")),
        "{error}"
    );
}

/// A server that shows a certificate for its host key `host`.
fn sshd_with_certificate(lab: &Lab, arguments: &[&str]) -> Sshd {
    lab.sign("ca", "host", arguments);
    let certificate = format!("HostCertificate {}", lab.path("host-cert.pub").display());
    lab.sshd_with(&["host"], &["user"], &certificate)
}

#[tokio::test]
async fn hosts_of_a_pinned_authority() {
    let lab = Lab::new();
    for (name, arguments) in [("ca", &["-t", "ed25519"][..]), ("other", &["-t", "rsa", "-b", "2048"])] {
        lab.key(name, arguments, "");
    }
    lab.key("user_ca", &["-t", "ed25519"], "");
    let (ca, other) = (lab.public("ca"), lab.public("other"));
    for (arguments, expected) in [
        (&["-h", "-n", "127.0.0.1,box"][..], Ok(())),
        (&["-h", "-n", "127.0.0.2"], Err("it is for 127.0.0.2, not for 127.0.0.1")),
        (&["-h"], Err("it names no host")),
        (
            &["-h", "-n", "127.0.0.1", "-V", "20200101000000Z:20200102000000Z"],
            Err("it expired at 2020-01-02T00:00:00Z"),
        ),
        (
            &["-h", "-n", "127.0.0.1", "-O", "critical:odd@example.com"],
            Err("holds only with 'odd@example.com'"),
        ),
    ] {
        let sshd = sshd_with_certificate(&lab, arguments);
        let mut target = lab.target(&sshd, &["user"]);
        target.host_keys = pinned(&[], &[&other, &ca]);
        match expected {
            Ok(()) => {
                let connection = connected(&target).await;
                assert_eq!(connection.host_key().trust, Trust::Authority);
                assert_eq!(connection.host_key().key.fingerprint(), lab.fingerprint("host"));
                connection.close().await;
            }
            Err(part) => {
                let error = refused(&target).await.to_string();
                assert!(
                    error.contains(part) && error.contains(&lab.fingerprint("ca")),
                    "{arguments:?}: {error}"
                );
            }
        }
        // Somebody else's certificate says nothing; the key may be known nonetheless.
        target.host_keys = pinned(&[], &[&other]);
        let error = refused(&target).await;
        assert!(
            matches!(&error, ConnectError::HostKey { problem, .. } if matches!(**problem, HostKeyError::NotPinned { .. })),
            "{error}"
        );
        target.host_keys = pinned(&[&lab.public("host")], &[&other]);
        connected(&target).await.close().await;
    }
    // A server without a certificate.
    let mut target = lab.target(&lab.sshd(), &["user"]);
    let sshd = lab.sshd();
    target.port = sshd.port;
    target.host_keys = pinned(&[], &[&ca]);
    let error = refused(&target).await.to_string();
    assert!(
        error.contains(&format!("expected a certificate by {}", lab.fingerprint("ca"))),
        "{error}"
    );
}

#[tokio::test]
async fn authorities_in_known_hosts() {
    let lab = Lab::new();
    lab.key("ca", &["-t", "ecdsa", "-b", "256"], "");
    lab.key("other", &["-t", "ed25519"], "");
    let sshd = sshd_with_certificate(&lab, &["-h", "-n", "127.0.0.1"]);
    let mut target = lab.target(&sshd, &["user"]);
    target.host_keys = lab.known_hosts("known_hosts", Unknown::Remember);
    let write = |text: &str| fs::write(lab.path("known_hosts"), text).unwrap();
    let read = || fs::read_to_string(lab.path("known_hosts")).unwrap();
    let (ca, other, host) = (lab.public("ca"), lab.public("other"), lab.public("host"));

    for hosts in ["127.0.0.*", "*", &format!("[127.0.0.1]:{}", sshd.port)] {
        let text = format!("@cert-authority {hosts} {ca}\n");
        write(&text);
        let connection = connected(&target).await;
        assert_eq!(connection.host_key().trust, Trust::Authority, "{hosts}");
        connection.close().await;
        assert_eq!(read(), text, "nothing has to be remembered");
    }

    // The certificate, the authority or the key inside is revoked.
    for revoked in [&ca, &host] {
        write(&format!("@cert-authority * {ca}\n@revoked * {revoked}\n"));
        let error = refused(&target).await.to_string();
        assert!(error.contains("is revoked in") && error.contains(":2"), "{error}");
    }

    // An authority that did not sign this one: it is not taken for a new host.
    write(&format!("@cert-authority 127.0.0.1 {other}\n"));
    let error = refused(&target).await.to_string();
    assert!(
        error.contains("no authority vouches for") && error.contains(&lab.fingerprint("ca")),
        "{error}"
    );

    // An authority for other hosts.
    write(&format!("@cert-authority *.example {ca}\n"));
    let connection = connected(&target).await;
    assert_eq!(connection.host_key().trust, Trust::TrustedOnFirstUse);
    connection.close().await;
}
