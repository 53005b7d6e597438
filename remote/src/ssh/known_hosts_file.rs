//! `known_hosts` files on disk: [`KnownHosts`].

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::certificate::authority;
use super::host_key::{Expected, ExpectedKeys, HostKey, HostName, Shown, Trust, vouched_for};
use super::host_key_error::HostKeyError;
use super::known_hosts::{Entries, entries_for, line_for};

/// Larger files are refused rather than read into memory: a hundred thousand hosts take about 10 MiB.
const LARGEST_FILE: u64 = 64 << 20;

/// Key types that the transport can ask a server for; others in a file say nothing that could be checked.
pub(crate) const ALGORITHMS: [&str; 5] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
];

/// One writer at a time in this process; between processes the single `O_APPEND` write is what keeps lines whole.
static WRITER: Mutex<()> = Mutex::new(());

/// What to do with a host that is in none of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Trust it on first use: write its key into the first file (OpenSSH's `StrictHostKeyChecking accept-new`).
    Remember,
    /// Refuse it (`StrictHostKeyChecking yes`).
    Refuse,
}

/// Host keys in `known_hosts` files, in the format of sshd(8).
#[derive(Clone, Debug)]
pub struct KnownHosts {
    file: PathBuf,
    more: Vec<PathBuf>,
    unknown: Unknown,
}

impl KnownHosts {
    /// Looks hosts up in `file`, which is where new hosts are remembered. A file that does not exist is an empty one.
    #[must_use]
    pub fn new(file: impl Into<PathBuf>, unknown: Unknown) -> Self {
        Self {
            file: file.into(),
            more: Vec::new(),
            unknown,
        }
    }

    /// Also looks hosts up in `file`, such as `/etc/ssh/ssh_known_hosts`. It is never written to.
    #[must_use]
    pub fn also(mut self, file: impl Into<PathBuf>) -> Self {
        self.more.push(file.into());
        self
    }

    pub(crate) fn expected(&self, name: &HostName) -> Result<Expected, HostKeyError> {
        let mut expected = Expected {
            certificate: false,
            keys: ExpectedKeys::Any,
        };
        for (file, entries) in self.look_up(name)? {
            expected.certificate |= !entries.authorities.is_empty();
            for (line, key) in entries.keys {
                let algorithm = key.algorithm().to_owned();
                match &mut expected.keys {
                    ExpectedKeys::Known { algorithms, .. } => algorithms.push(algorithm),
                    ExpectedKeys::Any | ExpectedKeys::Pinned { .. } | ExpectedKeys::Fingerprints => {
                        expected.keys = ExpectedKeys::Known {
                            algorithms: vec![algorithm],
                            file: file.to_owned(),
                            line,
                        };
                    }
                }
            }
        }
        Ok(expected)
    }

    pub(crate) fn verify(&self, name: &HostName, shown: &Shown) -> Result<Trust, HostKeyError> {
        let key = shown.key();
        if let Some(trust) = self.known(name, shown)? {
            return Ok(trust);
        }
        match self.unknown {
            Unknown::Refuse => Err(HostKeyError::Unknown {
                name: name.lookup.clone(),
                algorithm: key.algorithm().to_owned(),
                fingerprint: key.fingerprint(),
                file: self.file.clone(),
                line: line_for(&name.lookup, &key).trim_end().to_owned(),
            }),
            Unknown::Remember => {
                let _writer = WRITER.lock().unwrap_or_else(PoisonError::into_inner);
                // Another task may have met the same host in the meantime, or another key of it.
                if let Some(trust) = self.known(name, shown)? {
                    return Ok(trust);
                }
                append(&self.file, &line_for(&name.lookup, &key)).map_err(|error| HostKeyError::NotRemembered {
                    name: name.lookup.clone(),
                    file: self.file.clone(),
                    why: in_words(&error),
                })?;
                Ok(Trust::TrustedOnFirstUse)
            }
        }
    }

