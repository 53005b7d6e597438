//! Machines that are provisioned by Jobs: on a real node, by its kubelet, with the SSH client of the node's own userland.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::{ControlPlaneOptions, Kind, Machine, MachineSpec, Network, NodeLayer, Provider, kubelet_configuration, node_layer};
use testbed::{Join, stand_in_reference};

use crate::hosts::is_clean;
use crate::lab::sh;
use crate::objects::{
    CLUSTER, CLUSTER_API, INFRASTRUCTURE, WORKERS, cluster, deployment, machine, object, pool, secret, ssh_key,
};
use crate::scaling::scale;
use crate::site::Site;

/// Counts how often it was applied, and fails until somebody has mended the host. What commands make, the clean-up of commands takes away.
const DATA: &str = "#cloud-config\nwrite_files:\n- {path: /etc/edge/token, permissions: '0600', content: hidden-in-a-file}\n\
                    runcmd:\n- echo once >> /srv/counted\n\
                    - 'cat /etc/edge/token >&2; [ -e /srv/mended ] || { echo not mended yet >&2; exit 7; }'\n\
                    - mkdir -p /run/cluster-api; touch /run/cluster-api/bootstrap-success.complete\n";

/// A Pod takes its time to come and to go, and a failed Job is tried again after some.
const PATIENCE: Duration = Duration::from_secs(120);

/// A node that runs the Jobs, and a host that they work on.
struct Lab {
    site: Site,
    node: Machine,
    host: Machine,
}

impl Lab {
    fn new() -> Self {
        let network = Network::new().unwrap();
        let site = Site::start(&ControlPlaneOptions {
            address: Some(network.address()),
            scheduler: true,
            ..ControlPlaneOptions::with_cluster_api(&[Provider::KubeadmBootstrap])
        });
        let Join { endpoint, version, .. } = site.plane.prepare_join(&kubelet_configuration()).unwrap();
        let node = MachineSpec {
            network: Some(network.clone()),
            layers: vec![node_layer(NodeLayer::Kubeadm).unwrap()],
            containers: true,
            ..MachineSpec::of_kind(Kind::Systemd)
        };
        let host = MachineSpec {
            network: Some(network),
            ..MachineSpec::of_kind(Kind::Systemd)
        };
        let mut hosts = Machine::start_many(&[node, host]).into_iter().map(Result::unwrap);
        let (node, host) = (hosts.next().unwrap(), hosts.next().unwrap());
        let (address, port) = endpoint.split_once(':').unwrap();
        let control_plane = json!({ "controlPlaneRef": stand_in_reference(CLUSTER) });
        site.apply(&cluster((address, port.parse().unwrap()), &control_plane));
        site.stand_in();
        let key = testbed::Keys::of_this_process().unwrap().private_key().unwrap();
        let known = host.known_hosts_line() + "\n";
        site.apply(&[
            ssh_key(),
            secret("ssh-files", &[("key", key.as_bytes()), ("known_hosts", known.as_bytes())]),
            secret("data", &[("value", DATA.as_bytes())]),
        ]);
        site.apply(&machine(
            "node",
            &node,
            &version,
            &json!({ "labels": { "example.org/role": "jobs" } }),
        ));
        let lab = Self { site, node, host };
        lab.site.within(PATIENCE, "there is a node", || {
            let nodes = lab.site.nodes();
            let conditions = nodes
                .first()
                .map(|node| node["status"]["conditions"].clone())
                .unwrap_or_default();
            let mut conditions = conditions.as_array().into_iter().flatten();
            match conditions.any(|it| it["type"] == "Ready" && it["status"] == "True") {
                true => Ok(()),
                false => Err(crate::hosts::said(&lab.site)),
            }
        });
        lab
    }

