//! `anywhere doctor`: what is wrong with machines is found before anything is done with them, and nothing is changed.
//!
//! Each test has a network namespace of its own, so that ports and links are nobody else's.

#![allow(clippy::unwrap_used)] // a test that cannot be set up fails

mod lab;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::Command;

use lab::{Lab, Ran, key, on, sh, target};
use nix::sched::{CloneFlags, unshare};
use serde_json::Value;
use testbed::{Kind, Machine, MachineSpec, SudoRule};

/// A machine that is large enough, in a network of this thread's own.
fn spec() -> MachineSpec {
    MachineSpec {
        disk_bytes: 64 << 30,
        sudo: SudoRule::NoPassword,
        ..MachineSpec::default()
    }
}

fn own_network() {
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    assert!(
        Command::new("ip")
            .args(["link", "set", "lo", "up"])
            .status()
            .unwrap()
            .success()
    );
}

fn doctor(lab: &Lab, status: i32, args: &[&str]) -> Ran {
    let key = key();
    lab.run(&[&["doctor", "-i", &key, "--host-key-checking", "no"], args].concat())
        .expect(status)
}

/// What is said about a machine: level and subject.
fn said(lab: &Lab, status: i32, args: &[&str]) -> Vec<Vec<String>> {
    let ran = doctor(lab, status, &[args, &["-o", "json"]].concat());
    let line = |line: &str| {
        let object: Value = serde_json::from_str(line).unwrap();
        let diagnoses = object.get("diagnoses").and_then(Value::as_array).cloned().unwrap();
        let word = |one: &Value, name: &str| one.get(name).and_then(Value::as_str).unwrap().to_owned();
        diagnoses
            .iter()
            // The control groups of a machine with systemd are this host's, where tests of resets plant some.
            .filter(|one| !word(one, "text").contains("/anywhere-test-"))
            .map(|one| format!("{} {}", word(one, "level"), word(one, "about")))
            // Machines without systemd have no control groups here.
            .filter(|said| said != "warning cgroups")
            .collect()
    };
    ran.out.lines().map(line).collect()
}

