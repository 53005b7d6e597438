//! What machines are, as they tell it themselves.

#![allow(clippy::unwrap_used)] // a test that cannot be set up fails

mod lab;

use lab::{Lab, key, on, says, sh, target};
use serde_json::Value;
use testbed::{Faults, Kind, Machine, MachineSpec, Proxy, Shell};

const USER_DATA: &str = "#cloud-config\nruncmd:\n  - 'true'\n";

/// `anywhere status -o json`: the facts.
fn facts(lab: &Lab, to: &str) -> Value {
    let ran = lab.run(&["status", "-i", &key(), "-o", "json", to]).expect(0);
    let status: Value = serde_json::from_str(&ran.out).unwrap();
    status.get("facts").cloned().unwrap()
}

#[test]
fn every_kind_of_machine_tells_what_it_is() {
    let specs: Vec<_> = Shell::ALL
        .into_iter()
        .map(MachineSpec::with_shell)
        .chain([Kind::BusyboxOnly, Kind::Systemd, Kind::OpenRc].map(MachineSpec::of_kind))
        .collect();
    let lab = Lab::new();
    for (spec, machine) in specs.iter().zip(Machine::start_many(&specs)) {
        let machine = machine.unwrap();
        let facts = facts(&lab, &target("root", &machine));
        let told = |path: &str| facts.pointer(path).cloned().unwrap_or_default();
        let text = |argv: &[&str]| Value::from(says(&machine, argv).trim());
        assert_eq!(told("/hostname"), text(&["hostname"]), "{spec:?}: {facts:#}");
        assert_eq!(told("/machineId"), text(&["cat", "/etc/machine-id"]));
        assert_eq!(told("/bootId"), text(&["cat", "/proc/sys/kernel/random/boot_id"]));
        assert_eq!(told("/kernel"), text(&["uname", "-r"]));
        assert_eq!(told("/architecture"), text(&["uname", "-m"]));
        assert_eq!(
            told("/cpus").to_string(),
            says(&machine, &["grep", "-c", "^processor", "/proc/cpuinfo"]).trim()
        );
        let kibibytes: u64 = sh(&machine, "awk '/^MemTotal/ { print $2 }' /proc/meminfo")
            .trim()
            .parse()
            .unwrap();
        assert_eq!(told("/memoryBytes"), kibibytes * 1024);
        // The machines have the clock of this host.
        assert_eq!(told("/skew/seconds"), 0.0, "{facts:#}");
        let init = match spec.kind {
            Kind::Systemd => Value::from("systemd"),
            Kind::OpenRc => Value::from("openrc"),
            Kind::SshdOnly | Kind::BusyboxOnly => text(&["cat", "/proc/1/comm"]),
        };
        assert_eq!(told("/init"), init);
        if spec.kind != Kind::BusyboxOnly {
            assert_eq!(told("/os/id"), "debian");
            let paths: Vec<_> = (0..4).map(|index| told(&format!("/fileSystems/{index}/path"))).collect();
            assert_eq!(paths, ["/", "/var", "/run", "/tmp"]);
            assert_eq!(told("/fileSystems/2/mountedOn"), "/run");
        }
    }
}

#[test]
fn the_wide_status_fits_80_columns_and_changes_nothing() {
    let machine = Machine::start(&MachineSpec::default()).unwrap();
    std::fs::write(
        on(&machine, "etc/os-release"),
        "PRETTY_NAME=\"Odd \u{1b}]0;title\u{7} \\\"OS\\\"\"\nID=odd\nVERSION_ID\nID_LIKE='a b'",
    )
    .unwrap();
    let lab = Lab::new();
    let before = sh(&machine, "find / -xdev | sort");
    let ran = lab
        .run(&["status", "-i", &key(), "-o", "wide", &target("root", &machine)])
        .expect(0);
    assert_eq!(sh(&machine, "find / -xdev | sort"), before);
    assert!(ran.out.lines().all(|line| line.chars().count() <= 80), "{}", ran.out);
    assert!(ran.out.contains("  system   Odd ?]0;title? \"OS\", Linux "), "{}", ran.out);
    assert!(
        ran.out.contains(&format!("  name     {}\n", machine.hostname())),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("  clock    right within "), "{}", ran.out);
}

#[test]
fn a_clock_that_is_wrong_is_told_by_how_much() {
    let machine = Machine::start(&MachineSpec::default()).unwrap();
    let lab = Lab::new();
    for (offset, least, most) in [("+ 3600", 3590.0, 3600.0), ("- 86400", -86_400.0, -86_390.0)] {
        let date = format!("#!/bin/sh\necho $(($(/usr/bin/date.real +%s) {offset}))\n");
        sh(&machine, "[ -e /usr/bin/date.real ] || mv /usr/bin/date /usr/bin/date.real");
        std::fs::write(on(&machine, "usr/bin/date"), date).unwrap();
        sh(&machine, "chmod 755 /usr/bin/date");
        let facts = facts(&lab, &target("root", &machine));
        let seconds = facts["skew"]["seconds"].as_f64().unwrap();
        assert!((least..=most).contains(&seconds), "{facts:#}");
    }
}

#[test]
fn facts_come_with_a_run_and_cost_no_round_trip() {
    let mut trips = Vec::new();
    let lab = Lab::new();
    let data = lab.file("user-data.yaml", USER_DATA);
    for output in ["text", "json"] {
        let machine = Machine::start(&MachineSpec::default()).unwrap();
        let proxy = Proxy::start(machine.socket_address(), Faults::default()).unwrap();
        let (key, to) = (key(), format!("root@{}", proxy.socket_address()));
        let args = ["apply", "-i", &key, "-o", output, "-b", data.to_str().unwrap(), &to];
        let ran = lab.run(&args).expect(0);
        let lines: Vec<_> = ran.out.lines().filter(|line| line.contains("\"event\":\"facts\"")).collect();
        assert_eq!(lines.len(), usize::from(output == "json"), "{}", ran.out);
        if let [line] = lines.as_slice() {
            let event: Value = serde_json::from_str(line).unwrap();
            assert_eq!(event["facts"]["hostname"], machine.hostname());
        }
        trips.push(proxy.counters().round_trips);
    }
    // What is counted are turns of the conversation; the journal may come in one piece or in several.
    assert!(trips[1] <= trips[0] + 1, "{trips:?}");
}
