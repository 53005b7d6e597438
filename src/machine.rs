//! Input to machines: complete, checked, and without having touched any of them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use remote::bootstrap::{self, Bootstrap, Unsupported, Variables, VendorData};
use remote::plan::{Plan, Policy};
use remote::secret::Secret;

use crate::cli::{BootstrapArgs, MachineArgs};
use crate::input::{self, Problem};
use crate::manifest::{Key, Machine as MachineObject, Objects, RemoteMachine};
use crate::target;

/// A machine to work on.
#[derive(Clone, Debug)]
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
    /// The Secret that holds its private key, if it has one of its own.
    pub(crate) key: Option<KeySecret>,
    /// What a reset runs.
    pub(crate) clean_up_commands: Vec<String>,
    /// What is applied; a machine to be asked or reset has none.
    pub(crate) plan: Option<Arc<Plan>>,
}

/// A machine's own private key.
#[derive(Clone, Debug)]
pub(crate) struct KeySecret {
    /// What errors call it.
    pub(crate) label: String,
    /// The key `value`.
    pub(crate) private_key: Secret,
    /// The key `passphrase`, ours.
    pub(crate) passphrase: Option<Secret>,
    /// The key `sudoPassword`, ours.
    pub(crate) sudo_password: Option<Secret>,
}

impl Machine {
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

    fn file(&mut self, path: Option<&Path>) -> Option<(String, Secret)> {
        let path = path?;
        input::read(path)
            .map(|data| (path.display().to_string(), data))
            .map_err(|problem| self.problems.push(problem))
            .ok()
    }

    fn remote_machines(&mut self, args: &MachineArgs) {
        for remote_machine in std::mem::take(&mut self.objects.remote_machines) {
            let RemoteMachine { key, place, spec } = &remote_machine;
            if spec.provider_id.as_ref().is_some_and(|id| !id.is_empty()) && self.bootstrap.is_some() {
                self.fleet.notes.push(format!(
                    "{place}: RemoteMachine {key} has a providerID: it counts as provisioned and is left alone"
                ));
                continue;
            }
            let before = self.problems.len();
            let mut need = |is_wrong: bool, what: &str| {
                if is_wrong {
                    self.problems.push(place.problem(format!("RemoteMachine {key}: {what}")));
                }
            };
            let address = spec.address.clone().unwrap_or_default();
            need(
                spec.provision_job.is_some(),
                "spec.provisionJob needs a cluster to run the Job in",
            );
            match &spec.pool {
                Some(_) => need(
                    address.is_empty(),
                    "spec.pool needs a cluster to claim a machine in; give spec.address",
                ),
                None => need(address.is_empty(), "spec.address is missing"),
            }
            need(
                !address.is_empty() && !target::is_host(&address),
                "spec.address is neither an IP address nor a host name (user and port are fields of their own)",
            );
            need(spec.port == 0, "spec.port must be between 1 and 65535");
            need(spec.user.is_empty(), "spec.user is empty");
            need(!spec.working_dir.starts_with('/'), "spec.workingDir is not an absolute path");
            let ssh_key = spec
                .ssh_key_ref
                .as_ref()
                .and_then(|reference| self.ssh_key(key, &reference.name, &remote_machine));
            let policy = Policy {
                working_dir: spec.working_dir.clone(),
                commands_as_script: spec.commands_as_script,
                expect_sentinel: true,
            };
            let plan = self.bootstrap.and_then(|_| self.plan_of(&remote_machine, policy));
            if self.problems.len() > before {
                continue;
            }
            self.fleet.machines.push(Machine {
                name: key.to_string(),
                owner: key.to_string(),
                host: address,
                port: spec.port,
                user: spec.user.clone(),
                use_sudo: spec.use_sudo,
                key: ssh_key,
                clean_up_commands: spec.clean_up_commands.clone().unwrap_or_default(),
                plan,
            });
        }
        if !args.filenames.is_empty() && self.fleet.machines.is_empty() && self.problems.is_empty() && args.targets.is_empty() {
            let notes = self.fleet.notes.drain(..).chain(std::mem::take(&mut self.objects.unused));
            self.problems.extend(notes.map(Problem));
            self.problems
                .push(Problem::new("there is no RemoteMachine to work on in the manifests"));
        }
        self.fleet.notes.append(&mut self.objects.unused);
    }

    fn ssh_key(&mut self, key: &Key, name: &str, remote_machine: &RemoteMachine) -> Option<KeySecret> {
        let secret_key = Key {
            namespace: key.namespace.clone(),
            name: name.to_owned(),
        };
        let Some(secret) = self.objects.secrets.get(&secret_key) else {
            let what = format!("RemoteMachine {key}: spec.sshKeyRef: there is no Secret {secret_key} in the input");
            self.problems.push(remote_machine.place.problem(what));
            return None;
        };
        let Some(private_key) = secret.get("value") else {
            let what = format!("RemoteMachine {key}: Secret {secret_key} has no key \"value\", which holds the private key");
            self.problems.push(remote_machine.place.problem(what));
            return None;
        };
        Some(KeySecret {
            label: format!("Secret {secret_key} key \"value\""),
            private_key: private_key.clone(),
            passphrase: secret.get("passphrase").cloned(),
            sudo_password: secret.get("sudoPassword").cloned(),
        })
    }

