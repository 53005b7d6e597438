//! How a RemoteMachine is got into: keys, passwords and certificates in Secrets, pinned host keys, jump hosts. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::infrastructure::JumpHost as JumpHostSpec;
use crds::shared::SecretValueRef;
use remote::secret::Secret;
use remote::ssh::Pins;

use super::described::Describing;
use super::{JumpHost, KeySecret, Login};
use crate::manifest::Key;
use crate::target;

/// Jump hosts one after the other; nobody has that many.
const MOST_JUMP_HOSTS: usize = 8;

/// The data of one Secret, and what errors call it.
struct Found {
    name: String,
    data: BTreeMap<String, Secret>,
}

impl Describing<'_> {
    /// What to log in to the machine with, and the password for sudo.
    pub(super) fn login_of(&mut self) -> (Login, Option<Secret>) {
        let spec = self.spec;
        let (mut login, mut sudo_password) = match &spec.ssh_key_ref {
            Some(reference) => self.key_secret("spec.sshKeyRef", &reference.name),
            None => (Login::default(), None),
        };
        if let Some(found) = self.value("spec.sshCertificateRef", spec.ssh_certificate_ref.as_ref()) {
            login.certificate = Some(found);
            if spec.ssh_key_ref.is_none() {
                self.need("spec.sshCertificateRef needs spec.sshKeyRef, the key that it is for");
            }
        }
        if let Some((_, password)) = self.value("spec.sshPasswordRef", spec.ssh_password_ref.as_ref()) {
            login.password = Some(first_line(&password));
        }
        if let Some((_, password)) = self.value("spec.sudoPasswordRef", spec.sudo_password_ref.as_ref()) {
            sudo_password = Some(first_line(&password));
        }
        (login, sudo_password)
    }

    /// The jump hosts of the machine.
    pub(super) fn jump_hosts(&mut self) -> Vec<JumpHost> {
        let spec = self.spec;
        let Some(specs) = &spec.jump_hosts else {
            return Vec::new();
        };
        if specs.is_empty() || specs.len() > MOST_JUMP_HOSTS {
            let what = format!("spec.jumpHosts must have between 1 and {MOST_JUMP_HOSTS} entries, or be left out");
            self.need(&what);
        }
        let with_index = specs.iter().enumerate();
        with_index
            .map(|(index, spec)| self.jump_host(&format!("spec.jumpHosts[{index}]"), spec))
            .collect()
    }

    fn jump_host(&mut self, path: &str, spec: &JumpHostSpec) -> JumpHost {
        let JumpHostSpec {
            address,
            port: _,
            user: _,
            ssh_key_ref,
            host_keys,
            host_certificate_authorities,
        } = spec;
        let (port, user) = (spec.port(), spec.user());
        for (is_wrong, what) in [
            (address.is_empty(), ".address is empty"),
            (
                !address.is_empty() && !target::is_host(address),
                ".address is neither an IP address nor a host name (user and port are fields of their own)",
            ),
            (port == 0, ".port must be between 1 and 65535"),
            (user.is_empty(), ".user is empty"),
        ] {
            if is_wrong {
                self.need(&format!("{path}{what}"));
            }
        }
        let login = ssh_key_ref.as_ref().map(|reference| {
            let path = format!("{path}.sshKeyRef");
            self.key_secret(&path, &reference.name).0
        });
        JumpHost {
            host: address.clone(),
            port,
            user: user.to_owned(),
            login: login.unwrap_or_default(),
            host_keys: self.pins(path, host_keys.as_ref(), host_certificate_authorities.as_ref()),
        }
    }

    /// The pinned host keys and authorities at `path`.
    pub(super) fn pins(
        &mut self,
        path: &str,
        keys: Option<&Vec<String>>,
        authorities: Option<&Vec<String>>,
    ) -> Option<Arc<Pins>> {
        let mut is_empty = false;
        for (name, list) in [("hostKeys", keys), ("hostCertificateAuthorities", authorities)] {
            if list.is_some_and(Vec::is_empty) {
                // Whoever writes an empty list may mean that nothing is believed, or that nothing is said.
                self.need(&format!("{path}.{name} is empty: give a key, or leave it out"));
                is_empty = true;
            }
        }
        if is_empty || (keys.is_none() && authorities.is_none()) {
            return None;
        }
        let list = |list: Option<&Vec<String>>| list.cloned().unwrap_or_default();
        match Pins::parse(&list(keys), &list(authorities)) {
            Ok(pins) => Some(Arc::new(pins)),
            Err(error) => {
                let is_key = keys.is_some() && Pins::parse(&list(keys), &[]).is_err();
                let name = if is_key { "hostKeys" } else { "hostCertificateAuthorities" };
                self.need(&format!("{path}.{name}: {error}"));
                None
            }
        }
    }

    /// The Secret of a private key: what to log in with, and the password for sudo.
    fn key_secret(&mut self, path: &str, name: &str) -> (Login, Option<Secret>) {
        let Some(Found { name, data }) = self.secret(path, name) else {
            return (Login::default(), None);
        };
        let of = |key: &str| data.get(key).cloned();
        let Some(private_key) = of("value") else {
            self.need(&format!("{path}: {name} has no key \"value\", which holds the private key"));
            return (Login::default(), None);
        };
        let login = Login {
            key: Some(KeySecret {
                label: format!("{name} key \"value\""),
                private_key,
                passphrase: of("passphrase"),
            }),
            certificate: of("certificate").map(|certificate| (format!("{name} key \"certificate\""), certificate)),
            password: of("password").as_ref().map(first_line),
        };
        (login, of("sudoPassword").as_ref().map(first_line))
    }

    /// The key `value` of a Secret, and what errors call it.
    fn value(&mut self, path: &str, reference: Option<&SecretValueRef>) -> Option<(String, Secret)> {
        let Found { name, data } = self.secret(path, &reference?.name)?;
        let Some(value) = data.get("value").filter(|value| !value.is_empty()) else {
            self.need(&format!("{path}: {name} has no key \"value\", or it is empty"));
            return None;
        };
        Some((format!("{name} key \"value\""), value.clone()))
    }

    fn secret(&mut self, path: &str, name: &str) -> Option<Found> {
        let key = Key {
            namespace: self.key.namespace.clone(),
            name: name.to_owned(),
        };
        let Some(data) = self.secrets.all.get(&key).cloned() else {
            self.need(&format!("{path}: there is no Secret {key}{}", self.secrets.place));
            return None;
        };
        Some(Found {
            name: format!("Secret {key}"),
            data,
        })
    }
}

/// Passwords in Secrets often end in the newline that an editor or `echo` put there.
fn first_line(secret: &Secret) -> Secret {
    let line = secret.expose().split(|byte| *byte == b'\n').next().unwrap_or_default();
    Secret::new(line.strip_suffix(b"\r").unwrap_or(line))
}
