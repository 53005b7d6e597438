//! Writes a machine's disk, before its first start, from outside.
//!
//! All paths go through `/proc/<pid>/root` of the machine's outermost process, where an absolute symbolic link would lead
//! back to the host. So nothing here follows a link: a file is removed before it is written, and the folders written to
//! are plain ones.

use crate::busybox;
use crate::error::TestbedError;
use crate::etc_files::{self, Account};
use crate::keys::{Keys, generate};
use crate::openrc;
use crate::program::{succeed, with_deadline};
use crate::spec::{Kind, MachineSpec};
use crate::systemd;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown, symlink};
use std::path::Path;

/// What the machine's disk shows of the host's root folder: the operating system, but nobody's data.
const SHOWN: [&str; 10] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc", "var", "opt"];
/// What is hidden below that: logs, caches, and what a machine must have for itself.
const HIDDEN: [&str; 11] = [
    "var/tmp",
    "var/log",
    "var/cache/anywhere",
    "var/lib/dbus",
    "var/lib/systemd",
    "var/lib/sudo",
    "etc/ssh",
    "etc/sudoers.d",
    "etc/systemd",
    "etc/machine-id",
    "etc/resolv.conf",
];
/// Folders of every machine, with their modes.
const FOLDERS: [(&str, u32); 20] = [
    ("dev", 0o755),
    ("proc", 0o555),
    ("sys", 0o555),
    ("run", 0o755),
    ("tmp", 0o1777),
    ("root", 0o700),
    ("home", 0o755),
    ("mnt", 0o755),
    ("media", 0o755),
    ("srv", 0o755),
    ("opt", 0o755),
    ("etc", 0o755),
    ("etc/ssh", 0o755),
    ("var", 0o755),
    ("var/tmp", 0o1777),
    ("var/log", 0o755),
    ("var/lib", 0o755),
    ("usr", 0o755),
    ("usr/local", 0o755),
    ("usr/local/bin", 0o755),
];

/// What populates a disk.
pub(crate) struct Contents<'a> {
    pub(crate) spec: &'a MachineSpec,
    pub(crate) hostname: &'a str,
    pub(crate) address: Ipv4Addr,
    pub(crate) keys: &'a Keys,
}

/// Writes what belongs below the overlay: the names of the host that the machine does not see.
pub(crate) fn hide_the_host(store: &Path) -> Result<(), TestbedError> {
    let upper = store.join("disk/upper");
    let whiteout = store.join("disk/whiteout");
    let hide = |name: &str| {
        let to = upper.join(name);
        fs::hard_link(&whiteout, &to).map_err(TestbedError::path("hide", to))
    };
    let entries = fs::read_dir("/").map_err(TestbedError::io("list /"))?;
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !SHOWN.contains(&name.as_str()) {
            hide(&name)?;
        }
    }
    for name in ["etc", "var", "var/lib", "var/cache"] {
        folder(&upper, name, 0o755)?;
    }
    HIDDEN.iter().try_for_each(|name| hide(name))
}

/// Writes what the scripts in the machine's outer namespace read.
pub(crate) fn write_scripts(store: &Path, contents: &Contents<'_>) -> Result<(), TestbedError> {
    let bound_files = match contents.spec.kind {
        Kind::SshdOnly | Kind::Systemd | Kind::OpenRc => Vec::new(),
        Kind::BusyboxOnly => busybox::bound_files()?,
    };
    file(store, "enter-systemd.sh", 0o700, include_str!("scripts/enter-systemd.sh"))?;
    file(store, "enter-openrc.sh", 0o700, include_str!("scripts/enter-openrc.sh"))?;
    file(store, "enter.sh", 0o700, include_str!("scripts/enter.sh"))?;
    file(store, "init.sh", 0o700, include_str!("scripts/init.sh"))?;
    file(store, "fstab", 0o600, &etc_files::fstab(contents.spec, &bound_files))?;
    let spec = contents.spec;
    let marks = [
        ("read-only", spec.read_only_root),
        ("own-network", spec.network.is_some()),
        ("containers", spec.containers),
        ("openrc", spec.kind == Kind::OpenRc),
    ];
    let mut wanted = marks.iter().filter(|(_, wanted)| *wanted);
    wanted.try_for_each(|(name, _)| file(store, name, 0o600, ""))
}

