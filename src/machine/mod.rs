//! Input to machines: complete, checked, and without having touched any of them.

mod contents;
mod described;
mod later;
mod login;
mod plans;
mod remote_machines;
mod timeouts;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use remote::plan::{Plan, Policy};
use remote::secret::Secret;
use remote::ssh::Pins;

use crate::cli::{BootstrapArgs, MachineArgs};
use crate::input::{self, Problem};
use crate::manifest::Objects;
use crate::target;
pub(crate) use contents::Contents;
pub(crate) use described::{SecretData, Secrets, described, policy, secret_names};
pub(crate) use later::{Data, Planned, RENDER, Source};
pub(crate) use timeouts::Timeouts;

/// A machine to work on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Machine {
    /// What reports call it: the name of its RemoteMachine, or as it was named on the command line.
    pub(crate) name: String,
    /// Whose it is.
    pub(crate) owner: String,
    /// Name or address, without brackets.
    pub(crate) host: String,
    /// TCP port.
    pub(crate) port: u16,
    /// User to log in as.
    pub(crate) user: String,
    /// Whether steps run as root by sudo.
    pub(crate) use_sudo: bool,
    /// What to log in with, if it has something of its own.
    pub(crate) login: Login,
    /// The password that sudo asks for, if it has one of its own.
    pub(crate) sudo_password: Option<Secret>,
    /// What it proves itself with, if that is said.
    pub(crate) host_keys: Option<Arc<Pins>>,
    /// The way to it, if that is said.
    pub(crate) jump: Vec<JumpHost>,
    /// How long things may take, where it says so itself.
    pub(crate) timeouts: Timeouts,
    /// Whether a command runs again that was interrupted: the machine went down, or the run there was killed.
    pub(crate) rerun_interrupted: bool,
    /// What a reset runs.
    pub(crate) clean_up_commands: Vec<String>,
    /// What is applied; a machine to be asked or reset has none.
    pub(crate) planned: Option<Planned>,
}

/// What somebody has of their own to log in with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Login {
    /// The private key.
    pub(crate) key: Option<KeySecret>,
    /// A certificate for it, and what errors call it.
    pub(crate) certificate: Option<(String, Secret)>,
    /// The user's password.
    pub(crate) password: Option<Secret>,
}

impl Login {
    /// Whether there is anything to log in with.
    pub(crate) fn is_some(&self) -> bool {
        self.key.is_some() || self.password.is_some()
    }
}

/// A private key in a Secret.
#[derive(Clone, Debug)]
pub(crate) struct KeySecret {
    /// What errors call it.
    pub(crate) label: String,
    /// The key `value`.
    pub(crate) private_key: Secret,
    /// The key `passphrase`, ours.
    pub(crate) passphrase: Option<Secret>,
}

/// An SSH server on the way to a machine.
#[derive(Clone, Debug)]
pub(crate) struct JumpHost {
    /// Name or address, without brackets.
    pub(crate) host: String,
    /// TCP port.
    pub(crate) port: u16,
    /// User to log in as.
    pub(crate) user: String,
    /// What to log in with, if there is something of its own.
    pub(crate) login: Login,
    /// What it proves itself with, if that is said.
    pub(crate) host_keys: Option<Arc<Pins>>,
}

impl Machine {
    /// What is applied, if that is known by now.
    pub(crate) fn plan(&self) -> Option<&Plan> {
        match self.planned.as_ref()? {
            Planned::Now(plan) => Some(plan),
            Planned::AfterFacts(later) => later.made(),
        }
    }

    /// `host:port`, with brackets around an IPv6 address.
    pub(crate) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Everything the input says.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    /// The machines, in the order in which they were named.
    pub(crate) machines: Vec<Machine>,
    /// What the input asks for and this program does not do; and objects that play no part.
    pub(crate) notes: Vec<String>,
    /// How many of the notes are about bootstrap data.
    pub(crate) unsupported: usize,
}

/// Reads all input. With `bootstrap` each machine gets its plan.
///
/// # Errors
/// All that is wrong with it.
pub(crate) fn read(machines: &MachineArgs, bootstrap: Option<&BootstrapArgs>) -> Result<Fleet, Vec<Problem>> {
    let mut reading = Reading {
        bootstrap,
        ..Reading::default()
    };
    let from_stdin = machines
        .filenames
        .iter()
        .chain(bootstrap.and_then(|args| args.bootstrap_data.as_ref()))
        .chain(bootstrap.and_then(|args| args.vendor_data.as_ref()));
    if from_stdin.filter(|path| *path == Path::new("-")).count() > 1 {
        return Err(vec![Problem::new(
            "standard input can be read once only: give - to one of -f, --bootstrap-data and --vendor-data",
        )]);
    }
    reading.objects(machines);
    reading.bootstrap_data();
    reading.contents();
    // What cannot be read would be missed by everything that names it.
    if reading.problems.is_empty() {
        reading.remote_machines(machines);
    }
    reading.targets(machines);
    reading.check_addresses();
    if reading.fleet.machines.is_empty() && reading.problems.is_empty() {
        reading.problems.push(Problem::new(
            "no machine: name some ([USER@]HOST[:PORT]), or give manifests with -f",
        ));
    }
    if bootstrap.is_some_and(|args| args.strict) && reading.fleet.unsupported > 0 {
        reading
            .problems
            .extend(reading.fleet.notes.iter().take(reading.fleet.unsupported).map(Problem::new));
    }
    if reading.problems.is_empty() {
        Ok(reading.fleet)
    } else {
        Err(reading.problems)
    }
}

