//! The tools, and how each of them is told to do the work.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::dead::Dead;
use crate::measure::Measured;
use crate::workload::Workload;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// ssh(1) with one script, and with the key exchange that anywhere has: the limit.
    OpenSsh,
    /// The same with the key exchange that ssh(1) prefers. Before OpenSSH 10.0 that is sntrup761x25519-sha512, which alone
    /// costs the client 70 ms of CPU time, and which the SSH library of anywhere does not have.
    OpenSshPreferred,
    /// `anywhere apply`.
    Anywhere,
    /// The same without the addresses that are dead.
    AnywhereAlive,
    /// pyinfra.
    Pyinfra,
    /// ansible-core.
    Ansible,
}

impl Tool {
    /// What tables call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OpenSsh => "openssh",
            Self::OpenSshPreferred => "ssh-pq",
            Self::Anywhere => "anywhere",
            Self::AnywhereAlive => "no dead",
            Self::Pyinfra => "pyinfra",
            Self::Ansible => "ansible",
        }
    }
}

/// What a tool is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// All the work, on machines that have seen nothing of it.
    First,
    /// The same again, on machines where all is done. OpenSSH, which knows of no state, runs `true`.
    Again,
}

/// A machine as clients see it.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// Where its SSH server is reached, on port 22.
    pub(crate) address: IpAddr,
    /// Its lines of known_hosts.
    pub(crate) known_hosts: String,
}

/// Where the programs are.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// The release binary.
    pub(crate) anywhere: PathBuf,
    /// The `bin` folder of the virtual environment with Ansible and pyinfra.
    pub(crate) venv: PathBuf,
    /// The private key that the machines accept.
    pub(crate) key: PathBuf,
}

/// A folder with everything the tools need for some machines.
#[derive(Debug)]
pub(crate) struct Site<'a> {
    programs: &'a Programs,
    folder: PathBuf,
    endpoints: Vec<Endpoint>,
    dead: Vec<IpAddr>,
}

/// Seconds after which a tool is killed.
const LIMIT: u64 = 300;

