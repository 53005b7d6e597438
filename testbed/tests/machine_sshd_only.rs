//! Machines that have nothing running but an SSH server.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests may fail like tests"
)]

mod support;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use support::{printed, ssh};
use testbed::{Faults, HostKeyType, Machine, MachineSpec, Proxy, Shell, SudoRule, User};

/// An SSH session whose command is known to run.
fn session_that_says_up(machine: &Machine, command: &str) -> Child {
    let mut session = machine
        .ssh("root")
        .unwrap()
        .arg(command)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(session.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "up\n");
    session
}

#[test]
fn every_shell_is_there_and_the_ssh_client_logs_in() {
    for shell in Shell::ALL {
        let machine = Machine::start(&MachineSpec::with_shell(shell)).unwrap();
        let said = ssh(&machine, "root", "readlink -f /proc/$$/exe; id -u; hostname");
        assert_eq!(said, format!("/usr/bin/{}\n0\n{}\n", shell.program(), machine.hostname()));
    }
}

#[test]
fn the_host_is_hidden_and_the_machine_has_its_own_folders() {
    let machine = Machine::start(&MachineSpec::default()).unwrap();
    let said = ssh(
        &machine,
        "root",
        "stat -c '%a %n' /run /tmp /root /var/tmp; ls -A /root /home; ls -d /work; ps -e | wc -l",
    );
    let expected = "755 /run\n1777 /tmp\n700 /root\n1777 /var/tmp\n/home:\nadmin\n\n/root:\n.ssh\n";
    let rest = said.strip_prefix(expected).unwrap_or_else(|| panic!("{said}"));
    // PID 1, the watcher of the lifeline, three processes of the SSH server and the command's own.
    assert!(rest.trim().parse::<u32>().unwrap() < 12, "{said}");
}

#[test]
fn sudo_follows_the_rule() {
    let password = SudoRule::Password("with spaces & $signs".to_owned());
    let none = Machine::start(&MachineSpec::default()).unwrap();
    let free = Machine::start(&MachineSpec {
        sudo: SudoRule::NoPassword,
        ..MachineSpec::default()
    })
    .unwrap();
    let asking = Machine::start(&MachineSpec {
        sudo: password,
        ..MachineSpec::default()
    })
    .unwrap();
    let may = |machine: &Machine| machine.ssh("admin").unwrap().arg("sudo -n id -u").output().unwrap();
    assert!(!may(&none).status.success());
    assert!(!may(&asking).status.success());
    assert_eq!(may(&free).stdout, b"0\n");
    assert_eq!(
        ssh(&asking, "admin", "echo 'with spaces & $signs' | sudo -S -p '' id -u"),
        "0\n"
    );
    assert!(
        !asking
            .ssh("admin")
            .unwrap()
            .arg("echo wrong | sudo -S id -u")
            .output()
            .unwrap()
            .status
            .success()
    );
}

#[test]
fn users_have_their_login_shell_and_accept_the_key() {
    let user = User {
        name: "carol".to_owned(),
        login_shell: Some("/bin/bash".to_owned()),
        ..User::default()
    };
    let spec = MachineSpec {
        users: vec![user],
        login_shell: Some("/bin/dash".to_owned()),
        ..MachineSpec::default()
    };
    let machine = Machine::start(&spec).unwrap();
    assert_eq!(
        ssh(&machine, "carol", "readlink /proc/$$/exe; id -un"),
        "/usr/bin/bash\ncarol\n"
    );
    assert_eq!(ssh(&machine, "root", "readlink /proc/$$/exe"), "/usr/bin/dash\n");
}

#[test]
fn host_keys_port_name_and_configuration_are_as_asked() {
    let spec = MachineSpec {
        name: Some("box".to_owned()),
        port: 2222,
        host_keys: vec![HostKeyType::Ecdsa, HostKeyType::Rsa],
        sshd_config: vec!["AllowUsers admin".to_owned()],
        ..MachineSpec::default()
    };
    let machine = Machine::start(&spec).unwrap();
    assert_eq!(ssh(&machine, "admin", "hostname"), "box\n");
    assert!(!machine.ssh("root").unwrap().arg("true").output().unwrap().status.success());
    assert_eq!(machine.host_keys().len(), 2);
    assert!(machine.host_key().starts_with("ecdsa-sha2-nistp256 "));
    assert!(
        machine
            .known_hosts_line()
            .starts_with(&format!("[{}]:2222 ecdsa-sha2-nistp256 ", machine.address()))
    );
}

#[test]
fn files_are_read_and_written_from_outside() {
    let machine = Machine::start(&MachineSpec::default()).unwrap();
    let root = machine.root_dir().unwrap();
    assert_eq!(
        ssh(
            &machine,
            "root",
            "umask 027; printf 'a\\0b' >/etc/probe; printf x >/run/probe; printf y >/tmp/probe"
        ),
        ""
    );
    assert_eq!(std::fs::read(root.join("etc/probe")).unwrap(), b"a\0b");
    assert_eq!(
        std::fs::metadata(root.join("etc/probe")).unwrap().permissions().mode(),
        0o100_640
    );
    assert_eq!(std::fs::read(root.join("run/probe")).unwrap(), b"x");
    std::fs::write(root.join("tmp/probe"), "z").unwrap();
    assert_eq!(machine.run(&["cat", "/tmp/probe"]).unwrap().stdout, b"z");
    assert_eq!(
        machine
            .run_with_input(&["sh", "-c", "cat; exit 3"], b"in")
            .unwrap()
            .status
            .code(),
        Some(3)
    );
}

