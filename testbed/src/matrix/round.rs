//! One way to log in and one way to become root, on all machines at once: applies a plan, looks at what it did, takes it back.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use super::cell::{Cell, Login, Privilege};
use super::{PASSWORD, ROOT_PASSWORD};
use crate::error::TestbedError;
use crate::machine::Machine;
use crate::program::{output, with_deadline};
use crate::spec::{Kind, Shell};

/// All bytes there are: what they shall still be on the machine.
fn bytes() -> Vec<u8> {
    (0..=u8::MAX).collect()
}

/// The machines, each with its shell and init system in the same order.
pub(super) struct Site<'a> {
    pub(super) anywhere: &'a Path,
    pub(super) places: &'a [(Shell, Kind)],
    pub(super) machines: &'a [Machine],
}

impl Site<'_> {
    /// Every cell of this round with why it failed, if it did.
    pub(super) fn round(&self, login: Login, key: Option<&Path>, privilege: Privilege) -> Vec<(Cell, Option<String>)> {
        let cells = self.places.iter().map(|(shell, init)| Cell {
            login,
            privilege,
            shell: *shell,
            init: *init,
        });
        let round = Round {
            site: self,
            login,
            key,
            privilege,
            secret: format!("matrix-secret-{}-{}", login.name(), privilege.user()),
        };
        let outcomes = round
            .play()
            .unwrap_or_else(|error| vec![Some(error.to_string()); self.machines.len()]);
        cells.zip(outcomes).collect()
    }

    fn targets(&self, user: &str, port: u16) -> Vec<String> {
        let target = |machine: &Machine| format!("{user}@{}:{port}", machine.address());
        self.machines.iter().map(target).collect()
    }
}

struct Round<'a> {
    site: &'a Site<'a>,
    login: Login,
    key: Option<&'a Path>,
    privilege: Privilege,
    secret: String,
}

/// Files with them.
struct Passwords {
    of_login: PathBuf,
    of_sudo: PathBuf,
}

