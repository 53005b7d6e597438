//! On a machine that OpenRC boots: services are managed by rc-service and rc-update, and a run outlives its connection.
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot be set up fails

mod lab;

use lab::{Lab, Running, apply_json, key, on, sh, target};
use testbed::{Kind, Machine, MachineSpec};

fn machine() -> Machine {
    Machine::start(&MachineSpec::of_kind(Kind::OpenRc)).unwrap()
}

/// A time server that only looks like one, and counts its starts.
const CHRONY: &str = r#"
    set -e
    mkdir -p /etc/chrony
    printf '#!/bin/sh\n' >/usr/sbin/chronyd
    printf 'pool 2.debian.pool.ntp.org iburst\n' >/etc/chrony/chrony.conf
    printf '#!/sbin/openrc-run\nstart() { echo started >>/srv/started; }\nstop() { :; }\n' >/etc/init.d/chronyd
    chmod 755 /usr/sbin/chronyd /etc/init.d/chronyd
"#;

const USER_DATA: &str = "#cloud-config
hostname: edge-7
timezone: Europe/Berlin
ntp: {ntp_client: chrony, servers: [192.0.2.1]}
ssh_pwauth: false
runcmd: [echo done >/srv/done]
";

#[test]
fn modules_manage_services_there() {
    let (lab, machine) = (Lab::new(), machine());
    sh(&machine, CHRONY);
    let data = lab.file("user-data.yaml", USER_DATA);
    let listening = sh(&machine, "cat /run/sshd.pid");
    for more in [&[][..], &["--rerun"]] {
        lab.apply(&target("root", &machine), &data, more).expect(0);
        assert_eq!(sh(&machine, "hostname; cat /etc/timezone"), "edge-7\nEurope/Berlin\n");
        // Once: nothing has changed the second time.
        assert_eq!(sh(&machine, "cat /srv/started"), "started\n");
        assert_eq!(sh(&machine, "rc-update show default | grep -c chronyd"), "1\n");
        assert!(
            std::fs::read_to_string(on(&machine, "etc/chrony/chrony.conf"))
                .unwrap()
                .contains("192.0.2.1")
        );
        assert_eq!(
            sh(&machine, "cat /run/sshd.pid"),
            listening,
            "the SSH server reads its settings again, and goes on"
        );
    }
}

#[test]
fn a_run_outlives_its_connection() {
    let (lab, machine) = (Lab::new(), machine());
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config\nruncmd:\n- until [ -e /srv/go ]; do sleep 0.05; done; echo once >>/srv/log\n- echo twice >>/srv/log\n",
    );
    let (key, root) = (key(), target("root", &machine));
    let mut engine = Running::start(lab.anywhere(&apply_json(&key, &root, &data, &[])));
    engine.until_step(1);
    engine.kill();
    machine.kill_sshd_sessions().unwrap();
    let mut engine = Running::start(lab.anywhere(&apply_json(&key, &root, &data, &[])));
    engine.until("following");
    machine.kill_sshd_sessions().unwrap();
    sh(&machine, "echo >/srv/go");
    engine.end().expect(0);
    assert_eq!(sh(&machine, "cat /srv/log"), "once\ntwice\n");
    lab.run(&["reset", "-i", &key, &root]).expect(0);
}
