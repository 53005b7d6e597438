//! Starts and stops machines.
//!
//! A machine's outermost process (`scripts/supervise.sh`) holds the mount namespace with its disk and ends when the pipe
//! to its standard input, the lifeline, closes. Only this process has the other end, so the kernel ends the machine when
//! this process ends in whatever way. Nothing of a machine is on the host's disk.

use crate::address::ReservedAddress;
use crate::disk::{self, Contents};
use crate::error::TestbedError;
use crate::etc_files::{host_key_file, hostname_for};
use crate::keys::Keys;
use crate::openrc;
use crate::process_tree;
use crate::program::{self, PATH, poll};
use crate::requirements::requirements_of;
use crate::spec::{Kind, MachineSpec};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How long a machine may take to start, stop or start again, on a loaded host.
const LIMIT: Duration = Duration::from_secs(60);

/// Makes names unique within this process.
static SEQUENCE: AtomicU32 = AtomicU32::new(0);

/// A running machine. Dropping it ends it.
#[derive(Debug)]
pub struct Machine {
    /// Unique on the host: the name of the machine's cgroup, too.
    pub(crate) name: String,
    hostname: String,
    address: ReservedAddress,
    port: u16,
    kind: Kind,
    host_keys: Vec<String>,
    pub(crate) keys: &'static Keys,
    pub(crate) supervisor: Child,
    lifeline: Option<ChildStdin>,
}

impl Machine {
    /// Starts a machine and waits until its SSH server listens. Blocks for tens of milliseconds; systemd takes longer.
    ///
    /// # Errors
    /// When the host lacks something, the specification contradicts itself or the machine does not start.
    pub fn start(spec: &MachineSpec) -> Result<Self, TestbedError> {
        if let Some(reason) = spec.contradiction() {
            return Err(TestbedError::Spec(reason.to_owned()));
        }
        requirements_of(spec)?;
        let keys = Keys::of_this_process()?;
        let address = match &spec.network {
            None => ReservedAddress::new(spec.port)?,
            Some(network) => ReservedAddress::of_own_network(network.next()?),
        };
        let name = format!("testbed-{}-{}", std::process::id(), SEQUENCE.fetch_add(1, Ordering::Relaxed));
        let hostname = spec.name.clone().unwrap_or_else(|| hostname_for(address.get()));
        let mut supervisor = supervise(spec, &name, &hostname)?;
        let (lifeline, said) = (supervisor.stdin.take(), supervisor.stdout.take());
        let port = spec.port;
        let mut machine = Self {
            name,
            hostname,
            address,
            port,
            kind: spec.kind,
            host_keys: Vec::new(),
            keys,
            supervisor,
            lifeline,
        };
        machine.prepare(spec, said)?;
        machine.wait_for_sshd(None)?;
        Ok(machine)
    }

    /// Starts many machines, a few at a time, and returns them in the order of the specifications.
    pub fn start_many(specs: &[MachineSpec]) -> Vec<Result<Self, TestbedError>> {
        let workers = std::thread::available_parallelism().map_or(2, usize::from) * 2;
        let share = specs.len().div_ceil(workers).max(1);
        std::thread::scope(|scope| {
            let threads: Vec<_> = specs
                .chunks(share)
                .map(|specs| (specs.len(), scope.spawn(|| specs.iter().map(Self::start).collect::<Vec<_>>())))
                .collect();
            let lost = |count| {
                (0..count)
                    .map(|_| Err(TestbedError::Spec("a starting thread panicked".to_owned())))
                    .collect()
            };
            threads
                .into_iter()
                .flat_map(|(count, thread)| thread.join().unwrap_or_else(|_| lost(count)))
                .collect()
        })
    }

