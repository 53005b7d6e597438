//! Files about keys: who may prove himself with which, and what to log in with.

use super::host_key::HostKey;
use super::known_hosts::{entries_for, host_name, line_for};
use super::{Identity, Pins, UserCertificate};
use crate::fuzzing::assert_shown;
use crate::secret::Secret;

/// A `known_hosts` file: what it says of a host, and that a line which was added to it is found again.
pub(crate) fn known_hosts(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for (host, port) in [("node-1", 22), ("10.0.0.1", 2222), ("fe80::1%eth0", 22)] {
        let name = host_name(host, port);
        let entries = entries_for(&text, &name);
        for (_, key) in entries.keys.iter().chain(&entries.revoked).chain(&entries.authorities) {
            assert_shown(&key.shown());
            let line = line_for(&name.lookup, key);
            assert_eq!(line.matches('\n').count(), 1, "a key that is two lines");
            let again = entries_for(&line, &name);
            assert!(
                again.keys.iter().any(|(_, known)| known == key),
                "a key that is not known again"
            );
        }
    }
    for line in text.lines() {
        if let Some(key) = HostKey::parse(line) {
            assert_eq!(HostKey::parse(&key.openssh()).as_ref(), Some(&key));
        }
    }
}

/// Private keys, certificates and pins; the first byte says whether there is a passphrase.
pub(crate) fn keys(data: &[u8]) {
    let (with_passphrase, data) = match data.split_first() {
        Some((first, rest)) => (first % 2 == 1, rest),
        None => (false, data),
    };
    let passphrase = with_passphrase.then(|| Secret::new("hunter2"));
    match Identity::decode("fuzz", &Secret::new(data), passphrase.as_ref()) {
        Ok(identity) => assert_shown(&identity.public_key()),
        Err(error) => assert_shown(&error.to_string()),
    }
    match UserCertificate::decode("fuzz", data) {
        Ok(certificate) => assert_shown(certificate.label()),
        Err(error) => assert_shown(&error.to_string()),
    }
    let lines: Vec<_> = String::from_utf8_lossy(data).lines().map(str::to_owned).collect();
    for pins in [Pins::parse(&lines, &[]), Pins::parse(&[], &lines)] {
        if let Err(error) = pins {
            assert_shown(&error.to_string());
        }
    }
}
