//! The key that a server proves itself with, and what is believed about it: [`HostKeys`], [`HostKey`], [`HostKeyError`].

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::known_hosts_file::KnownHosts;

/// A server's public key.
#[derive(Clone, PartialEq, Eq)]
pub struct HostKey {
    algorithm: String,
    blob: Vec<u8>,
}

impl HostKey {
    /// From the name of its algorithm and its encoding on the wire (RFC 4253, 6.6).
    pub(crate) fn new(algorithm: &str, blob: Vec<u8>) -> Self {
        Self {
            algorithm: algorithm.to_owned(),
            blob,
        }
    }

    /// Reads `ssh-ed25519 AAAA... comment`; `None` if it is not that, or if the name and the encoding disagree.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let algorithm = words.next()?;
        let blob = STANDARD.decode(words.next()?).ok()?;
        let (length, rest) = blob.split_first_chunk::<4>()?;
        let name = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        (name == algorithm.as_bytes()).then(|| Self::new(algorithm, blob.clone()))
    }

    /// The key type, such as `ssh-ed25519` or `ssh-rsa`.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// `SHA256:` and the unpadded base64 of the hash, as `ssh-keygen -l` prints it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&self.blob)))
    }

    /// `ssh-ed25519 AAAA...`: what a `known_hosts` line, a `.pub` file and [`HostKeys::Pinned`] hold.
    #[must_use]
    pub fn openssh(&self) -> String {
        format!("{} {}", self.algorithm, STANDARD.encode(&self.blob))
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostKey({} {})", self.algorithm, self.fingerprint())
    }
}

/// Which keys a host may prove itself with.
#[derive(Clone, Debug)]
pub enum HostKeys {
    /// Those in `known_hosts` files.
    KnownHosts(Arc<KnownHosts>),
    /// Exactly these: each `ssh-ed25519 AAAA...` or a `SHA256:...` fingerprint.
    Pinned(Vec<String>),
    /// Any key: whoever answers at the address is believed. Only ever by explicit choice.
    AcceptAny,
}

/// Why a host key was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It was in a `known_hosts` file.
    Known,
    /// It was not known and has just been remembered: worth a line to the user.
    TrustedOnFirstUse,
    /// It is one of the pinned keys.
    Pinned,
    /// It was not checked.
    Unchecked,
}

/// Why a host key was not accepted. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum HostKeyError {
    /// The host is known under another key.
    #[error(
        "the host key of {name} has changed: it offers {algorithm} {fingerprint}, {}:{line} says otherwise; if the machine was \
         re-installed, run: ssh-keygen -R '{name}' -f {}; otherwise do not go on: somebody may be in between",
        .file.display(), .file.display()
    )]
    Changed {
        /// As in `known_hosts`: `host` or `[host]:port`.
        name: String,
        /// Key type offered.
        algorithm: String,
        /// Fingerprint offered.
        fingerprint: String,
        /// Where the known key is.
        file: PathBuf,
        /// Line in it, from 1.
        line: usize,
    },
    /// The host is known, but has no key of a type that is known.
    #[error(
        "the host key of {name} has changed: it offers only {}, {}:{line} knows it by {}; if the machine was re-installed, run: \
         ssh-keygen -R '{name}' -f {}; otherwise do not go on: somebody may be in between",
        .offered.join(", "), .file.display(), .known.join(", "), .file.display()
    )]
    OtherAlgorithm {
        /// As in `known_hosts`.
        name: String,
        /// Algorithms the server has keys of.
        offered: Vec<String>,
        /// Key types in the file.
        known: Vec<String>,
        /// Where the first known key is.
        file: PathBuf,
        /// Line in it, from 1.
        line: usize,
    },
    /// The key is marked `@revoked`.
    #[error(
        "the host key of {name}, {algorithm} {fingerprint}, is revoked in {}:{line}; give the machine new host keys, and do not go on before",
        .file.display()
    )]
    Revoked {
        /// As in `known_hosts`.
        name: String,
        /// Key type offered.
        algorithm: String,
        /// Fingerprint offered.
        fingerprint: String,
        /// File that revokes it.
        file: PathBuf,
        /// Line in it, from 1.
        line: usize,
    },
    /// The host is not known, and unknown hosts are refused.
    #[error(
        "the host key of {name} is not known: it offers {algorithm} {fingerprint}; compare that with the machine's own \
         (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub there), then add the line to {}: {line}",
        .file.display()
    )]
    Unknown {
        /// As in `known_hosts`.
        name: String,
        /// Key type offered.
        algorithm: String,
        /// Fingerprint offered.
        fingerprint: String,
        /// The file it belongs in.
        file: PathBuf,
        /// The line to add.
        line: String,
    },
    /// The key is not one of the pinned keys.
    #[error(
        "the host key of {name} is not the one given: it offers {algorithm} {fingerprint}, expected {}; if the machine was \
         re-installed, give its new key; otherwise do not go on: somebody may be in between",
        .pinned.join(" or ")
    )]
    NotPinned {
        /// `host` or `[host]:port`.
        name: String,
        /// Key type offered.
        algorithm: String,
        /// Fingerprint offered.
        fingerprint: String,
        /// Fingerprints expected.
        pinned: Vec<String>,
    },
    /// The server has no key of a type that is pinned.
    #[error("the host {name} has no host key of the kind given: it offers only {}, expected {}; give one of its keys", .offered.join(", "), .pinned.join(" or "))]
    PinnedOtherAlgorithm {
        /// `host` or `[host]:port`.
        name: String,
        /// Algorithms the server has keys of.
        offered: Vec<String>,
        /// Fingerprints expected.
        pinned: Vec<String>,
    },
    /// A pinned key cannot be read.
    #[error("'{pin}' is no host key: give the content of a .pub file (ssh-ed25519 AAAA...) or a fingerprint (SHA256:...)")]
    NotAPin {
        /// As given.
        pin: String,
    },
    /// A `known_hosts` file exists but cannot be read.
    #[error("cannot read {}: {why}; a file that cannot be read is not taken for an empty one: make it readable", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's words.
        why: String,
    },
    /// The key of a new host could not be written down.
    #[error("cannot remember the host key of {name} in {}: {why}; make the file writable, or add the key to it beforehand", .file.display())]
    NotRemembered {
        /// As in `known_hosts`.
        name: String,
        /// The file.
        file: PathBuf,
        /// The system's words.
        why: String,
    },
}

