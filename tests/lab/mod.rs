//! What the tests of the binary share: a folder of one's own, and the binary run as a user runs it.
#![allow(dead_code)] // each test file is its own crate and uses what it needs
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot be set up fails

pub(crate) mod disk;
pub(crate) mod packages;
mod running;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use testbed::{Kind, Machine, MachineSpec, Shell, SudoRule};

pub(crate) use running::Running;

/// Nothing that a test waits for takes this long, also on a busy host: then it will not come at all.
pub(crate) const WATCHDOG: Duration = Duration::from_secs(60);

/// A folder with a home directory in it, and the binary.
pub(crate) struct Lab {
    folder: TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file in the folder.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The names of all files in the folder, and what is in them.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let (mut files, mut folders) = (BTreeMap::new(), vec![self.folder.path().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let content = std::fs::read(&path).unwrap();
                    files.insert(path, content);
                }
            }
        }
        files
    }

    /// The binary, with nothing of this machine's user: no agent, no keys, no known hosts.
    pub(crate) fn anywhere(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_anywhere"));
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .env("USER", "tester")
            .env("PATH", std::env::var_os("PATH").unwrap());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Running::start(self.anywhere(args)).end()
    }

    /// `anywhere apply --bootstrap-data …` with the testbed's key.
    pub(crate) fn apply(&self, machine: &str, data: &Path, more: &[&str]) -> Ran {
        let key = key();
        let mut args = vec!["apply", "-i", &key, "--bootstrap-data", data.to_str().unwrap(), machine];
        args.extend(more);
        self.run(&args)
    }
}

/// The arguments of `anywhere apply --bootstrap-data …`, with the testbed's key and JSON lines.
pub(crate) fn apply_json<'a>(key: &'a str, machine: &'a str, data: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec![
        "apply",
        "-o",
        "json",
        "-i",
        key,
        "--bootstrap-data",
        data.to_str().unwrap(),
        machine,
    ];
    args.extend(more);
    args
}

/// The private key that the testbed's machines accept.
pub(crate) fn key() -> String {
    testbed::Keys::of_this_process().unwrap().path().display().to_string()
}

/// `user@address:port` of a machine.
pub(crate) fn target(user: &str, machine: &Machine) -> String {
    format!("{user}@{}:{}", machine.address(), machine.port())
}

/// How the binary ended and what it printed.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn of(output: std::process::Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub(crate) fn expect(self, status: i32) -> Self {
        assert_eq!(self.status, status, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Everything it printed.
    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

/// A machine with only an SSH server, whose `admin` may become root.
pub(crate) fn machine(shell: Shell, sudo: SudoRule) -> Machine {
    Machine::start(&MachineSpec {
        shell,
        sudo,
        ..MachineSpec::of_kind(Kind::SshdOnly)
    })
    .unwrap()
}

/// What a shell text prints on the machine, run there as root, without SSH; it has to succeed.
#[track_caller]
pub(crate) fn sh(machine: &Machine, text: &str) -> String {
    let output = machine.run(&["/bin/sh", "-c", text]).unwrap();
    assert!(output.status.success(), "{text}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Waits until a shell text succeeds on the machine.
#[track_caller]
pub(crate) fn wait_until(machine: &Machine, text: &str) {
    let began = Instant::now();
    while !machine.run(&["/bin/sh", "-c", text]).unwrap().status.success() {
        assert!(began.elapsed() < WATCHDOG, "never true on the machine: {text}");
    }
}

/// A shell text that succeeds once nobody is at work on a machine, or wants to be: each lock's holder, its third word, is gone.
pub(crate) const NOT_HELD: &str = "for lock in /var/lib/anywhere/lock.* /home/admin/.local/state/anywhere/lock.*; do \
     [ ! -e $lock ] || ! kill -0 $(cut -d ' ' -f 3 $lock) 2>/dev/null || exit 1; done; \
     for claim in /var/lib/anywhere/claim.* /home/admin/.local/state/anywhere/claim.*; do [ ! -e $claim ] || exit 1; done";

/// What is left of runs on a machine: all that is under /run/anywhere, and temporary files of ours; one path a line.
pub(crate) fn left_over(machine: &Machine) -> String {
    sh(
        machine,
        "[ ! -d /run/anywhere ] || find /run/anywhere -mindepth 1; find /etc /srv /home /root /tmp /var/lib -name '.anywhere.*'; \
         find /var/lib/anywhere /home/*/.local/state/anywhere -mindepth 1 2>/dev/null | \
         grep -v -E '/(journal|log|owner|machine|baseline|dirs|mounts|lock\\.[0-9]+|start|run)$' || :",
    )
}

/// What a program on the machine prints.
#[track_caller]
pub(crate) fn says(machine: &Machine, argv: &[&str]) -> String {
    let output = machine.run(argv).unwrap();
    assert!(
        output.status.success(),
        "{argv:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The line of a user or group in a file of accounts.
#[track_caller]
pub(crate) fn line(machine: &Machine, file: &str, name: &str) -> String {
    let text = std::fs::read_to_string(machine.root_dir().unwrap().join(file)).unwrap();
    let start = format!("{name}:");
    text.lines()
        .find(|line| line.starts_with(&start))
        .unwrap_or_default()
        .to_owned()
}

/// A file of a machine's, as this host sees it.
pub(crate) fn on(machine: &Machine, path: &str) -> PathBuf {
    machine.root_dir().unwrap().join(path)
}
