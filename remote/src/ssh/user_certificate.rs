//! Certificates to log in with: [`UserCertificate`].

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Certificate, PublicKey};

use super::certificate::{printable, subject};
use super::identity::Identity;

/// No certificate is this large: with a 16384-bit RSA key and a hundred names it takes 10 KiB.
const LARGEST: usize = 64 << 10;

/// What the name of every certificate's type ends in.
const SUFFIX: &str = "-cert-v01@openssh.com";

/// A certificate for a user's key, in OpenSSH's format. Cloning it is cheap.
///
/// It is used with whichever private key it is for: one of the identities, or one that the agent holds.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCertificate {
    label: Arc<str>,
    certificate: Arc<Certificate>,
}

/// Why a certificate cannot be used. Every message names it and says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It is something else, or damaged.
    #[error("{label} is not a certificate: {why}; expected the content of a *-cert.pub file, as ssh-keygen -s writes it")]
    NotACertificate {
        /// Where it came from.
        label: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It is a host's.
    #[error("{label} is a host's certificate; to log in, a user's is needed (ssh-keygen -s without -h)")]
    OfAHost {
        /// Where it came from.
        label: String,
    },
    /// It is for another key.
    #[error("{label} is for the key {certified}, not for {key}, which is {fingerprint}; sign that key's .pub file")]
    OtherKey {
        /// Where it came from.
        label: String,
        /// Fingerprint of the key it is for.
        certified: String,
        /// Label of the key that it was given with.
        key: String,
        /// That key's fingerprint.
        fingerprint: String,
    },
}

impl UserCertificate {
    /// Reads `ssh-ed25519-cert-v01@openssh.com AAAA... comment`. `label` is what errors call it.
    ///
    /// Whether it is valid now is looked at when it is to be shown to a server.
    ///
    /// # Errors
    ///
    /// [`CertificateError::NotACertificate`], [`CertificateError::OfAHost`].
    pub fn decode(label: &str, text: &[u8]) -> Result<Self, CertificateError> {
        let wrong = |why| CertificateError::NotACertificate {
            label: label.to_owned(),
            why,
        };
        if text.len() > LARGEST {
            return Err(wrong("it is too large"));
        }
        let text = std::str::from_utf8(text).map_err(|_| wrong("it is not text"))?;
        if text.contains("PRIVATE KEY-----") {
            return Err(wrong("it is a private key"));
        }
        let mut words = text.split_ascii_whitespace();
        let name = words.next().ok_or_else(|| wrong("it is empty"))?;
        if !name.ends_with(SUFFIX) {
            return Err(wrong("it does not begin with the name of a type of certificate"));
        }
        let blob = words.next().and_then(|word| STANDARD.decode(word).ok());
        let blob = blob.ok_or_else(|| wrong("its second word is not base64"))?;
        // The decoder follows certificates inside of certificates as deep as they go; nobody makes them.
        let inside = blob
            .windows(SUFFIX.len())
            .filter(|window| *window == SUFFIX.as_bytes())
            .count();
        let certificate = if inside > 1 {
            None
        } else {
            Certificate::from_bytes(&blob).ok()
        };
        let certificate = certificate.filter(|certificate| certificate.algorithm().to_certificate_type() == name);
        let certificate = certificate.ok_or_else(|| wrong("its content is damaged"))?;
        if certificate.cert_type() != CertType::User {
            return Err(CertificateError::OfAHost { label: label.to_owned() });
        }
        Ok(Self {
            label: label.into(),
            certificate: Arc::new(certificate),
        })
    }

    /// What errors call it.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Whether it is for the key of `identity`.
    ///
    /// # Errors
    ///
    /// [`CertificateError::OtherKey`].
    pub fn check(&self, identity: &Identity) -> Result<(), CertificateError> {
        if self.is_for(identity.key().public_key()) {
            return Ok(());
        }
        Err(CertificateError::OtherKey {
            label: self.label.to_string(),
            certified: subject(&self.certificate).fingerprint(),
            key: identity.label().to_owned(),
            fingerprint: identity.fingerprint(),
        })
    }

    pub(crate) fn is_for(&self, key: &PublicKey) -> bool {
        self.certificate.public_key() == key.key_data()
    }

    pub(crate) fn certificate(&self) -> &Certificate {
        &self.certificate
    }
}

/// What its authority called it.
pub(crate) fn key_id(certificate: &Certificate) -> String {
    printable(certificate.key_id())
}

impl fmt::Debug for UserCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserCertificate({}, {})", self.label, key_id(&self.certificate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate() {
        let cases: &[(&[u8], &str)] = &[
            (b"", "it is empty"),
            (b"\xff", "it is not text"),
            (b"-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2", "it is a private key"),
            (
                b"ssh-ed25519 AAAA",
                "it does not begin with the name of a type of certificate",
            ),
            (b"ssh-ed25519-cert-v01@openssh.com", "its second word is not base64"),
            (b"ssh-ed25519-cert-v01@openssh.com !", "its second word is not base64"),
            (b"ssh-ed25519-cert-v01@openssh.com AAAA", "its content is damaged"),
        ];
        for (text, expected) in cases {
            let error = UserCertificate::decode("file", text).unwrap_err();
            let CertificateError::NotACertificate { why, .. } = &error else {
                panic!("{error}")
            };
            assert_eq!(why, expected);
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn certificates_inside_of_certificates() {
        let mut blob = Vec::new();
        for _ in 0..2000 {
            blob.extend(u32::try_from(32).unwrap().to_be_bytes());
            blob.extend(b"ssh-ed25519-cert-v01@openssh.com");
        }
        let text = format!("ssh-ed25519-cert-v01@openssh.com {}", STANDARD.encode(blob));
        assert!(UserCertificate::decode("file", text.as_bytes()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(blob: Vec<u8>) {
            let text = format!("ssh-ed25519-cert-v01@openssh.com {}", STANDARD.encode(&blob));
            let _ = UserCertificate::decode("file", text.as_bytes());
            let _ = UserCertificate::decode("file", &blob);
        }
    }
}