    /// The plan of a RemoteMachine: from the Secret that its Machine names, else from `--bootstrap-data`.
    fn plan_of(&mut self, remote_machine: &RemoteMachine, policy: Policy) -> Option<Arc<Plan>> {
        let RemoteMachine { key, place, .. } = remote_machine;
        let is_its = |machine: &&MachineObject| {
            machine.remote_machine.as_ref() == Some(&key.name) && machine.key.namespace == key.namespace
        };
        let machines: Vec<_> = self.objects.machines.iter().filter(is_its).collect();
        let machine = match machines.as_slice() {
            [] => {
                let Some((source, data)) = self.data.clone() else {
                    let what = "no Machine in the input has it as its infrastructureRef; add one, or give --bootstrap-data";
                    self.problems.push(place.problem(format!("RemoteMachine {key}: {what}")));
                    return None;
                };
                return self.plan(&source, &data, None, Some(key.name.clone()), &policy);
            }
            [machine] => machine,
            [first, second, ..] => {
                let what = format!(
                    "RemoteMachine {key} is the infrastructureRef of two Machines, {} and {}",
                    first.key, second.key
                );
                self.problems.push(place.problem(what));
                return None;
            }
        };
        let Some(name) = &machine.data_secret_name else {
            let what = format!(
                "Machine {}: spec.bootstrap.dataSecretName is missing: its bootstrap provider has made no data yet; read the Machine again once it has",
                machine.key
            );
            self.problems.push(machine.place.problem(what));
            return None;
        };
        let secret_key = Key {
            namespace: machine.key.namespace.clone(),
            name: name.clone(),
        };
        let Some(secret) = self.objects.secrets.get(&secret_key) else {
            let what = format!("Machine {}: there is no Secret {secret_key} in the input", machine.key);
            self.problems.push(machine.place.problem(what));
            return None;
        };
        let Some(data) = secret.get("value").cloned() else {
            let what = format!(
                "Machine {}: Secret {secret_key} has no key \"value\", which holds the bootstrap data",
                machine.key
            );
            self.problems.push(machine.place.problem(what));
            return None;
        };
        let format = secret
            .get("format")
            .map(|format| String::from_utf8_lossy(format.expose()).into_owned());
        self.plan(
            &format!("Secret {secret_key} key \"value\""),
            &data,
            format.as_deref(),
            Some(key.name.clone()),
            &policy,
        )
    }

    fn plan(
        &mut self,
        source: &str,
        data: &Secret,
        format: Option<&str>,
        name: Option<String>,
        policy: &Policy,
    ) -> Option<Arc<Plan>> {
        let options = bootstrap::Options {
            source,
            format,
            variables: Variables { machine_name: name },
            vendor_data: self.vendor_data.as_ref().map(|(source, data)| VendorData {
                source,
                data: data.expose(),
            }),
        };
        let parsed: Bootstrap = match bootstrap::parse(data.expose(), &options) {
            Ok(parsed) => parsed,
            Err(error) => {
                self.problem_once(Problem::new(error));
                return None;
            }
        };
        for Unsupported { key, line, column, why } in &parsed.unsupported {
            let (source, line) = parsed.sources.place(*line);
            let note = format!("{source}:{line}:{column}: {key} is not applied: {why}");
            if !self.fleet.notes.contains(&note) {
                self.fleet.notes.insert(self.fleet.unsupported, note);
                self.fleet.unsupported += 1;
            }
        }
        match Plan::new(&parsed, policy) {
            Ok(plan) => Some(
                self.plans
                    .entry(plan.id().to_owned())
                    .or_insert_with(|| Arc::new(plan))
                    .clone(),
            ),
            Err(error) => {
                self.problem_once(Problem(format!("{source}: {error}")));
                None
            }
        }
    }

    fn problem_once(&mut self, problem: Problem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn targets(&mut self, args: &MachineArgs) {
        if args.targets.is_empty() {
            return;
        }
        let mut plan = None;
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
                Some((source, data)) => plan = self.plan(&source, &data, None, None, &policy),
                None if bootstrap.bootstrap_data.is_none() => {
                    self.problems
                        .push(Problem::new("what shall be applied? give --bootstrap-data FILE"));
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
                        key: None,
                        clean_up_commands: Vec::new(),
                        plan: plan.clone(),
                    });
                }
                Err(error) => self.problems.push(Problem::new(error)),
            }
        }
    }

    /// Two runs on one machine would be two owners.
    fn check_addresses(&mut self) {
        let mut seen = BTreeMap::<(String, u16), String>::new();
        for machine in &self.fleet.machines {
            let host = machine
                .host
                .parse::<IpAddr>()
                .map_or_else(|_| machine.host.to_lowercase(), |address| address.to_string());
            if let Some(first) = seen.insert((host, machine.port), machine.name.clone()) {
                let what = format!("{first} and {} have the same address, {}", machine.name, machine.address());
                self.problems.push(Problem(what));
            }
        }
    }
}