impl<'a> Site<'a> {
    /// Writes the files into a new folder.
    pub(crate) fn new(
        folder: PathBuf,
        programs: &'a Programs,
        endpoints: Vec<Endpoint>,
        dead: &Dead,
        work: Workload,
    ) -> Result<Self, String> {
        let site = Self {
            programs,
            folder,
            endpoints,
            dead: dead.addresses().to_vec(),
        };
        fs::create_dir_all(site.folder.join("control")).map_err(|error| format!("make {}: {error}", site.folder.display()))?;
        let addresses = || site.endpoints.iter().map(|endpoint| endpoint.address.to_string());
        let lines = |lines: Vec<String>| lines.join("\n") + "\n";
        site.write(
            "known_hosts",
            &site.endpoints.iter().map(|e| e.known_hosts.as_str()).collect::<String>(),
        )?;
        site.write("addresses", &lines(addresses().collect()))?;
        site.write("script", &work.script())?;
        site.write("nothing", "")?;
        site.write("cloud-config", &work.cloud_config())?;
        site.write("playbook.yml", &work.playbook())?;
        site.write("deploy.py", &work.deploy())?;
        site.write("inventory.ini", &lines(addresses().collect()))?;
        site.write("inventory.py", &site.pyinfra_inventory())?;
        site.write("ansible.cfg", &site.ansible_settings())?;
        Ok(site)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), String> {
        let path = self.folder.join(name);
        fs::write(&path, text).map_err(|error| format!("write {}: {error}", path.display()))
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// What the last command printed.
    pub(crate) fn printed(&self) -> String {
        fs::read_to_string(self.folder.join("output")).unwrap_or_default()
    }

    /// Nothing of the user's: no agent, no configuration, no known hosts.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("HOME", self.folder.display().to_string()),
            ("USER", "root".to_owned()),
            (
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
            ),
            ("LC_ALL", "C.UTF-8".to_owned()),
            ("ANSIBLE_CONFIG", self.path("ansible.cfg")),
        ]
    }

    /// The options of ssh(1) that every tool built on it gets.
    fn ssh_options(&self) -> String {
        format!(
            "-F none -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile={} \
             -o GlobalKnownHostsFile=none -o LogLevel=ERROR",
            self.path("known_hosts")
        )
    }

    /// Pipelining, one connection for each machine, no fact gathering, all machines at once up to twenty.
    fn ansible_settings(&self) -> String {
        format!(
            "[defaults]\nforks={forks}\ngathering=explicit\ninterpreter_python=/usr/bin/python3\nremote_user=root\n\
             private_key_file={key}\nretry_files_enabled=False\n\
             [ssh_connection]\npipelining=True\nssh_args={options} -o ControlMaster=auto -o ControlPersist=60s\n\
             control_path_dir={control}\n",
            forks = self.endpoints.len().min(20),
            key = self.programs.key.display(),
            options = self.ssh_options(),
            control = self.path("control"),
        )
    }

    fn pyinfra_inventory(&self) -> String {
        let data = json!({
            "ssh_user": "root",
            "ssh_port": 22,
            "ssh_key": self.programs.key,
            "ssh_known_hosts_file": self.path("known_hosts"),
            "ssh_strict_host_key_checking": "yes",
        });
        let hosts: Vec<_> = self
            .endpoints
            .iter()
            .map(|endpoint| (endpoint.address.to_string(), &data))
            .collect();
        // A tuple is what pyinfra takes; a list of two is taken for two hosts.
        format!("machines = [tuple(host) for host in {}]\n", json!(hosts))
    }

    fn command(&self, input: Option<&str>, argv: Vec<String>) -> Measured {
        Measured {
            seconds: LIMIT,
            input: input.map_or_else(|| PathBuf::from("/dev/null"), |name| self.folder.join(name)),
            output: self.folder.join("output"),
            until: None,
            argv,
        }
    }

    /// How the tool is told to do this.
    pub(crate) fn invocation(&self, tool: Tool, task: Task) -> Measured {
        let count = self.endpoints.len();
        let program = |path: &Path| path.display().to_string();
        match tool {
            Tool::OpenSsh => self.openssh(task, &format!("{} -o KexAlgorithms=curve25519-sha256", self.ssh_options())),
            Tool::OpenSshPreferred => self.openssh(task, &self.ssh_options()),
            Tool::Anywhere => self.anywhere(&["apply", "--bootstrap-data", &self.path("cloud-config")], &self.dead),
            Tool::AnywhereAlive => self.anywhere(&["apply", "--bootstrap-data", &self.path("cloud-config")], &[]),
            Tool::Pyinfra => self.command(
                None,
                vec![
                    program(&self.programs.venv.join("pyinfra")),
                    "-y".to_owned(),
                    "--parallel".to_owned(),
                    count.to_string(),
                    self.path("inventory.py"),
                    self.path("deploy.py"),
                ],
            ),
            Tool::Ansible => self.command(
                None,
                vec![
                    program(&self.programs.venv.join("ansible-playbook")),
                    "-i".to_owned(),
                    self.path("inventory.ini"),
                    self.path("playbook.yml"),
                ],
            ),
        }
    }

    /// `anywhere reset`, for which nobody is timed.
    pub(crate) fn reset(&self) -> Measured {
        self.anywhere(&["reset"], &[])
    }

    fn anywhere(&self, arguments: &[&str], dead: &[IpAddr]) -> Measured {
        let mut argv = vec![self.programs.anywhere.display().to_string()];
        argv.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        argv.extend(["-i".to_owned(), self.programs.key.display().to_string()]);
        argv.extend(["--known-hosts".to_owned(), self.path("known_hosts")]);
        argv.extend(["--host-key-checking".to_owned(), "yes".to_owned()]);
        let is_apply = arguments.first() == Some(&"apply");
        let mut dead = dead.iter();
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            argv.push(format!("root@{}", endpoint.address));
            // Every tenth is dead.
            if index % 9 == 4 {
                argv.extend(dead.next().map(|address| format!("root@{address}")));
            }
        }
        let until = (is_apply && !self.dead.is_empty()).then(|| "  provisioned: ".to_owned());
        Measured {
            until,
            ..self.command(None, argv)
        }
    }

    fn openssh(&self, task: Task, options: &str) -> Measured {
        let ssh = format!("ssh {options} -i {}", self.programs.key.display());
        let (remote, script) = match task {
            Task::First => ("sh -s", "script"),
            Task::Again => ("true", "nothing"),
        };
        if let [endpoint] = self.endpoints.as_slice() {
            let mut argv: Vec<String> = ssh.split(' ').map(str::to_owned).collect();
            argv.extend([format!("root@{}", endpoint.address), remote.to_owned()]);
            return self.command(Some(script), argv);
        }
        let each = format!("exec {ssh} root@{{}} '{remote}' <{}", self.path(script));
        let count = self.endpoints.len().to_string();
        let argv = ["xargs", "-P", &count, "-I", "{}", "sh", "-c", &each];
        self.command(Some("addresses"), argv.map(str::to_owned).to_vec())
    }
}
