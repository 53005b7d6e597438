//! Becoming root: pure texts; `attempt.rs` and `opening.rs` do the talking.
//!
//! sudo comes first. What it says when it refuses decides what is tried next on the same connection: the same on a terminal where
//! it wants one (`requiretty` in sudoers(5)), doas(1) where there is no sudo or it does not let us. doas takes a password from a
//! terminal only.

use super::privilege_error::PrivilegeError;
use super::{Host, Privilege};

/// What sudo is told to ask with, before the name of whose password it wants: so that we know that it is sudo that asks.
const PROMPT: &str = "anywhere-sudo-password-of-";

/// How doas asks: `doas (user@host) password: `.
const DOAS_PROMPT: &str = "doas (";

/// What our command says first where something may be asked before: the questions are behind us.
const READY: &str = "anywhere-ready";

/// One way to run a program as who shall run it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// As who logs in.
    Login,
    /// By sudo, which reads the password from its standard input.
    Sudo,
    /// By sudo, on a terminal.
    SudoOnTerminal,
    /// By doas, without a password.
    Doas,
    /// By doas with a password, on a terminal.
    DoasOnTerminal,
}

impl Way {
    /// What is tried first.
    pub(super) fn first(privilege: &Privilege) -> Self {
        match privilege {
            Privilege::Login => Self::Login,
            Privilege::Sudo { .. } => Self::Sudo,
        }
    }

    /// What is tried after this was refused, if that may help.
    pub(super) fn next(self, refusal: &PrivilegeError, privilege: &Privilege) -> Option<Self> {
        use PrivilegeError as Refusal;
        let has_password = matches!(privilege, Privilege::Sudo { password: Some(_) });
        match (self, refusal) {
            (Self::Sudo, Refusal::NoTerminal { .. }) => Some(Self::SudoOnTerminal),
            (
                Self::Sudo | Self::SudoOnTerminal,
                Refusal::NoSudo | Refusal::PasswordNeeded { .. } | Refusal::NotAllowed { .. } | Refusal::NoTerminal { .. },
            ) => Some(Self::Doas),
            (Self::Doas, Refusal::DoasPasswordNeeded { .. }) if has_password => Some(Self::DoasOnTerminal),
            (Self::Login | Self::Sudo | Self::SudoOnTerminal | Self::Doas | Self::DoasOnTerminal, _) => None,
        }
    }

    /// Whether it needs a terminal.
    pub(super) fn on_terminal(self) -> bool {
        matches!(self, Self::SudoOnTerminal | Self::DoasOnTerminal)
    }

    /// Whether it is doas that may refuse.
    pub(super) fn is_doas(self) -> bool {
        matches!(self, Self::Doas | Self::DoasOnTerminal)
    }

    /// Whether the program may be sent only after the command has said that it is ready for it.
    pub(super) fn says_ready(self, privilege: &Privilege) -> bool {
        self.on_terminal() || self == Self::Sudo && matches!(privilege, Privilege::Sudo { password: Some(_) })
    }

    /// The command line that runs `command`, `/bin/sh -c '…'` for any login shell, as who it shall be; instead of that shell, of
    /// which nothing more is wanted.
    pub(super) fn wrap(self, privilege: &Privilege, command: &str) -> String {
        let command = if self.says_ready(privilege) {
            let raw = if self.on_terminal() { "stty raw -echo || exit; " } else { "" };
            // What the login shell or sudo wrote last may have no end of line.
            command.replacen("-c '", &format!("-c '{raw}echo; echo {READY}; "), 1)
        } else {
            command.to_owned()
        };
        let asks = match privilege {
            Privilege::Sudo { password: Some(_) } => format!("-S -p {PROMPT}%p:"),
            Privilege::Sudo { password: None } | Privilege::Login => "-n".to_owned(),
        };
        match self {
            Self::Login => format!("exec {command}"),
            Self::Sudo | Self::SudoOnTerminal => format!("exec env LC_ALL=C sudo {asks} -- {command}"),
            Self::Doas => format!("exec env LC_ALL=C doas -n -- {command}"),
            Self::DoasOnTerminal => format!("exec env LC_ALL=C doas -- {command}"),
        }
    }
}

/// Whether the command is ready for the program, and how often a password was asked for, in all that was said so far.
pub(super) fn asked(said: &str) -> (bool, usize) {
    let is_ready = said.lines().any(|line| line == READY);
    (is_ready, said.matches(PROMPT).count() + said.matches(DOAS_PROMPT).count())
}

/// What is asked for instead of a password, if anything is: the last words, which nobody has answered.
pub(super) fn other_question(said: &str) -> Option<String> {
    let last = said.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    (!last.contains(PROMPT) && !last.contains(DOAS_PROMPT)).then(|| last.to_owned())
}

