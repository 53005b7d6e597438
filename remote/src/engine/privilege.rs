//! Becoming root: pure texts; `attempt.rs` does the talking.

use super::error::PrivilegeError;
use super::{Host, Privilege};

/// What sudo is told to ask with, so that we know it is sudo that asks.
pub(super) const PROMPT: &str = "anywhere-sudo-password:";

/// What our command says first where a password may be asked for: the password question is behind us.
pub(super) const READY: &str = "anywhere-ready";

/// The command line that runs `command`, a line for the login shell, as who it shall be.
pub(super) fn wrap(privilege: &Privilege, command: &str) -> String {
    match privilege {
        Privilege::Login => command.to_owned(),
        Privilege::Sudo { password: None } => format!("env LC_ALL=C sudo -n -- {command}"),
        Privilege::Sudo { password: Some(_) } => {
            // `enter` gives `/bin/sh -c '…'`: the word goes in front of what is within the quotes.
            let command = command.replacen("-c '", &format!("-c 'echo {READY}; "), 1);
            format!("env LC_ALL=C sudo -S -p {PROMPT} -- {command}")
        }
    }
}

/// sudo's refusal without its question before it, and without our whole command line, which it repeats.
fn without_command(line: &str) -> String {
    let line = line.trim_start_matches(PROMPT);
    let cut = line
        .split_once(" execute '")
        .and_then(|(before, rest)| Some((before, rest.rsplit_once("' as ")?.1)));
    match cut {
        Some((before, after)) => format!("{before} execute /bin/sh as {after}"),
        None => line.to_owned(),
    }
}

/// What sudo's (or the login shell's) words mean, when our program did not begin.
pub(super) fn explain(host: &Host, said: &str, status: Option<u32>) -> Option<PrivilegeError> {
    let Privilege::Sudo { password } = &host.privilege else {
        return None;
    };
    let user = || host.target.user.clone();
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let last = || {
        said.lines()
            .rfind(|line| !line.trim().is_empty())
            .map(|line| without_command(line.trim()))
            .unwrap_or_default()
    };
    if has(&["a password is required", "a terminal is required", "no password was provided"]) && password.is_none() {
        Some(PrivilegeError::PasswordNeeded { user: user() })
    } else if has(&[
        "not in the sudoers",
        "may not run sudo",
        "is not allowed to",
        "must have a tty",
        "not permitted",
    ]) {
        Some(PrivilegeError::NotAllowed {
            user: user(),
            said: last(),
        })
    } else if has(&["incorrect password", "no password was provided", "try again"]) {
        Some(PrivilegeError::WrongPassword { user: user() })
    } else if matches!(status, Some(126 | 127)) && said.contains("sudo") {
        Some(PrivilegeError::NoSudo)
    } else {
        None
    }
}
