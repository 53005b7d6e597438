//! What a test asks for when it starts a machine.

use crate::network::Network;
use std::path::PathBuf;
use std::sync::Arc;

/// What `/bin/sh` is on the machine. It is also the login shell of root and `admin` unless the specification says
/// otherwise, because an SSH server runs a command with the user's login shell (sshd(8), LOGIN PROCESS).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Shell {
    /// Debian's default.
    #[default]
    Dash,
    /// As on Fedora, RHEL and Arch.
    Bash,
    /// As on Alpine and on appliances.
    Busybox,
    /// The MirBSD Korn shell, as on Android.
    Mksh,
    /// The strictest POSIX shell there is.
    Yash,
}

impl Shell {
    /// Every shell there is, for tests that go through all of them.
    pub const ALL: [Self; 5] = [Self::Dash, Self::Bash, Self::Busybox, Self::Mksh, Self::Yash];

    /// The program's name in `/usr/bin`.
    #[must_use]
    pub fn program(self) -> &'static str {
        match self {
            Self::Dash => "dash",
            Self::Bash => "bash",
            Self::Busybox => "busybox",
            Self::Mksh => "mksh",
            Self::Yash => "yash",
        }
    }
}

/// How much of an operating system the machine has. Machines of all kinds are in the network namespace of the thread that
/// starts them, unless they get one of their own, and their
/// `/proc/sys` is read-only because most of it would be the host's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The host's own userland with an SSH server and nothing else running. Starts in tens of milliseconds.
    #[default]
    SshdOnly,
    /// The host's own userland, booted by systemd, with the SSH server as one of its services. The kernel's default of
    /// `fs.inotify.max_user_instances` (128) is enough for about 20 of these at once, and for 9 that are Kubernetes nodes; `make setup`
    /// raises it.
    Systemd,
    /// The host's own userland without systemd's programs, booted by OpenRC, with the SSH server as one of its services.
    OpenRc,
    /// Nothing but busybox (its `ash` is `/bin/sh`) and an SSH server: no coreutils, bash, perl or sudo.
    BusyboxOnly,
}

impl Kind {
    /// The name that the scripts and the command line use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SshdOnly => "sshd-only",
            Self::Systemd => "systemd",
            Self::OpenRc => "openrc",
            Self::BusyboxOnly => "busybox-only",
        }
    }
}

/// What sudoers(5) says about the user `admin`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum SudoRule {
    /// `admin` may not use sudo at all.
    #[default]
    None,
    /// `NOPASSWD: ALL`.
    NoPassword,
    /// `ALL`, with this password, which is also `admin`'s login password.
    Password(String),
}

/// Which key pairs the SSH server identifies itself with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostKeyType {
    /// Ed25519.
    Ed25519,
    /// ECDSA on the NIST curve P-256.
    Ecdsa,
    /// RSA with 3072 bits (ssh-keygen's default).
    Rsa,
}

impl HostKeyType {
    /// ssh-keygen's `-t` argument, also the middle of the file's name (`ssh_host_*_key`).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Ecdsa => "ecdsa",
            Self::Rsa => "rsa",
        }
    }
}

/// A further normal user besides `admin`. The test process's client key may log in as it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct User {
    /// The login name.
    pub name: String,
    /// The login shell, `/bin/sh` when not given.
    pub login_shell: Option<String>,
    /// The password, for sudo, doas and the login; none when not given.
    pub password: Option<String>,
}

