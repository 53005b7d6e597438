//! A cluster and a machine that may become its node.

pub(crate) mod kubeadm;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use testbed::{
    ControlPlane, ControlPlaneOptions, Join, Kind, Machine, MachineSpec, Network, NodeLayer, Provider, kubelet_configuration,
    node_layer,
};

use crate::lab::{Lab, Ran, key, sh, target, wait_until};

/// A pod that answers on a port, so that its network works as well.
const POD: &str = r#"
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  nodeName: NODE
  terminationGracePeriodSeconds: 0
  containers:
    - name: web
      image: testbed.local/busybox:1
      imagePullPolicy: Never
      command: [/bin/busybox, httpd, -f, -p, "8080"]
      readinessProbe:
        tcpSocket: { port: 8080 }
        periodSeconds: 1
      volumeMounts:
        - { name: scratch, mountPath: /scratch }
  volumes:
    - name: scratch
      emptyDir: { medium: Memory }
"#;

/// A control plane and one machine, in a network of this thread's own. The machine ends first.
pub(crate) struct Cluster {
    pub(crate) machine: Machine,
    pub(crate) plane: ControlPlane,
    pub(crate) join: Join,
    lab: Lab,
}

impl Cluster {
    /// The machine has this layer over the host's userland, and no more to do with Kubernetes.
    pub(crate) fn new(layer: NodeLayer, providers: &[Provider]) -> Self {
        let network = Network::new().unwrap();
        let options = ControlPlaneOptions {
            address: Some(network.address()),
            cluster_api: providers.to_vec(),
            ..ControlPlaneOptions::with_controllers()
        };
        let plane = ControlPlane::start(&options).unwrap();
        Self {
            join: plane.prepare_join(&kubelet_configuration()).unwrap(),
            machine: machine(&network, layer),
            plane,
            lab: Lab::new(),
        }
    }

    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        self.lab.file(name, content)
    }

    pub(crate) fn apply(&self, data: &str) -> Ran {
        let data = self.file("user-data.yaml", data);
        self.lab.apply(&target("root", &self.machine), &data, &[])
    }

    pub(crate) fn reset(&self) -> Ran {
        let (key, to) = (key(), target("root", &self.machine));
        self.lab.run(&["reset", "-i", &key, &to])
    }

    /// Waits until the machine is a node that is ready, and a pod on it is, too.
    #[track_caller]
    pub(crate) fn expect_node(&self) {
        let node = format!("node/{}", self.machine.hostname());
        self.or_say_why(self.plane.wait("create", &[&node]));
        self.or_say_why(self.plane.wait("condition=Ready", &[&node]));
        self.plane.apply(&POD.replace("NODE", self.machine.hostname())).unwrap();
        self.or_say_why(self.plane.wait("condition=Ready", &["pod/web"]));
    }

    #[track_caller]
    fn or_say_why(&self, done: Result<(), testbed::TestbedError>) {
        let why = "systemctl --failed; journalctl --no-pager -n 80 -u kubelet -u containerd -u k0sworker";
        if let Err(error) = done {
            panic!("{error}\n{}", sh(&self.machine, why));
        }
    }

    /// The node is no longer one, for the cluster.
    pub(crate) fn forget_node(&self) {
        self.plane
            .kubectl(&["delete", "pod", "web", "--grace-period=0", "--force"])
            .unwrap();
        self.plane.kubectl(&["delete", "node", self.machine.hostname()]).unwrap();
    }

    /// What there is on the machine, once nothing is on its way: no boot, no run of ours, no new address (RFC 4862, 5.4).
    pub(crate) fn snapshot(&self) -> BTreeSet<String> {
        wait_until(
            &self.machine,
            "systemctl is-system-running --wait; [ -z \"$(systemctl list-units --all --plain --no-legend 'anywhere-*')\" ] && \
             [ -z \"$(find /run/anywhere -mindepth 1 2>/dev/null)\" ] && [ -z \"$(ip -o addr show tentative)\" ]",
        );
        sh(&self.machine, include_str!("snapshot.sh"))
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// That the snapshot sees a node, in every way in which it can be seen.
    #[track_caller]
    pub(crate) fn expect_traces(&self, before: &BTreeSet<String>) {
        let now = self.snapshot();
        let seen: BTreeSet<&str> = now.difference(before).filter_map(|line| line.split(": ").next()).collect();
        for kind in [
            "process", "mount", "netns", "link", "address", "route", "nft", "listener", "cgroup", "unit", "file",
        ] {
            assert!(
                seen.contains(kind),
                "the snapshot does not see a node's kind of {kind}: {seen:?}"
            );
        }
    }

    /// A reset that succeeds and leaves the machine as it was.
    #[track_caller]
    pub(crate) fn expect_clean_reset(&self, before: &BTreeSet<String>) {
        self.reset().expect(0);
        self.expect_equal(before, |snapshot| snapshot);
    }

    /// Compares what there is now, and shows what is new and what is gone. What ended may need a moment to be gone.
    #[track_caller]
    pub(crate) fn expect_equal(&self, before: &BTreeSet<String>, sifted: impl Fn(BTreeSet<String>) -> BTreeSet<String>) {
        let began = Instant::now();
        loop {
            let after = sifted(self.snapshot());
            let gone = before.difference(&after).map(|line| format!("- {line}"));
            let new = after.difference(before).map(|line| format!("+ {line}"));
            let difference: Vec<String> = gone.chain(new).collect();
            if difference.is_empty() {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{}", difference.join("\n"));
        }
    }

    /// A join token as k0s has it: a kubeconfig with a bootstrap token, compressed and encoded.
    pub(crate) fn k0s_token(&self) -> String {
        let entry = |name: &str, value: serde_json::Value| json!([{ "name": "k0s", name: value }]);
        let authority = std::fs::read(self.plane.authority_certificate()).unwrap();
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "k0s",
            "clusters": entry("cluster", json!({
                "server": self.plane.url(),
                "certificate-authority-data": STANDARD.encode(authority),
            })),
            "contexts": entry("context", json!({ "cluster": "k0s", "user": "k0s" })),
            "users": entry("user", json!({ "token": self.join.token })),
        });
        let mut compressed = GzEncoder::new(Vec::new(), Compression::default());
        compressed.write_all(kubeconfig.to_string().as_bytes()).unwrap();
        STANDARD.encode(compressed.finish().unwrap())
    }
}

fn machine(network: &Arc<Network>, layer: NodeLayer) -> Machine {
    Machine::start(&MachineSpec {
        network: Some(Arc::clone(network)),
        layers: vec![node_layer(layer).unwrap()],
        containers: true,
        ..MachineSpec::of_kind(Kind::Systemd)
    })
    .unwrap()
}