/// What is known of one host before it is spoken to: which key types to ask it for.
#[derive(Debug)]
pub(crate) enum Expected {
    /// Nothing: any type will do.
    Anything,
    /// It is in a file: only these types, so that a server cannot pass for a new host by showing another type.
    Known {
        algorithms: Vec<String>,
        file: PathBuf,
        line: usize,
    },
    /// Pinned keys, all given in full: only these types.
    Pinned {
        algorithms: Vec<String>,
        fingerprints: Vec<String>,
    },
}

impl Expected {
    /// The key types to ask for; `None` means all.
    pub(crate) fn algorithms(&self) -> Option<&[String]> {
        match self {
            Self::Anything => None,
            Self::Known { algorithms, .. } | Self::Pinned { algorithms, .. } => Some(algorithms),
        }
    }

    /// The error for a server that has no key of those types.
    pub(crate) fn not_offered(&self, name: &str, offered: &[String]) -> Option<HostKeyError> {
        let (name, offered) = (name.to_owned(), offered.to_vec());
        match self {
            Self::Anything => None,
            Self::Known { algorithms, file, line } => Some(HostKeyError::OtherAlgorithm {
                name,
                offered,
                known: algorithms.clone(),
                file: file.clone(),
                line: *line,
            }),
            Self::Pinned { fingerprints, .. } => Some(HostKeyError::PinnedOtherAlgorithm {
                name,
                offered,
                pinned: fingerprints.clone(),
            }),
        }
    }
}

enum Pin {
    Key(HostKey),
    Fingerprint(String),
}

impl Pin {
    fn parse(text: &str) -> Result<Self, HostKeyError> {
        let text = text.trim();
        if let Some(hash) = text.strip_prefix("SHA256:") {
            let hash = hash.trim_end_matches('=');
            if STANDARD_NO_PAD.decode(hash).is_ok_and(|bytes| bytes.len() == 32) {
                return Ok(Self::Fingerprint(format!("SHA256:{hash}")));
            }
        }
        HostKey::parse(text)
            .map(Self::Key)
            .ok_or_else(|| HostKeyError::NotAPin { pin: text.to_owned() })
    }

    fn fingerprint(&self) -> String {
        match self {
            Self::Key(key) => key.fingerprint(),
            Self::Fingerprint(fingerprint) => fingerprint.clone(),
        }
    }
}

impl HostKeys {
    /// What is known of `name` before connecting. Blocks on files.
    pub(crate) fn expected(&self, name: &str) -> Result<Expected, HostKeyError> {
        match self {
            Self::AcceptAny => Ok(Expected::Anything),
            Self::KnownHosts(known_hosts) => known_hosts.expected(name),
            Self::Pinned(pins) => {
                if pins.is_empty() {
                    return Err(HostKeyError::NotAPin { pin: String::new() });
                }
                let pins = pins.iter().map(|pin| Pin::parse(pin)).collect::<Result<Vec<_>, _>>()?;
                let mut algorithms = Vec::new();
                for pin in &pins {
                    match pin {
                        Pin::Key(key) => algorithms.push(key.algorithm.clone()),
                        // A fingerprint does not tell the type of its key.
                        Pin::Fingerprint(_) => return Ok(Expected::Anything),
                    }
                }
                Ok(Expected::Pinned {
                    algorithms,
                    fingerprints: pins.iter().map(Pin::fingerprint).collect(),
                })
            }
        }
    }

    /// Whether the host called `name` may have `key`. Blocks on files, and remembers the key if that is what is wanted.
    pub(crate) fn verify(&self, name: &str, key: &HostKey) -> Result<Trust, HostKeyError> {
        match self {
            Self::AcceptAny => Ok(Trust::Unchecked),
            Self::KnownHosts(known_hosts) => known_hosts.verify(name, key),
            Self::Pinned(pins) => {
                let fingerprint = key.fingerprint();
                let pinned = pins
                    .iter()
                    .map(|pin| Pin::parse(pin).map(|pin| pin.fingerprint()))
                    .collect::<Result<Vec<_>, _>>()?;
                if pinned.contains(&fingerprint) {
                    return Ok(Trust::Pinned);
                }
                Err(HostKeyError::NotPinned {
                    name: name.to_owned(),
                    algorithm: key.algorithm.clone(),
                    fingerprint,
                    pinned,
                })
            }
        }
    }
}