#[derive(Default)]
struct Reading<'a> {
    bootstrap: Option<&'a BootstrapArgs>,
    objects: Objects,
    /// `--bootstrap-data`: what it is called, and what it is.
    data: Option<(String, Secret)>,
    /// `--vendor-data`, likewise.
    vendor_data: Option<(String, Secret)>,
    /// `--file` and `--local-files`; nothing where nothing is applied.
    contents: Option<Arc<Contents>>,
    /// Plans by source and policy, so that a hundred machines with the same data share one.
    plans: BTreeMap<String, Arc<Plan>>,
    fleet: Fleet,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn objects(&mut self, args: &MachineArgs) {
        for path in &args.filenames {
            let files = input::manifests(path).unwrap_or_else(|problem| {
                self.problems.push(problem);
                Vec::new()
            });
            for file in files {
                match input::read(&file) {
                    Ok(text) => self
                        .objects
                        .add(text.expose(), &file.display().to_string(), &mut self.problems),
                    Err(problem) => self.problems.push(problem),
                }
            }
        }
    }

    fn bootstrap_data(&mut self) {
        let Some(args) = self.bootstrap else { return };
        self.data = self.file(args.bootstrap_data.as_deref());
        self.vendor_data = self.file(args.vendor_data.as_deref());
    }

    fn contents(&mut self) {
        match self.bootstrap.map(Contents::new) {
            Some(Ok(contents)) => self.contents = Some(Arc::new(contents)),
            Some(Err(problems)) => self.problems.extend(problems),
            None => {}
        }
    }

    fn has_files(&self) -> bool {
        self.contents.as_ref().is_some_and(|contents| contents.has_files())
    }

    fn file(&mut self, path: Option<&Path>) -> Option<(String, Secret)> {
        let path = path?;
        input::read(path)
            .map(|data| (path.display().to_string(), data))
            .map_err(|problem| self.problems.push(problem))
            .ok()
    }

    fn targets(&mut self, args: &MachineArgs) {
        if args.targets.is_empty() {
            return;
        }
        let mut planned = None;
        if let Some(bootstrap) = self.bootstrap {
            if !bootstrap.working_dir.starts_with('/') {
                let what = format!("--working-dir {}: not an absolute path", bootstrap.working_dir);
                return self.problems.push(Problem(what));
            }
            let policy = Policy {
                working_dir: bootstrap.working_dir.clone(),
                commands_as_script: bootstrap.commands_as_script,
                expect_sentinel: false,
            };
            match self.data.clone() {
                Some((source, data)) => planned = self.plan(Source::of_file(source, data), None, &args.owner, &policy),
                None if bootstrap.bootstrap_data.is_none() && self.contents.is_none() => {}
                None if bootstrap.bootstrap_data.is_none() && self.has_files() => {
                    planned = self.plan(Source::none(), None, &args.owner, &policy);
                }
                None if bootstrap.bootstrap_data.is_none() => {
                    self.problems.push(Problem::new(
                        "what shall be applied? give --bootstrap-data FILE, or --file LOCAL:/PATH",
                    ));
                }
                None => {}
            }
        }
        for text in &args.targets {
            match target::parse(text) {
                Ok(named) => {
                    let user = named.user.unwrap_or_else(|| args.login.clone());
                    self.fleet.machines.push(Machine {
                        name: text.clone(),
                        owner: args.owner.clone(),
                        host: named.host,
                        port: named.port.unwrap_or(args.port),
                        use_sudo: user != "root" && !args.no_sudo,
                        user,
                        login: Login::default(),
                        sudo_password: None,
                        host_keys: None,
                        jump: Vec::new(),
                        timeouts: Timeouts::default(),
                        rerun_interrupted: false,
                        clean_up_commands: Vec::new(),
                        planned: planned.as_ref().map(Planned::for_another),
                    });
                }
                Err(error) => self.problems.push(Problem::new(error)),
            }
        }
    }

    /// Two runs on one machine would be two owners.
    fn check_addresses(&mut self) {
        let mut seen = BTreeMap::<Vec<(String, u16)>, String>::new();
        let same = |host: &str| {
            host.parse::<IpAddr>()
                .map_or_else(|_| host.to_lowercase(), |address| address.to_string())
        };
        for machine in &self.fleet.machines {
            // Two networks behind two jump hosts may well have the same addresses.
            let jumps = machine.jump.iter().map(|jump| (same(&jump.host), jump.port));
            let way = jumps.chain([(same(&machine.host), machine.port)]).collect();
            if let Some(first) = seen.insert(way, machine.name.clone()) {
                let what = format!("{first} and {} have the same address, {}", machine.name, machine.address());
                self.problems.push(Problem(what));
            }
        }
    }
}
