//! Machines that OpenRC boots.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use support::ssh;
use testbed::{Kind, Machine, MachineSpec, Shell, SudoRule};

#[test]
fn openrc_runs_services_and_sudo_works() {
    let machine = Machine::start(&MachineSpec {
        sudo: SudoRule::NoPassword,
        ..MachineSpec::of_kind(Kind::OpenRc)
    })
    .unwrap();
    assert_eq!(ssh(&machine, "root", "readlink /proc/1/exe"), "/usr/sbin/openrc-init\n");
    assert_eq!(
        ssh(&machine, "admin", "sudo rc-service --quiet sshd status && echo started"),
        "started\n"
    );
    assert_eq!(
        ssh(&machine, "root", "command -v systemctl systemd-run || echo none"),
        "none\n"
    );
    let service = "printf '#!/sbin/openrc-run\\nstart() { echo started >>/srv/log; }\\nstop() { echo stopped >>/srv/log; }\\n' \
        >/etc/init.d/of-test && chmod 755 /etc/init.d/of-test && rc-update --quiet add of-test default && rc-service --quiet of-test restart; \
        cat /srv/log; rc-update show default | grep -c of-test";
    assert_eq!(ssh(&machine, "root", service), "started\n1\n");
}

#[test]
fn it_boots_with_every_shell() {
    for shell in Shell::ALL {
        let machine = Machine::start(&MachineSpec {
            shell,
            ..MachineSpec::of_kind(Kind::OpenRc)
        })
        .unwrap();
        assert_eq!(
            ssh(&machine, "root", "rc-service --quiet sshd reload && echo reloaded"),
            "reloaded\n",
            "{shell:?}"
        );
    }
}

#[test]
fn it_loses_power_and_reboots_by_itself() {
    let mut machine = Machine::start(&MachineSpec::of_kind(Kind::OpenRc)).unwrap();
    ssh(&machine, "root", "echo kept >/etc/kept; echo lost >/run/lost");
    machine.reboot().unwrap();
    let boot = machine.boot().unwrap();
    machine.run(&["openrc-shutdown", "--reboot", "now"]).unwrap();
    machine.wait_for_reboot(boot).unwrap();
    assert_eq!(ssh(&machine, "root", "cat /etc/kept; ls /run/lost 2>&- || true"), "kept\n");
}