    /// Does what the outermost process waits for between mounting the disk and the first start.
    fn prepare(&mut self, spec: &MachineSpec, said: Option<ChildStdout>) -> Result<(), TestbedError> {
        let store = self.store();
        let contents = Contents {
            spec,
            hostname: &self.hostname.clone(),
            address: self.address.get(),
            keys: self.keys,
        };
        let mut said = said.map(BufReader::new);
        self.hear(&mut said, "store")?;
        if let Some(network) = &spec.network {
            network.attach(self.supervisor.id(), self.address.get())?;
        }
        disk::write_scripts(&store, &contents)?;
        match spec.kind {
            Kind::SshdOnly | Kind::Systemd | Kind::OpenRc => disk::hide_the_host(&store)?,
            Kind::BusyboxOnly => {}
        }
        self.go_on()?;
        self.hear(&mut said, "root")?;
        let root = store.join("root");
        disk::populate(&root, &contents)?;
        for kind in &spec.host_keys {
            let path = root.join(format!("{}.pub", host_key_file(*kind).trim_start_matches('/')));
            let line = fs::read_to_string(&path).map_err(TestbedError::path("read", path))?;
            self.host_keys
                .push(line.split_whitespace().take(2).collect::<Vec<_>>().join(" "));
        }
        self.go_on()
    }

    /// The next word of the outermost process. It comes or the process ends: its scripts have nothing to wait for.
    fn hear(&mut self, said: &mut Option<BufReader<ChildStdout>>, word: &'static str) -> Result<(), TestbedError> {
        let mut line = String::new();
        if let Some(said) = said {
            said.read_line(&mut line)
                .map_err(TestbedError::io("read from the machine's outermost process"))?;
        }
        if line.trim_end() == word {
            Ok(())
        } else {
            Err(self.ended(word))
        }
    }

    fn go_on(&mut self) -> Result<(), TestbedError> {
        let Some(lifeline) = &mut self.lifeline else { return Ok(()) };
        lifeline
            .write_all(b"go on\n")
            .map_err(TestbedError::io("write to the machine's outermost process"))
    }

    /// Waits until the SSH server listens (it writes its PID file after that), in a machine whose init is not `before`.
    pub(crate) fn wait_for_sshd(&mut self, before: Option<u32>) -> Result<(), TestbedError> {
        let mut ended = false;
        let ready = poll(LIMIT, || {
            ended = self.supervisor.try_wait().is_ok_and(|status| status.is_some());
            let init = self.init().filter(|init| Some(*init) != before);
            (ended || init.is_some_and(|init| self.sshd(init).is_some())).then_some(())
        });
        if ended {
            return Err(self.ended("ready"));
        }
        ready.ok_or_else(|| TestbedError::Deadline {
            machine: self.name.clone(),
            state: "ready",
            waited: LIMIT,
            console: self.console(),
        })
    }

    fn ended(&mut self, state: &'static str) -> TestbedError {
        let console = self.console();
        let status = program::wait(&mut self.supervisor, Duration::from_secs(5));
        let status = status.map_or_else(|| "still running".to_owned(), |status| status.to_string());
        TestbedError::Ended {
            machine: self.name.clone(),
            status,
            state,
            console,
        }
    }

    /// The PID, on the host, of the machine's PID 1.
    pub(crate) fn init(&self) -> Option<u32> {
        let levels = match self.kind {
            Kind::SshdOnly | Kind::BusyboxOnly => 1,
            Kind::Systemd | Kind::OpenRc => 2,
        };
        process_tree::init_below(self.supervisor.id(), levels)
    }

    /// The PID, on the host, of the listening SSH server, once it listens.
    pub(crate) fn sshd(&self, init: u32) -> Option<u32> {
        let root = root_of(init);
        // Until the init has changed its root folder, this would be the host's /run.
        let host = fs::metadata("/").ok()?;
        if fs::metadata(&root).ok()?.dev() == host.dev() {
            return None;
        }
        let inside = fs::read_to_string(root.join("run/sshd.pid")).ok()?;
        let inside: u32 = inside.trim().parse().ok()?;
        process_tree::in_machine(init, inside)
    }

    /// The outer file system of the machine, with its disk and its console.
    fn store(&self) -> PathBuf {
        root_of(self.supervisor.id()).join("mnt")
    }

    /// The machine's loopback address.
    pub fn address(&self) -> IpAddr {
        IpAddr::V4(self.address.get())
    }

