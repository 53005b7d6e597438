//! OpenSSH certificates: whether one proves what it is shown for. Pure: no file, no clock.
//!
//! Source of every rule: OpenSSH's PROTOCOL.certkeys, and ssh-keygen(1), "CERTIFICATES". The library verifies that the key inside
//! signed the exchange; all that a certificate says beyond that is checked here.

use std::fmt;

use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, Certificate, HashAlg};

use super::host_key::HostKey;

/// What is wrong with a certificate. Every message is a sentence about "it".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// A user's certificate where a host's is needed, or the other way round.
    #[error("it is a {found} certificate, not a {wanted} certificate (ssh-keygen -s makes those of hosts with -h)")]
    Kind {
        /// `user` or `host`.
        found: &'static str,
        /// `user` or `host`.
        wanted: &'static str,
    },
    /// Its time has passed.
    #[error("it expired at {0}; get a new one")]
    Expired(Date),
    /// Its time has not come.
    #[error("it is not valid before {0}; is the clock here right?")]
    NotYetValid(Date),
    /// A host's certificate that names no host would do for any host that ever got one.
    #[error("it names no host; sign it for its host (ssh-keygen -n)")]
    NoPrincipal,
    /// It is for others.
    #[error("it is for {}, not for {wanted}; sign it for that name (ssh-keygen -n)", .found.join(", "))]
    Principal {
        /// Names in it.
        found: Vec<String>,
        /// The name that is needed.
        wanted: String,
    },
    /// It holds only under a condition that is not known here.
    #[error("it holds only with '{0}', which is not known here")]
    CriticalOption(String),
    /// The authority signed with SHA-1 or the like.
    #[error("its authority signed it with {0}, which is no longer safe; sign it with an ed25519, ECDSA or RSA (SHA-2) key")]
    WeakSignature(String),
    /// It is forged, or damaged.
    #[error("its authority's signature is wrong")]
    Signature,
}

/// A moment in UTC, to the second; shown as RFC 3339 has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date(u64);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, rest) = (self.0 / 86_400, self.0 % 86_400);
        // Beyond this there is no four-digit year; OpenSSH writes the largest number for "for ever".
        if days > 2_932_896 {
            return f.write_str("the end of time");
        }
        let (mut year, mut day) = (1970, days);
        let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        while day >= 365 + u64::from(is_leap(year)) {
            day -= 365 + u64::from(is_leap(year));
            year += 1;
        }
        let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let mut month = 1;
        for length in lengths {
            if day < length {
                break;
            }
            day -= length;
            month += 1;
        }
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        write!(f, "{year}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", day + 1)
    }
}

/// Seconds since 1970, for the functions below.
pub(crate) fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

/// The key that signed the certificate.
pub(crate) fn authority(certificate: &Certificate) -> HostKey {
    public_key(certificate.signature_key())
}

/// The key that the certificate is for.
pub(crate) fn subject(certificate: &Certificate) -> HostKey {
    public_key(certificate.public_key())
}

fn public_key(data: &KeyData) -> HostKey {
    use russh::keys::ssh_key::encoding::Encode as _;
    HostKey::new(data.algorithm().as_str(), data.encode_vec().unwrap_or_default())
}

/// What keeps the certificate, whose authority is trusted already, from proving that the host is `host`.
///
/// Stricter than OpenSSH in one thing: a certificate that names no host is refused, because it would do for every host.
pub(crate) fn host_flaw(certificate: &Certificate, host: &str, now: u64) -> Option<Flaw> {
    if certificate.cert_type() != CertType::Host {
        let (found, wanted) = ("user", "host");
        return Some(Flaw::Kind { found, wanted });
    }
    if !is_safe(&certificate.signature().algorithm()) {
        return Some(Flaw::WeakSignature(certificate.signature().algorithm().to_string()));
    }
    // Checks the signature, too; the times are told apart below.
    let authority = certificate.signature_key().fingerprint(HashAlg::Sha256);
    let a_valid_moment = certificate.valid_after();
    if certificate.validate_at(a_valid_moment, [&authority]).is_err() && certificate.valid_after() < certificate.valid_before() {
        return Some(Flaw::Signature);
    }
    if let Some(flaw) = time_flaw(certificate, now) {
        return Some(flaw);
    }
    let principals = certificate.valid_principals();
    if principals.is_empty() {
        return Some(Flaw::NoPrincipal);
    }
    if !principals.iter().any(|principal| principal.eq_ignore_ascii_case(host)) {
        let (found, wanted) = (shown(principals), host.to_owned());
        return Some(Flaw::Principal { found, wanted });
    }
    // There is none for hosts, so each is one that is not understood.
    let option = certificate.critical_options().keys().next();
    option.map(|name| Flaw::CriticalOption(printable(name)))
}

/// What evidently keeps the certificate from letting anybody in as a user, wherever it is shown.
pub(crate) fn user_flaw(certificate: &Certificate, now: u64) -> Option<Flaw> {
    if certificate.cert_type() != CertType::User {
        let (found, wanted) = ("host", "user");
        return Some(Flaw::Kind { found, wanted });
    }
    time_flaw(certificate, now)
}

/// What probably kept the certificate from letting `user` in; a server may map principals to users otherwise.
pub(crate) fn principal_flaw(certificate: &Certificate, user: &str) -> Option<Flaw> {
    let principals = certificate.valid_principals();
    (!principals.is_empty() && !principals.iter().any(|principal| principal == user)).then(|| Flaw::Principal {
        found: shown(principals),
        wanted: user.to_owned(),
    })
}

/// `valid after <= now < valid before`
fn time_flaw(certificate: &Certificate, now: u64) -> Option<Flaw> {
    if now < certificate.valid_after() {
        Some(Flaw::NotYetValid(Date(certificate.valid_after())))
    } else if now >= certificate.valid_before() {
        Some(Flaw::Expired(Date(certificate.valid_before())))
    } else {
        None
    }
}

/// ssh_config(5), `CASignatureAlgorithms`: its default.
fn is_safe(algorithm: &Algorithm) -> bool {
    matches!(
        algorithm,
        Algorithm::Ed25519
            | Algorithm::Ecdsa { .. }
            | Algorithm::SkEd25519
            | Algorithm::SkEcdsaSha2NistP256
            | Algorithm::Rsa { hash: Some(_) }
    )
}

/// Names in a certificate are whatever its maker wrote: for people, no control characters, no novels.
fn shown(principals: &[String]) -> Vec<String> {
    let mut names: Vec<_> = principals.iter().take(8).map(|name| printable(name)).collect();
    if principals.len() > names.len() {
        names.push(format!("{} more", principals.len() - names.len()));
    }
    names
}

/// As [`shown`].
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
