//! Machines that have nothing but busybox and an SSH server.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use support::ssh;
use testbed::{Kind, Machine, MachineSpec, SudoRule, TestbedError};

#[test]
fn only_busybox_is_there() {
    let machine = Machine::start(&MachineSpec::of_kind(Kind::BusyboxOnly)).unwrap();
    assert_eq!(
        ssh(&machine, "root", "readlink -f /proc/$$/exe; id -un; hostname"),
        format!("/usr/bin/busybox\nroot\n{}\n", machine.hostname())
    );
    assert_eq!(ssh(&machine, "admin", "id -un; pwd"), "admin\n/home/admin\n");
    assert_eq!(
        ssh(
            &machine,
            "root",
            "for p in bash perl python3 sudo systemctl getent; do command -v $p; done; true"
        ),
        ""
    );
    let programs = "find / -xdev -type f -perm -1 ! -name '*.so*' | sort";
    let found = ssh(&machine, "root", programs);
    assert_eq!(found, "/usr/bin/busybox\n/usr/sbin/sshd\n");
}

#[test]
fn it_reboots_with_its_disk() {
    let mut machine = Machine::start(&MachineSpec::of_kind(Kind::BusyboxOnly)).unwrap();
    ssh(&machine, "root", "echo kept >/etc/kept; echo lost >/tmp/lost");
    machine.reboot().unwrap();
    assert_eq!(ssh(&machine, "root", "cat /etc/kept; ls -A /tmp"), "kept\n");
    assert_eq!(
        std::fs::read(machine.root_dir().unwrap().join("etc/kept")).unwrap(),
        b"kept\n"
    );
}

#[test]
fn there_is_no_sudo_to_ask_for() {
    let spec = MachineSpec {
        sudo: SudoRule::NoPassword,
        ..MachineSpec::of_kind(Kind::BusyboxOnly)
    };
    assert!(matches!(Machine::start(&spec), Err(TestbedError::Spec(_))));
}
