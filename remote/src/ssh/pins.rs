//! Host keys and authorities that were given for one host: [`Pins`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::certificate::authority;
use super::host_key::{Expected, ExpectedKeys, HostKey, HostName, Shown, Trust, vouched_for};
use super::host_key_error::HostKeyError;

/// Keys that a host may prove itself with, and authorities that may vouch for it. There is at least one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pins {
    keys: Vec<Pin>,
    authorities: Vec<HostKey>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
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
            .ok_or_else(|| HostKeyError::NotAPin { pin: printable(text) })
    }

    fn fingerprint(&self) -> String {
        match self {
            Self::Key(key) => key.fingerprint(),
            Self::Fingerprint(fingerprint) => fingerprint.clone(),
        }
    }
}

/// What somebody took for a key, in an error: it may be long, and it may be a private one.
fn printable(text: &str) -> String {
    let start: String = text.chars().filter(|c| !c.is_control()).take(24).collect();
    if start.len() < text.len() {
        format!("{start}...")
    } else {
        start
    }
}

impl Pins {
    /// `keys` are public keys (`ssh-ed25519 AAAA...`, the content of a `.pub` file) or fingerprints (`SHA256:...`); `authorities` are
    /// public keys of those that sign host certificates.
    ///
    /// # Errors
    ///
    /// [`HostKeyError::NotAPin`], also when there is nothing at all, and [`HostKeyError::NotAnAuthority`].
    pub fn parse(keys: &[String], authorities: &[String]) -> Result<Self, HostKeyError> {
        if keys.is_empty() && authorities.is_empty() {
            return Err(HostKeyError::NotAPin { pin: String::new() });
        }
        let not_one = |text: &String| HostKeyError::NotAnAuthority { pin: printable(text) };
        Ok(Self {
            keys: keys.iter().map(|text| Pin::parse(text)).collect::<Result<_, _>>()?,
            authorities: authorities
                .iter()
                .map(|text| HostKey::parse(text).ok_or_else(|| not_one(text)))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Fingerprints of all that is believed, for people.
    fn shown(&self) -> Vec<String> {
        let authorities = self
            .authorities
            .iter()
            .map(|key| format!("a certificate by {}", key.fingerprint()));
        self.keys.iter().map(Pin::fingerprint).chain(authorities).collect()
    }

    pub(crate) fn expected(&self) -> Expected {
        let mut algorithms = Vec::new();
        for pin in &self.keys {
            if let Pin::Key(key) = pin {
                algorithms.push(key.algorithm().to_owned());
            }
        }
        let keys = if self.keys.is_empty() {
            ExpectedKeys::Any
        } else if algorithms.len() == self.keys.len() {
            let fingerprints = self.shown();
            ExpectedKeys::Pinned {
                algorithms,
                fingerprints,
            }
        } else {
            ExpectedKeys::Fingerprints
        };
        Expected {
            certificate: !self.authorities.is_empty(),
            keys,
        }
    }

    /// The error for a host that has other keys only.
    pub(crate) fn not_pinned(&self, name: String, offered: &[HostKey]) -> HostKeyError {
        HostKeyError::NotPinned {
            name,
            offered: offered.iter().map(HostKey::shown).collect(),
            pinned: self.shown(),
        }
    }

    pub(crate) fn verify(&self, name: &HostName, shown: &Shown) -> Result<Trust, HostKeyError> {
        if let Shown::Certificate(certificate) = shown
            && self.authorities.contains(&authority(certificate))
        {
            return vouched_for(name, certificate);
        }
        // A certificate by somebody else says nothing; the key inside may still be one that is known.
        let key = shown.key();
        if self.keys.iter().any(|pin| pin.fingerprint() == key.fingerprint()) {
            return Ok(Trust::Pinned);
        }
        Err(HostKeyError::NotPinned {
            name: name.lookup.clone(),
            offered: vec![shown.shown()],
            pinned: self.shown(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
    const RSA: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQA=";
    const FINGERPRINT: &str = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn pins(keys: &[&str], authorities: &[&str]) -> Result<Pins, HostKeyError> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Pins::parse(&owned(keys), &owned(authorities))
    }

    #[test]
    fn what_is_asked_for() {
        let types = |keys, authorities| pins(keys, authorities).unwrap().expected().algorithms(&[]);
        assert_eq!(types(&[KEY], &[]).unwrap(), ["ssh-ed25519"]);
        assert_eq!(types(&[KEY, RSA], &[]).unwrap(), ["ssh-ed25519", "ssh-rsa"]);
        assert_eq!(types(&[], &[KEY]), None);
        assert_eq!(types(&[KEY, FINGERPRINT], &[]).unwrap().len(), 5);
        let seen = HostKey::parse(KEY).unwrap();
        let left = pins(&[FINGERPRINT], &[]).unwrap().expected().algorithms(&[seen]).unwrap();
        assert_eq!(left.len(), 4);
        assert!(!left.contains(&"ssh-ed25519".to_owned()));
    }

    #[test]
    fn what_is_no_pin() {
        for (keys, authorities) in [
            (&[][..], &[][..]),
            (&["nonsense"], &[]),
            (&["SHA256:short"], &[]),
            (&["MD5:00:11"], &[]),
            (&["ssh-ed25519"], &[]),
            (&[KEY], &[FINGERPRINT]),
            (&[], &["ssh-rsa AAAA"]),
        ] {
            assert!(pins(keys, authorities).is_err(), "{keys:?} {authorities:?}");
        }
        let private = "-----BEGIN OPENSSH PRIVATE KEY----- hunter2";
        assert!(!pins(&[private], &[]).unwrap_err().to_string().contains("hunter2"));
    }
}