impl Round<'_> {
    fn play(&self) -> Result<Vec<Option<String>>, TestbedError> {
        let folder = tempfile::tempdir().map_err(TestbedError::io("make a folder"))?;
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).map_err(TestbedError::path("write", &path))?;
            Ok::<_, TestbedError>(path)
        };
        let data = file("user-data", &self.user_data())?;
        let of_login = match self.privilege {
            Privilege::Root => ROOT_PASSWORD,
            Privilege::Sudo | Privilege::SudoPassword | Privilege::SudoTerminal | Privilege::Doas | Privilege::Plain => PASSWORD,
        };
        let passwords = Passwords {
            of_login: file("password", of_login)?,
            of_sudo: file("sudo-password", PASSWORD)?,
        };
        let apply = self.anywhere("apply", &passwords, &["--bootstrap-data".as_ref(), data.as_os_str()])?;
        let applied = self.results(&apply, "provisioned");
        let done: Vec<_> = self.site.machines.iter().map(|machine| self.look(machine)).collect();
        let reset = self.anywhere("reset", &passwords, &["--clean-up-command".as_ref(), "true".as_ref()])?;
        let returned = self.results(&reset, "reset");
        let left: Vec<_> = self.site.machines.iter().map(|machine| self.left(machine)).collect();
        let leak = [&apply, &reset].iter().any(|output| self.shows_secrets(output));
        let leak = leak.then(|| "a secret was printed".to_owned());
        let steps = applied.into_iter().zip(done).zip(returned.into_iter().zip(left));
        Ok(steps
            .map(|((applied, done), (returned, left))| applied.or(done).or(returned).or(left).or_else(|| leak.clone()))
            .collect())
    }

    /// A file that is a secret, one of all bytes, and commands that share a variable.
    fn user_data(&self) -> String {
        let (base, secret) = (self.privilege.base(), &self.secret);
        let binary: String = bytes().iter().map(|byte| format!("\\x{byte:02x}")).collect();
        // YAML's escapes give characters: those above 0x7f become two bytes of UTF-8 each.
        format!(
            "#cloud-config\nwrite_files:\n- {{path: {base}/secret, permissions: '0600', content: {secret}}}\n\
             - {{path: {base}/bytes, content: \"{binary}\"}}\n\
             runcmd:\n- N=$(wc -c <{base}/bytes)\n- command -v id >/dev/null && echo $N $(id -u) $HOME >{base}/said\n"
        )
    }

    fn targets(&self) -> Vec<String> {
        self.site.targets(self.privilege.user(), self.login.port())
    }

    fn anywhere(&self, verb: &str, passwords: &Passwords, more: &[&std::ffi::OsStr]) -> Result<Output, TestbedError> {
        let mut command = with_deadline(&self.site.anywhere.display().to_string());
        command.args([verb, "-o", "json", "--host-key-checking", "no"]);
        match self.key {
            Some(key) => command.arg("-i").arg(key),
            None => command.arg("--password-file").arg(&passwords.of_login),
        };
        command.args(more);
        match self.privilege {
            Privilege::SudoPassword => {
                command.arg("--sudo-password-file").arg(&passwords.of_sudo);
            }
            Privilege::Plain => {
                command.arg("--no-sudo");
            }
            Privilege::Root | Privilege::Sudo | Privilege::SudoTerminal | Privilege::Doas => {}
        }
        command.args(self.targets());
        command.env("HOME", "/nonexistent").env("USER", "matrix");
        output(&mut command, b"", "run anywhere")
    }

    /// What the call says of each machine: nothing, or how it failed.
    fn results(&self, output: &Output, wanted: &str) -> Vec<Option<String>> {
        let text = String::from_utf8_lossy(&output.stdout);
        let ends: Vec<Value> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter(|line: &Value| line.get("event").and_then(Value::as_str) == Some("end"))
            .collect();
        let of = |target: String| {
            let end = ends
                .iter()
                .find(|end| end.get("machine").and_then(Value::as_str) == Some(&target));
            match end {
                Some(end) if end.get("result").and_then(Value::as_str) == Some(wanted) => None,
                Some(end) => Some(end.get("error").unwrap_or(end).to_string()),
                None => Some(format!(
                    "anywhere said nothing of it: {}",
                    String::from_utf8_lossy(&output.stderr)
                )),
            }
        };
        self.targets().into_iter().map(of).collect()
    }

    /// Whether the machine has what was asked for.
    fn look(&self, machine: &Machine) -> Option<String> {
        let base = self.privilege.base();
        let script = format!("cat {base}/secret && cat {base}/said && stat -c '%a %U' {base}/secret && cat {base}/bytes");
        let looked = match machine.run(&["/bin/dash", "-c", &script]) {
            Ok(looked) => looked,
            Err(error) => return Some(error.to_string()),
        };
        let (id, home, owner) = match self.privilege {
            Privilege::Plain => (
                self.id(machine),
                format!("/home/{}", self.privilege.user()),
                self.privilege.user(),
            ),
            Privilege::Root | Privilege::Sudo | Privilege::SudoPassword | Privilege::SudoTerminal | Privilege::Doas => {
                ("0".to_owned(), "/root".to_owned(), "root")
            }
        };
        let text: String = bytes().into_iter().map(char::from).collect();
        let expected = format!("{}{} {id} {home}\n600 {owner}\n{text}", self.secret, text.len());
        (looked.stdout != expected.as_bytes()).then(|| {
            let head = |bytes: &[u8]| String::from_utf8_lossy(bytes.get(..80).unwrap_or(bytes)).into_owned();
            format!(
                "expected {:?}…, found {:?}… {:?}",
                head(expected.as_bytes()),
                head(&looked.stdout),
                head(&looked.stderr)
            )
        })
    }

    fn id(&self, machine: &Machine) -> String {
        let passwd = machine
            .root_dir()
            .and_then(|root| std::fs::read_to_string(root.join("etc/passwd")).map_err(TestbedError::io("read /etc/passwd")));
        let start = format!("{}:x:", self.privilege.user());
        let passwd = passwd.unwrap_or_default();
        let line = passwd.lines().find_map(|line| line.strip_prefix(&start));
        line.and_then(|line| line.split(':').next()).unwrap_or_default().to_owned()
    }

    /// What is left after the reset, but the one file that a command made. The next cell begins with nothing of it.
    fn left(&self, machine: &Machine) -> Option<String> {
        let base = self.privilege.base();
        // A user of its own and root may be at work there at the same time.
        let memory = match self.privilege {
            Privilege::Plain => format!("/home/{}/.local/state/anywhere", self.privilege.user()),
            Privilege::Root | Privilege::Sudo | Privilege::SudoPassword | Privilege::SudoTerminal | Privilege::Doas => {
                "/run/anywhere /var/lib/anywhere".to_owned()
            }
        };
        let script = format!(
            "rm -f {base}/said; rmdir {base} 2>/dev/null; ls -d {base} 2>/dev/null; \
             find {memory} -mindepth 1 ! -path '*/anywhere/run' 2>/dev/null; rm -rf {base} {memory}"
        );
        match machine.run(&["/bin/dash", "-c", &script]) {
            Ok(found) if found.stdout.is_empty() => None,
            Ok(found) => Some(format!("left: {}", String::from_utf8_lossy(&found.stdout))),
            Err(error) => Some(error.to_string()),
        }
    }

    fn shows_secrets(&self, output: &Output) -> bool {
        let said = [output.stdout.as_slice(), &output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        [self.secret.as_str(), PASSWORD, ROOT_PASSWORD]
            .iter()
            .any(|secret| said.contains(secret))
    }
}