#[test]
fn a_reboot_keeps_the_disk_and_nothing_else() {
    let mut machine = Machine::start(&MachineSpec::default()).unwrap();
    let before = (machine.socket_address(), machine.known_hosts_line());
    let boot_id = ssh(&machine, "root", "cat /proc/sys/kernel/random/boot_id");
    assert_eq!(
        ssh(
            &machine,
            "root",
            "for d in var run tmp; do touch /$d/kept; done; setsid sleep 1000 >&- 2>&- <&- &"
        ),
        ""
    );
    machine.reboot().unwrap();
    assert_eq!(before, (machine.socket_address(), machine.known_hosts_line()));
    assert_ne!(ssh(&machine, "root", "cat /proc/sys/kernel/random/boot_id"), boot_id);
    assert_eq!(ssh(&machine, "root", "ls -d /*/kept"), "/var/kept\n");
    let argvs: Vec<_> = machine.processes().unwrap().into_iter().map(|process| process.argv).collect();
    assert!(!argvs.iter().any(|argv| argv.contains(&"1000".to_owned())), "{argvs:?}");
}

#[test]
fn a_machine_that_reboots_itself_comes_back() {
    let mut machine = Machine::start(&MachineSpec::default()).unwrap();
    let boot = machine.boot().unwrap();
    machine.run(&["busybox", "reboot", "-f"]).unwrap();
    machine.wait_for_reboot(boot).unwrap();
    assert_eq!(ssh(&machine, "root", "echo back"), "back\n");
}

#[test]
fn sessions_are_cut_and_the_server_stays() {
    let machine = Machine::start(&MachineSpec::default()).unwrap();
    let mut session = machine
        .ssh("root")
        .unwrap()
        .arg("echo up; sleep 1000")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(session.stdout.take().unwrap()), &mut line).unwrap();
    assert_eq!(line, "up\n");
    machine.kill_sshd_sessions().unwrap();
    assert!(!session.wait().unwrap().success());
    assert_eq!(ssh(&machine, "root", "echo again"), "again\n");
}

#[test]
fn processes_show_their_arguments_and_environment() {
    let machine = Machine::start(&MachineSpec::default()).unwrap();
    let mut session = session_that_says_up(&machine, "PLANTED=one exec bash -c 'echo up; sleep 1000; true' bash planted");
    let processes = machine.processes().unwrap();
    machine.kill_sshd_sessions().unwrap();
    session.wait().unwrap();
    let found = processes
        .iter()
        .find(|process| process.argv.contains(&"planted".to_owned()))
        .unwrap();
    assert!(found.environment.contains(&"PLANTED=one".to_owned()));
    assert!(
        processes
            .iter()
            .any(|process| process.argv.first().is_some_and(|word| word.starts_with("sshd:")))
    );
}

#[test]
fn the_disk_and_run_have_limits_and_the_root_can_be_read_only() {
    let small = MachineSpec {
        disk_bytes: 4 << 20,
        run_bytes: Some(64 << 10),
        ..MachineSpec::default()
    };
    let small = Machine::start(&small).unwrap();
    for file in ["/var/big", "/run/big"] {
        let output = small
            .ssh("root")
            .unwrap()
            .arg(format!("head -c 8M /dev/zero >{file}"))
            .output()
            .unwrap();
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("No space left"),
            "{file}: {output:?}"
        );
    }
    let read_only = Machine::start(&MachineSpec {
        read_only_root: true,
        ..MachineSpec::default()
    })
    .unwrap();
    let output = read_only
        .ssh("root")
        .unwrap()
        .arg("touch /run/a /tmp/b && touch /etc/c")
        .output()
        .unwrap();
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("Read-only file system"),
        "{output:?}"
    );
}

#[test]
fn a_proxy_stands_in_front_of_a_machine() {
    let machine = Machine::start(&MachineSpec::default()).unwrap();
    let proxy = Proxy::start(machine.socket_address(), Faults::default()).unwrap();
    let known_hosts = machine.keys().folder().join("known_hosts-proxy");
    std::fs::write(&known_hosts, machine.known_hosts_line_at(proxy.socket_address())).unwrap();
    let options = ["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o"];
    let mut ssh = Command::new("ssh");
    ssh.args(options)
        .arg(format!("UserKnownHostsFile={}", known_hosts.display()))
        .arg("-i")
        .arg(machine.keys().path());
    assert_eq!(
        printed(ssh.arg(format!("root@{}", proxy.address())).arg("echo through")),
        "through\n"
    );
    let counters = proxy.counters();
    assert_eq!(counters.connections, 1);
    assert!(counters.round_trips >= 4, "{counters:?}");
}

#[test]
fn a_hundred_machines_run_at_once() {
    let machines = Machine::start_many(&vec![MachineSpec::default(); 100]);
    let machines: Vec<Machine> = machines.into_iter().map(Result::unwrap).collect();
    let addresses: std::collections::HashSet<_> = machines.iter().map(Machine::address).collect();
    assert_eq!(addresses.len(), 100);
    assert_eq!(ssh(machines.first().unwrap(), "root", "echo first"), "first\n");
    assert_eq!(ssh(machines.last().unwrap(), "root", "echo last"), "last\n");
}
