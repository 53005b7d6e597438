//! Keys, passwords and known hosts to a [`Host`] for each machine, before any is touched.

mod own;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use remote::engine::{Host, Privilege};
use remote::secret::Secret;
use remote::ssh::{
    Credentials, Deadlines, Hop, HostKeys, Identity, JumpHosts, KeyError, KnownHosts, Pins, Target, Unknown, UserCertificate,
};

use crate::cli::{ConnectionArgs, HostKeyChecking};
use crate::input::{self, Problem};
use crate::machine::{JumpHost, Login, Machine};
use crate::target;

/// How a machine is reached that says all of that itself. A host that says nothing of its keys is believed as `unpinned` says; a jump host
/// without a key of its own is shown the machine's, but never its password.
///
/// # Errors
/// What is wrong with a key.
pub(crate) fn own_host(machine: &Machine, unpinned: &HostKeys, jump_hosts: JumpHosts) -> Result<Host, Problem> {
    let mut common = Common {
        keys: Credentials::default(),
        passphrase: None,
        passphrase_option: None,
        password: None,
        sudo_password: None,
        host_keys: unpinned.clone(),
        jump: Vec::new(),
        jump_hosts,
    };
    let own = common.own(&machine.login)?.unwrap_or_default();
    common.keys = Credentials { password: None, ..own };
    common.host(machine)
}

/// What is the same for all machines.
struct Common {
    /// Without a password: what somebody has in common with all machines is sent to none but those.
    keys: Credentials,
    passphrase: Option<Secret>,
    /// How to give one, where there is a command line to do so.
    passphrase_option: Option<&'static str>,
    password: Option<Secret>,
    sudo_password: Option<Secret>,
    host_keys: HostKeys,
    jump: Vec<Hop>,
    jump_hosts: JumpHosts,
}

/// How each machine is reached, in their order.
///
/// # Errors
/// All that is wrong with keys and options.
pub(crate) fn hosts(machines: &[Machine], args: &ConnectionArgs) -> Result<Vec<Host>, Vec<Problem>> {
    let common = Common::new(machines, args).map_err(|problem| vec![problem])?;
    let mut problems = Vec::new();
    let mut hosts = Vec::with_capacity(machines.len());
    for machine in machines {
        match common.host(machine) {
            Ok(host) => hosts.push(host),
            Err(problem) => problems.push(Problem(format!("{}: {problem}", machine.name))),
        }
    }
    if problems.is_empty() { Ok(hosts) } else { Err(problems) }
}

impl Common {
    fn new(machines: &[Machine], args: &ConnectionArgs) -> Result<Self, Problem> {
        let passphrase = own::password(args.passphrase_file.as_deref())?;
        let sudo_password = if args.ask_sudo_password {
            Some(own::ask("sudo password: ", "--sudo-password-file FILE")?)
        } else {
            own::password(args.sudo_password_file.as_deref())?
        };
        let password = if args.ask_password {
            Some(own::ask("password: ", "--password-file FILE")?)
        } else {
            own::password(args.password_file.as_deref())?
        };
        let for_machines = machines.iter().any(|machine| !machine.login.is_some());
        let for_jump_hosts = machines
            .iter()
            .flat_map(|machine| &machine.jump)
            .any(|jump| !jump.login.is_some())
            || (args.jump.is_some() && machines.iter().any(|machine| machine.jump.is_empty()));
        let keys = if for_machines || for_jump_hosts {
            // With a password, a machine can do without keys. A jump host has none.
            own::keys(args, passphrase.as_ref(), password.is_none() || for_jump_hosts)?
        } else {
            Credentials::default()
        };
        let host_keys = host_keys(args)?;
        let jump = jump(args, &keys, &host_keys)?;
        Ok(Self {
            keys,
            passphrase,
            passphrase_option: Some("--passphrase-file FILE"),
            password,
            sudo_password,
            host_keys,
            jump,
            jump_hosts: JumpHosts::default(),
        })
    }

    fn host(&self, machine: &Machine) -> Result<Host, Problem> {
        let credentials = match self.own(&machine.login)? {
            Some(credentials) => credentials,
            None => Credentials {
                password: self.password.clone(),
                ..self.keys.clone()
            },
        };
        let jump = if machine.jump.is_empty() {
            self.jump.clone()
        } else {
            machine.jump.iter().map(|jump| self.hop(jump)).collect::<Result<_, _>>()?
        };
        let password = machine.sudo_password.as_ref().or(self.sudo_password.as_ref()).cloned();
        Ok(Host {
            target: Target {
                host: machine.host.clone(),
                port: machine.port,
                user: machine.user.clone(),
                credentials,
                host_keys: self.host_keys(machine.host_keys.as_ref()),
                jump,
                jump_hosts: self.jump_hosts.clone(),
            },
            privilege: if machine.use_sudo {
                Privilege::Sudo { password }
            } else {
                Privilege::Login
            },
        })
    }

