//! Keys, certificates and passwords, and what the SSH server must be told to take them.

use std::path::{Path, PathBuf};

use super::cell::{Login, Privilege};
use crate::error::TestbedError;
use crate::keys::{ClientKeyType, Keys};
use crate::program::{succeed, with_deadline};

/// The private key of a way to log in, if it has one; its public key, or its certificate, is beside it.
pub(super) fn key(keys: &Keys, login: Login) -> Result<Option<PathBuf>, TestbedError> {
    match login {
        Login::Ed25519 => Ok(Some(keys.path())),
        Login::Ecdsa => made(keys, "matrix-ecdsa", ClientKeyType::Ecdsa(256)).map(Some),
        Login::Rsa => made(keys, "matrix-rsa", ClientKeyType::Rsa(3072)).map(Some),
        Login::Certificate => certified(keys).map(Some),
        Login::Password | Login::KeyboardInteractive => Ok(None),
    }
}

/// Lines of authorized_keys(5): the keys, and the authority with the users for whom it may speak. The Ed25519 key is the testbed's own.
pub(super) fn accepted(keys: &Keys) -> Result<Vec<String>, TestbedError> {
    let mut lines = Vec::new();
    for login in [Login::Ecdsa, Login::Rsa] {
        if let Some(path) = key(keys, login)? {
            lines.push(read(&path.with_extension("pub"))?);
        }
    }
    let authority = read(&authority(keys)?.with_extension("pub"))?;
    lines.push(format!("cert-authority,principals=\"{}\" {authority}", users()));
    Ok(lines)
}

/// Lines of sshd_config(5): one port for each method, so that no other can stand in for it. Within a block, what comes first counts.
pub(super) fn sshd_config() -> Vec<String> {
    let methods = [
        (Login::Ed25519, "publickey"),
        (Login::Password, "password"),
        (Login::KeyboardInteractive, "keyboard-interactive"),
    ];
    let others = methods.iter().map(|(login, _)| login.port()).filter(|port| *port != 22);
    let ports = others.map(|port| format!("Port {port}"));
    let blocks = methods.map(|(login, method)| {
        format!(
            "Match LocalPort {}\nAuthenticationMethods {method}\nPasswordAuthentication yes\nPermitRootLogin yes",
            login.port()
        )
    });
    let pam = ["UsePAM yes", "KbdInteractiveAuthentication yes"].map(str::to_owned);
    pam.into_iter()
        .chain(ports)
        .chain(blocks)
        .chain(["Match all".to_owned()])
        .collect()
}

fn users() -> String {
    Privilege::ALL.map(Privilege::user).join(",")
}

/// A key with a certificate for every user.
fn certified(keys: &Keys) -> Result<PathBuf, TestbedError> {
    let path = keys.folder().join("matrix-certified");
    if !path.exists() {
        keys.make("matrix-certified", ClientKeyType::Ed25519, None)?;
        let mut sign = with_deadline("ssh-keygen");
        sign.args(["-q", "-I", "matrix", "-V", "-5m:+1d", "-n", &users(), "-s"])
            .arg(authority(keys)?)
            .arg(path.with_extension("pub"));
        succeed(&mut sign, b"", "ssh-keygen")?;
    }
    Ok(path)
}

fn authority(keys: &Keys) -> Result<PathBuf, TestbedError> {
    made(keys, "matrix-authority", ClientKeyType::Ed25519)
}

/// Made by an earlier call in this process, or now.
fn made(keys: &Keys, name: &str, kind: ClientKeyType) -> Result<PathBuf, TestbedError> {
    let path = keys.folder().join(name);
    if path.exists() {
        Ok(path)
    } else {
        keys.make(name, kind, None)
    }
}

fn read(path: &Path) -> Result<String, TestbedError> {
    let text = std::fs::read_to_string(path).map_err(TestbedError::path("read", path))?;
    Ok(text.trim().to_owned())
}
