//! Why a user does not become root, in words that say what to do.

/// Why sudo(8) or doas(1) did not run our program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrivilegeError {
    /// There is no sudo.
    #[error("sudo is not installed on the host, nor is doas; install one of them, or log in as root")]
    NoSudo,
    /// Neither becomes root without a password, and there is nobody to give one.
    #[error("neither sudo nor doas makes this user root without a password, saying '{said}'; allow NOPASSWD, or log in as root")]
    NotWithoutPassword {
        /// In sudo's words.
        said: String,
    },
    /// There is no doas; where there is a sudo, it is sudo's refusal that counts.
    #[error("doas is not installed on the host")]
    NoDoas,
    /// It asks for a password and we have none.
    #[error(
        "sudo asks for a password; give one (--sudo-password-file, or `sudoPassword` in the Secret), or allow {user} NOPASSWD"
    )]
    PasswordNeeded {
        /// Who asked.
        user: String,
    },
    /// doas asks for a password and we have none.
    #[error(
        "doas asks for a password; give one (--sudo-password-file, or `sudoPassword` in the Secret), or `permit nopass {user}` in doas.conf"
    )]
    DoasPasswordNeeded {
        /// Who asked.
        user: String,
    },
    /// It does not take the password.
    #[error(
        "sudo does not accept the password of {whose}; check --sudo-password-file, or `sudoPassword` in the Secret{}",
        other(.user, .whose)
    )]
    WrongPassword {
        /// Who asked.
        user: String,
        /// Whose password sudo asks for: the user's own, or as `rootpw`, `targetpw` and `runaspw` in sudoers(5) say.
        whose: String,
    },
    /// doas does not take the password.
    #[error("doas does not accept the password of {user}; check --sudo-password-file, or `sudoPassword` in the Secret")]
    DoasWrongPassword {
        /// Whose.
        user: String,
    },
    /// It does not let this user become root.
    #[error("sudo does not let {user} become root, saying '{said}'; sudoers must allow {user} ALL, or /bin/sh")]
    NotAllowed {
        /// Who.
        user: String,
        /// In sudo's words.
        said: String,
    },
    /// doas does not let this user become root.
    #[error("doas does not let {user} become root, saying '{said}'; doas.conf must `permit {user}`, with nopass or a password")]
    DoasNotAllowed {
        /// Who.
        user: String,
        /// In doas' words.
        said: String,
    },
    /// It lets us run a shell, and the shell no other program.
    #[error("sudo lets {user} run /bin/sh, and nothing from there (noexec in sudoers); give {user} the tag EXEC")]
    NoExec {
        /// Who.
        user: String,
    },
    /// It works on a terminal only, and there is none.
    #[error(
        "sudo lets {user} become root on a terminal only (requiretty in sudoers), and the SSH server gives none; allow terminals (PermitTTY in sshd_config, no `no-pty` in authorized_keys), or turn requiretty off for {user}"
    )]
    NoTerminal {
        /// Who.
        user: String,
    },
    /// The user's account, or its password, has expired or is locked.
    #[error("sudo refuses the account of {user}, saying '{said}'; renew it on the host (chage, passwd)")]
    Expired {
        /// Whose.
        user: String,
        /// In sudo's words.
        said: String,
    },
    /// It asks something else than one password.
    #[error("sudo does not go on, saying '{said}'; it may ask for no more than one password")]
    OtherQuestion {
        /// In sudo's words.
        said: String,
    },
}

fn other(user: &str, whose: &str) -> String {
    if user == whose {
        return String::new();
    }
    format!(" (sudoers makes sudo ask {user} for the password of {whose})")
}
