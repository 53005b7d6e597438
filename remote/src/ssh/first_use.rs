//! Trust on first use that somebody else remembers: [`FirstUse`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::host_key::{Expected, ExpectedKeys, HostKey, HostName, Shown, Trust};
use super::host_key_error::HostKeyError;
use super::known_hosts::host_name;

/// The first key that a host proves itself with is believed, and no other one from then on. Whoever made this asks for what was learnt
/// ([`FirstUse::known`]) and keeps it, to make the next one with.
pub struct FirstUse {
    known: Mutex<BTreeMap<String, HostKey>>,
    forget: String,
}

impl FirstUse {
    /// `known` are keys (`ssh-ed25519 AAAA...`) by their host's name as `known_hosts` has it: `host`, or `[host]:port`. `forget` says
    /// how to have a key forgotten: it ends the error for a host whose key has changed.
    ///
    /// # Errors
    ///
    /// [`HostKeyError::NotAPin`] for a key that cannot be read.
    pub fn new(known: &BTreeMap<String, String>, forget: impl Into<String>) -> Result<Self, HostKeyError> {
        let mut keys = BTreeMap::new();
        for (name, text) in known {
            let key = HostKey::parse(text).ok_or_else(|| HostKeyError::NotAPin {
                pin: text.chars().filter(|c| !c.is_control()).take(24).collect(),
            })?;
            keys.insert(name.clone(), key);
        }
        Ok(Self {
            known: Mutex::new(keys),
            forget: forget.into(),
        })
    }

    /// What a host is called here, as `known_hosts` has it: `host`, or `[host]:port`.
    #[must_use]
    pub fn name(host: &str, port: u16) -> String {
        host_name(host, port).lookup
    }

    /// All keys that are believed, by name: those that were known, and those that were learnt.
    #[must_use]
    pub fn known(&self) -> BTreeMap<String, String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().map(|(name, key)| (name.clone(), key.openssh())).collect()
    }

    /// What those have in common who may share a connection to this host: the key that they know it by. Who knows none shares with
    /// nobody.
    pub(crate) fn way(&self, name: &HostName) -> String {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(&name.lookup) {
            Some(key) => format!("known by {}", key.openssh()),
            None => format!("unknown to {self:p}"),
        }
    }

    pub(crate) fn expected(&self, name: &HostName) -> Expected {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = known.get(&name.lookup).map_or(ExpectedKeys::Any, |key| ExpectedKeys::Pinned {
            algorithms: vec![key.algorithm().to_owned()],
            fingerprints: vec![key.fingerprint()],
        });
        Expected {
            certificate: false,
            keys,
        }
    }

    pub(crate) fn verify(&self, name: &HostName, shown: &Shown) -> Result<Trust, HostKeyError> {
        let key = shown.key();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(&name.lookup) {
            Some(remembered) if *remembered == key => Ok(Trust::Known),
            Some(remembered) => Err(self.changed(name.lookup.clone(), shown.shown(), remembered.shown())),
            None => {
                known.insert(name.lookup.clone(), key);
                Ok(Trust::TrustedOnFirstUse)
            }
        }
    }

    /// The error for a host that has no key of the type that is remembered.
    pub(crate) fn other_algorithm(&self, name: String, offered: &[String]) -> HostKeyError {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let remembered = known.get(&name).map(HostKey::shown).unwrap_or_default();
        self.changed(name, format!("only {}", offered.join(", ")), remembered)
    }

    fn changed(&self, name: String, offered: String, remembered: String) -> HostKeyError {
        HostKeyError::ChangedSinceFirstUse {
            name,
            offered,
            remembered,
            forget: self.forget.clone(),
        }
    }
}

impl fmt::Debug for FirstUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FirstUse").field(&self.known()).finish()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot be set up fails
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
    const RSA: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQA=";

    fn name(lookup: &str) -> HostName {
        HostName {
            lookup: lookup.to_owned(),
            host: lookup.to_owned(),
        }
    }

    fn shown(text: &str) -> Shown {
        Shown::Key(HostKey::parse(text).unwrap())
    }

    #[test]
    fn the_first_key_is_believed_and_then_no_other() {
        let first_use = FirstUse::new(&BTreeMap::new(), "ask for it").unwrap();
        let (here, there) = (name("here"), name("there"));
        assert_eq!(first_use.verify(&here, &shown(KEY)).unwrap(), Trust::TrustedOnFirstUse);
        assert_eq!(first_use.verify(&here, &shown(KEY)).unwrap(), Trust::Known);
        let error = first_use.verify(&here, &shown(RSA)).unwrap_err().to_string();
        assert!(error.contains("has changed") && error.contains("ask for it"), "{error}");
        assert_eq!(first_use.verify(&there, &shown(RSA)).unwrap(), Trust::TrustedOnFirstUse);
        assert_eq!(
            first_use.known(),
            [("here", KEY), ("there", RSA)]
                .map(|(name, key)| (name.to_owned(), key.to_owned()))
                .into()
        );
    }

    #[test]
    fn what_was_known_counts_from_the_beginning() {
        let known: BTreeMap<_, _> = [("here".to_owned(), KEY.to_owned())].into();
        let first_use = FirstUse::new(&known, "").unwrap();
        assert_eq!(first_use.expected(&name("here")).algorithms(&[]).unwrap(), ["ssh-ed25519"]);
        assert_eq!(first_use.expected(&name("there")).algorithms(&[]), None);
        assert_eq!(first_use.verify(&name("here"), &shown(KEY)).unwrap(), Trust::Known);
        let wrong: BTreeMap<_, _> = [("here".to_owned(), "nonsense".to_owned())].into();
        assert!(FirstUse::new(&wrong, "").is_err());
    }
}
