//! `known_hosts` files on disk: [`KnownHosts`].

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::host_key::{Expected, HostKey, HostKeyError, Trust};
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

    pub(crate) fn expected(&self, name: &str) -> Result<Expected, HostKeyError> {
        let mut expected = Expected::Anything;
        for (file, entries) in self.look_up(name)? {
            for (line, key) in entries.keys {
                match &mut expected {
                    Expected::Anything => {
                        let algorithms = vec![key.algorithm().to_owned()];
                        expected = Expected::Known {
                            algorithms,
                            file: file.to_owned(),
                            line,
                        };
                    }
                    Expected::Known { algorithms, .. } | Expected::Pinned { algorithms, .. } => {
                        algorithms.push(key.algorithm().to_owned());
                    }
                }
            }
        }
        Ok(expected)
    }

    pub(crate) fn verify(&self, name: &str, key: &HostKey) -> Result<Trust, HostKeyError> {
        if self.is_known(name, key)? {
            return Ok(Trust::Known);
        }
        match self.unknown {
            Unknown::Refuse => Err(HostKeyError::Unknown {
                name: name.to_owned(),
                algorithm: key.algorithm().to_owned(),
                fingerprint: key.fingerprint(),
                file: self.file.clone(),
                line: line_for(name, key).trim_end().to_owned(),
            }),
            Unknown::Remember => {
                let _writer = WRITER.lock().unwrap_or_else(PoisonError::into_inner);
                // Another task may have met the same host in the meantime, or another key of it.
                if self.is_known(name, key)? {
                    return Ok(Trust::Known);
                }
                append(&self.file, &line_for(name, key)).map_err(|error| HostKeyError::NotRemembered {
                    name: name.to_owned(),
                    file: self.file.clone(),
                    why: in_words(&error),
                })?;
                Ok(Trust::TrustedOnFirstUse)
            }
        }
    }

    /// `false`: nothing is known about the host. A host that is known otherwise, or a revoked key, is an error.
    fn is_known(&self, name: &str, key: &HostKey) -> Result<bool, HostKeyError> {
        let found = self.look_up(name)?;
        let (algorithm, fingerprint) = (key.algorithm().to_owned(), key.fingerprint());
        for (file, entries) in &found {
            if let Some((line, _)) = entries.revoked.iter().find(|(_, revoked)| revoked == key) {
                let (name, file, line) = (name.to_owned(), file.to_path_buf(), *line);
                return Err(HostKeyError::Revoked {
                    name,
                    algorithm,
                    fingerprint,
                    file,
                    line,
                });
            }
        }
        let mut known = found
            .iter()
            .flat_map(|(file, entries)| entries.keys.iter().map(move |(line, key)| (file, line, key)));
        if known.clone().any(|(_, _, known)| known == key) {
            return Ok(true);
        }
        match known.next() {
            None => Ok(false),
            Some((file, line, _)) => {
                let (name, file, line) = (name.to_owned(), file.to_path_buf(), *line);
                Err(HostKeyError::Changed {
                    name,
                    algorithm,
                    fingerprint,
                    file,
                    line,
                })
            }
        }
    }

    fn look_up(&self, name: &str) -> Result<Vec<(&Path, Entries)>, HostKeyError> {
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
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn key(last: u8) -> HostKey {
        let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
        blob.extend([last; 32]);
        HostKey::new("ssh-ed25519", blob)
    }

    #[test]
    fn a_new_host_is_remembered_once_and_then_held_to_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/known_hosts");
        let known = KnownHosts::new(&file, Unknown::Remember);
        assert_eq!(known.verify("host", &key(1)).unwrap(), Trust::TrustedOnFirstUse);
        assert_eq!(known.verify("host", &key(1)).unwrap(), Trust::Known);
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("host {}\n", key(1).openssh()));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(
            fs::metadata(file.parent().unwrap()).unwrap().permissions().mode() & 0o777,
            0o700
        );

        let error = known.verify("host", &key(2)).unwrap_err().to_string();
        for part in [
            "host",
            &key(2).fingerprint(),
            &format!("{}:1", file.display()),
            "ssh-keygen -R 'host' -f",
        ] {
            assert!(error.contains(part), "{part} in {error}");
        }
    }

    #[test]
    fn many_tasks_write_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("known_hosts");
        let known = KnownHosts::new(&file, Unknown::Remember);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| known.verify("host", &key(1)).unwrap());
            }
        });
        assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 1);
    }

    #[test]
    fn a_line_is_never_glued_to_an_unfinished_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("known_hosts");
        fs::write(&file, "# no newline").unwrap();
        KnownHosts::new(&file, Unknown::Remember).verify("host", &key(1)).unwrap();
        assert_eq!(
            fs::read_to_string(&file).unwrap(),
            format!("# no newline\nhost {}\n", key(1).openssh())
        );
    }

    #[test]
    fn any_matching_line_will_do_and_a_revoked_one_wins() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("known_hosts");
        fs::write(&file, format!("host {}\nhost {}\n", key(1).openssh(), key(2).openssh())).unwrap();
        let known = KnownHosts::new(&file, Unknown::Refuse);
        assert_eq!(known.verify("host", &key(2)).unwrap(), Trust::Known);

        let more = folder.path().join("more");
        fs::write(&more, format!("@revoked * {}\n", key(2).openssh())).unwrap();
        let known = known.also(&more);
        assert!(matches!(
            known.verify("host", &key(2)),
            Err(HostKeyError::Revoked { line: 1, .. })
        ));
        assert_eq!(known.verify("host", &key(1)).unwrap(), Trust::Known);
    }

    #[test]
    fn an_unknown_host_is_refused_with_the_line_to_add() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("known_hosts");
        let known = KnownHosts::new(&file, Unknown::Refuse);
        let error = known.verify("[host]:2222", &key(1)).unwrap_err().to_string();
        assert!(error.contains(&format!("[host]:2222 {}", key(1).openssh())), "{error}");
        assert!(!file.exists());
    }

    #[test]
    fn an_unreadable_file_is_not_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownHosts::new(folder.path(), Unknown::Remember);
        assert!(matches!(known.verify("host", &key(1)), Err(HostKeyError::Unreadable { .. })));
        assert!(matches!(known.expected("host"), Err(HostKeyError::Unreadable { .. })));
    }
}
