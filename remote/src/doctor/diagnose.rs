//! What findings on one machine mean for a run and for the node that comes of it: pure.

use super::{Diagnosis, Examination, Intent, Level};
use crate::facts::{Facts, FileSystem, Skew};

/// All that is looked at, in the order in which it is told.
pub const ABOUT: [&str; 16] = [
    "reach",
    "owner",
    "tools",
    "space",
    "mounts",
    "clock",
    "memory",
    "swap",
    "cgroups",
    "ports",
    "left",
    "machine-id",
    "host key",
    "hostname",
    "mac",
    "facts",
];

/// A clock this far off is worth a look: etcd warns about a second, logs are hard to compare.
const SKEW_WARNING: f64 = 5.0;
/// kubeadm's certificates are valid from five minutes before they are made.
const SKEW_FAILURE: f64 = 300.0;
/// Below this a run cannot keep its program, journal and log, in bytes.
const RUN_FAILURE: u64 = 4 << 20;
/// A kubelet evicts pods below a tenth of its file system; images of a bare node take about this, in bytes.
const VAR_WARNING: u64 = 4 << 30;
const VAR_FAILURE: u64 = 64 << 20;
/// Files that can still be made: an image is tens of thousands.
const INODES_WARNING: u64 = 100_000;
const INODES_FAILURE: u64 = 1000;
/// kubeadm wants 1700 MB for a control plane and warns below; a worker does with less.
const MEMORY_WARNING: u64 = 1 << 30;
/// Without these controllers a kubelet does not start.
const CONTROLLERS: [&str; 3] = ["cpu", "memory", "pids"];

/// What there is to say about a machine that belongs, or shall belong, to `owner`; worst first.
#[must_use]
pub fn diagnose(examination: &Examination, intent: &Intent, owner: &str) -> Vec<Diagnosis> {
    let Examination {
        status,
        findings,
        host_key: _,
    } = examination;
    let mut found = Vec::new();
    let is_ours = status.owner.as_deref() == Some(owner);
    if let Some(other) = status.owner.as_deref().filter(|other| *other != owner) {
        found.push(Diagnosis::failure(
            "owner",
            format!("it carries a run of {other}: give it back first (anywhere reset --owner '{other}'), or leave it out"),
        ));
    }
    if let Some(holder) = &status.holder {
        found.push(Diagnosis::failure(
            "owner",
            format!("{holder} is just working on it: wait for the end"),
        ));
    }
    match &status.facts {
        Some(facts) => {
            found.extend(facts.file_systems.iter().flat_map(space));
            found.extend(facts.skew.and_then(clock));
            found.extend(sizes(facts, intent));
        }
        None => found.push(Diagnosis::failure("facts", "it did not tell what it is".to_owned())),
    }
    if !findings.complete {
        found.push(Diagnosis::failure(
            "facts",
            "it was not looked at to the end: a tool failed there, or no space is left".to_owned(),
        ));
    }
    for tool in &findings.lacks {
        found.push(Diagnosis::failure(
            "tools",
            format!("{tool} is not installed, and a run needs it: install it (coreutils, util-linux, mawk or busybox)"),
        ));
    }
    for tool in intent
        .tools
        .iter()
        .filter(|tool| !findings.has.iter().any(|has| has == *tool))
    {
        found.push(Diagnosis::warning(
            "tools",
            format!("{tool} is not installed: the bootstrap data uses it, so it must bring it"),
        ));
    }
    found.extend(cgroups(findings.controllers.as_deref(), intent));
    // On a machine that is provisioned already, its node is no leftover.
    if !is_ours {
        for (port, who) in intent.ports.iter().filter(|(port, _)| findings.ports.contains(port)) {
            found.push(Diagnosis::failure(
                "ports",
                format!("port {port} is taken, which the {who} needs: stop what listens there (ss -ltnp)"),
            ));
        }
        found.extend(findings.left.iter().filter_map(|left| leftover(left, intent)));
    }
    found.sort_by_key(|diagnosis| {
        let place = ABOUT.iter().position(|about| *about == diagnosis.about);
        (std::cmp::Reverse(diagnosis.level), place)
    });
    found
}

