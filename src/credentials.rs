//! Keys, passwords and known hosts to a [`Host`] for each machine, before any is touched.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use remote::engine::{Host, Privilege};
use remote::secret::Secret;
use remote::ssh::{Credentials, Deadlines, Hop, HostKeys, Identity, KeyError, KnownHosts, Target, Unknown};

use crate::cli::{ConnectionArgs, HostKeyChecking};
use crate::input::{self, Problem};
use crate::machine::Machine;
use crate::target;

/// The keys that ssh(1) looks for, and we take.
const DEFAULT_KEYS: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// What is the same for all machines.
struct Common {
    credentials: Credentials,
    passphrase: Option<Secret>,
    sudo_password: Option<Secret>,
    host_keys: HostKeys,
    jump: Vec<Hop>,
}

/// How each machine is reached, in their order.
///
/// # Errors
/// All that is wrong with keys and options.
pub(crate) fn hosts(machines: &[Machine], args: &ConnectionArgs) -> Result<Vec<Host>, Vec<Problem>> {
    let needs_own_keys = machines.iter().any(|machine| machine.key.is_none()) || args.jump.is_some();
    let common = common(args, needs_own_keys).map_err(|problem| vec![problem])?;
    let mut problems = Vec::new();
    let mut hosts = Vec::with_capacity(machines.len());
    for machine in machines {
        match host(machine, &common) {
            Ok(host) => hosts.push(host),
            Err(KeyError::PassphraseNeeded { label }) => {
                let advice = "give its passphrase as the key \"passphrase\" of that Secret, or with --passphrase-file FILE";
                problems.push(Problem(format!("{}: {label} is encrypted: {advice}", machine.name)));
            }
            Err(error) => problems.push(Problem(format!("{}: {error}", machine.name))),
        }
    }
    if problems.is_empty() { Ok(hosts) } else { Err(problems) }
}

fn common(args: &ConnectionArgs, needs_own_keys: bool) -> Result<Common, Problem> {
    let passphrase = password(args.passphrase_file.as_deref())?;
    let sudo_password = if args.ask_sudo_password {
        Some(ask("sudo password: ", "--sudo-password-file FILE")?)
    } else {
        password(args.sudo_password_file.as_deref())?
    };
    let credentials = if needs_own_keys {
        own_credentials(args, passphrase.as_ref())?
    } else {
        Credentials::default()
    };
    let host_keys = host_keys(args)?;
    let jump = jump(args, &credentials, &host_keys)?;
    Ok(Common {
        credentials,
        passphrase,
        sudo_password,
        host_keys,
        jump,
    })
}

fn host(machine: &Machine, common: &Common) -> Result<Host, KeyError> {
    let Common {
        credentials,
        passphrase,
        sudo_password,
        host_keys,
        jump,
    } = common;
    let credentials = match &machine.key {
        None => credentials.clone(),
        Some(key) => {
            let passphrase = key.passphrase.as_ref().or(passphrase.as_ref());
            let identities = vec![Identity::decode(&key.label, &key.private_key, passphrase)?];
            Credentials { identities, agent: None }
        }
    };
    let own_password = machine.key.as_ref().and_then(|key| key.sudo_password.as_ref());
    let password = own_password.or(sudo_password.as_ref()).cloned();
    Ok(Host {
        target: Target {
            host: machine.host.clone(),
            port: machine.port,
            user: machine.user.clone(),
            credentials,
            host_keys: host_keys.clone(),
            jump: jump.clone(),
        },
        privilege: if machine.use_sudo {
            Privilege::Sudo { password }
        } else {
            Privilege::Login
        },
    })
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

/// The first line of a file.
fn password(path: Option<&Path>) -> Result<Option<Secret>, Problem> {
    let Some(path) = path else { return Ok(None) };
    let text = input::read(path)?;
    let line = text.expose().split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        return Err(Problem(format!(
            "{}: the first line, which should be a password, is empty",
            path.display()
        )));
    }
    Ok(Some(Secret::new(line)))
}

fn ask(prompt: &str, instead: &str) -> Result<Secret, Problem> {
    rpassword::prompt_password(prompt).map(Secret::new).map_err(|error| {
        let error = input::in_words(&error);
        Problem(format!(
            "cannot ask for the {prompt}there is no terminal ({error}); give {instead}"
        ))
    })
}

fn own_credentials(args: &ConnectionArgs, passphrase: Option<&Secret>) -> Result<Credentials, Problem> {
    let agent = std::env::var_os("SSH_AUTH_SOCK")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    if !args.identities.is_empty() {
        let identities = args
            .identities
            .iter()
            .map(|path| identity(path, passphrase))
            .collect::<Result<_, _>>()?;
        return Ok(Credentials { identities, agent });
    }
    let folder = home()?.join(".ssh");
    let existing: Vec<_> = DEFAULT_KEYS
        .iter()
        .map(|name| folder.join(name))
        .filter(|path| path.exists())
        .collect();
    let mut identities = Vec::new();
    for path in &existing {
        match decode(path, passphrase) {
            Ok(Ok(identity)) => identities.push(identity),
            // Nobody named this key, and the agent may well have it.
            Ok(Err(KeyError::PassphraseNeeded { .. })) if agent.is_some() => {}
            Ok(Err(KeyError::PassphraseNeeded { .. })) => identities.push(identity(path, passphrase)?),
            Ok(Err(error)) => return Err(Problem::new(error)),
            Err(problem) => return Err(problem),
        }
    }
    if identities.is_empty() && agent.is_none() {
        let looked = folder.display();
        return Err(Problem(format!(
            "no key to log in with: there is no SSH agent (SSH_AUTH_SOCK) and no id_ed25519, id_ecdsa or id_rsa in {looked}; give one with -i FILE"
        )));
    }
    Ok(Credentials { identities, agent })
}

fn decode(path: &Path, passphrase: Option<&Secret>) -> Result<Result<Identity, KeyError>, Problem> {
    Ok(Identity::decode(&path.display().to_string(), &input::read(path)?, passphrase))
}

/// A key that was named, or must do: its passphrase is asked for if there is somebody to ask.
fn identity(path: &Path, passphrase: Option<&Secret>) -> Result<Identity, Problem> {
    match decode(path, passphrase)? {
        Err(KeyError::PassphraseNeeded { .. }) if std::io::stdin().is_terminal() => {
            let passphrase = ask(&format!("passphrase of {}: ", path.display()), "--passphrase-file FILE")?;
            decode(path, Some(&passphrase))?.map_err(Problem::new)
        }
        Err(error @ KeyError::PassphraseNeeded { .. }) => Err(Problem(format!("{error} (--passphrase-file FILE)"))),
        decoded => decoded.map_err(Problem::new),
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
        None => KnownHosts::new(home()?.join(".ssh/known_hosts"), unknown).also("/etc/ssh/ssh_known_hosts"),
    };
    Ok(HostKeys::KnownHosts(Arc::new(known_hosts)))
}

fn jump(args: &ConnectionArgs, credentials: &Credentials, host_keys: &HostKeys) -> Result<Vec<Hop>, Problem> {
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
                credentials: credentials.clone(),
                host_keys: host_keys.clone(),
            })
        })
        .collect()
}

fn home() -> Result<PathBuf, Problem> {
    std::env::home_dir().ok_or_else(|| Problem::new("there is no home directory: set HOME, or give -i and --known-hosts"))
}
