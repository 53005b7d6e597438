//! What the host must have.

use crate::error::TestbedError;
use crate::openrc;
use crate::spec::{Kind, MachineSpec, SudoRule};
use std::collections::BTreeSet;
use std::path::Path;

/// A program and the Debian package that holds it.
type Need = (&'static str, &'static str);

const ALWAYS: [Need; 12] = [
    ("/usr/sbin/sshd", "openssh-server"),
    ("/usr/bin/ssh", "openssh-client"),
    ("/usr/bin/ssh-keygen", "openssh-client"),
    ("/usr/bin/unshare", "util-linux"),
    ("/usr/bin/nsenter", "util-linux"),
    ("/usr/sbin/pivot_root", "util-linux"),
    ("/usr/bin/mount", "mount"),
    ("/usr/bin/umount", "mount"),
    ("/usr/bin/hostname", "hostname"),
    ("/usr/bin/timeout", "coreutils"),
    ("/usr/sbin/chroot", "coreutils"),
    ("/usr/bin/ldd", "libc-bin"),
];
const SUDO: [Need; 1] = [("/usr/bin/sudo", "sudo")];
const DOAS: [Need; 1] = [("/usr/bin/doas", "opendoas")];
const PASSWORD: [Need; 1] = [("/usr/bin/openssl", "openssl")];
const BUSYBOX: [Need; 1] = [("/usr/bin/busybox", "busybox-static")];
const SYSTEMD: [Need; 4] = [
    ("/usr/bin/systemd-nspawn", "systemd-container"),
    ("/usr/lib/systemd/systemd", "systemd"),
    ("/usr/sbin/init", "systemd-sysv"),
    ("/usr/lib/systemd/system/dbus.service", "dbus"),
];
const SHELLS: [Need; 4] = [
    ("/usr/bin/dash", "dash"),
    ("/usr/bin/bash", "bash"),
    ("/usr/bin/mksh", "mksh"),
    ("/usr/bin/yash", "yash"),
];

/// Whether this host can run every kind of machine.
///
/// # Errors
/// One line that names everything that is missing, with the Debian packages to install.
pub fn requirements() -> Result<(), TestbedError> {
    let needs = [ALWAYS.as_slice(), &SUDO, &DOAS, &PASSWORD, &BUSYBOX, &SYSTEMD, &SHELLS].concat();
    check(&needs, true)?;
    openrc_is_there()
}

/// Whether this host can run this machine.
pub(crate) fn requirements_of(spec: &MachineSpec) -> Result<(), TestbedError> {
    let mut needs = ALWAYS.to_vec();
    match spec.kind {
        Kind::SshdOnly => {}
        Kind::Systemd => needs.extend(SYSTEMD),
        Kind::OpenRc => openrc_is_there()?,
        Kind::BusyboxOnly => needs.extend(BUSYBOX),
    }
    if spec.sudo != SudoRule::None || !spec.sudoers.is_empty() {
        needs.extend(SUDO);
    }
    if spec.doas.is_some() {
        needs.extend(DOAS);
    }
    if spec.has_passwords() {
        needs.extend(PASSWORD);
    }
    let shell = spec.shell.program();
    needs.extend(
        SHELLS
            .iter()
            .chain(&BUSYBOX)
            .filter(|(path, _)| path.ends_with(&format!("/{shell}"))),
    );
    check(&needs, spec.kind != Kind::BusyboxOnly)
}

/// Its packages are unpacked into a folder and not installed.
fn openrc_is_there() -> Result<(), TestbedError> {
    if openrc::is_there() {
        return Ok(());
    }
    let folder = openrc::layer();
    Err(TestbedError::Requirements(format!(
        "OpenRC is not in {}, run `make setup`",
        folder.display()
    )))
}

fn check(needs: &[Need], overlay: bool) -> Result<(), TestbedError> {
    let filesystems = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let root = nix::unistd::geteuid().is_root();
    message(
        needs,
        |path| Path::new(path).exists(),
        root,
        !overlay || filesystems.contains("overlay"),
    )
    .map_or(Ok(()), |text| Err(TestbedError::Requirements(text)))
}

/// The line for what is missing, nothing when all is there.
fn message(needs: &[Need], exists: impl Fn(&str) -> bool, root: bool, overlay: bool) -> Option<String> {
    let missing: Vec<&Need> = needs.iter().filter(|(path, _)| !exists(path)).collect();
    let mut parts = Vec::new();
    if !root {
        parts.push("it must run as root (namespaces, mounts)".to_owned());
    }
    if !overlay {
        parts.push("the kernel has no overlayfs (try `modprobe overlay`)".to_owned());
    }
    if !missing.is_empty() {
        let paths: Vec<&str> = missing.iter().map(|(path, _)| *path).collect();
        let packages: BTreeSet<&str> = missing.iter().map(|(_, package)| *package).collect();
        let packages: Vec<&str> = packages.into_iter().collect();
        parts.push(format!(
            "{} missing, run `apt-get install {}`",
            paths.join(", "),
            packages.join(" ")
        ));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_everything_at_once() {
        let needs = [("/usr/bin/a", "one"), ("/usr/bin/b", "two"), ("/usr/bin/c", "one")];
        let text = message(&needs, |path| path.ends_with('b'), false, false).unwrap();
        assert!(text.contains("root") && text.contains("overlay"));
        assert!(text.ends_with("/usr/bin/a, /usr/bin/c missing, run `apt-get install one`"));
    }

    #[test]
    fn nothing_missing_is_no_message() {
        assert_eq!(message(&ALWAYS, |_| true, true, true), None);
    }
}
