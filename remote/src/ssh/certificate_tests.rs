//! Certificates made by the real `ssh-keygen`.

use std::process::Command;

use super::*;

/// 2026-01-01 and a day later.
const BEGIN: u64 = 1_767_225_600;
const END: u64 = BEGIN + 86_400;

fn keygen(arguments: &[&str]) {
    let output = Command::new("ssh-keygen").args(arguments).env("TZ", "UTC").output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// A certificate signed with these arguments by a new authority, whose key is made with those.
fn certificate(authority: &[&str], sign: &[&str]) -> Certificate {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (ca, key) = (path("ca"), path("key"));
    keygen(&[&["-q", "-N", "", "-f", &ca], authority].concat());
    keygen(&["-q", "-N", "", "-t", "ed25519", "-f", &key]);
    let public = format!("{key}.pub");
    keygen(&[&["-q", "-s", &ca, "-I", "an id"], sign, &[&public]].concat());
    Certificate::from_openssh(&std::fs::read_to_string(path("key-cert.pub")).unwrap()).unwrap()
}

const ED25519: &[&str] = &["-t", "ed25519"];
const NAMED: &[&str] = &["-h", "-n", "box.example", "-V", ONE_DAY];
const ONE_DAY: &str = "20260101000000:20260102000000";

/// How the authority's key is made, how it signs, the host, the time, and what is wrong then.
type Case = (
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
    u64,
    Option<Flaw>,
);

#[test]
fn hosts() {
    let date = |seconds| Date(seconds);
    let is_for = |found: &str, wanted: &str| {
        Some(Flaw::Principal {
            found: vec![found.to_owned()],
            wanted: wanted.to_owned(),
        })
    };
    let (found, wanted) = ("user", "host");
    let cases: &[Case] = &[
        (ED25519, NAMED, "box.example", BEGIN, None),
        (ED25519, NAMED, "BOX.example", END - 1, None),
        (ED25519, NAMED, "box.example", BEGIN - 1, Some(Flaw::NotYetValid(date(BEGIN)))),
        (ED25519, NAMED, "box.example", END, Some(Flaw::Expired(date(END)))),
        (ED25519, NAMED, "other", BEGIN, is_for("box.example", "other")),
        (ED25519, &["-h"], "box.example", BEGIN, Some(Flaw::NoPrincipal)),
        (ED25519, &["-h", "-n", "*"], "box.example", BEGIN, is_for("*", "box.example")),
        (ED25519, &["-n", "root"], "root", BEGIN, Some(Flaw::Kind { found, wanted })),
        (
            ED25519,
            &["-h", "-n", "a", "-O", "critical:only-on@example.com=mondays"],
            "a",
            BEGIN,
            Some(Flaw::CriticalOption("only-on@example.com".to_owned())),
        ),
        (&["-t", "ecdsa", "-b", "384"], NAMED, "box.example", BEGIN, None),
        (&["-t", "rsa", "-b", "2048"], NAMED, "box.example", BEGIN, None),
        (
            &["-t", "rsa", "-b", "2048"],
            &["-t", "rsa-sha2-256", "-h", "-n", "a"],
            "a",
            BEGIN,
            None,
        ),
        (
            &["-t", "rsa", "-b", "2048"],
            &["-t", "ssh-rsa", "-h", "-n", "a"],
            "a",
            BEGIN,
            Some(Flaw::WeakSignature("ssh-rsa".to_owned())),
        ),
    ];
    for (authority, sign, host, now, expected) in cases {
        assert_eq!(host_flaw(&certificate(authority, sign), host, *now), *expected, "{sign:?}");
    }
}

#[test]
fn a_forged_host_certificate() {
    let genuine = certificate(ED25519, &["-h", "-n", "box.example"]);
    let mut bytes = genuine.to_bytes().unwrap();
    let at = bytes.windows(11).position(|window| window == b"box.example").unwrap();
    bytes[at] = b'f';
    let forged = Certificate::from_bytes(&bytes).unwrap();
    assert_eq!(host_flaw(&forged, "fox.example", now()), Some(Flaw::Signature));
}

#[test]
fn users() {
    let certificate = certificate(ED25519, &["-n", "deploy,admin", "-V", ONE_DAY]);
    assert_eq!(user_flaw(&certificate, BEGIN), None);
    assert!(matches!(user_flaw(&certificate, END), Some(Flaw::Expired(_))));
    assert_eq!(principal_flaw(&certificate, "admin"), None);
    assert_eq!(
        principal_flaw(&certificate, "root").unwrap().to_string(),
        "it is for deploy, admin, not for root; sign it for that name (ssh-keygen -n)"
    );
}

#[test]
fn dates() {
    for (seconds, text) in [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (1_767_225_599, "2025-12-31T23:59:59Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
        (253_402_300_799, "9999-12-31T23:59:59Z"),
        (253_402_300_800, "the end of time"),
        (u64::MAX, "the end of time"),
    ] {
        assert_eq!(Date(seconds).to_string(), text);
    }
}
