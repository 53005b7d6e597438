//! Machines that systemd boots.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use support::ssh;
use testbed::{Kind, Machine, MachineSpec, SudoRule};

#[test]
fn systemd_runs_units_and_sudo_works() {
    let machine = Machine::start(&MachineSpec {
        sudo: SudoRule::NoPassword,
        ..MachineSpec::of_kind(Kind::Systemd)
    })
    .unwrap();
    assert_eq!(
        ssh(
            &machine,
            "root",
            "systemctl is-system-running --wait || systemctl --failed; hostname"
        ),
        format!("running\n{}\n", machine.hostname())
    );
    assert_eq!(
        ssh(&machine, "root", "systemd-run --quiet --wait --pipe echo from a unit"),
        "from a unit\n"
    );
    assert_eq!(ssh(&machine, "admin", "sudo systemctl is-active ssh"), "active\n");
    assert_eq!(ssh(&machine, "root", "readlink /proc/1/exe"), "/usr/lib/systemd/systemd\n");
}

#[test]
fn it_loses_power_and_reboots_by_itself() {
    let mut machine = Machine::start(&MachineSpec::of_kind(Kind::Systemd)).unwrap();
    let boot_id = || "cat /proc/sys/kernel/random/boot_id";
    ssh(&machine, "root", "echo kept >/etc/kept; echo lost >/run/lost");
    let mut seen = vec![ssh(&machine, "root", boot_id())];
    machine.reboot().unwrap();
    seen.push(ssh(&machine, "root", boot_id()));
    let boot = machine.boot().unwrap();
    machine.run(&["systemctl", "reboot"]).unwrap();
    machine.wait_for_reboot(boot).unwrap();
    seen.push(ssh(&machine, "root", boot_id()));
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 3);
    assert_eq!(ssh(&machine, "root", "cat /etc/kept; ls /run/lost 2>&- || true"), "kept\n");
}