fn space(file_system: &FileSystem) -> Vec<Diagnosis> {
    let FileSystem {
        path,
        mounted_on,
        bytes: _,
        free_bytes,
        free_inodes,
        read_only,
        noexec,
    } = file_system;
    if *read_only {
        let text = format!("{path} is read-only: mount it so that it can be written (mount -o remount,rw {mounted_on})");
        return vec![Diagnosis::failure("mounts", text)];
    }
    let mut found = Vec::new();
    let (warning, failure) = match path.as_str() {
        "/var" => (VAR_WARNING, VAR_FAILURE),
        "/" | "/run" => (RUN_FAILURE * 4, RUN_FAILURE),
        _ => (RUN_FAILURE, 0),
    };
    let kibibytes = free_bytes >> 10;
    let room = |level| Diagnosis {
        level,
        about: "space",
        text: if kibibytes < 10 << 10 {
            format!("{path} has {kibibytes} KiB left: make room on {mounted_on}")
        } else {
            format!("{path} has {} MiB left: make room on {mounted_on}", kibibytes >> 10)
        },
    };
    if *free_bytes < failure {
        found.push(room(Level::Failure));
    } else if *free_bytes < warning {
        found.push(room(Level::Warning));
    }
    let inodes = |level, left| Diagnosis {
        level,
        about: "space",
        text: format!("{path} has room for {left} more files only (inodes): remove many small ones on {mounted_on} (df -i)"),
    };
    match free_inodes {
        Some(left) if *left < INODES_FAILURE => found.push(inodes(Level::Failure, left)),
        Some(left) if *left < INODES_WARNING && path == "/var" => found.push(inodes(Level::Warning, left)),
        Some(_) | None => {}
    }
    if *noexec && path == "/var" {
        let text = "/var is mounted noexec, and nodes keep programs there: mount it without noexec".to_owned();
        found.push(Diagnosis::failure("mounts", text));
    } else if *noexec && path == "/tmp" {
        let text = "/tmp is mounted noexec: commands that run programs from there fail; anywhere itself does not".to_owned();
        found.push(Diagnosis::warning("mounts", text));
    }
    found
}

fn clock(skew: Skew) -> Option<Diagnosis> {
    let Skew { seconds, within: _ } = skew;
    let which = if seconds > 0.0 { "ahead" } else { "behind" };
    let text = format!(
        "its clock is {:.0} s {which}: set it, and keep it right (chronyd, systemd-timesyncd)",
        seconds.abs()
    );
    if seconds.abs() >= SKEW_FAILURE {
        Some(Diagnosis::failure(
            "clock",
            format!("{text}; certificates are not valid there"),
        ))
    } else {
        (seconds.abs() >= SKEW_WARNING).then(|| Diagnosis::warning("clock", text))
    }
}

fn sizes(facts: &Facts, intent: &Intent) -> Vec<Diagnosis> {
    let mut found = Vec::new();
    if let Some(bytes) = facts.memory_bytes.filter(|bytes| *bytes < MEMORY_WARNING) {
        let text = format!("it has {} MiB of memory: a node needs about twice that", bytes >> 20);
        found.push(Diagnosis::warning("memory", text));
    }
    if let Some(bytes) = facts.swap_bytes.filter(|bytes| *bytes > 0) {
        let text = format!(
            "{} MiB of swap are on, and a kubelet does not start so unless it is told to: swapoff -a, and take it out of /etc/fstab",
            bytes >> 20
        );
        // k0s and k3s tell their kubelets to.
        found.push(if intent.tools.contains(&"kubeadm") {
            Diagnosis::failure("swap", text)
        } else {
            Diagnosis::warning("swap", text)
        });
    }
    found
}

fn cgroups(controllers: Option<&[String]>, intent: &Intent) -> Option<Diagnosis> {
    let lacks: Vec<_> = match controllers {
        Some(controllers) => CONTROLLERS
            .into_iter()
            .filter(|needed| !controllers.iter().any(|controller| controller == needed))
            .collect(),
        None => CONTROLLERS.to_vec(),
    };
    let what = if controllers.is_none() {
        "no control groups are mounted below /sys/fs/cgroup, and a kubelet needs them".to_owned()
    } else if lacks.is_empty() {
        return None;
    } else {
        format!(
            "the control groups have no controller {}, which a kubelet needs: enable it on the kernel's command line",
            lacks.join(", ")
        )
    };
    Some(if intent.is_node {
        Diagnosis::failure("cgroups", what)
    } else {
        Diagnosis::warning("cgroups", what)
    })
}

