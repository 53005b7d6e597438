//! Why a host key was not accepted: [`HostKeyError`].

use std::path::PathBuf;

use super::certificate::Flaw;

/// Why a host key was not accepted. Every message says what to do.
#[derive(Clone, Debug, thiserror::Error)]
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
    /// The key, or the authority of its certificate, is marked `@revoked`.
    #[error(
        "the {what} of {name}, {algorithm} {fingerprint}, is revoked in {}:{line}; give the machine new host keys, and do not go on before",
        .file.display()
    )]
    Revoked {
        /// `host key` or `certificate authority`.
        what: &'static str,
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
    /// An authority that is believed signed the host's certificate, but the certificate proves nothing.
    #[error("the host certificate of {name}, by the authority {authority}, does not hold: {flaw}")]
    Certificate {
        /// As in `known_hosts`.
        name: String,
        /// Type and fingerprint of the authority's key.
        authority: String,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// An authority vouches for hosts of this name, and this one showed a key that it does not vouch for.
    #[error(
        "no authority vouches for the host key of {name}: it offers {offered}, while {}:{line} (@cert-authority) says whose hosts are to be \
         believed; give the machine a host certificate of that authority (HostCertificate in its sshd_config), or add its key to {}",
        .file.display(), .file.display()
    )]
    NotVouchedFor {
        /// As in `known_hosts`.
        name: String,
        /// Type and fingerprint offered, and of the certificate's authority if there is one.
        offered: String,
        /// Where the authority is.
        file: PathBuf,
        /// Line in it, from 1.
        line: usize,
    },
    /// The key is not one of the pinned keys.
    #[error(
        "the host key of {name} is not the one given: it offers {}, expected {}; if the machine was re-installed, give its new key; \
         otherwise do not go on: somebody may be in between",
        .offered.join(", "), .pinned.join(" or ")
    )]
    NotPinned {
        /// `host` or `[host]:port`.
        name: String,
        /// Type and fingerprint of each key offered.
        offered: Vec<String>,
        /// Fingerprints expected.
        pinned: Vec<String>,
    },
    /// The key is not the one that the host proved itself with the first time.
    #[error(
        "the host key of {name} has changed: it offers {offered}, remembered is {remembered}; if the machine was re-installed, {forget}; \
         otherwise do not go on: somebody may be in between"
    )]
    ChangedSinceFirstUse {
        /// As in `known_hosts`.
        name: String,
        /// What it offers now.
        offered: String,
        /// Type and fingerprint of the key that is remembered.
        remembered: String,
        /// How to have that forgotten.
        forget: String,
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
        /// As given, for people.
        pin: String,
    },
    /// A pinned authority cannot be read.
    #[error("'{pin}' is no certificate authority: give the content of its .pub file (ssh-ed25519 AAAA...)")]
    NotAnAuthority {
        /// As given, for people.
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
