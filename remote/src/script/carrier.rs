//! A program that is carried to a host by commands that somebody else has, such as ssh(1) and scp(1), where the engine has no
//! connection of its own: pure.
//!
//! The [`Carrier`] is a shell program of its own. It runs where these commands are, copies the program and a small one that hands it
//! over (`landing.sh`), follows the run as the engine would, and says what happened in words; its last line is the outcome, which
//! [`crate::engine::carried`] reads.

use super::{Mode, code, enter, has_contents, quote};
use crate::plan::Plan;
use crate::secret::Secret;

const CARRIER: &str = include_str!("carrier.sh");
const LANDING: &str = include_str!("landing.sh");

/// How long a host may be silent, in seconds; and each step before the run may take.
const SILENCE: u64 = 120;

/// How a program is carried.
#[derive(Clone, Copy, Debug)]
pub struct Carrying<'a> {
    /// What stands for ssh(1): shell words, to which `[-p PORT] USER@HOST COMMAND` is appended.
    pub ssh: &'a str,
    /// What stands for scp(1): shell words, to which `[-P PORT] FILE... USER@HOST:PATH` is appended.
    pub scp: &'a str,
    /// Name or address, without brackets.
    pub host: &'a str,
    /// TCP port. The port of SSH, 22, is not said: what stands for ssh(1) may know no such option.
    pub port: u16,
    /// User to log in as.
    pub user: &'a str,
    /// Whether steps run as root by sudo or doas, which must not ask for a password.
    pub use_sudo: bool,
    /// What the program is for.
    pub mode: Mode,
    /// The folder that the files of the carrier are in, as an absolute path.
    pub folder: &'a str,
}

/// The files of a carrier.
#[derive(Clone, Debug)]
pub struct Carrier {
    /// What is run.
    pub entrypoint: Secret,
    /// What it reads: each a file of this name beside it.
    pub files: [(&'static str, Secret); 2],
}

/// Why a program cannot be carried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CarryError {
    /// A large file, or one that was fetched.
    #[error("{0} has contents beside the program, which only a connection of our own can send")]
    Contents(String),
    /// A user that would be taken for an option, or that is none.
    #[error("{0:?} cannot be the user of a command such as ssh: it begins with a dash, or holds a blank, `@` or `:`")]
    User(String),
    /// A command that is none.
    #[error("{0:?} is no command: it is empty, or has more than one line")]
    Command(String),
}

/// The carrier of a program that was rendered from `plan`.
///
/// # Errors
/// [`CarryError`].
pub fn carrier(plan: &Plan, program: &Secret, carrying: &Carrying<'_>) -> Result<Carrier, CarryError> {
    if has_contents(plan) {
        let is_it = |step: &&crate::plan::Step| matches!(step.action, crate::plan::Action::CopyFile(_));
        let name = plan.steps().iter().find(is_it).map(|step| step.name.clone());
        return Err(CarryError::Contents(name.unwrap_or_default()));
    }
    let Carrying {
        ssh,
        scp,
        host,
        port,
        user,
        use_sudo,
        mode,
        folder,
    } = *carrying;
    let is_user = |c: char| !c.is_control() && !c.is_whitespace() && c != '@' && c != ':';
    if user.starts_with('-') || user.is_empty() || !user.chars().all(is_user) {
        return Err(CarryError::User(user.to_owned()));
    }
    for command in [ssh, scp] {
        if command.trim().is_empty() || command.contains(['\n', '\r', '\0']) {
            return Err(CarryError::Command(command.to_owned()));
        }
    }
    let word = |text: &str| String::from_utf8_lossy(&quote::word(text.as_bytes())).into_owned();
    let option = |name: &str| {
        if port == 22 {
            String::new()
        } else {
            format!("{name} {port} ")
        }
    };
    let there = format!(".anywhere.{}", plan.id().get(..12).unwrap_or(plan.id()));
    let bracketed = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    let entrypoint = format!(
        "#!/bin/sh\n# shellcheck disable=SC2317,SC2329\nset -eu\nJ_MODE={mode}\nJ_PLAN={plan}\nJ_STEPS={steps}\nJ_SILENCE={SILENCE}\nJ_FOLDER={there}\n\
         j_ssh() {{\n{ssh} {ssh_port}{login} \"$@\"\n}}\n\
         j_scp() {{\n{scp} {scp_port}{program} {landing} {target}\n}}\n{rest}",
        mode = mode.as_str(),
        plan = plan.id(),
        steps = plan.steps().len(),
        ssh_port = option("-p"),
        login = word(&format!("{user}@{host}")),
        scp_port = option("-P"),
        program = word(&format!("{folder}/program")),
        landing = word(&format!("{folder}/landing")),
        target = word(&format!("{user}@{bracketed}:{there}/")),
        rest = code(CARRIER),
    );
    let landing = format!(
        "#!/bin/sh\nJ_ROOT={root}\nJ_LAST={last}\nj_enter() {{\n# shellcheck disable=SC2016,SC2086\n$J_BY {enter}\n}}\n{rest}",
        root = if use_sudo { "1" } else { "" },
        last = if mode == Mode::Reset { "1" } else { "" },
        enter = enter(program),
        rest = code(LANDING),
    );
    Ok(Carrier {
        entrypoint: Secret::new(entrypoint),
        files: [("landing", Secret::new(landing)), ("program", program.clone())],
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot be set up fails
mod tests {
    use super::*;

    fn carried(change: impl FnOnce(&mut Carrying<'_>)) -> Result<String, CarryError> {
        let plan = Plan::reset(&["true".to_owned()]).unwrap();
        let mut carrying = Carrying {
            ssh: "tsh ssh",
            scp: "tsh scp",
            host: "10.0.0.5",
            port: 22,
            user: "ubuntu",
            use_sudo: true,
            mode: Mode::Reset,
            folder: "/f",
        };
        change(&mut carrying);
        let carrier = carrier(&plan, &Secret::from("program"), &carrying)?;
        Ok(String::from_utf8(carrier.entrypoint.expose().to_vec()).unwrap())
    }

    #[test]
    fn commands_are_called_as_openssh_would_be() {
        let text = carried(|_| {}).unwrap();
        assert!(text.contains("\ntsh ssh 'ubuntu@10.0.0.5' \"$@\"\n"), "{text}");
        assert!(
            text.contains("\ntsh scp '/f/program' '/f/landing' 'ubuntu@10.0.0.5:.anywhere."),
            "{text}"
        );
        let text = carried(|carrying| (carrying.host, carrying.port) = ("fd00::1", 2222)).unwrap();
        assert!(text.contains("\ntsh ssh -p 2222 'ubuntu@fd00::1' \"$@\"\n"), "{text}");
        assert!(
            text.contains("-P 2222 '/f/program' '/f/landing' 'ubuntu@[fd00::1]:.anywhere."),
            "{text}"
        );
    }

    #[test]
    fn what_would_be_another_command_is_refused() {
        for user in ["-oProxyCommand=x", "", "a b", "a@b"] {
            assert_eq!(
                carried(|carrying| carrying.user = user),
                Err(CarryError::User(user.to_owned()))
            );
        }
        for command in ["", " ", "ssh\nrm"] {
            assert_eq!(
                carried(|carrying| carrying.ssh = command),
                Err(CarryError::Command(command.to_owned()))
            );
            assert_eq!(
                carried(|carrying| carrying.scp = command),
                Err(CarryError::Command(command.to_owned()))
            );
        }
    }
}
