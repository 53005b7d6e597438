//! Real control planes: what is asked for runs and answers, and nothing stays.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use testbed::{ControlPlane, ControlPlaneOptions, Part, Provider};

/// The processes that see this control plane's files, by the mount namespace.
fn processes_of(namespace: &PathBuf) -> BTreeSet<String> {
    let namespace_of = |entry: &fs::DirEntry| fs::read_link(entry.path().join("ns/mnt")).ok();
    fs::read_dir("/proc")
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| namespace_of(entry).as_ref() == Some(namespace))
        .map(|entry| {
            fs::read_to_string(entry.path().join("comm"))
                .unwrap_or_default()
                .trim()
                .to_owned()
        })
        .collect()
}

#[test]
fn it_serves_objects_and_leaves_nothing() {
    let plane = ControlPlane::start(&ControlPlaneOptions::default()).unwrap();
    let namespace = plane.namespace("first").unwrap();
    namespace
        .kubectl(&["create", "configmap", "greeting", "--from-literal=text=hello"])
        .unwrap();
    let read = ["get", "configmap", "greeting", "-o", "jsonpath={.data.text}"];
    assert_eq!(namespace.kubectl(&read).unwrap(), "hello");
    let dump = plane.dump(Some(namespace.name()));
    assert!(
        dump.contains("name: greeting") && dump.contains("--- kube-apiserver\n"),
        "{dump}"
    );
    drop(namespace);

    let folder = plane.folder();
    let mounts =
        fs::read_link(folder.join("../../ns/mnt")).or_else(|_| fs::read_link(folder.parent().unwrap().with_file_name("ns/mnt")));
    let mounts = mounts.unwrap();
    assert!(processes_of(&mounts).is_superset(&BTreeSet::from(["etcd".to_owned(), "kube-apiserver".to_owned()])));
    plane.stop();
    assert_eq!(processes_of(&mounts), BTreeSet::new());
    assert!(!folder.exists());
}

#[test]
fn nothing_stays_of_one_whose_process_is_killed() {
    let mut owner = Command::new(env!("CARGO_BIN_EXE_testbed"))
        .arg("control-plane")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(owner.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let kubeconfig = line.trim_end().strip_prefix("export KUBECONFIG=").unwrap().to_owned();
    // /proc/PID/root/mnt/admin.kubeconfig
    let process = Path::new(&kubeconfig).ancestors().nth(3).unwrap();
    let mounts = fs::read_link(process.join("ns/mnt")).unwrap();
    assert!(processes_of(&mounts).contains("kube-apiserver"));
    owner.kill().unwrap();
    owner.wait().unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while !processes_of(&mounts).is_empty() {
        assert!(Instant::now() < end, "{:?}", processes_of(&mounts));
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn objects_outlive_the_death_of_every_part() {
    let plane = ControlPlane::start(&ControlPlaneOptions::default()).unwrap();
    plane.kubectl(&["create", "configmap", "kept"]).unwrap();
    for part in [Part::ApiServer, Part::Etcd] {
        plane.stop_part(part).unwrap();
        assert!(!plane.is_running(part));
        plane.start_part(part).unwrap();
        assert!(plane.is_running(part));
        plane.kubectl(&["get", "configmap", "kept"]).unwrap();
    }
}

#[test]
fn a_program_that_cannot_start_says_why() {
    let options = ControlPlaneOptions {
        api_server_arguments: vec!["--no-such-flag".to_owned()],
        ..ControlPlaneOptions::default()
    };
    let error = ControlPlane::start(&options).unwrap_err().to_string();
    assert!(error.contains("kube-apiserver is not listening (ended with 1)"), "{error}");
    assert!(error.contains("unknown flag: --no-such-flag"), "{error}");
}

#[test]
fn tests_share_a_server_and_have_namespaces_of_their_own() {
    let plane = ControlPlane::shared().unwrap();
    let (one, other) = (plane.namespace("a").unwrap(), plane.namespace("a").unwrap());
    assert_ne!(one.name(), other.name());
    // The controller manager is at work.
    let root = ["wait", "--for=create", "--timeout=60s", "configmap/kube-root-ca.crt"];
    one.kubectl(&root).unwrap();
    let name = one.name().to_owned();
    drop(one);
    plane.wait("delete", &[&format!("namespace/{name}")]).unwrap();
    assert!(std::ptr::eq(plane, ControlPlane::shared().unwrap()));
}

/// A Cluster in an older version, which goes through the conversion webhook, the defaulting one and the validating one.
const CLUSTER: &str = r#"
apiVersion: cluster.x-k8s.io/v1beta1
kind: Cluster
metadata:
  name: old
spec:
  clusterNetwork:
    pods:
      cidrBlocks: [POD_NETWORK]
  controlPlaneEndpoint:
    host: 192.0.2.1
    port: 6443
  controlPlaneRef:
    apiVersion: controlplane.cluster.x-k8s.io/v1beta1
    kind: KubeadmControlPlane
    name: old
"#;

/// A bootstrap configuration, which its webhook refuses when two files have one path.
const KUBEADM_CONFIG: &str = r#"
apiVersion: bootstrap.cluster.x-k8s.io/v1beta2
kind: KubeadmConfig
metadata:
  name: worker
spec:
  files:
    - path: /etc/motd
      content: hello
"#;

#[test]
fn cluster_api_runs_with_its_webhooks() {
    let plane = ControlPlane::start(&ControlPlaneOptions::with_cluster_api(&Provider::ALL)).unwrap();
    let namespace = plane.namespace("capi").unwrap();
    namespace.apply(&CLUSTER.replace("POD_NETWORK", "10.244.0.0/16")).unwrap();
    let read = [
        "get",
        "clusters.v1beta2.cluster.x-k8s.io",
        "old",
        "-o",
        "jsonpath={.apiVersion} {.spec.controlPlaneEndpoint.host}",
    ];
    assert_eq!(namespace.kubectl(&read).unwrap(), "cluster.x-k8s.io/v1beta2 192.0.2.1");
    let refused = namespace
        .apply(&CLUSTER.replace("POD_NETWORK", "10.244.0.0"))
        .unwrap_err()
        .to_string();
    assert!(refused.contains("invalid CIDR address: 10.244.0.0"), "{refused}");

    // Core's controller has seen it.
    let paused = ["wait", "--for=condition=Paused=False", "--timeout=110s", "cluster/old"];
    namespace.kubectl(&paused).unwrap();

    namespace.apply(KUBEADM_CONFIG).unwrap();
    let twice = format!("{KUBEADM_CONFIG}    - path: /etc/motd\n      content: bye\n");
    let refused = namespace.apply(&twice).unwrap_err().to_string();
    assert!(refused.contains("path property must be unique among all files"), "{refused}");
}
