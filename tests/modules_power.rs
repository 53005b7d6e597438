//! `power_state` on real machines: the run has ended well, and the engine knows it, before the machine goes down; once.
#![allow(clippy::unwrap_used)] // a test that cannot be set up fails

mod lab;

use lab::{Lab, machine, says, sh, target, wait_until};
use testbed::{Kind, Machine, MachineSpec, Shell, SudoRule};

/// Writes down how it was called, and how the journal ended by then.
const SHUTDOWN: &str = "mkdir -p /usr/local/sbin; cat >/usr/local/sbin/shutdown <<'end'\n#!/bin/sh\n\
    { printf '%s|' \"$@\"; tail -n 1 /var/lib/anywhere/journal; } >>/calls\nend\nchmod 755 /usr/local/sbin/shutdown";

#[test]
fn a_machine_is_rebooted_after_its_run_and_once() {
    let lab = Lab::new();
    let mut machine = Machine::start(&MachineSpec::of_kind(Kind::Systemd)).unwrap();
    let boot = machine.boot().unwrap();
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config\npower_state: {mode: reboot, message: Back soon}\nruncmd: [echo done >/srv/done]\n",
    );
    let ran = lab.apply(&target("root", &machine), &data, &[]).expect(0);
    assert!(ran.out.contains("1 machine: 1 provisioned"), "{ran:?}");
    machine.wait_for_reboot(boot).unwrap();
    let journal = says(&machine, &["cat", "/var/lib/anywhere/journal"]);
    assert!(journal.lines().last().unwrap().contains(" ok "), "{journal}");
    let boot = machine.boot().unwrap();
    lab.apply(&target("root", &machine), &data, &[]).expect(0);
    assert_eq!(says(&machine, &["cat", "/var/lib/anywhere/journal"]), journal, "nothing ran");
    assert_eq!(machine.boot().unwrap(), boot);
}

#[test]
fn the_run_has_ended_when_the_host_goes_down() {
    let lab = Lab::new();
    let machine = machine(Shell::Busybox, SudoRule::None);
    sh(&machine, SHUTDOWN);
    for (power, call) in [
        ("{mode: poweroff}", "-P|now|"),
        ("{mode: halt, delay: 5, message: \"It's time\"}", "-H|+5|It's time|"),
        ("{mode: reboot, delay: +1, condition: test -d /srv}", "-r|+1|"),
        ("{mode: reboot, condition: [test, -d, /srv]}", "-r|now|"),
        ("{mode: poweroff, condition: true, timeout: 1}", "-P|now|"),
    ] {
        sh(&machine, "rm -f /calls");
        let data = lab.file("user-data.yaml", format!("#cloud-config\npower_state: {power}\n"));
        let ran = lab.apply(&target("root", &machine), &data, &["--rerun"]).expect(0);
        assert!(ran.out.contains("1 machine: 1 provisioned"), "{power}: {ran:?}");
        wait_until(&machine, "[ -s /calls ]");
        let calls = says(&machine, &["cat", "/calls"]);
        let (how, last) = calls.split_at(call.len());
        assert_eq!(how, call, "{power}");
        assert!(last.starts_with("ran ") && last.contains(" ok "), "{power}: {last}");
        assert_eq!(calls.lines().count(), 1, "{power}: {calls}");
        assert_eq!(lab::left_over(&machine), "");
    }
}

#[test]
fn a_condition_that_is_not_met_is_no_failure() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    sh(&machine, SHUTDOWN);
    for (condition, status) in [("exit 1", 1), ("exit 7", 7), ("[test, -d, /nowhere]", 1)] {
        let data = lab.file(
            "user-data.yaml",
            format!("#cloud-config\npower_state: {{mode: reboot, condition: {condition}}}\n"),
        );
        lab.apply(&target("root", &machine), &data, &[]).expect(0);
        let log = says(&machine, &["tail", "-n", "1", "/var/lib/anywhere/log"]);
        assert_eq!(log, format!("exit status {status} of the condition: no reboot\n"));
    }
    // A run that failed does not get that far.
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config\npower_state: {mode: reboot}\nruncmd: ['false']\n",
    );
    lab.apply(&target("root", &machine), &data, &[]).expect(1);
    // Whatever was begun is over by the time that the last of it is; nothing else waits.
    let data = lab.file("user-data.yaml", "#cloud-config\npower_state: {mode: halt}\n");
    lab.apply(&target("root", &machine), &data, &[]).expect(0);
    wait_until(&machine, "[ -s /calls ]");
    assert!(says(&machine, &["cat", "/calls"]).starts_with("-H|now|ran "));
}
