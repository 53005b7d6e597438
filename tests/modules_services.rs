//! The modules that set up a host's services and language, on real machines: the state that they ask for is there, and asking
//! again changes nothing.
#![allow(clippy::unwrap_used)] // a test that cannot be set up fails

mod lab;

use std::fs;

use lab::{Lab, machine, on, target};
use testbed::{Kind, Machine, MachineSpec, Shell, SudoRule};

/// Makes a repository whose only package is a time server that only looks like one, and which counts its starts.
fn repository_with_chrony(machine: &Machine) {
    let script = r#"
        set -e
        rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
        mkdir -p /srv/repository
        cd /srv/repository
        mkdir -p tree/DEBIAN tree/usr/sbin tree/etc/chrony tree/lib/systemd/system
        printf 'Package: chrony\nVersion: 9.0\nProvides: time-daemon\nConflicts: time-daemon\nReplaces: time-daemon\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n' >tree/DEBIAN/control
        printf '#!/bin/sh\necho started >>/srv/started\nexec sleep infinity\n' >tree/usr/sbin/chronyd
        chmod 755 tree/usr/sbin/chronyd
        printf 'confdir /etc/chrony/conf.d\npool 2.debian.pool.ntp.org iburst\ndriftfile /var/lib/chrony/chrony.drift\n' \
            >tree/etc/chrony/chrony.conf
        printf '[Service]\nExecStart=/usr/sbin/chronyd\n[Install]\nWantedBy=multi-user.target\n' >tree/lib/systemd/system/chrony.service
        dpkg-deb --root-owner-group --build tree chrony.deb >&2
        cat tree/DEBIAN/control >Packages
        printf 'Filename: ./chrony.deb\nSize: %s\nSHA256: %s\n' \
            "$(stat -c %s chrony.deb)" "$(sha256sum chrony.deb | cut -d ' ' -f 1)" >>Packages
        echo 'deb [trusted=yes] file:/srv/repository ./' >/etc/apt/sources.list
    "#;
    let made = machine.run(&["dash", "-c", script]).unwrap();
    assert!(made.status.success(), "{made:?}");
}

#[test]
fn the_client_that_is_there_asks_the_servers_given() {
    let lab = Lab::new();
    let machine = Machine::start(&MachineSpec::of_kind(Kind::Systemd)).unwrap();
    machine.run(&["systemctl", "unmask", "systemd-timesyncd"]).unwrap();
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config\nntp:\n  servers: [192.0.2.1, time.example.org]\n  pools: pool.example.org\n",
    );
    for more in [&[][..], &["--rerun"]] {
        lab.apply(&target("root", &machine), &data, more).expect(0);
        let conf = fs::read_to_string(on(&machine, "etc/systemd/timesyncd.conf.d/cloud-init.conf")).unwrap();
        assert_eq!(conf, "[Time]\nNTP=192.0.2.1 time.example.org pool.example.org\n");
    }
}

#[test]
fn a_client_that_is_missing_is_installed_and_asks_no_others() {
    let lab = Lab::new();
    let machine = Machine::start(&MachineSpec::of_kind(Kind::Systemd)).unwrap();
    repository_with_chrony(&machine);
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config\nntp: {ntp_client: chrony, servers: [192.0.2.1], pools: [pool.example.org]}\n",
    );
    lab.apply(&target("root", &machine), &data, &[]).expect(0);
    let conf = on(&machine, "etc/chrony/chrony.conf");
    let expected = "confdir /etc/chrony/conf.d\ndriftfile /var/lib/chrony/chrony.drift\n\
                    server 192.0.2.1 iburst\npool pool.example.org iburst\n";
    assert_eq!(fs::read_to_string(&conf).unwrap(), expected);
    let state = |what| {
        let asked = machine.run(&["systemctl", what, "chrony"]).unwrap();
        String::from_utf8(asked.stdout).unwrap()
    };
    assert_eq!(
        (state("is-active"), state("is-enabled")),
        ("active\n".into(), "enabled\n".into())
    );
    let starts = || fs::read_to_string(on(&machine, "srv/started")).unwrap();
    let before = starts();
    lab.apply(&target("root", &machine), &data, &["--rerun"]).expect(0);
    assert_eq!(fs::read_to_string(&conf).unwrap(), expected);
    assert_eq!(starts(), before, "it is not restarted for nothing");
}

#[test]
fn a_locale_is_made_and_set() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    let data = lab.file("user-data.yaml", "#cloud-config\nlocale: de_AT.UTF-8\n");
    for more in [&[][..], &["--rerun"]] {
        lab.apply(&target("root", &machine), &data, more).expect(0);
        let set = fs::read_to_string(on(&machine, "etc/default/locale")).unwrap();
        assert_eq!(
            set.lines().filter(|line| line.starts_with("LANG=")).collect::<Vec<_>>(),
            ["LANG=de_AT.UTF-8"]
        );
        let made = machine.run(&["locale", "-a"]).unwrap();
        assert!(String::from_utf8(made.stdout).unwrap().contains("de_AT.utf8\n"));
        let chosen = fs::read_to_string(on(&machine, "etc/locale.gen")).unwrap();
        assert_eq!(chosen.matches("\nde_AT.UTF-8 UTF-8\n").count(), 1, "{chosen}");
    }
    let unknown = lab.file("unknown.yaml", "#cloud-config\nlocale: xx_XX.UTF-8\n");
    let failed = lab.apply(&target("root", &machine), &unknown, &[]).expect(1);
    assert!(failed.all().contains("there is no locale xx_XX.UTF-8 in"), "{failed:?}");
}

#[test]
fn the_final_message_is_in_the_log() {
    let lab = Lab::new();
    for machine in [
        machine(Shell::Dash, SudoRule::None),
        Machine::start(&MachineSpec::of_kind(Kind::BusyboxOnly)).unwrap(),
    ] {
        let data = lab.file(
            "user-data.yaml",
            "#cloud-config\nfinal_message: 'me@example.org: up after $UPTIME s, ${version} from $datasource'\n",
        );
        lab.apply(&target("root", &machine), &data, &[]).expect(0);
        let log = fs::read_to_string(on(&machine, "var/lib/anywhere/log")).unwrap();
        let line = log
            .lines()
            .find(|line| line.starts_with("me@example.org: up after "))
            .unwrap();
        assert!(
            line.ends_with(&format!(" s, {} from Anywhere", env!("CARGO_PKG_VERSION"))),
            "{line}"
        );
        assert!(!line.contains('$'), "{line}");
    }
}