    /// A RemoteMachine that a Job provisions, with its Machine.
    fn remote_machine(&self, name: &str, image: &str) {
        let spec = json!({
            "address": self.host.address(), "port": self.host.port(), "cleanUpCommands": ["rm -rf /srv/counted /srv/mended"],
            "provisionJob": provision_job(image),
        });
        let reference = json!({ "apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "RemoteMachine", "name": name });
        let machine = json!({
            "clusterName": CLUSTER, "bootstrap": { "dataSecretName": "data" }, "infrastructureRef": reference,
        });
        self.site.apply(&[
            object(INFRASTRUCTURE, "RemoteMachine", name, &json!({ "spec": spec })),
            object(CLUSTER_API, "Machine", name, &json!({ "spec": machine })),
        ]);
    }

    /// Waits until a RemoteMachine's condition Ready has this reason, and its message this text; gives the message.
    #[track_caller]
    fn until(&self, name: &str, reason: &str, text: &str) -> String {
        let condition = || {
            let found = self.site.list("remotemachines");
            let object = found.iter().find(|object| object["metadata"]["name"] == name)?;
            let conditions = object["status"]["conditions"].as_array()?;
            conditions.iter().find(|condition| condition["type"] == "Ready").cloned()
        };
        self.site.within(PATIENCE, &format!("{name} is {reason}: {text}"), || {
            let condition = condition().unwrap_or_default();
            let message = condition["message"].as_str().unwrap_or_default();
            if condition["reason"] == reason && message.contains(text) {
                Ok(())
            } else {
                let pods = self.site.kubectl(&["get", "jobs,pods", "-A", "-o", "wide"]);
                Err(format!("{condition}\n{pods}"))
            }
        });
        condition().unwrap()["message"].as_str().unwrap_or_default().to_owned()
    }

    fn names(&self, kind: &str) -> Vec<String> {
        let all = self.site.list(kind);
        all.iter()
            .map(|object| object["metadata"]["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The Secrets of Jobs.
    fn programs(&self) -> Vec<String> {
        let mut names = self.names("secrets");
        names.retain(|name| name.ends_with("-job-bootstrap-data"));
        names
    }

    #[track_caller]
    fn until_none(&self, kind: &str, which: impl Fn(&str) -> bool) {
        self.site.within(PATIENCE, &format!("there are no {kind}"), || {
            let names: Vec<String> = self.names(kind).into_iter().filter(|name| which(name)).collect();
            if names.is_empty() {
                Ok(())
            } else {
                let pods = self.site.kubectl(&["get", "jobs,pods", "-A", "-o", "wide"]);
                Err(format!("{names:?}\n{pods}\n{}", crate::hosts::said(&self.site)))
            }
        });
    }
}

/// A Job with the SSH client of the node's userland, and an identity of its own.
fn provision_job(image: &str) -> Value {
    let options = "-F none -i /ssh/key -o BatchMode=yes -o UserKnownHostsFile=/ssh/known_hosts";
    let of_node = |name: &str, path: &str| json!({ "name": name, "hostPath": { "path": path } });
    let mount = |name: &str, path: &str| json!({ "name": name, "mountPath": path, "readOnly": true });
    json!({
        "sshCommand": format!("ssh {options}"),
        "scpCommand": format!("scp -q {options}"),
        "jobSpecTemplate": { "spec": { "backoffLimit": 0, "template": { "spec": {
            "hostNetwork": true,
            "terminationGracePeriodSeconds": 5,
            "tolerations": [{ "operator": "Exists" }],
            "containers": [{
                "name": "ssh", "image": image, "imagePullPolicy": "Never",
                "volumeMounts": [
                    mount("usr", "/usr"), mount("lib", "/lib"), mount("lib64", "/lib64"),
                    mount("passwd", "/etc/passwd"), mount("ssh", "/ssh"),
                    { "name": "tmp", "mountPath": "/tmp" },
                ],
            }],
            "volumes": [
                of_node("usr", "/usr"), of_node("lib", "/usr/lib"), of_node("lib64", "/usr/lib64"), of_node("passwd", "/etc/passwd"),
                { "name": "ssh", "secret": { "secretName": "ssh-files", "defaultMode": 0o400 } },
                { "name": "tmp", "emptyDir": {} },
            ],
        } } } },
    })
}

const IMAGE: &str = "testbed.local/busybox:1";

#[test]
fn a_job_provisions_and_cleans_and_says_what_is_wrong() {
    let lab = Lab::new();
    let (site, host) = (&lab.site, &lab.host);

    // An image that is not there; then a command that fails; then all is well. Nothing runs twice.
    lab.remote_machine("one", "testbed.local/none:1");
    lab.until("one", "Provisioning", "ErrImageNeverPull");
    let patch = json!({ "spec": { "provisionJob": provision_job(IMAGE) } });
    site.kubectl(&["patch", "remotemachine", "one", "--type=merge", "-p", &patch.to_string()]);
    let message = lab.until("one", "StepFailed", "not mended yet");
    assert!(message.contains("step 4 of 6, runcmd[1]: exit status 7"), "{message}");
    assert!(!message.contains("hidden-in-a-file"), "{message}");
    assert_eq!(lab.programs(), [""; 0]);
    sh(host, "touch /srv/mended");
    lab.until("one", "Ready", "");
    assert_eq!(
        sh(host, "cat /srv/counted; cat /var/lib/anywhere/owner"),
        "once\ndefault/one\n"
    );
    let id = site.kubectl(&["get", "remotemachine", "one", "-o", "jsonpath={.spec.providerID}"]);
    assert_eq!(id, format!("remote-machine://{}:22", host.address()));
    assert_eq!(lab.names("jobs"), [format!("{CLUSTER}-one")]);
    assert_eq!(lab.programs(), [""; 0]);

    // Given back by a Job, of which nothing is left either.
    site.kubectl(&["delete", "machines.v1beta2.cluster.x-k8s.io", "one", "--timeout=60s"]);
    expect_clean(host);
    lab.until_none("jobs", |_| true);
    lab.until_none("pods", |_| true);
    assert_eq!(lab.programs(), [""; 0]);

    a_pool(&lab);
    expect_clean(host);
    site.expect_no_refusal();
    assert!(!site.log("controller").contains("hidden-in-a-file"));
    drop(lab.node);
}

#[track_caller]
fn expect_clean(host: &Machine) {
    is_clean(host).unwrap();
    assert_eq!(sh(host, "ls /srv"), "");
}

/// An entry's host is cleaned by a Job as well, also where the RemoteMachine that had it has been forced away.
fn a_pool(lab: &Lab) {
    let (site, host) = (&lab.site, &lab.host);
    let mut entries = pool(std::slice::from_ref(host));
    entries.retain(|entry| entry["kind"] == "PooledRemoteMachine");
    entries[0]["spec"]["machine"]["cleanUpCommands"] = json!(["rm -rf /srv/counted /srv/mended"]);
    // The entry must name a key, and nobody uses it.
    entries[0]["spec"]["machine"]["sshKeyRef"]["name"] = json!("none");
    entries[0]["spec"]["machine"].as_object_mut().unwrap().remove("hostKeys");
    site.apply(&entries);
    let mut objects = deployment(
        "v1.36.3",
        &json!({ "dataSecretName": "data" }),
        &json!({ "labels": { "example.org/role": "edge" } }),
    );
    objects[0]["spec"]["template"]["spec"]["provisionJob"] = provision_job(IMAGE);
    site.apply(&objects);
    sh(host, "touch /srv/mended");
    scale(site, 1);
    let name = lab.the_claim();
    lab.until(&name, "Ready", "");
    assert_eq!(sh(host, "cat /srv/counted"), "once\n");

    let gone = json!({ "metadata": { "finalizers": null } }).to_string();
    scale(site, 0);
    site.kubectl(&["patch", "remotemachine", &name, "--type=merge", "-p", &gone]);
    site.within(PATIENCE, "the entry is free", || {
        let entries = site.list("pooledremotemachines");
        let status = &entries[0]["status"];
        if status["state"] == "Free" && status["verification"] == "Proven" && status.get("provisionJob").is_none() {
            Ok(())
        } else {
            let pods = site.kubectl(&["get", "jobs,pods", "-A", "-o", "wide"]);
            Err(format!("{status}\n{pods}"))
        }
    });
    lab.until_none("remotemachines", |name| name != "node");
    lab.until_none("jobs", |_| true);
    assert_eq!(lab.programs(), [""; 0]);
    site.kubectl(&["delete", "pooledremotemachines", "--all", "--timeout=30s"]);
}

impl Lab {
    /// The name of the RemoteMachine of the pool, once it is there.
    fn the_claim(&self) -> String {
        let find = || {
            self.names("remotemachines")
                .into_iter()
                .find(|name| name.starts_with(WORKERS))
        };
        self.site
            .until("there is a claim", || find().map(drop).ok_or_else(String::new));
        find().unwrap()
    }
}
