//! `testbed demo`: the main job on three machines, told as a person would do it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use testbed::{Faults, Kind, Machine, MachineSpec, Proxy, Shell, SudoRule, TestbedError};

/// How long the demonstration waits for anything before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Three machines of different kinds, one of them behind a connection that will be cut.
struct Stage {
    anywhere: PathBuf,
    user_data: PathBuf,
    machines: Vec<Machine>,
    proxy: Proxy,
    known_hosts: tempfile::TempDir,
}

/// Plays it, with this binary and this user-data.
pub(crate) fn demo(anywhere: &Path, user_data: &Path) -> Result<(), TestbedError> {
    say("Starting three machines with real OpenSSH servers:");
    let stage = Stage::set(anywhere, user_data)?;
    let [plain, sudo, busybox] = stage.targets()?;
    say(&format!(
        "  {plain}   Debian's userland, /bin/sh is dash, behind a bad connection"
    ));
    say(&format!("  {sudo}  systemd, log in as admin, root by sudo"));
    say(&format!("  {busybox}   nothing but busybox"));
    let all = [plain.as_str(), sudo.as_str(), busybox.as_str()];

    say("\nWhat would be done? No machine is needed to know.");
    stage.run("plan", &[plain.as_str()], true)?;

    say("\nDo it on all three at once. Halfway, the connection to the first one is cut.");
    let child = stage.start("apply", &all, true)?;
    stage.cut_halfway()?;
    expect(wait(child)?, 0)?;

    say("\nOnce more: everything has been done.");
    stage.run("apply", &all, true)?;

    say("\nWhat do the machines remember?");
    stage.run("status", &all, false)?;
    stage.run("logs", &[plain.as_str()], false)?;

    say("\nEvery command ran exactly once, though the connection was cut:");
    stage.show("/var/lib/edge/state")?;

    say("\nGive them back:");
    stage.run("reset", &all, false)?;
    stage.run("status", &all, false)?;
    say("\nThe machines are stopped; nothing is left of them.");
    Ok(())
}

impl Stage {
    fn set(anywhere: &Path, user_data: &Path) -> Result<Self, TestbedError> {
        let spec = |kind, shell| MachineSpec {
            kind,
            shell,
            sudo: SudoRule::NoPassword,
            ..MachineSpec::default()
        };
        let busybox = MachineSpec {
            sudo: SudoRule::None,
            ..spec(Kind::BusyboxOnly, Shell::Busybox)
        };
        let specs = [spec(Kind::SshdOnly, Shell::Dash), spec(Kind::Systemd, Shell::Bash), busybox];
        let machines = Machine::start_many(&specs).into_iter().collect::<Result<Vec<_>, _>>()?;
        let first = machines.first().ok_or_else(|| failed("there is no machine"))?;
        let proxy = Proxy::start(first.socket_address(), Faults::default())?;
        let known_hosts = tempfile::tempdir().map_err(|source| io("make a folder", source))?;
        Ok(Self {
            anywhere: anywhere.to_owned(),
            user_data: user_data.to_owned(),
            machines,
            proxy,
            known_hosts,
        })
    }

    fn first(&self) -> Result<&Machine, TestbedError> {
        self.machines.first().ok_or_else(|| failed("there is no machine"))
    }

    fn targets(&self) -> Result<[String; 3], TestbedError> {
        let [_, sudo, busybox] = self.machines.as_slice() else {
            return Err(failed("there are not three machines"));
        };
        let target = |user: &str, address: std::net::SocketAddr| match address.port() {
            22 => format!("{user}@{}", address.ip()),
            _ => format!("{user}@{address}"),
        };
        Ok([
            target("root", self.proxy.socket_address()),
            target("admin", sudo.socket_address()),
            target("root", busybox.socket_address()),
        ])
    }

    /// Shows a command as a person would type it, and starts it with what this stage needs besides.
    fn start(&self, command: &str, targets: &[&str], with_data: bool) -> Result<Child, TestbedError> {
        let mut typed = vec!["anywhere".to_owned(), command.to_owned()];
        let mut run = Command::new(&self.anywhere);
        run.arg(command);
        if with_data {
            typed.extend(["-b".to_owned(), self.user_data.display().to_string()]);
            run.arg("-b").arg(&self.user_data);
        }
        typed.extend(targets.iter().map(|target| (*target).to_owned()));
        say(&format!("\n$ {}", typed.join(" ")));
        run.args(targets).env_remove("SSH_AUTH_SOCK");
        if command != "plan" {
            run.arg("-i").arg(self.first()?.keys().path());
            run.arg("--known-hosts").arg(self.known_hosts.path().join("known_hosts"));
        }
        run.spawn().map_err(|source| io("start anywhere", source))
    }

    fn run(&self, command: &str, targets: &[&str], with_data: bool) -> Result<(), TestbedError> {
        expect(wait(self.start(command, targets, with_data)?)?, 0)
    }

    /// Waits until the first machine is in the middle of its run, then resets the connection to it.
    fn cut_halfway(&self) -> Result<(), TestbedError> {
        let state = self.first()?.root_dir()?.join("var/lib/edge/state");
        wait_until("the run is halfway", || {
            std::fs::read_to_string(&state).is_ok_and(|text| text.lines().count() >= 2)
        })?;
        self.proxy.cut_now()
    }

    fn show(&self, path: &str) -> Result<(), TestbedError> {
        let output = self.first()?.run(&["cat", path])?;
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .for_each(|line| say(&format!("  {line}")));
        Ok(())
    }
}

fn wait(mut child: Child) -> Result<ExitStatus, TestbedError> {
    let ended = wait_until("anywhere ends", || !matches!(child.try_wait(), Ok(None)));
    if ended.is_err() {
        let _ = child.kill();
    }
    let status = child.wait().map_err(|source| io("wait for anywhere", source));
    ended.and(status)
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) -> Result<(), TestbedError> {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        if Instant::now() > deadline {
            return Err(failed(&format!("waited in vain until {what}")));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn expect(status: ExitStatus, code: i32) -> Result<(), TestbedError> {
    if status.code() == Some(code) {
        Ok(())
    } else {
        Err(failed(&format!("anywhere ended with {status}")))
    }
}

fn failed(what: &str) -> TestbedError {
    io("play the demonstration", std::io::Error::other(what.to_owned()))
}

fn io(action: &str, source: std::io::Error) -> TestbedError {
    TestbedError::Io {
        action: action.to_owned(),
        source,
    }
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
