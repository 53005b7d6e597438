//! Machines and everything around them vanish with the process that started them, however that ends.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail like tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const KINDS: [&str; 3] = ["sshd-only", "busybox-only", "systemd"];

/// A process, told apart from a later one with the same PID by its start time.
type Process = (u32, String);

/// What there is of a `testbed up` and its machines.
#[derive(Debug)]
struct Traces {
    processes: BTreeSet<Process>,
    mount_namespaces: BTreeSet<PathBuf>,
    address: String,
    keys: PathBuf,
    cgroup: String,
    /// The number of mounts on the host before it started.
    mounts: usize,
}

fn stat(pid: u32) -> Option<(u32, String)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    // Counted from the third field of proc(5): the parent is the fourth, the start time the twenty-second.
    Some((fields[1].parse().ok()?, fields[19].to_owned()))
}

fn pids() -> Vec<u32> {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
        .collect()
}

fn below(top: u32) -> BTreeSet<Process> {
    let all: BTreeMap<u32, (u32, String)> = pids().into_iter().filter_map(|pid| Some((pid, stat(pid)?))).collect();
    let mut found = BTreeSet::from([top]);
    loop {
        let more: Vec<u32> = all
            .iter()
            .filter(|(_, (parent, _))| found.contains(parent))
            .map(|(pid, _)| *pid)
            .collect();
        let before = found.len();
        found.extend(more);
        if found.len() == before {
            break;
        }
    }
    found
        .into_iter()
        .filter_map(|pid| Some((pid, all.get(&pid)?.1.clone())))
        .collect()
}

fn mount_namespace(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/mnt")).ok()
}

fn mounts() -> usize {
    fs::read_to_string("/proc/self/mountinfo").unwrap().lines().count()
}

fn cgroups(name: &str) -> Vec<PathBuf> {
    ["/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"]
        .iter()
        .filter_map(|hierarchy| fs::read_dir(hierarchy).ok())
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(name))
        .collect()
}

/// Starts a process with one machine and finds all there is of it.
fn start(kind: &str) -> (Child, Traces) {
    let mounts = mounts();
    let mut child = Command::new(env!("CARGO_BIN_EXE_testbed"))
        .args(["up", "1", "--json", "--kind", kind])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let machine: serde_json::Value = serde_json::from_str(&line).unwrap();
    let processes = below(child.id());
    let own = mount_namespace(std::process::id());
    let mount_namespaces = processes
        .iter()
        .filter_map(|(pid, _)| mount_namespace(*pid))
        .filter(|it| Some(it) != own.as_ref())
        .collect();
    let traces = Traces {
        processes,
        mount_namespaces,
        address: machine["address"].as_str().unwrap().to_owned(),
        keys: PathBuf::from(machine["key"].as_str().unwrap()).parent().unwrap().to_owned(),
        cgroup: format!("testbed-{}-", child.id()),
        mounts,
    };
    assert!(traces.processes.len() >= 5, "{traces:?}");
    assert!(!traces.mount_namespaces.is_empty() && traces.keys.exists());
    assert_eq!(cgroups(&traces.cgroup).is_empty(), kind != "systemd", "{traces:?}");
    (child, traces)
}

/// What is still there.
fn left(traces: &Traces) -> Vec<String> {
    let mut left = Vec::new();
    for pid in pids() {
        let same = stat(pid).is_some_and(|(_, start)| traces.processes.contains(&(pid, start)));
        if same || mount_namespace(pid).is_some_and(|namespace| traces.mount_namespaces.contains(&namespace)) {
            let command = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            left.push(format!("process {pid} {}", command.trim()));
        }
    }
    left.extend(cgroups(&traces.cgroup).iter().map(|path| path.display().to_string()));
    left.extend(traces.keys.exists().then(|| traces.keys.display().to_string()));
    left.extend(
        TcpListener::bind((traces.address.as_str(), 22))
            .err()
            .map(|error| format!("port 22: {error}")),
    );
    left.extend((mounts() > traces.mounts).then(|| "mounts".to_owned()));
    left
}

fn expect_nothing_left(traces: &Traces, what: &str) {
    let end = Instant::now() + Duration::from_secs(60);
    while !left(traces).is_empty() {
        assert!(Instant::now() < end, "{what}: {:?}", left(traces));
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn after_a_kill() {
    for kind in KINDS {
        let (mut child, traces) = start(kind);
        child.kill().unwrap();
        child.wait().unwrap();
        expect_nothing_left(&traces, kind);
    }
}

#[test]
fn after_the_end_of_standard_input() {
    for kind in KINDS {
        let (mut child, traces) = start(kind);
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
        expect_nothing_left(&traces, kind);
    }
}

#[test]
fn after_a_signal() {
    let (mut child, traces) = start("sshd-only");
    let _input = child.stdin.take();
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert!(child.wait().unwrap().success());
    expect_nothing_left(&traces, "SIGTERM");
}