/// All names, contents and modes on a machine but the programs'; without what the SSH server and sudo write about each login
/// (the last as in sudo_root(8)).
fn snapshot(machine: &Machine) -> BTreeSet<String> {
    let all = sh(
        machine,
        "cd / && set -- . -regex './\\(proc\\|sys\\|dev\\|usr\\|var/log\\|run/sudo\\|var/lib/sudo\\|mnt\\)' -prune -o; \
         find \"$@\" -printf '%p %y %m %u %g %l\\n'; find \"$@\" -type f -exec md5sum {} +",
    );
    all.lines()
        .filter(|line| !line.contains("/.sudo_as_admin_successful"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_fit_machine_is_found_fit_and_left_as_it_was() {
    own_network();
    let machine = Machine::start(&spec()).unwrap();
    let lab = Lab::new();
    let before = snapshot(&machine);
    assert!(before.len() > 100);
    for user in ["root", "admin"] {
        let to = target(user, &machine);
        assert_eq!(said(&lab, 0, &[&to]), [Vec::<String>::new()]);
    }
    let after = snapshot(&machine);
    let changed: Vec<_> = before.symmetric_difference(&after).collect();
    assert!(changed.is_empty(), "{changed:#?}");
    let ran = doctor(&lab, 0, &[&target("root", &machine)]);
    assert!(ran.out.ends_with("Nothing was changed on any.\n"), "{}", ran.out);
    assert!(ran.out.lines().all(|line| line.chars().count() <= 80), "{}", ran.out);
}

#[test]
fn what_is_wrong_is_found() {
    own_network();
    let lab = Lab::new();
    let join = lab.file(
        "join.yaml",
        "#cloud-config\nruncmd:\n  - kubeadm join 10.0.0.1:6443 --token abc\n",
    );
    let join = ["-b", join.to_str().unwrap()];
    for (text, args, expected) in [
        (
            "mount -t tmpfs -o size=64k,noexec none /tmp",
            &[][..],
            &["warning space", "warning mounts"][..],
        ),
        ("mount -t tmpfs -o size=1m none /var", &[], &["failure space"]),
        ("mount -t tmpfs -o size=8g,nr_inodes=100 none /var", &[], &["failure space"]),
        ("mount -t tmpfs -o ro none /var", &[], &["failure mounts"]),
        ("mount -t tmpfs -o size=8g,noexec none /var", &[], &["failure mounts"]),
        ("rm /usr/bin/setsid", &[], &["failure tools"]),
        (
            "mkdir -p /etc/kubernetes && touch /etc/kubernetes/kubelet.conf",
            &[],
            &["failure left"],
        ),
        ("ip netns add cni-1234", &[], &["failure left"]),
        ("true", &join[..], &["failure cgroups", "warning tools", "warning tools"]),
        (
            "mv /usr/bin/date /usr/bin/date.real; printf '#!/bin/sh\\necho $(($(date.real +%%s) + 100))\\n' >/usr/bin/date; chmod 755 /usr/bin/date",
            &[],
            &["warning clock"],
        ),
        (
            "mv /usr/bin/date /usr/bin/date.real; printf '#!/bin/sh\\necho $(($(date.real +%%s) - 315360000))\\n' >/usr/bin/date; chmod 755 /usr/bin/date",
            &[],
            &["failure clock"],
        ),
    ] {
        let machine = Machine::start(&spec()).unwrap();
        sh(&machine, text);
        let to = target("root", &machine);
        let status = i32::from(expected.iter().any(|said| said.starts_with("failure")));
        assert_eq!(said(&lab, status, &[args, &[&to]].concat()), [expected], "{text}");
        sh(&machine, "ip netns del cni-1234 2>/dev/null; :");
    }
}

#[test]
fn a_port_that_the_node_will_need_is_taken() {
    own_network();
    let machine = Machine::start(&spec()).unwrap();
    let lab = Lab::new();
    let to = target("root", &machine);
    let taken = TcpListener::bind("127.0.0.1:10250").unwrap();
    assert_eq!(said(&lab, 0, &[&to]), [["warning ports"]]);
    let data = lab.file("join.yaml", "#cloud-config\nruncmd: [k0s install worker]\n");
    let ran = doctor(&lab, 1, &["-b", data.to_str().unwrap(), &to]);
    assert!(
        ran.out
            .contains("failure  ports       port 10250 is taken, which the kubelet needs"),
        "{}",
        ran.out
    );
    drop(taken);
    let ran = doctor(&lab, 1, &["-b", data.to_str().unwrap(), &to]);
    assert!(!ran.out.contains("10250"), "{}", ran.out);
}

#[test]
fn whose_the_machine_is() {
    own_network();
    let machine = Machine::start(&spec()).unwrap();
    let lab = Lab::new();
    let data = lab.file("user-data.yaml", "#cloud-config\nruncmd: ['true']\n");
    let to = target("root", &machine);
    lab.apply(&to, &data, &["--owner", "default/other", "--host-key-checking", "no"])
        .expect(0);
    assert_eq!(said(&lab, 1, &[&to]), [["failure owner"]]);
    assert_eq!(said(&lab, 0, &[&to, "--owner", "default/other"]), [Vec::<String>::new()]);
}

#[test]
fn machines_that_share_what_they_must_not() {
    own_network();
    let lab = Lab::new();
    let machines: Vec<_> = Machine::start_many(&vec![spec(); 3])
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let targets: Vec<_> = machines.iter().map(|machine| target("root", machine)).collect();
    let all: Vec<_> = targets.iter().map(String::as_str).collect();
    assert_eq!(said(&lab, 0, &all), vec![Vec::<String>::new(); 3]);
    let id = std::fs::read(on(&machines[0], "etc/machine-id")).unwrap();
    sh(&machines[2], "rm /etc/machine-id");
    std::fs::write(on(&machines[2], "etc/machine-id"), id).unwrap();
    assert_eq!(
        said(&lab, 1, &all),
        [vec!["failure machine-id"], vec![], vec!["failure machine-id"]]
    );
    // By two users it is one machine; and one that cannot be reached is told with the others.
    let admin = target("admin", &machines[1]).replace(":22", ":23");
    let ran = doctor(&lab, 1, &[all[1], &admin]);
    assert!(
        ran.out.contains("failure  reach  ") && ran.out.contains("connection refused"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("2 machines: ") && ran.out.contains("1 not fit. Nothing was changed"),
        "{}",
        ran.out
    );
}

#[test]
fn root_cannot_be_reached() {
    own_network();
    let machine = Machine::start(&MachineSpec {
        sudo: SudoRule::None,
        ..spec()
    })
    .unwrap();
    let lab = Lab::new();
    assert_eq!(said(&lab, 1, &[&target("admin", &machine)]), [["failure reach"]]);
}

#[test]
fn machines_of_other_kinds() {
    own_network();
    let lab = Lab::new();
    for kind in [Kind::BusyboxOnly, Kind::Systemd] {
        let machine = Machine::start(&MachineSpec {
            kind,
            sudo: SudoRule::None,
            ..spec()
        })
        .unwrap();
        assert_eq!(
            said(&lab, 0, &[&target("root", &machine)]),
            [Vec::<String>::new()],
            "{kind:?}"
        );
    }
}
