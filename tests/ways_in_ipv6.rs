//! IPv6 addresses, zones, and names with several addresses; in network namespaces of their own, with this host's SSH server.

#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot be set up fails

mod lab;

use std::path::Path;
use std::process::{Command, Stdio};

use lab::{Lab, Ran};

/// A folder with keys and the configuration of a server that listens at these addresses, and a home with an empty known_hosts.
fn prepared(listen: &[&str]) -> Lab {
    let lab = Lab::new();
    for name in ["host", "id"] {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
            .arg(lab.path(name))
            .status();
        assert!(made.unwrap().success());
    }
    let folder = lab.path("");
    let folder = folder.display();
    let listen: String = listen.iter().map(|address| format!("ListenAddress {address}\n")).collect();
    lab.file(
        "sshd_config",
        format!(
            "{listen}HostKey {folder}/host\nAuthorizedKeysFile {folder}/id.pub\nPidFile {folder}/pid\nStrictModes no\nUsePAM no\n\
             UseDNS no\n"
        ),
    );
    lab
}

/// Runs a shell text in a network namespace and a mount namespace of its own, with the server running. All ends with it.
///
/// `status` is asked for, because it changes nothing: the host behind the server is this one.
#[track_caller]
fn run(lab: &Lab, text: &str) -> Ran {
    let program = format!(
        "set -e; ip link set lo up; ip -6 addr add fe80::1/64 dev lo nodad; ip -6 addr add fd00::1/128 dev lo nodad\n\
         mkdir -p /run/sshd; [ ! -e hosts ] || mount --bind hosts /etc/hosts\n\
         /usr/sbin/sshd -f \"$PWD/sshd_config\"\n\
         anywhere() {{ {} \"$@\"; }}\n{text}",
        env!("CARGO_BIN_EXE_anywhere")
    );
    // A PID namespace, so that the server ends with the shell.
    let mut command = Command::new("unshare");
    command.args([
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "/bin/sh",
        "-c",
        &program,
    ]);
    command.current_dir(lab.path("")).stdin(Stdio::null());
    command
        .env_clear()
        .env("HOME", lab.path(""))
        .env("PATH", std::env::var_os("PATH").unwrap());
    Ran::of(command.output().unwrap())
}

/// What was remembered, without the key.
fn known(lab: &Lab) -> Vec<String> {
    let text = std::fs::read_to_string(lab.path(".ssh/known_hosts")).unwrap();
    text.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn addresses_as_people_write_them() {
    let lab = prepared(&[
        "[::1]:22",
        "[::1]:2222",
        "[fe80::1%lo]:22",
        "[fe80::1%lo]:2222",
        "[fd00::1]:22",
    ]);
    let targets = [
        "::1",
        "root@::1",
        "root@[::1]",
        "root@[::1]:2222",
        "[::1]:2222",
        "ssh://root@[::1]:2222",
        "root@fe80::1%lo",
        "root@[fe80::1%lo]:22",
        "root@[fe80::1%lo]:2222",
        "fd00::1",
    ];
    let asked: String = targets
        .iter()
        .map(|target| format!("anywhere status -i id '{target}'\n"))
        .collect();
    run(&lab, &asked).expect(0);
    assert_eq!(
        known(&lab),
        ["::1", "[::1]:2222", "fe80::1%lo", "[fe80::1%lo]:2222", "fd00::1"]
    );
    // OpenSSH finds them under the same names.
    let options =
        "-i id -o BatchMode=yes -o StrictHostKeyChecking=yes -o GlobalKnownHostsFile=none -o UserKnownHostsFile=.ssh/known_hosts";
    let same = ["::1", "-p 2222 ::1", "fe80::1%lo", "-p 2222 fe80::1%lo", "fd00::1"];
    let asked: String = same
        .iter()
        .map(|target| format!("ssh {options} -l root {target} true\n"))
        .collect();
    run(&lab, &asked).expect(0);
}

#[test]
fn jump_hosts_and_manifests() {
    let lab = prepared(&["[::1]:2222", "[fe80::1%lo]:2222", "[fd00::1]:22"]);
    run(
        &lab,
        "anywhere status -i id -J 'root@[::1]:2222,root@[fe80::1%lo]:2222' root@fd00::1\n\
         anywhere status -i id -J root@fd00::1 'root@[fe80::1%lo]:2222'",
    )
    .expect(0);
    let host_key = std::fs::read_to_string(lab.path("host.pub")).unwrap();
    let manifest = |address: &str, port: u16, jump: &str| {
        format!(
            "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: RemoteMachine\nmetadata: {{name: box}}\nspec:\n  \
             address: '{address}'\n  port: {port}\n  hostKeys: ['{0}']\n  jumpHosts:\n    - {{address: '{jump}', hostKeys: ['{0}']}}\n",
            host_key.trim()
        )
    };
    lab.file("box.yaml", manifest("fe80::1%lo", 2222, "fd00::1"));
    run(&lab, "anywhere status -i id -f box.yaml").expect(0);
    lab.file("box.yaml", manifest("::1", 2222, "fd00::1"));
    run(&lab, "anywhere status -i id -f box.yaml").expect(0);
}

#[test]
fn a_name_with_several_addresses() {
    let lab = prepared(&["127.0.0.1:22"]);
    // No route, nobody listens, and the one that is right.
    lab.file(
        "hosts",
        "2001:db8::1 box\n::1 box\n127.0.0.9 box\n127.0.0.1 box\n::1 closed\n127.0.0.9 closed\n",
    );
    run(&lab, "anywhere status -i id root@box").expect(0);
    assert_eq!(known(&lab), ["box"]);
    let ran = run(&lab, "anywhere status -i id root@closed").expect(1);
    assert!(ran.out.contains("closed:22 is unreachable: connection refused"), "{ran:?}");
    let ran = run(&lab, "anywhere status -i id root@nowhere.invalid").expect(1);
    assert!(ran.out.contains("its name cannot be resolved"), "{ran:?}");
    assert!(Path::new("/etc/hosts").exists());
}
