//! Throwaway client keys.

use crate::error::TestbedError;
use crate::program::{PATH, succeed, wait, with_deadline};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

/// A kind of client key pair that ssh-keygen makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientKeyType {
    /// Ed25519.
    Ed25519,
    /// ECDSA on the NIST curve of this many bits: 256, 384 or 521.
    Ecdsa(u16),
    /// RSA with this many bits.
    Rsa(u16),
}

/// A folder with an Ed25519 key pair that every machine of this process accepts for root, `admin` and its other users.
///
/// A small process outside waits for the end of this one and then removes the folder, so that nothing stays behind even
/// when this process is killed.
#[derive(Debug)]
pub struct Keys {
    folder: PathBuf,
    public_key: String,
    remover: Child,
}

/// The keys of this process. A static is never dropped; the remover takes care.
static OF_THIS_PROCESS: Mutex<Option<&'static Keys>> = Mutex::new(None);

impl Keys {
    /// The key pair that machines accept, made at the first call.
    ///
    /// # Errors
    /// When the folder or the key cannot be made.
    pub fn of_this_process() -> Result<&'static Self, TestbedError> {
        let mut keys = OF_THIS_PROCESS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(keys) = *keys {
            return Ok(keys);
        }
        let made: &'static Self = Box::leak(Box::new(Self::new()?));
        *keys = Some(made);
        Ok(made)
    }

    fn new() -> Result<Self, TestbedError> {
        let temporary = tempfile::Builder::new().prefix("anywhere-testbed-").tempdir();
        // From here on the remover owns the folder.
        let folder = temporary.map_err(TestbedError::io("make a folder for client keys"))?.keep();
        let remover = Command::new("/bin/sh")
            .args(["-c", include_str!("scripts/remove.sh"), "sh"])
            .arg(&folder)
            .env_clear()
            .env("PATH", PATH)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(TestbedError::io("start the process that removes the client keys"))?;
        let mut keys = Self {
            folder,
            public_key: String::new(),
            remover,
        };
        let path = keys.make("id_ed25519", ClientKeyType::Ed25519, None)?;
        keys.public_key = read(&path.with_extension("pub"))?.trim().to_owned();
        Ok(keys)
    }

    /// The private key's file, for `ssh -i`.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.join("id_ed25519")
    }

    /// The private key in OpenSSH's format.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn private_key(&self) -> Result<String, TestbedError> {
        read(&self.path())
    }

    /// The public key as a line of authorized_keys (sshd(8), AUTHORIZED_KEYS FILE FORMAT).
    #[must_use]
    pub fn public_key(&self) -> &str {
        &self.public_key
    }

    /// The folder, for files that shall vanish with this process.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes another key pair in the folder and returns the private key's path; the public key is next to it with the
    /// ending `.pub`. Machines do not accept it by themselves. With a passphrase the private key is encrypted.
    ///
    /// # Errors
    /// When ssh-keygen fails, for example because the name is taken.
    pub fn make(&self, name: &str, kind: ClientKeyType, passphrase: Option<&str>) -> Result<PathBuf, TestbedError> {
        let path = self.folder.join(name);
        let (kind, bits) = match kind {
            ClientKeyType::Ed25519 => ("ed25519", None),
            ClientKeyType::Ecdsa(bits) => ("ecdsa", Some(bits)),
            ClientKeyType::Rsa(bits) => ("rsa", Some(bits)),
        };
        generate(&path, kind, bits, passphrase.unwrap_or_default(), name)?;
        Ok(path)
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        drop(self.remover.stdin.take());
        let _ = wait(&mut self.remover, Duration::from_secs(10));
    }
}

/// Runs ssh-keygen(1).
pub(crate) fn generate(path: &Path, kind: &str, bits: Option<u16>, passphrase: &str, comment: &str) -> Result<(), TestbedError> {
    let mut command = with_deadline("ssh-keygen");
    command
        .args(["-q", "-t", kind, "-N", passphrase, "-C", comment, "-f"])
        .arg(path);
    if let Some(bits) = bits {
        command.args(["-b", &bits.to_string()]);
    }
    succeed(&mut command, b"", "ssh-keygen").map(|_| ())
}

fn read(path: &Path) -> Result<String, TestbedError> {
    std::fs::read_to_string(path).map_err(TestbedError::path("read", path))
}