/// Writes what is the machine's own: accounts, keys, the SSH server's configuration.
pub(crate) fn populate(root: &Path, contents: &Contents<'_>) -> Result<(), TestbedError> {
    let Contents {
        spec,
        hostname,
        address,
        keys,
    } = *contents;
    FOLDERS.iter().try_for_each(|(name, mode)| folder(root, name, *mode))?;
    let accounts = etc_files::accounts(spec, password_hash)?;
    let (host_passwd, host_group) = match spec.kind {
        Kind::SshdOnly | Kind::Systemd | Kind::OpenRc => (host_file("/etc/passwd")?, host_file("/etc/group")?),
        Kind::BusyboxOnly => (
            "sshd:x:101:65534::/run/sshd:/bin/false\n".to_owned(),
            "tty:x:5:\nnogroup:x:65534:\n".to_owned(),
        ),
    };
    let passwd = etc_files::passwd(&host_passwd, &accounts);
    let group = etc_files::group(&host_group, &accounts);
    let texts = [
        ("etc/passwd", 0o644, passwd.clone()),
        ("etc/group", 0o644, group.clone()),
        ("etc/shadow", 0o600, etc_files::shadow(&passwd, &accounts)),
        ("etc/gshadow", 0o600, etc_files::gshadow(&group)),
        ("etc/hostname", 0o644, format!("{hostname}\n")),
        ("etc/hosts", 0o644, etc_files::hosts(hostname, address)),
        ("etc/ssh/sshd_config", 0o644, etc_files::sshd_config(spec, address)),
    ];
    texts
        .iter()
        .try_for_each(|(name, mode, text)| file(root, name, *mode, text))?;
    for kind in &spec.host_keys {
        let path = root.join(etc_files::host_key_file(*kind).trim_start_matches('/'));
        generate(&path, kind.name(), None, "", hostname)?;
    }
    let accepted = spec
        .authorized_keys
        .iter()
        .map(String::as_str)
        .chain([keys.public_key()])
        .map(|line| format!("{line}\n"))
        .collect::<String>();
    accounts.iter().try_for_each(|account| home(root, account, &accepted))?;
    file(root, "etc/machine-id", 0o444, &format!("{}\n", machine_id()?))?;
    match spec.kind {
        Kind::SshdOnly => of_the_host(root, spec),
        Kind::Systemd => of_the_host(root, spec).and_then(|()| systemd::populate(root, spec.containers)),
        Kind::OpenRc => of_the_host(root, spec).and_then(|()| openrc::populate(root)),
        Kind::BusyboxOnly => busybox::populate(root),
    }
}

/// What a machine with the host's userland has besides.
fn of_the_host(root: &Path, spec: &MachineSpec) -> Result<(), TestbedError> {
    for name in ["var/lib/systemd", "var/lib/dbus", "var/lib/sudo", "etc/sudoers.d"] {
        folder(root, name, 0o755)?;
    }
    file(root, "etc/sudoers", 0o440, &etc_files::sudoers(spec))?;
    if let Some(text) = &spec.doas {
        file(root, "etc/doas.conf", 0o400, &format!("{text}\n"))?;
    }
    link(root, "usr/bin/sh", spec.shell.program())
}

/// A new machine-id(5).
fn machine_id() -> Result<String, TestbedError> {
    Ok(host_file("/proc/sys/kernel/random/uuid")?.trim().replace('-', ""))
}

/// The user's home folder with the accepted client keys.
fn home(root: &Path, account: &Account, accepted: &str) -> Result<(), TestbedError> {
    let home = account.home.trim_start_matches('/');
    folder(root, home, 0o700)?;
    folder(root, &format!("{home}/.ssh"), 0o700)?;
    file(root, &format!("{home}/.ssh/authorized_keys"), 0o600, accepted)?;
    for name in [
        home.to_owned(),
        format!("{home}/.ssh"),
        format!("{home}/.ssh/authorized_keys"),
    ] {
        let path = root.join(name);
        chown(&path, Some(account.id), Some(account.id)).map_err(TestbedError::path("change the owner of", path))?;
    }
    Ok(())
}

/// A crypt(5) hash, made by openssl because the standard library has none.
fn password_hash(password: &str) -> Result<String, TestbedError> {
    let mut command = with_deadline("openssl");
    command.args(["passwd", "-6", "-stdin"]);
    let output = succeed(&mut command, format!("{password}\n").as_bytes(), "openssl passwd")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn host_file(path: &str) -> Result<String, TestbedError> {
    fs::read_to_string(path).map_err(TestbedError::path("read", path))
}

/// A folder with this mode, whatever the umask is.
pub(crate) fn folder(root: &Path, name: &str, mode: u32) -> Result<(), TestbedError> {
    let path = root.join(name);
    match fs::DirBuilder::new().mode(mode).create(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(source) => return Err(TestbedError::path("make the folder", path)(source)),
    }
    fs::set_permissions(&path, Permissions::from_mode(mode)).map_err(TestbedError::path("set the mode of", path))
}

/// A new file with this mode, whatever was there and whatever the umask is.
pub(crate) fn file(root: &Path, name: &str, mode: u32, text: &str) -> Result<(), TestbedError> {
    let path = root.join(name);
    remove(&path)?;
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        file.write_all(text.as_bytes())
    };
    write().map_err(TestbedError::path("write", &path))
}

/// A symbolic link, whatever was there.
pub(crate) fn link(root: &Path, name: &str, target: &str) -> Result<(), TestbedError> {
    let path = root.join(name);
    remove(&path)?;
    symlink(target, &path).map_err(TestbedError::path("make the link", path))
}

fn remove(path: &Path) -> Result<(), TestbedError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(source) => Err(TestbedError::path("replace", path)(source)),
    }
}
