//! Private keys: [`Identity`] and [`KeyError`].

use std::fmt;
use std::sync::Arc;

use russh::keys::{Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg, decode_secret_key};
use zeroize::Zeroizing;

use super::key_effort;
use crate::secret::Secret;

/// No private key is this large: a 16384-bit RSA key takes 13 KiB.
const LARGEST_KEY: usize = 64 << 10;

/// A decoded private key. Cloning it is cheap; `Debug` shows its label and public half only.
#[derive(Clone)]
pub struct Identity {
    label: Arc<str>,
    key: Arc<PrivateKey>,
}

/// Why a private key cannot be used. Every message names the key's label and says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is not in a format for private keys, or damaged.
    #[error(
        "{label} is not a private key: {why}; expected a file that begins with -----BEGIN ... PRIVATE KEY-----, as ssh-keygen writes it"
    )]
    NotAKey {
        /// Where the key came from.
        label: String,
        /// What is wrong with it.
        why: String,
    },
    /// It is encrypted and no passphrase was given.
    #[error("{label} is encrypted: give its passphrase, or put it into an SSH agent")]
    PassphraseNeeded {
        /// Where the key came from.
        label: String,
    },
    /// The passphrase does not open it.
    #[error("the passphrase given for {label} is wrong, or the file is damaged (check with: ssh-keygen -y -f FILE)")]
    WrongPassphrase {
        /// Where the key came from.
        label: String,
    },
    /// It is a private key of a kind that is not supported.
    #[error("{label} is a key that is not supported ({what}); {instead}")]
    Unsupported {
        /// Where the key came from.
        label: String,
        /// What it is.
        what: String,
        /// What to do about it.
        instead: &'static str,
    },
}

const CONVERT: &str = "convert it with: ssh-keygen -p -f FILE";
const REPLACE: &str = "use an ed25519, ECDSA or RSA key (ssh-keygen -t ed25519)";

impl Identity {
    /// Decodes a private key in OpenSSH's format, PKCS#8, PKCS#1 or SEC1 (`-----BEGIN ... PRIVATE KEY-----`).
    ///
    /// `label` is what errors call the key, such as the name of its file or `Secret default/key`. A passphrase given for a key
    /// that needs none is not looked at.
    ///
    /// # Errors
    ///
    /// See [`KeyError`].
    pub fn decode(label: &str, key: &Secret, passphrase: Option<&Secret>) -> Result<Self, KeyError> {
        let not_a_key = |why: &str| KeyError::NotAKey {
            label: label.to_owned(),
            why: why.to_owned(),
        };
        if key.len() > LARGEST_KEY {
            return Err(not_a_key("it is too large"));
        }
        let text = std::str::from_utf8(key.expose()).map_err(|_| not_a_key("it is not text"))?;
        let pem = Pem::read(text).map_err(not_a_key)?;
        if let Some((what, instead)) = pem.unsupported() {
            return Err(KeyError::Unsupported {
                label: label.to_owned(),
                what,
                instead,
            });
        }
        let passphrase = passphrase.map(|secret| std::str::from_utf8(secret.expose())).transpose();
        let passphrase = passphrase.map_err(|_| KeyError::WrongPassphrase { label: label.to_owned() })?;
        if pem.encrypted == Encrypted::Yes && passphrase.is_none() {
            return Err(KeyError::PassphraseNeeded { label: label.to_owned() });
        }
        // A passphrase for a key that is not encrypted would make the decoder try to decrypt it.
        let passphrase = passphrase.filter(|_| pem.encrypted != Encrypted::No);
        if passphrase.is_some()
            && let Some(what) = key_effort::too_much(&pem.normalized).map_err(|_| not_a_key("its content is damaged"))?
        {
            return Err(KeyError::Unsupported {
                label: label.to_owned(),
                what,
                instead: CONVERT,
            });
        }
        let decoded = decode_secret_key(&pem.normalized, passphrase).map_err(|error| {
            use russh::keys::Error;
            #[allow(clippy::wildcard_enum_match_arm)] // a foreign enum of some thirty variants; the rest means "damaged"
            match error {
                Error::KeyIsEncrypted => KeyError::PassphraseNeeded { label: label.to_owned() },
                Error::UnsupportedKeyType { key_type_string, .. } => KeyError::Unsupported {
                    label: label.to_owned(),
                    what: key_type_string,
                    instead: REPLACE,
                },
                Error::UnknownAlgorithm(oid) => KeyError::Unsupported {
                    label: label.to_owned(),
                    what: format!("algorithm {oid}"),
                    instead: REPLACE,
                },
                _ if passphrase.is_some() => KeyError::WrongPassphrase { label: label.to_owned() },
                _ => not_a_key("its content is damaged"),
            }
        })?;
        if decoded.is_encrypted() {
            return Err(KeyError::PassphraseNeeded { label: label.to_owned() });
        }
        #[allow(clippy::wildcard_enum_match_arm)] // foreign and non_exhaustive: what is not known is not supported
        match decoded.algorithm() {
            Algorithm::Ed25519 | Algorithm::Ecdsa { .. } | Algorithm::Rsa { .. } => {}
            other => {
                return Err(KeyError::Unsupported {
                    label: label.to_owned(),
                    what: other.to_string(),
                    instead: REPLACE,
                });
            }
        }
        Ok(Self {
            label: label.into(),
            key: Arc::new(decoded),
        })
    }

