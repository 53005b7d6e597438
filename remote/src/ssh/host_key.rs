//! The key that a server proves itself with, and what is believed about it: [`HostKeys`], [`HostKey`].

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use russh::keys::Certificate;
use sha2::{Digest as _, Sha256};

use super::certificate;
use super::first_use::FirstUse;
use super::host_key_error::HostKeyError;
use super::known_hosts_file::{ALGORITHMS, KnownHosts};
use super::pins::Pins;

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

    /// Type and fingerprint: what errors call it.
    pub(crate) fn shown(&self) -> String {
        format!("{} {}", self.algorithm, self.fingerprint())
    }

    /// `ssh-ed25519 AAAA...`: what a `known_hosts` line, a `.pub` file and [`Pins::parse`] hold.
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
    /// Those in `known_hosts` files, and those that the authorities in them vouch for.
    KnownHosts(Arc<KnownHosts>),
    /// Exactly these, and those that exactly these authorities vouch for.
    Pinned(Arc<Pins>),
    /// The first one that it shows, and no other from then on.
    FirstUse(Arc<FirstUse>),
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
    /// An authority, pinned or in a `known_hosts` file, vouches for it with a valid certificate.
    Authority,
    /// It was not checked.
    Unchecked,
}

/// A host as it is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostName {
    /// As `known_hosts` has it: `host`, or `[host]:port`.
    pub(crate) lookup: String,
    /// Without the port, in lower case: as certificates and the lines of their authorities have it.
    pub(crate) host: String,
}

/// What a server shows of itself; it has proved that it holds the key.
#[derive(Clone, Debug)]
pub(crate) enum Shown {
    Key(HostKey),
    Certificate(Box<Certificate>),
}

impl Shown {
    /// For people.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Key(key) => key.shown(),
            Self::Certificate(certificate) => {
                let authority = certificate::authority(certificate).fingerprint();
                format!("{} with a certificate by {authority}", self.key().shown())
            }
        }
    }

    /// The key that it holds.
    pub(crate) fn key(&self) -> HostKey {
        match self {
            Self::Key(key) => key.clone(),
            Self::Certificate(certificate) => certificate::subject(certificate),
        }
    }
}

/// What is known of one host before it is spoken to.
#[derive(Debug)]
pub(crate) struct Expected {
    /// Whether an authority may vouch for it: then it is asked for a certificate first.
    pub(crate) certificate: bool,
    /// Which types of key to ask it for.
    pub(crate) keys: ExpectedKeys,
}

/// Which types of key to ask a host for.
#[derive(Debug)]
pub(crate) enum ExpectedKeys {
    /// Any will do.
    Any,
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
    /// Pinned fingerprints, which do not tell the type of their key: one type after the other, as long as the host shows others.
    Fingerprints,
}

impl Expected {
    /// The key types to ask for, once keys of the types `refused` have been shown in vain; `None` means all.
    pub(crate) fn algorithms(&self, refused: &[HostKey]) -> Option<Vec<String>> {
        match &self.keys {
            ExpectedKeys::Any => None,
            ExpectedKeys::Known { algorithms, .. } | ExpectedKeys::Pinned { algorithms, .. } => Some(algorithms.clone()),
            ExpectedKeys::Fingerprints => {
                let is_left = |name: &str| !refused.iter().any(|key| key.algorithm == name);
                let left = ALGORITHMS.into_iter().filter(|name| is_left(name));
                Some(left.map(str::to_owned).collect())
            }
        }
    }
}

impl HostKeys {
    /// What is known of a host before connecting. Blocks on files.
    pub(crate) fn expected(&self, name: &HostName) -> Result<Expected, HostKeyError> {
        match self {
            Self::AcceptAny => Ok(Expected {
                certificate: false,
                keys: ExpectedKeys::Any,
            }),
            Self::KnownHosts(known_hosts) => known_hosts.expected(name),
            Self::Pinned(pins) => Ok(pins.expected()),
            Self::FirstUse(first_use) => Ok(first_use.expected(name)),
        }
    }

    /// The error for a server that has no key of the `expected` types, after it showed keys of the types `refused`; `offered` are the
    /// algorithms that it has keys for.
    pub(crate) fn not_offered(
        &self,
        name: &HostName,
        expected: &Expected,
        refused: &[HostKey],
        offered: &[String],
    ) -> Option<HostKeyError> {
        let (name, offered) = (name.lookup.clone(), offered.to_vec());
        match (&expected.keys, self) {
            (ExpectedKeys::Fingerprints, Self::Pinned(pins)) if !refused.is_empty() => Some(pins.not_pinned(name, refused)),
            (ExpectedKeys::Any | ExpectedKeys::Fingerprints, _) => None,
            (_, Self::FirstUse(first_use)) => Some(first_use.other_algorithm(name, &offered)),
            (ExpectedKeys::Known { algorithms, file, line }, _) => Some(HostKeyError::OtherAlgorithm {
                name,
                offered,
                known: algorithms.clone(),
                file: file.clone(),
                line: *line,
            }),
            (ExpectedKeys::Pinned { fingerprints, .. }, _) => Some(HostKeyError::PinnedOtherAlgorithm {
                name,
                offered,
                pinned: fingerprints.clone(),
            }),
        }
    }

    /// Whether the host may be believed. Blocks on files, and remembers the key if that is what is wanted.
    pub(crate) fn verify(&self, name: &HostName, shown: &Shown) -> Result<Trust, HostKeyError> {
        match self {
            Self::AcceptAny => Ok(Trust::Unchecked),
            Self::KnownHosts(known_hosts) => known_hosts.verify(name, shown),
            Self::Pinned(pins) => pins.verify(name, shown),
            Self::FirstUse(first_use) => first_use.verify(name, shown),
        }
    }
}

/// The verdict on a certificate whose authority is believed.
pub(crate) fn vouched_for(name: &HostName, certificate: &Certificate) -> Result<Trust, HostKeyError> {
    match certificate::host_flaw(certificate, &name.host, certificate::now()) {
        None => Ok(Trust::Authority),
        Some(flaw) => Err(HostKeyError::Certificate {
            name: name.lookup.clone(),
            authority: certificate::authority(certificate).shown(),
            flaw,
        }),
    }
}
