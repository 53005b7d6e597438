//! Which algorithms are offered to servers, and in which order.

use std::borrow::Cow;

use russh::keys::{Algorithm, EcdsaCurve, HashAlg};
use russh::{Preferred, cipher, compression, kex};

/// The library's defaults, changed where hosts or speed ask for it.
///
/// `host_key_types` restricts the types of host key (`ssh-ed25519`, `ssh-rsa`, ...) that the server is asked for; `None` is all.
/// With `certificates`, it is first asked for a host certificate, whose key may be of any type.
pub(crate) fn preferred(host_key_types: Option<&[String]>, certificates: bool) -> Preferred {
    Preferred {
        kex: Cow::Owned(key_exchanges()),
        key: Cow::Owned(host_keys(host_key_types)),
        host_key_certificates: Cow::Owned(if certificates { host_keys(None) } else { Vec::new() }),
        // AES-GCM is the fastest on every CPU with AES instructions, ChaCha20 on the others; CTR is for old servers.
        cipher: Cow::Borrowed(&[
            cipher::AES_128_GCM,
            cipher::AES_256_GCM,
            cipher::CHACHA20_POLY1305,
            cipher::AES_256_CTR,
            cipher::AES_192_CTR,
            cipher::AES_128_CTR,
        ]),
        // Compression before encryption is an attack surface and costs more CPU than it saves on a script.
        compression: Cow::Borrowed(&[compression::NONE]),
        ..Preferred::DEFAULT
    }
}

/// The default list with the NIST curves before the slow finite-field groups: hosts in FIPS mode offer nothing else.
///
/// The default's `ext-info-c` (RFC 8308) and strict-kex markers (the answer to CVE-2023-48795) stay in it.
fn key_exchanges() -> Vec<kex::Name> {
    let nist = [kex::ECDH_SHA2_NISTP256, kex::ECDH_SHA2_NISTP384, kex::ECDH_SHA2_NISTP521];
    let default = Preferred::DEFAULT.kex;
    let curves = default
        .iter()
        .take_while(|name| !name.as_ref().starts_with("diffie-hellman-"));
    let rest = default
        .iter()
        .skip_while(|name| !name.as_ref().starts_with("diffie-hellman-"));
    curves.copied().chain(nist).chain(rest.copied()).collect()
}

/// Without `ssh-rsa`, which signs with SHA-1.
fn host_keys(types: Option<&[String]>) -> Vec<Algorithm> {
    let all = [
        Algorithm::Ed25519,
        Algorithm::Ecdsa {
            curve: EcdsaCurve::NistP256,
        },
        Algorithm::Ecdsa {
            curve: EcdsaCurve::NistP384,
        },
        Algorithm::Ecdsa {
            curve: EcdsaCurve::NistP521,
        },
        Algorithm::Rsa {
            hash: Some(HashAlg::Sha512),
        },
        Algorithm::Rsa {
            hash: Some(HashAlg::Sha256),
        },
    ];
    all.into_iter()
        .filter(|algorithm| types.is_none_or(|types| types.iter().any(|name| *name == key_type(algorithm))))
        .collect()
}

/// The type of the keys that sign with `algorithm`: `rsa-sha2-512` is a signature by an `ssh-rsa` key (RFC 8332).
fn key_type(algorithm: &Algorithm) -> String {
    if matches!(algorithm, Algorithm::Rsa { .. }) {
        "ssh-rsa".to_owned()
    } else {
        algorithm.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssh::known_hosts_file::ALGORITHMS;

    #[test]
    fn markers_nist_curves_and_no_sha1() {
        let offered = preferred(None, false);
        let kex: Vec<&str> = offered.kex.iter().map(AsRef::as_ref).collect();
        for name in [
            "ext-info-c",
            "kex-strict-c-v00@openssh.com",
            "mlkem768x25519-sha256",
            "curve25519-sha256",
            "ecdh-sha2-nistp256",
            "ecdh-sha2-nistp384",
            "ecdh-sha2-nistp521",
            "diffie-hellman-group14-sha256",
        ] {
            assert_eq!(kex.iter().filter(|offered| **offered == name).count(), 1, "{name} in {kex:?}");
        }
        assert!(!kex.iter().any(|name| name.ends_with("sha1")), "{kex:?}");
        assert!(!offered.key.iter().any(|algorithm| algorithm.to_string() == "ssh-rsa"));
        assert_eq!(offered.cipher.first().map(AsRef::as_ref), Some("aes128-gcm@openssh.com"));
        assert_eq!(offered.compression.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["none"]);
    }

    #[test]
    fn certificates_of_every_type_but_sha1() {
        assert!(preferred(None, false).host_key_certificates.is_empty());
        let offered = preferred(Some(&["ssh-ed25519".to_owned()]), true);
        let names: Vec<_> = offered
            .host_key_certificates
            .iter()
            .map(Algorithm::to_certificate_type)
            .collect();
        assert_eq!(names.len(), 6);
        assert!(!names.contains(&"ssh-rsa-cert-v01@openssh.com".to_owned()), "{names:?}");
        assert_eq!(offered.key.len(), 1);
    }

    #[test]
    fn host_key_types_can_be_restricted() {
        let names = |types: &[&str]| {
            let types: Vec<String> = types.iter().map(|name| (*name).to_owned()).collect();
            preferred(Some(&types), false)
                .key
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&["ssh-rsa"]), ["rsa-sha2-512", "rsa-sha2-256"]);
        assert_eq!(
            names(&["ecdsa-sha2-nistp384", "ssh-ed25519"]),
            ["ssh-ed25519", "ecdsa-sha2-nistp384"]
        );
        for known in ALGORITHMS {
            assert!(!names(&[known]).is_empty(), "{known}");
        }
    }
}