    /// `None`: nothing is known about the host. What is known to be otherwise is an error.
    fn known(&self, name: &HostName, shown: &Shown) -> Result<Option<Trust>, HostKeyError> {
        let found = self.look_up(name)?;
        let key = shown.key();
        refuse_revoked(&found, name, "host key", &key)?;
        let authorities = || all(&found, |entries| &entries.authorities);
        if let Shown::Certificate(certificate) = shown {
            let authority = authority(certificate);
            refuse_revoked(&found, name, "certificate authority", &authority)?;
            if authorities().any(|(_, _, known)| *known == authority) {
                return vouched_for(name, certificate).map(Some);
            }
        }
        // As with OpenSSH, a certificate by somebody who is not known is as good as the key inside.
        let mut keys = all(&found, |entries| &entries.keys);
        if keys.clone().any(|(_, _, known)| *known == key) {
            return Ok(Some(Trust::Known));
        }
        let name = name.lookup.clone();
        if let Some((file, line, _)) = keys.next() {
            return Err(HostKeyError::Changed {
                name,
                algorithm: key.algorithm().to_owned(),
                fingerprint: key.fingerprint(),
                file: file.to_owned(),
                line,
            });
        }
        // Not as with OpenSSH: whoever is in between could otherwise pass for a new host by showing no certificate.
        if let Some((file, line, _)) = authorities().next() {
            return Err(HostKeyError::NotVouchedFor {
                name,
                offered: shown.shown(),
                file: file.to_owned(),
                line,
            });
        }
        Ok(None)
    }

    fn look_up(&self, name: &HostName) -> Result<Vec<(&Path, Entries)>, HostKeyError> {
        let files = std::iter::once(&self.file).chain(&self.more);
        files
            .map(|file| {
                let text = read(file).map_err(|error| HostKeyError::Unreadable {
                    file: file.clone(),
                    why: in_words(&error),
                })?;
                let mut entries = entries_for(&text, name);
                entries.keys.retain(|(_, key)| ALGORITHMS.contains(&key.algorithm()));
                Ok((file.as_path(), entries))
            })
            .collect()
    }
}

/// The lines of one kind in all files, in their order.
fn all<'a>(
    found: &'a [(&'a Path, Entries)],
    kind: impl Fn(&'a Entries) -> &'a Vec<(usize, HostKey)> + Clone,
) -> impl Iterator<Item = (&'a Path, usize, &'a HostKey)> + Clone {
    found.iter().flat_map(move |(file, entries)| {
        let lines = kind(entries).iter();
        lines.map(move |(line, key)| (*file, *line, key))
    })
}

fn refuse_revoked(found: &[(&Path, Entries)], name: &HostName, what: &'static str, key: &HostKey) -> Result<(), HostKeyError> {
    match all(found, |entries| &entries.revoked).find(|(_, _, revoked)| *revoked == key) {
        None => Ok(()),
        Some((file, line, _)) => Err(HostKeyError::Revoked {
            what,
            name: name.lookup.clone(),
            algorithm: key.algorithm().to_owned(),
            fingerprint: key.fingerprint(),
            file: file.to_owned(),
            line,
        }),
    }
}

fn read(file: &Path) -> io::Result<String> {
    let opened = match fs::File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    opened.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST_FILE) {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is larger than {LARGEST_FILE} bytes"),
        ));
    }
    // A comment in another encoding must not make the other lines unreadable.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn append(file: &Path, line: &str) -> io::Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut opened = fs::OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(file)?;
    let mut text = String::new();
    if opened.metadata()?.len() > 0 {
        let mut last = [0];
        opened.seek(SeekFrom::End(-1))?;
        opened.read_exact(&mut last)?;
        if last != *b"\n" {
            text.push('\n');
        }
    }
    text.push_str(line);
    opened.write_all(text.as_bytes())
}

/// The system's words, without its number.
fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error ").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
#[path = "known_hosts_file_tests.rs"]
mod tests;
