//! What whoever runs this has: keys in files and in an agent, and words that are asked for.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use remote::secret::Secret;
use remote::ssh::{Credentials, Identity, KeyError, UserCertificate};

use crate::cli::ConnectionArgs;
use crate::input::{self, Problem};

/// The keys that ssh(1) looks for, and we take.
const DEFAULT_KEYS: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// The first line of a file.
pub(super) fn password(path: Option<&Path>) -> Result<Option<Secret>, Problem> {
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

/// Asks on the terminal; `instead` is what to give where there is none.
pub(super) fn ask(prompt: &str, instead: &str) -> Result<Secret, Problem> {
    rpassword::prompt_password(prompt).map(Secret::new).map_err(|error| {
        let error = input::in_words(&error);
        Problem(format!(
            "cannot ask for the {prompt}there is no terminal ({error}); give {instead}"
        ))
    })
}

/// The keys of whoever runs this: those given with `-i` or else those that ssh(1) would find, then those of the agent; and certificates
/// for them.
///
/// # Errors
/// What is wrong with one of them, or that there is none although one is `needed`.
pub(super) fn keys(args: &ConnectionArgs, passphrase: Option<&Secret>, needed: bool) -> Result<Credentials, Problem> {
    let agent = std::env::var_os("SSH_AUTH_SOCK")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    let mut certificates = args
        .certificates
        .iter()
        .map(|path| certificate(path))
        .collect::<Result<Vec<_>, _>>()?;
    if !args.identities.is_empty() {
        let identities: Vec<_> = args
            .identities
            .iter()
            .map(|path| identity(path, passphrase))
            .collect::<Result<_, _>>()?;
        beside(&args.identities, &mut certificates)?;
        if let (None, [only]) = (&agent, identities.as_slice()) {
            certificates
                .iter()
                .try_for_each(|certificate| certificate.check(only))
                .map_err(Problem::new)?;
        }
        return Ok(Credentials {
            identities,
            certificates,
            agent,
            password: None,
        });
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
    beside(&existing, &mut certificates)?;
    if identities.is_empty() && agent.is_none() && needed {
        let looked = folder.display();
        return Err(Problem(format!(
            "no key to log in with: there is no SSH agent (SSH_AUTH_SOCK) and no id_ed25519, id_ecdsa or id_rsa in {looked}; give one with -i FILE"
        )));
    }
    Ok(Credentials {
        identities,
        certificates,
        agent,
        password: None,
    })
}

/// Adds the certificates that lie beside the keys, where `ssh-keygen -s` leaves them: `id_ed25519-cert.pub` beside `id_ed25519`.
fn beside(keys: &[PathBuf], certificates: &mut Vec<UserCertificate>) -> Result<(), Problem> {
    for key in keys {
        let mut name = key.clone().into_os_string();
        name.push("-cert.pub");
        let path = PathBuf::from(name);
        if path.exists() {
            let certificate = certificate(&path)?;
            if !certificates.contains(&certificate) {
                certificates.push(certificate);
            }
        }
    }
    Ok(())
}

fn certificate(path: &Path) -> Result<UserCertificate, Problem> {
    UserCertificate::decode(&path.display().to_string(), input::read(path)?.expose()).map_err(Problem::new)
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

/// The home directory.
pub(super) fn home() -> Result<PathBuf, Problem> {
    std::env::home_dir().ok_or_else(|| Problem::new("there is no home directory: set HOME, or give -i and --known-hosts"))
}
