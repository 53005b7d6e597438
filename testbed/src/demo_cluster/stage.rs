//! All programs that play a part, and what a person would do with kubectl.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testbed::{
    ControlPlane, ControlPlaneOptions, Join, Kind, Machine, MachineSpec, Network, NodeLayer, Provider, TestbedError,
    kubelet_configuration, node_layer,
};

use super::objects::{self, CLUSTER, NAMESPACE, WORKERS};
use super::{failed, follow, io, say};

/// How long the demonstration waits for anything before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often is looked.
const LOOK: Duration = Duration::from_millis(300);
/// What runs the controller, but for the Deployments: there is no node for their pods.
const MANIFESTS: &str = include_str!("../../../examples/controller/controller.yaml");

pub(crate) struct Stage {
    programs: Vec<Child>,
    pub(crate) hosts: Vec<Machine>,
    plane: ControlPlane,
    join: Join,
    logs: tempfile::TempDir,
}

impl Stage {
    /// Moves this thread to a network of its own, in which all of it is.
    pub(crate) fn set(anywhere: &Path, count: usize) -> Result<Self, TestbedError> {
        let network = Network::new()?;
        let plane = ControlPlane::start(&ControlPlaneOptions {
            address: Some(network.address()),
            scheduler: true,
            ..ControlPlaneOptions::with_cluster_api(&[Provider::KubeadmBootstrap])
        })?;
        let join = plane.prepare_join(&kubelet_configuration())?;
        let spec = MachineSpec {
            network: Some(network),
            layers: vec![node_layer(NodeLayer::Kubeadm)?],
            containers: true,
            ..MachineSpec::of_kind(Kind::Systemd)
        };
        let hosts = Machine::start_many(&vec![spec; count]);
        let mut stage = Self {
            programs: Vec::new(),
            hosts: hosts.into_iter().collect::<Result<_, _>>()?,
            plane,
            join,
            logs: tempfile::tempdir().map_err(|source| io("make a folder", source))?,
        };
        stage.install(anywhere)?;
        Ok(stage)
    }