/// What a test asks for. `MachineSpec::default()` is Debian's userland with dash, an SSH server on a loopback address,
/// root and an `admin` without sudo.
#[derive(Clone, Debug)]
pub struct MachineSpec {
    /// How much of an operating system the machine has.
    pub kind: Kind,
    /// What `/bin/sh` is. [`Kind::BusyboxOnly`] has no other shell than busybox's and ignores this.
    pub shell: Shell,
    /// The login shell of root and `admin`, `/bin/sh` when not given.
    pub login_shell: Option<String>,
    /// Users besides root and `admin`.
    pub users: Vec<User>,
    /// Lines for the authorized_keys of everybody, besides the test process's client key.
    pub authorized_keys: Vec<String>,
    /// What `admin` may do with sudo. [`Kind::BusyboxOnly`] has no sudo and takes only [`SudoRule::None`].
    pub sudo: SudoRule,
    /// Lines for the end of sudoers(5), where the last one that matches counts. Not for [`Kind::BusyboxOnly`].
    pub sudoers: Vec<String>,
    /// doas.conf(5); without it doas serves nobody. Not for [`Kind::BusyboxOnly`].
    pub doas: Option<String>,
    /// root's password; none when not given.
    pub root_password: Option<String>,
    /// The hostname; by default made from the machine's address.
    pub name: Option<String>,
    /// The port of the SSH server.
    pub port: u16,
    /// The SSH server's keys, in this order.
    pub host_keys: Vec<HostKeyType>,
    /// Lines for the top of sshd_config(5), where the first value given for a keyword wins.
    pub sshd_config: Vec<String>,
    /// Size limit of the machine's disk (a tmpfs: what the machine changes costs memory), in bytes.
    pub disk_bytes: u64,
    /// Size limit of `/run` in bytes; the kernel's default when not given. Not for [`Kind::Systemd`].
    pub run_bytes: Option<u64>,
    /// Whether `/` is mounted read-only (`/run`, `/tmp` and `/dev` stay writable). Not for [`Kind::Systemd`].
    pub read_only_root: bool,
    /// A network namespace of the machine's own, with a link to this network's bridge. Only for [`Kind::Systemd`].
    pub network: Option<Arc<Network>>,
    /// Folders that lie over the host's userland, the first one on top. They are only read.
    pub layers: Vec<PathBuf>,
    /// Whether the machine may run containers, and so a kubelet: cgroups and capabilities of its own. Needs
    /// [`MachineSpec::network`]. It has an image `testbed.local/busybox:1` where its layers bring one.
    pub containers: bool,
}

impl Default for MachineSpec {
    fn default() -> Self {
        Self {
            kind: Kind::default(),
            shell: Shell::default(),
            login_shell: None,
            users: Vec::new(),
            authorized_keys: Vec::new(),
            sudo: SudoRule::default(),
            sudoers: Vec::new(),
            doas: None,
            root_password: None,
            name: None,
            port: 22,
            host_keys: vec![HostKeyType::Ed25519],
            sshd_config: Vec::new(),
            disk_bytes: 1 << 30,
            run_bytes: None,
            read_only_root: false,
            network: None,
            layers: Vec::new(),
            containers: false,
        }
    }
}

impl MachineSpec {
    /// The default machine of this kind.
    #[must_use]
    pub fn of_kind(kind: Kind) -> Self {
        Self { kind, ..Self::default() }
    }

    /// The default machine with this `/bin/sh`.
    #[must_use]
    pub fn with_shell(shell: Shell) -> Self {
        Self {
            shell,
            ..Self::default()
        }
    }

    /// Whether anybody there has a password.
    pub(crate) fn has_passwords(&self) -> bool {
        matches!(self.sudo, SudoRule::Password(_))
            || self.root_password.is_some()
            || self.users.iter().any(|user| user.password.is_some())
    }

    /// Why the specification cannot be met, if so.
    pub(crate) fn contradiction(&self) -> Option<&'static str> {
        let with_sudo = self.sudo != SudoRule::None || !self.sudoers.is_empty() || self.doas.is_some();
        let busybox_with_sudo = self.kind == Kind::BusyboxOnly && with_sudo;
        let systemd_with_limits = self.kind == Kind::Systemd && (self.run_bytes.is_some() || self.read_only_root);
        let control = |text: &str| text.contains(['\n', ':', '\0']);
        if busybox_with_sudo {
            Some("a machine with nothing but busybox has neither sudo nor doas")
        } else if systemd_with_limits {
            Some("systemd mounts / and /run by itself: no limit and no read-only root for this kind")
        } else if self.kind != Kind::Systemd && self.network.is_some() {
            Some("only a machine with systemd can have a network of its own")
        } else if self.kind == Kind::BusyboxOnly && !self.layers.is_empty() {
            Some("a machine with nothing but busybox has no layers")
        } else if self.containers && self.network.is_none() {
            Some("a machine that runs containers needs a network of its own")
        } else if self
            .layers
            .iter()
            .any(|layer| layer.display().to_string().contains([':', ',', '\\', '\n']))
        {
            Some("the path of a layer must be one that a mount option can hold")
        } else if self.host_keys.is_empty() {
            Some("the SSH server needs at least one host key")
        } else if self.users.iter().any(|user| user.name.is_empty() || control(&user.name)) {
            Some("a user name must be a word that passwd(5) can hold")
        } else {
            None
        }
    }
}