    /// What errors call this key.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The public half, as an `authorized_keys` line holds it.
    #[must_use]
    pub fn public_key(&self) -> String {
        self.key.public_key().to_openssh().unwrap_or_default()
    }

    /// `SHA256:` and the hash of the public half, as `ssh-keygen -l` prints it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }

    pub(crate) fn key(&self) -> &Arc<PrivateKey> {
        &self.key
    }

    /// The key, to sign with `hash` if it is an RSA key (never with SHA-1).
    pub(crate) fn signer(&self, hash: HashAlg) -> PrivateKeyWithHashAlg {
        PrivateKeyWithHashAlg::new(Arc::clone(&self.key), Some(hash))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({}, {})", self.label, self.fingerprint())
    }
}

#[derive(PartialEq, Eq)]
enum Encrypted {
    Yes,
    No,
    /// OpenSSH's format says so inside.
    Inside,
}

/// The armour around a private key.
struct Pem {
    kind: String,
    cipher: Option<String>,
    encrypted: Encrypted,
    /// Lines without the indentation, trailing blanks and carriage returns that copying through YAML and editors adds.
    normalized: Zeroizing<String>,
}

/// Whether it may be shown: what stands there instead, where line ends were lost, may be the key itself.
fn is_word(text: &str) -> bool {
    text.len() <= 40
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-'))
        && !text.contains("--")
}

impl Pem {
    fn read(text: &str) -> Result<Self, &'static str> {
        if text.trim_start().starts_with("PuTTY-User-Key-File-") {
            return Ok(Self {
                kind: "PuTTY".to_owned(),
                cipher: None,
                encrypted: Encrypted::Inside,
                normalized: Zeroizing::default(),
            });
        }
        let mut kind = None;
        let mut cipher = None;
        let mut ended = false;
        let mut normalized = Zeroizing::new(String::with_capacity(text.len() + 1));
        for line in text.lines().map(str::trim) {
            if kind.is_none() {
                kind = line
                    .strip_prefix("-----BEGIN ")
                    .and_then(|rest| rest.strip_suffix("-----"))
                    .map(str::to_owned);
                // EC PARAMETERS, which openssl writes before the key, and comments are no part of it.
                kind = kind.filter(|kind| {
                    is_word(kind)
                        && (kind.ends_with("PRIVATE KEY") || kind.ends_with("PUBLIC KEY") || kind.ends_with("CERTIFICATE"))
                });
                if kind.is_none() {
                    continue;
                }
            }
            if let Some(info) = line.strip_prefix("DEK-Info: ") {
                let name = info.split(',').next().unwrap_or_default();
                cipher = Some(if is_word(name) { name } else { "something" }.to_owned());
            }
            normalized.push_str(line);
            normalized.push('\n');
            if line.starts_with("-----END ") {
                ended = true;
                break;
            }
        }
        let Some(kind) = kind else {
            let public = ["ssh-", "ecdsa-", "sk-"]
                .iter()
                .any(|prefix| text.trim_start().starts_with(prefix));
            return Err(if public {
                "it is a public key; give the private one"
            } else {
                "there is no BEGIN line"
            });
        };
        if !kind.ends_with("PRIVATE KEY") {
            return Err("it is a public key or a certificate; give the private key");
        }
        if !ended {
            return Err("it is cut off: there is no END line");
        }
        let encrypted = match kind.as_str() {
            "OPENSSH PRIVATE KEY" => Encrypted::Inside,
            "ENCRYPTED PRIVATE KEY" => Encrypted::Yes,
            _ if cipher.is_some() => Encrypted::Yes,
            _ => Encrypted::No,
        };
        Ok(Self {
            kind,
            cipher,
            encrypted,
            normalized,
        })
    }

    fn unsupported(&self) -> Option<(String, &'static str)> {
        match (self.kind.as_str(), self.cipher.as_deref()) {
            ("PuTTY", _) => Some((
                "PuTTY's format".to_owned(),
                "convert it with: puttygen FILE -O private-openssh -o NEW",
            )),
            ("DSA PRIVATE KEY", _) => Some(("DSA".to_owned(), REPLACE)),
            ("RSA PRIVATE KEY", None | Some("AES-128-CBC"))
            | ("EC PRIVATE KEY" | "OPENSSH PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" | "PRIVATE KEY", None) => None,
            (kind, Some(cipher)) => Some((format!("{kind} encrypted with {cipher}"), CONVERT)),
            (kind, None) => Some((kind.to_owned(), CONVERT)),
        }
    }
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