    fn install(&mut self, anywhere: &Path) -> Result<(), TestbedError> {
        let crds = Command::new(anywhere).arg("crds").output();
        let crds = crds.map_err(|source| io("start anywhere", source))?;
        self.plane.apply(&String::from_utf8_lossy(&crds.stdout))?;
        let ours = ["customresourcedefinitions", "-l", "app.kubernetes.io/part-of=anywhere"];
        self.plane.wait("jsonpath={.status.conditions}", &ours)?;
        self.plane.wait("condition=Established", &ours)?;
        let objects: Vec<&str> = MANIFESTS
            .split("---\n")
            .filter(|text| !text.contains("kind: Deployment"))
            .collect();
        self.plane.apply(&objects.join("---\n"))?;
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|source| io("find a port", source))?;
        let address = listener.local_addr().map_err(|source| io("find a port", source))?.to_string();
        drop(listener);
        let url = format!("--url=https://{address}/convert");
        self.start(anywhere, "anywhere-webhook", &["webhook", "--bind", &address, &url])?;
        let arguments = [
            "controller",
            "--leader-elect",
            "--health-probe-bind-address=0",
            "--metrics-bind-address=0",
        ];
        self.start(anywhere, "anywhere-controller", &arguments)?;
        self.plane.stand_in_control_plane(NAMESPACE, CLUSTER)
    }

    /// Starts the binary as a ServiceAccount.
    fn start(&mut self, anywhere: &Path, account: &str, arguments: &[&str]) -> Result<(), TestbedError> {
        let create = ["create", "token", account, "--namespace", "anywhere-system"];
        let token = self.plane.kubectl(&create)?;
        let entry = |field: &str, value: Value| json!([{ "name": "it", field: value }]);
        let cluster = json!({ "server": self.plane.url(), "certificate-authority": self.plane.authority_certificate() });
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "it",
            "clusters": entry("cluster", cluster),
            "users": entry("user", json!({ "token": token.trim() })),
            "contexts": entry("context", json!({ "cluster": "it", "user": "it" })),
        });
        let path = self.logs.path().join(format!("{account}.kubeconfig"));
        std::fs::write(&path, kubeconfig.to_string()).map_err(|source| io("write a kubeconfig", source))?;
        let log = File::create(self.log(account)).map_err(|source| io("make a log", source))?;
        let mut command = Command::new(anywhere);
        command
            .args(arguments)
            .env("KUBECONFIG", path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        self.programs
            .push(command.spawn().map_err(|source| io("start anywhere", source))?);
        Ok(())
    }

    fn log(&self, account: &str) -> PathBuf {
        self.logs.path().join(format!("{account}.log"))
    }

    /// The Cluster of this API server.
    pub(crate) fn cluster(&self) -> Vec<Value> {
        let (host, port) = self.join.endpoint.split_once(':').unwrap_or_default();
        objects::cluster((host, port.parse().unwrap_or_default()), &self.join.version)
    }

    pub(crate) fn apply(&self, objects: &[Value]) -> Result<(), TestbedError> {
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        self.plane.apply(&list.to_string()).map(drop)
    }

    /// Shows a kubectl command as a person would type it, and what it prints.
    pub(crate) fn show(&self, arguments: &[&str]) -> Result<(), TestbedError> {
        let typed: Vec<&str> = arguments
            .iter()
            .map(|word| word.split(':').next().unwrap_or_default())
            .collect();
        say(&format!("\n$ kubectl {}", typed.join(" ")));
        say(self.plane.kubectl(arguments)?.trim_end());
        Ok(())
    }

    pub(crate) fn scale(&self, count: usize) -> Result<(), TestbedError> {
        self.show(&["scale", "machinedeployment", WORKERS, &format!("--replicas={count}")])
    }

    pub(crate) fn wait(&self, condition: &str, what: &str) -> Result<(), TestbedError> {
        self.plane.wait(condition, &[what])
    }

    /// Shows what becomes of the Machines until there are so many, and all of them run.
    pub(crate) fn until_running(&self, count: usize) -> Result<(), TestbedError> {
        let began = Instant::now();
        let mut shown: BTreeMap<String, String> = BTreeMap::new();
        loop {
            let machines = self.list("machines.v1beta2.cluster.x-k8s.io")?;
            let remote_machines = self.list("remotemachines")?;
            let standings = follow::standings(&machines, &remote_machines);
            let at = began.elapsed().as_secs_f32();
            for (name, standing) in &standings {
                if shown.get(name) != Some(standing) {
                    say(&format!("{at:6.1} s  {name}  {standing}"));
                }
            }
            for name in shown.keys().filter(|name| !standings.contains_key(*name)) {
                say(&format!("{at:6.1} s  {name}  gone"));
            }
            shown = standings;
            let nodes = self.list("nodes")?.len();
            let is_so = machines.len() == count && follow::running(&machines) == count && nodes == count;
            if is_so && remote_machines.len() == count {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(self.log("anywhere-controller")).unwrap_or_default();
                return Err(failed(&format!(
                    "waited in vain for {count} Machines; the controller says:\n{log}"
                )));
            }
            std::thread::sleep(LOOK);
        }
    }

    fn list(&self, kind: &str) -> Result<Vec<Value>, TestbedError> {
        let text = self.plane.kubectl(&["get", kind, "-o", "json"])?;
        let list: Value = serde_json::from_str(&text).map_err(|error| failed(&error.to_string()))?;
        Ok(list.pointer("/items").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// What each host has of a cluster, as it says itself.
    pub(crate) fn show_hosts(&self) -> Result<(), TestbedError> {
        say("\nWhat is on the hosts:");
        for (number, host) in self.hosts.iter().enumerate() {
            let script = "systemctl is-active kubelet; ls -d /etc/kubernetes/kubelet.conf /var/lib/anywhere 2>/dev/null; :";
            let output = host.run(&["/bin/sh", "-c", script])?;
            let said = String::from_utf8_lossy(&output.stdout).trim().replace('\n', ", ");
            say(&format!("  host-{number}  kubelet {said}"));
        }
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for program in &mut self.programs {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}