    fn hop(&self, jump: &JumpHost) -> Result<Hop, Problem> {
        let credentials = self
            .own(&jump.login)
            .map_err(|problem| Problem(format!("jump host {}: {problem}", jump.host)))?;
        Ok(Hop {
            host: jump.host.clone(),
            port: jump.port,
            user: jump.user.clone(),
            credentials: credentials.unwrap_or_else(|| self.keys.clone()),
            host_keys: self.host_keys(jump.host_keys.as_ref()),
        })
    }

    fn host_keys(&self, pins: Option<&Arc<Pins>>) -> HostKeys {
        pins.map_or_else(|| self.host_keys.clone(), |pins| HostKeys::Pinned(pins.clone()))
    }

    /// What somebody has of their own; they then get nothing else.
    fn own(&self, login: &Login) -> Result<Option<Credentials>, Problem> {
        if !login.is_some() {
            return Ok(None);
        }
        let mut credentials = Credentials {
            password: login.password.clone(),
            ..Credentials::default()
        };
        if let Some(key) = &login.key {
            let passphrase = key.passphrase.as_ref().or(self.passphrase.as_ref());
            let identity = Identity::decode(&key.label, &key.private_key, passphrase).map_err(|error| match error {
                KeyError::PassphraseNeeded { label } => {
                    let or = self.passphrase_option.map(|option| format!(", or with {option}"));
                    let or = or.unwrap_or_default();
                    Problem(format!(
                        "{label} is encrypted: give its passphrase as the key \"passphrase\" of that Secret{or}"
                    ))
                }
                error @ (KeyError::NotAKey { .. } | KeyError::WrongPassphrase { .. } | KeyError::Unsupported { .. }) => {
                    Problem::new(error)
                }
            })?;
            if let Some((label, certificate)) = &login.certificate {
                let certificate = UserCertificate::decode(label, certificate.expose()).map_err(Problem::new)?;
                certificate.check(&identity).map_err(Problem::new)?;
                credentials.certificates.push(certificate);
            }
            credentials.identities.push(identity);
        }
        Ok(Some(credentials))
    }
}

/// How long the phases of a connection may take.
pub(crate) fn deadlines(args: &ConnectionArgs) -> Deadlines {
    Deadlines {
        connect: Duration::from_secs(args.connect_timeout),
        key_exchange: Duration::from_secs(args.key_exchange_timeout),
        authentication: Duration::from_secs(args.authentication_timeout),
        ..Deadlines::default()
    }
}

fn host_keys(args: &ConnectionArgs) -> Result<HostKeys, Problem> {
    let unknown = match args.host_key_checking {
        HostKeyChecking::Yes => Unknown::Refuse,
        HostKeyChecking::AcceptNew => Unknown::Remember,
        HostKeyChecking::No => return Ok(HostKeys::AcceptAny),
    };
    if let Some(path) = &args.known_hosts {
        match std::fs::read(path) {
            // It is made when there is a key to remember.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(Problem(format!(
                    "--known-hosts {}: {}",
                    path.display(),
                    input::in_words(&error)
                )));
            }
            Ok(_) => {}
        }
    }
    let known_hosts = match &args.known_hosts {
        Some(path) => KnownHosts::new(path, unknown),
        None => KnownHosts::new(own::home()?.join(".ssh/known_hosts"), unknown).also("/etc/ssh/ssh_known_hosts"),
    };
    Ok(HostKeys::KnownHosts(Arc::new(known_hosts)))
}

/// Where it is written down which machine answered at which address: beside the keys that they proved themselves with. Nowhere, if who
/// runs this has no home, or the keys go to no file (`/dev/null`).
pub(crate) fn known_machines(args: &ConnectionArgs) -> Option<PathBuf> {
    let known_hosts = match &args.known_hosts {
        Some(path) => path.clone(),
        None => own::home().ok()?.join(".ssh/known_hosts"),
    };
    let is_other = known_hosts.metadata().is_ok_and(|found| !found.is_file());
    (!is_other).then(|| known_hosts.with_file_name("known_machines"))
}

fn jump(args: &ConnectionArgs, keys: &Credentials, host_keys: &HostKeys) -> Result<Vec<Hop>, Problem> {
    let names = args.jump.iter().flat_map(|names| names.split(','));
    names
        .map(|name| {
            let named = target::parse(name.trim()).map_err(|error| Problem(format!("--jump: {error}")))?;
            Ok(Hop {
                host: named.host,
                port: named.port.unwrap_or(22),
                // As ssh(1): who we are here, unless the name says otherwise.
                user: named
                    .user
                    .or_else(|| std::env::var("USER").ok())
                    .unwrap_or_else(|| "root".to_owned()),
                credentials: keys.clone(),
                host_keys: host_keys.clone(),
            })
        })
        .collect()
}