    /// The SSH server's port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where the SSH server listens.
    pub fn socket_address(&self) -> SocketAddr {
        SocketAddr::new(self.address(), self.port)
    }

    /// The machine's hostname.
    pub fn hostname(&self) -> &str {
        &self.hostname
    }

    /// The first of the SSH server's public keys, as `type base64`.
    pub fn host_key(&self) -> &str {
        self.host_keys.first().map_or("", String::as_str)
    }

    /// All of the SSH server's public keys, in the order of the specification.
    pub fn host_keys(&self) -> &[String] {
        &self.host_keys
    }

    /// The lines for a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), one for each key.
    pub fn known_hosts_line(&self) -> String {
        self.known_hosts_line_at(self.socket_address())
    }

    /// The same lines for another address where the machine can be reached, for example a [`Proxy`](crate::Proxy)'s.
    pub fn known_hosts_line_at(&self, address: SocketAddr) -> String {
        let host = match address.port() {
            22 => address.ip().to_string(),
            port => format!("[{}]:{port}", address.ip()),
        };
        self.host_keys.iter().map(|key| format!("{host} {key}\n")).collect()
    }

    /// The key pair that the machine accepts for root, `admin` and its other users.
    pub fn keys(&self) -> &'static Keys {
        self.keys
    }

    /// The machine's `/` as the host sees it. An absolute symbolic link in it leads to the host's own files, so do not
    /// go through one. The path is another one after a reboot.
    ///
    /// # Errors
    /// When the machine is not running.
    pub fn root_dir(&self) -> Result<PathBuf, TestbedError> {
        Ok(root_of(self.running_init()?))
    }

    /// What differs between the machine's disk and the host's own root folder, as overlayfs keeps it (the kernel's
    /// documentation of overlayfs, "whiteouts and opaque directories"): changed files whole, a character device 0/0 where
    /// the host has a file and the machine has none. Without the machine's `/run`, `/tmp` and `/dev`, and not for
    /// [`Kind::BusyboxOnly`], whose whole disk it is.
    #[must_use]
    pub fn changes_dir(&self) -> PathBuf {
        self.store().join("disk/upper")
    }

    pub(crate) fn running_init(&self) -> Result<u32, TestbedError> {
        poll(Duration::from_secs(2), || self.init()).ok_or_else(|| TestbedError::Ended {
            machine: self.name.clone(),
            status: "no init process".to_owned(),
            state: "asked",
            console: self.console(),
        })
    }

    /// What the SSH server and the start scripts wrote to the console so far.
    pub fn console(&self) -> String {
        let bytes = fs::read(self.store().join("console.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Ends the machine and waits until it is gone, which dropping it does, too.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        if program::wait(&mut self.supervisor, LIMIT).is_none() {
            // Its children end with it or at the closed lifeline.
            let _ = self.supervisor.kill();
            let _ = self.supervisor.wait();
        }
    }
}

fn root_of(pid: u32) -> PathBuf {
    Path::new("/proc").join(pid.to_string()).join("root")
}

/// Starts the machine's outermost process in a mount namespace and a process group of its own: a Ctrl-C at the terminal
/// reaches this process, not the machine.
fn supervise(spec: &MachineSpec, name: &str, hostname: &str) -> Result<Child, TestbedError> {
    let openrc = (spec.kind == Kind::OpenRc).then(openrc::layer);
    let layers = spec.layers.iter().chain(&openrc);
    let layers: Vec<String> = layers.map(|layer| layer.display().to_string()).collect();
    Command::new("/usr/bin/unshare")
        .args(spec.network.as_ref().map(|_| "--net"))
        .args([
            "--mount",
            "--propagation",
            "private",
            "/bin/sh",
            "-c",
            include_str!("scripts/supervise.sh"),
            "testbed",
        ])
        .args([
            spec.kind.name(),
            &spec.disk_bytes.to_string(),
            name,
            hostname,
            &layers.join(":"),
        ])
        .env_clear()
        .env("PATH", PATH)
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(TestbedError::io("start unshare"))
}
