//! What the matrix is made of.

use crate::spec::{Kind, Shell};

/// How a user proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Login {
    /// An Ed25519 key.
    Ed25519,
    /// An ECDSA key on the NIST curve P-256.
    Ecdsa,
    /// An RSA key of 3072 bits.
    Rsa,
    /// An Ed25519 key that an authority has signed, and nobody else knows.
    Certificate,
    /// A password (RFC 4252, 8).
    Password,
    /// A password as the answer to PAM's question (RFC 4256).
    KeyboardInteractive,
}

impl Login {
    /// Every way to log in.
    pub const ALL: [Self; 6] = [
        Self::Ed25519,
        Self::Ecdsa,
        Self::Rsa,
        Self::Certificate,
        Self::Password,
        Self::KeyboardInteractive,
    ];

    /// The port of the SSH server that takes nothing but this.
    pub(super) fn port(self) -> u16 {
        match self {
            Self::Ed25519 | Self::Ecdsa | Self::Rsa | Self::Certificate => 22,
            Self::Password => 2201,
            Self::KeyboardInteractive => 2202,
        }
    }

    /// What the table calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Ecdsa => "ecdsa",
            Self::Rsa => "rsa",
            Self::Certificate => "certificate",
            Self::Password => "password",
            Self::KeyboardInteractive => "keyboard",
        }
    }
}

/// Who runs the steps, and how it becomes that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Privilege {
    /// root logs in.
    Root,
    /// sudo, without a password.
    Sudo,
    /// sudo, which asks for a password.
    SudoPassword,
    /// sudo, which wants a terminal (`requiretty`) and makes one more (`use_pty`), and finds nothing in its PATH.
    SudoTerminal,
    /// doas without a password, where sudo does not let the user.
    Doas,
    /// The user that logs in, who stays that.
    Plain,
}

impl Privilege {
    /// Every way to become root, and none.
    pub const ALL: [Self; 6] = [
        Self::Root,
        Self::Sudo,
        Self::SudoPassword,
        Self::SudoTerminal,
        Self::Doas,
        Self::Plain,
    ];

    /// What the table calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Sudo => "sudo",
            Self::SudoPassword => "sudo password",
            Self::SudoTerminal => "sudo tty",
            Self::Doas => "doas",
            Self::Plain => "no root",
        }
    }

    /// Who logs in.
    pub(super) fn user(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Sudo => "by-sudo",
            Self::SudoPassword => "by-password",
            Self::SudoTerminal => "by-terminal",
            Self::Doas => "by-doas",
            Self::Plain => "plain",
        }
    }

    /// Whether the steps run as root.
    pub(super) fn is_root(self) -> bool {
        self != Self::Plain
    }

    /// What sudoers(5) says of the user, if anything.
    pub(super) fn sudoers(self) -> Option<String> {
        let user = self.user();
        match self {
            Self::Root | Self::Doas | Self::Plain => None,
            Self::Sudo => Some(format!("{user} ALL=(ALL) NOPASSWD: ALL")),
            Self::SudoPassword => Some(format!("{user} ALL=(ALL) ALL")),
            Self::SudoTerminal => Some(format!(
                "Defaults:{user} requiretty,use_pty,secure_path=/usr/bin\n{user} ALL=(ALL) NOPASSWD: ALL"
            )),
        }
    }

    /// Where the steps may write.
    pub(super) fn base(self) -> String {
        match self {
            Self::Plain => format!("/home/{}/matrix", self.user()),
            Self::Root | Self::Sudo | Self::SudoPassword | Self::SudoTerminal | Self::Doas => "/etc/matrix".to_owned(),
        }
    }
}

/// One combination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cell {
    /// How the user logs in.
    pub login: Login,
    /// How it becomes root.
    pub privilege: Privilege,
    /// What `/bin/sh` is.
    pub shell: Shell,
    /// What has booted the machine.
    pub init: Kind,
}
