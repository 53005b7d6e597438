//! What a test does to a running machine besides logging in.

use crate::error::TestbedError;
use crate::machine::Machine;
use crate::process_tree::{self, MachineProcess};
use crate::program::{output, poll, with_deadline};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

impl Machine {
    /// Runs a command on the machine as root, without SSH, for set-up and checks. It is killed after two minutes.
    ///
    /// # Errors
    /// When the machine is not running or nsenter cannot be started; a failing command is not an error.
    pub fn run(&self, argv: &[&str]) -> Result<Output, TestbedError> {
        self.run_with_input(argv, b"")
    }

    /// As [`Machine::run`], with this standard input.
    ///
    /// # Errors
    /// As [`Machine::run`].
    pub fn run_with_input(&self, argv: &[&str], stdin: &[u8]) -> Result<Output, TestbedError> {
        let init = self.running_init()?;
        let mut command = with_deadline("nsenter");
        command
            .args([
                "--mount",
                "--pid",
                "--uts",
                "--ipc",
                "--net",
                "--root",
                "--wd",
                "--target",
                &init.to_string(),
                "--",
            ])
            .args(argv);
        output(&mut command, stdin, "run a command on the machine")
    }

    /// Every process on the machine.
    ///
    /// # Errors
    /// When the machine is not running.
    pub fn processes(&self) -> Result<Vec<MachineProcess>, TestbedError> {
        let init = self.running_init()?;
        Ok(process_tree::machine_of(init)
            .into_iter()
            .filter_map(process_tree::describe)
            .collect())
    }

    /// Cuts all connections by killing the SSH server's processes that serve them. The listening process and the
    /// commands that the connections had started stay.
    ///
    /// # Errors
    /// When the machine or its SSH server is not running.
    pub fn kill_sshd_sessions(&self) -> Result<(), TestbedError> {
        let listener = self.sshd_pid()?;
        process_tree::below(listener, |_| false)
            .into_iter()
            .filter(|pid| *pid != listener)
            .filter(|pid| process_tree::command_name(*pid).is_some_and(|name| name.starts_with("sshd")))
            .for_each(kill_now);
        Ok(())
    }

    /// Kills the SSH server: nobody listens any more, connections that are open stay.
    ///
    /// # Errors
    /// When the machine or its SSH server is not running.
    pub fn kill_sshd_listener(&self) -> Result<(), TestbedError> {
        kill_now(self.sshd_pid()?);
        Ok(())
    }

    fn sshd_pid(&self) -> Result<u32, TestbedError> {
        let init = self.running_init()?;
        poll(Duration::from_secs(2), || self.sshd(init))
            .ok_or_else(|| TestbedError::Spec(format!("the SSH server of {} is not running", self.name)))
    }

    /// Takes the machine's power away and gives it back: every process is gone, `/run` and `/tmp` are empty, the boot ID
    /// is another one; disk, address and keys are the same. Returns when the SSH server listens again.
    ///
    /// # Errors
    /// When the machine is not running or does not come back.
    pub fn reboot(&mut self) -> Result<(), TestbedError> {
        let before = self.running_init()?;
        kill_now(before);
        self.wait_for_sshd(Some(before))
    }

    /// The init process's PID on the host, which names one run of the machine: it is another one after a reboot.
    ///
    /// # Errors
    /// When the machine is not running.
    pub fn boot(&self) -> Result<u32, TestbedError> {
        self.running_init()
    }

    /// Waits until the machine has rebooted by itself, that is, runs with another init than [`Machine::boot`] gave, and
    /// its SSH server listens again.
    ///
    /// # Errors
    /// When it does not come back.
    pub fn wait_for_reboot(&mut self, boot: u32) -> Result<(), TestbedError> {
        self.wait_for_sshd(Some(boot))
    }

    /// A known_hosts file with the machine's keys, in the folder of [`Keys`](crate::Keys).
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn known_hosts_path(&self) -> Result<PathBuf, TestbedError> {
        let path = self.keys.folder().join(format!("known_hosts-{}", self.name));
        std::fs::write(&path, self.known_hosts_line()).map_err(TestbedError::path("write", &path))?;
        Ok(path)
    }

    /// An ssh(1) command that logs in as this user without any configuration or agent of the caller; add the command to
    /// run. It is killed after two minutes.
    ///
    /// # Errors
    /// When the known_hosts file cannot be written.
    pub fn ssh(&self, user: &str) -> Result<Command, TestbedError> {
        let known_hosts = self.known_hosts_path()?;
        let mut command = with_deadline("ssh");
        command.args([
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "StrictHostKeyChecking=yes",
        ]);
        command.args([
            "-o",
            &format!("UserKnownHostsFile={}", known_hosts.display()),
            "-o",
            "GlobalKnownHostsFile=none",
        ]);
        command.arg("-i").arg(self.keys.path()).args(["-p", &self.port().to_string()]);
        command.arg(format!("{user}@{}", self.address()));
        Ok(command)
    }
}

/// A process that is already gone is what was wanted.
fn kill_now(pid: u32) {
    if let Ok(pid) = i32::try_from(pid) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}