/// Which of two refusals, of sudo and then of doas, tells more about what to do.
pub(super) fn which(sudo: PrivilegeError, doas: PrivilegeError) -> PrivilegeError {
    use PrivilegeError as Refusal;
    match (&sudo, &doas) {
        (_, Refusal::NoDoas) => sudo,
        (Refusal::NoSudo, _) => doas,
        // What is asked for can be given, or was given and is wrong.
        (
            Refusal::NotAllowed { .. } | Refusal::NoTerminal { .. },
            Refusal::DoasPasswordNeeded { .. } | Refusal::DoasWrongPassword { .. },
        ) => doas,
        _ => sudo,
    }
}

/// sudo's refusal without its question before it, and without our whole command line, which it repeats.
fn without_command(line: &str) -> String {
    let line = line
        .split_once(PROMPT)
        .map_or(line, |(_, rest)| rest.split_once(':').map_or(rest, |(_, refusal)| refusal));
    let cut = line
        .split_once(" execute '")
        .and_then(|(before, rest)| Some((before, rest.rsplit_once("' as ")?.1)));
    match cut {
        Some((before, after)) => format!("{before} execute /bin/sh as {after}"),
        None => line.to_owned(),
    }
}

/// Without `sudo: ` before it: sudo writes that by itself, so that words on its standard output may come in between.
fn without_name(line: &str) -> String {
    let line = line.trim_start_matches("sudo").trim_start_matches(':');
    line.trim_start().to_owned()
}

/// What sudo's, doas' (or the login shell's) words mean, when our program did not begin.
pub(super) fn explain(way: Way, host: &Host, said: &str, status: Option<u32>) -> Option<PrivilegeError> {
    match way {
        Way::Login => None,
        Way::Sudo | Way::SudoOnTerminal => explain_sudo(host, said, status),
        Way::Doas | Way::DoasOnTerminal => explain_doas(host, said, status),
    }
}

fn explain_sudo(host: &Host, said: &str, status: Option<u32>) -> Option<PrivilegeError> {
    let user = host.target.user.clone();
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let has_password = matches!(host.privilege, Privilege::Sudo { password: Some(_) });
    if has(&["must have a tty"]) {
        Some(PrivilegeError::NoTerminal { user })
    } else if has(&["Account expired", "password is expired", "is your account locked"]) {
        let said = without_name(&line_with(said, &["xpired", "locked"]));
        Some(PrivilegeError::Expired { user, said })
    } else if has(&["a password is required", "a terminal is required", "no password was provided"]) && !has_password {
        Some(PrivilegeError::PasswordNeeded { user })
    } else if has(&["not in the sudoers", "may not run sudo", "is not allowed to", "not permitted"]) {
        let said = line_with(said, &["sudo", "allowed", "permitted"]);
        Some(PrivilegeError::NotAllowed { user, said })
    } else if has(&["incorrect password", "no password was provided", "try again"]) {
        Some(wrong_password(host, said))
    } else if matches!(status, Some(126 | 127)) && said.contains("sudo") {
        Some(PrivilegeError::NoSudo)
    } else {
        None
    }
}

fn explain_doas(host: &Host, said: &str, status: Option<u32>) -> Option<PrivilegeError> {
    let user = host.target.user.clone();
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&["Authentication required", "Authorization required"]) {
        Some(PrivilegeError::DoasPasswordNeeded { user })
    } else if has(&["Authentication failed", "Authorization failed"]) {
        Some(PrivilegeError::DoasWrongPassword { user })
    } else if matches!(status, Some(126 | 127)) && said.contains("doas") {
        Some(PrivilegeError::NoDoas)
    } else if has(&["doas: "]) {
        let said = line_with(said, &["doas: "]);
        Some(PrivilegeError::DoasNotAllowed { user, said })
    } else {
        None
    }
}

/// The password was asked for again.
pub(super) fn wrong_password(host: &Host, said: &str) -> PrivilegeError {
    let user = host.target.user.clone();
    let asked = said
        .rsplit_once(PROMPT)
        .and_then(|(_, rest)| Some(rest.split_once(':')?.0.to_owned()));
    match asked {
        Some(whose) => PrivilegeError::WrongPassword { user, whose },
        None if said.contains(DOAS_PROMPT) => PrivilegeError::DoasWrongPassword { user },
        None => PrivilegeError::WrongPassword {
            whose: user.clone(),
            user,
        },
    }
}

/// What our own program says when it begins, and may run no other program.
pub(super) fn is_noexec(way: Way, text: &str) -> bool {
    matches!(way, Way::Sudo | Way::SudoOnTerminal) && text.ends_with("mkdir: Permission denied")
}

/// The last line that has one of these words, or else the last that says anything: what matters in what was said.
fn line_with(said: &str, words: &[&str]) -> String {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    lines()
        .rfind(|line| words.iter().any(|word| line.contains(word)))
        .or_else(|| lines().next_back())
        .map(without_command)
        .unwrap_or_default()
}

#[cfg(test)]
#[path = "privilege_tests.rs"]
mod tests;
