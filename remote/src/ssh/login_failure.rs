//! What was tried to log in, and what the server said: [`AuthenticationFailure`].

use std::fmt;

/// A key that was shown to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Where the key or certificate came from: the name of a file, `Secret default/key`, or a comment in the agent.
    pub label: String,
    /// The algorithm that it was offered for, such as `ssh-ed25519`, `rsa-sha2-512` or `ssh-ed25519-cert-v01@openssh.com`.
    pub algorithm: String,
    /// The key's fingerprint.
    pub fingerprint: String,
    /// The id of the certificate, if it is one.
    pub certificate: Option<String>,
    /// What about it may be the reason that it was refused.
    pub suspicion: Option<String>,
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            label,
            algorithm,
            fingerprint,
            certificate,
            suspicion,
        } = self;
        write!(f, "{label} ({algorithm} {fingerprint}")?;
        if let Some(id) = certificate {
            write!(f, ", certificate '{id}'")?;
        }
        if let Some(suspicion) = suspicion {
            write!(f, "; {suspicion}")?;
        }
        f.write_str(")")
    }
}

/// What became of the password.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PasswordUse {
    /// There is none.
    #[default]
    NotGiven,
    /// There is one, and the server did not want it, or not any more.
    Unused,
    /// The server does not take it. Holds the method: `password` or `keyboard-interactive`.
    Refused(&'static str),
    /// The server took it, by this method, and asks for more.
    Accepted(&'static str),
    /// The server asked, by keyboard-interactive, other things than one password: its questions so far.
    OtherQuestions(Vec<String>),
    /// The password is out of date and has to be changed first.
    Expired,
}

/// What was tried to log in, and what the server said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthenticationFailure {
    /// `host:port` of the hop.
    pub host: String,
    /// The user.
    pub user: String,
    /// Each key that was shown, in order.
    pub offered: Vec<Offer>,
    /// Keys and certificates that were not shown, each with the reason.
    pub not_offered: Vec<String>,
    /// What became of the password.
    pub password: PasswordUse,
    /// The methods that the server takes next, in its words: `publickey`, `password`, ...
    pub server_methods: Vec<String>,
    /// A key or the password was accepted, but the server asks for more (`AuthenticationMethods`).
    pub partial: bool,
    /// What the agent could not do, if it was asked.
    pub agent: Option<String>,
    /// The message with which the server hung up, if it did.
    pub said: Option<String>,
    /// How many keys were left when trying ended.
    pub untried: usize,
}

impl AuthenticationFailure {
    fn takes(&self, method: &str) -> bool {
        self.server_methods.iter().any(|name| name == method)
    }

    fn takes_a_password(&self) -> bool {
        self.takes("password") || self.takes("keyboard-interactive")
    }

    fn offers(&self) -> String {
        let offers: Vec<_> = self.offered.iter().map(ToString::to_string).collect();
        offers.join(", ")
    }

    /// What to do, as far as can be told from here.
    fn advice(&self) -> &'static str {
        match &self.password {
            PasswordUse::OtherQuestions(_) => {
                return "one password is all that can be answered here: let this user in with a key, a password, or both";
            }
            PasswordUse::Expired => return "log in by hand and change it",
            PasswordUse::Refused(_) if self.offered.is_empty() || self.partial || !self.takes("publickey") => {
                return "check the user and the password";
            }
            PasswordUse::Refused(_) => {
                return "check the user and the password, and that one of these public keys is in that user's authorized_keys";
            }
            PasswordUse::NotGiven | PasswordUse::Unused | PasswordUse::Accepted(_) => {}
        }
        let known = !self.server_methods.is_empty();
        if known
            && self.takes_a_password()
            && self.password == PasswordUse::NotGiven
            && (self.partial || !self.takes("publickey"))
        {
            "give the user's password (--password-file, or `password` in the Secret)"
        } else if known && !self.takes_a_password() && !self.takes("publickey") {
            "only keys and passwords can be used here: allow one of them in sshd_config (PubkeyAuthentication, PasswordAuthentication, \
             AuthenticationMethods)"
        } else if self.offered.is_empty() {
            "give a private key"
        } else if self.partial {
            "give all that AuthenticationMethods in its sshd_config asks for, or let one key be enough there"
        } else if self.offered.iter().any(|offer| offer.certificate.is_some()) {
            "check the user, and that the certificate's authority is in the server's TrustedUserCAKeys or the public key in that user's \
             authorized_keys"
        } else {
            "check the user, and that one of these public keys is in that user's authorized_keys"
        }
    }
}

impl fmt::Display for AuthenticationFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            host,
            user,
            offered,
            not_offered,
            password,
            server_methods,
            partial,
            agent,
            said,
            untried,
        } = self;
        let methods = server_methods.join(", ");
        if *partial {
            write!(f, "{host} accepted user {user} in part, but asks for more: {methods}")?;
            if !offered.is_empty() {
                write!(f, "; shown were {}", self.offers())?;
            }
        } else if !offered.is_empty() {
            write!(f, "{host} does not let user {user} in with {}", self.offers())?;
        } else if *password == PasswordUse::NotGiven {
            write!(f, "no key to log in to {host} as {user}")?;
        } else {
            write!(f, "{host} does not let user {user} in")?;
        }
        match password {
            PasswordUse::NotGiven => {}
            PasswordUse::Unused => f.write_str("; the password was not asked for")?,
            PasswordUse::Refused(method) => write!(f, "; it refused the password ({method})")?,
            PasswordUse::Accepted(method) => write!(f, "; it took the password ({method})")?,
            PasswordUse::Expired => f.write_str("; the password has expired, and it asks for a new one")?,
            PasswordUse::OtherQuestions(questions) => {
                let questions: Vec<_> = questions.iter().map(|question| format!("'{question}'")).collect();
                write!(f, "; it asks {}", questions.join(", then "))?;
            }
        }
        if !*partial && !methods.is_empty() {
            write!(f, "; it takes {methods}")?;
        }
        if let Some(said) = said {
            write!(f, "; it hung up saying '{said}'")?;
        }
        for what in not_offered {
            write!(f, "; not shown: {what}")?;
        }
        if let Some(agent) = agent {
            write!(f, "; the SSH agent: {agent}")?;
        }
        if *untried > 0 {
            write!(
                f,
                "; {untried} more keys were not tried (MaxAuthTries): give only the right one"
            )?;
        }
        write!(f, "; {}", self.advice())
    }
}