/// Something that a reset would call left.
fn leftover(left: &str, intent: &Intent) -> Option<Diagnosis> {
    let (kind, what) = left.split_once(' ').unwrap_or((left, ""));
    let is_needed = |port: &str| {
        port.parse()
            .is_ok_and(|port: u16| intent.ports.iter().any(|(needed, _)| *needed == port))
    };
    let name = what.rsplit('/').next().unwrap_or(what);
    // A process is told with its number before its name.
    let name = name.split(' ').next_back().unwrap_or(name);
    let is_runtime = match kind {
        "process" | "unit" => ["containerd", "crio", "cri-docker", "kubelet"]
            .iter()
            .any(|runtime| name.starts_with(runtime)),
        "path" => what.starts_with("/var/lib/containerd/"),
        _ => false,
    };
    match kind {
        // Told already, with what needs it.
        "port" if is_needed(what) => None,
        "unseen:" => Some(Diagnosis::failure(
            "left",
            format!("whether anything is left of an earlier life cannot be told: {what}"),
        )),
        // An image for nodes comes with these.
        _ if is_runtime => Some(Diagnosis::warning(
            "left",
            format!("{left} is there already: a part of its image, or left of an earlier life?"),
        )),
        "port" => Some(Diagnosis::warning(
            "ports",
            format!("port {what} is taken, which nodes use: stop what listens there (ss -ltnp)"),
        )),
        _ => Some(Diagnosis::failure(
            "left",
            format!(
                "{left} is left of an earlier life: remove it (kubeadm reset, k0s reset, k3s-uninstall.sh), or install the machine anew"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Findings;
    use crate::engine::Status;

    /// What is said of a machine that is well but for this.
    fn said(change: impl FnOnce(&mut Examination), intent: &Intent) -> Vec<(Level, &'static str)> {
        let mut examination = Examination {
            status: Status {
                facts: Some(Facts::default()),
                ..Status::default()
            },
            findings: Findings {
                complete: true,
                controllers: Some(CONTROLLERS.map(str::to_owned).to_vec()),
                ..Findings::default()
            },
            host_key: None,
        };
        change(&mut examination);
        let found = diagnose(&examination, intent, "us");
        found.iter().map(|diagnosis| (diagnosis.level, diagnosis.about)).collect()
    }

    fn kubeadm() -> Intent {
        Intent {
            tools: vec!["kubeadm"],
            is_node: true,
            ports: vec![(10250, "kubelet")],
        }
    }

    #[test]
    fn a_machine_that_is_well() {
        assert_eq!(said(|_| {}, &Intent::default()), []);
    }

    #[test]
    fn what_is_left_is_worse_than_what_an_image_brings() {
        for (left, level, about) in [
            ("path /etc/kubernetes/kubelet.conf", Level::Failure, "left"),
            ("path /var/lib/kubelet/config.yaml", Level::Failure, "left"),
            ("path /var/lib/containerd/io.containerd.x", Level::Warning, "left"),
            ("unit containerd.service", Level::Warning, "left"),
            ("unit k0sworker.service", Level::Failure, "left"),
            ("process 12 kubelet", Level::Warning, "left"),
            ("process 12 etcd", Level::Failure, "left"),
            ("mount /var/lib/kubelet/pods/x", Level::Failure, "left"),
            ("port 6443", Level::Warning, "ports"),
            ("unseen: units: Failed to connect to bus", Level::Failure, "left"),
        ] {
            let found = said(|machine| machine.findings.left.push(left.to_owned()), &Intent::default());
            assert_eq!(found, [(level, about)], "{left}");
        }
    }

    #[test]
    fn a_node_makes_more_of_it() {
        let with_swap = |machine: &mut Examination| {
            if let Some(facts) = &mut machine.status.facts {
                facts.swap_bytes = Some(1 << 30);
            }
        };
        assert_eq!(said(with_swap, &Intent::default()), [(Level::Warning, "swap")]);
        let has_kubeadm = |machine: &mut Examination| machine.findings.has.push("kubeadm".to_owned());
        let both = |machine: &mut Examination| {
            has_kubeadm(machine);
            with_swap(machine);
        };
        assert_eq!(said(both, &kubeadm()), [(Level::Failure, "swap")]);
        let without_groups = |machine: &mut Examination| machine.findings.controllers = Some(vec!["cpu".to_owned()]);
        assert_eq!(said(without_groups, &Intent::default()), [(Level::Warning, "cgroups")]);
        assert_eq!(said(|_| {}, &kubeadm()), [(Level::Warning, "tools")]);
    }

    #[test]
    fn a_port_is_told_once_and_not_of_our_own_node() {
        let taken = |owner: Option<&str>| {
            let owner = owner.map(str::to_owned);
            move |machine: &mut Examination| {
                machine.findings.has.push("kubeadm".to_owned());
                machine.findings.ports.push(10250);
                machine.findings.left.push("port 10250".to_owned());
                machine.status.owner = owner;
            }
        };
        assert_eq!(said(taken(None), &kubeadm()), [(Level::Failure, "ports")]);
        assert_eq!(said(taken(Some("us")), &kubeadm()), []);
        let other = said(taken(Some("them")), &kubeadm());
        assert_eq!(other, [(Level::Failure, "owner"), (Level::Failure, "ports")]);
    }
}
