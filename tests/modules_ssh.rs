//! The SSH server's settings and keys on real machines: what is applied is in effect while we are logged in, and asking again
//! changes nothing.
#![allow(clippy::unwrap_used)] // a test that cannot be set up fails

mod lab;

use std::time::Instant;

use lab::{Lab, machine, says, target};
use testbed::{Kind, Machine, MachineSpec, Shell, SudoRule};

/// Whether the server would take a password, as it says to someone without a key; nothing while it does not answer.
fn takes_passwords(machine: &Machine) -> Option<bool> {
    let mut ssh = machine.ssh("admin").unwrap();
    let output = ssh.args(["-o", "PubkeyAuthentication=no", "true"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let (_, rest) = said.split_once("Permission denied (")?;
    let (methods, _) = rest.split_once(')')?;
    Some(methods.split(',').any(|method| method == "password"))
}

/// Waits until it does or does not: a server that was told to read its files again does so a moment later.
#[track_caller]
fn wait_for_passwords(machine: &Machine, taken: bool) {
    let began = Instant::now();
    while takes_passwords(machine) != Some(taken) {
        assert!(began.elapsed() < lab::WATCHDOG, "passwords taken: not {taken}");
    }
}

/// All of the server's files, with times and modes.
fn server_files(machine: &Machine) -> String {
    let script = "cd /etc/ssh && ls -lAnR --time-style=full-iso . && cat sshd_config sshd_config.d/* 2>/dev/null";
    says(machine, &["sh", "-c", &format!("{script} || :")])
}

#[test]
fn keys_of_who_logs_in_and_host_keys() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::NoPassword);
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config\nssh_authorized_keys: [ssh-ed25519 AAAAC3Nz other]\ndisable_root: false\nssh_genkeytypes: [ecdsa, ed25519]\n",
    );
    let host_key = says(&machine, &["cat", "/etc/ssh/ssh_host_ed25519_key"]);
    lab.apply(&target("admin", &machine), &data, &[]).expect(0);
    for path in ["/home/admin/.ssh/authorized_keys", "/root/.ssh/authorized_keys"] {
        assert!(
            says(&machine, &["cat", path]).ends_with("\nssh-ed25519 AAAAC3Nz other\n"),
            "{path}"
        );
    }
    assert_eq!(says(&machine, &["cat", "/etc/ssh/ssh_host_ed25519_key"]), host_key);
    let modes = says(
        &machine,
        &[
            "sh",
            "-c",
            "cd /etc/ssh && stat -c %a ssh_host_ecdsa_key ssh_host_ecdsa_key.pub",
        ],
    );
    assert_eq!(modes, "600\n644\n");
    let before = server_files(&machine);
    lab.apply(&target("admin", &machine), &data, &["--rerun"]).expect(0);
    assert_eq!(server_files(&machine), before);
}

#[test]
fn password_authentication_is_switched_while_we_are_logged_in() {
    for kind in [Kind::SshdOnly, Kind::BusyboxOnly, Kind::Systemd] {
        let lab = Lab::new();
        let machine = Machine::start(&MachineSpec::of_kind(kind)).unwrap();
        wait_for_passwords(&machine, false);
        for value in [true, false] {
            let data = lab.file("user-data.yaml", format!("#cloud-config\nssh_pwauth: {value}\n"));
            lab.apply(&target("root", &machine), &data, &[]).expect(0);
            wait_for_passwords(&machine, value);
            if kind != Kind::BusyboxOnly {
                let before = server_files(&machine);
                lab.apply(&target("root", &machine), &data, &["--rerun"]).expect(0);
                assert_eq!(server_files(&machine), before);
            }
        }
    }
}

#[test]
fn the_setting_goes_where_it_counts() {
    let lab = Lab::new();
    let spec = MachineSpec {
        sshd_config: vec!["Include /etc/ssh/sshd_config.d/*.conf".to_owned()],
        ..MachineSpec::default()
    };
    let machine = Machine::start(&spec).unwrap();
    let data = lab.file("user-data.yaml", "#cloud-config\nssh_pwauth: true\n");
    lab.apply(&target("root", &machine), &data, &[]).expect(0);
    let ours = "/etc/ssh/sshd_config.d/50-cloud-init.conf";
    assert_eq!(says(&machine, &["cat", ours]), "PasswordAuthentication yes\n");
    wait_for_passwords(&machine, true);
    // A file before it has the last word, which cloud-init does not notice.
    says(
        &machine,
        &[
            "sh",
            "-c",
            "echo PasswordAuthentication yes >/etc/ssh/sshd_config.d/10-other.conf",
        ],
    );
    let data = lab.file("user-data.yaml", "#cloud-config\nssh_pwauth: false\n");
    let ran = lab.apply(&target("root", &machine), &data, &[]);
    assert_ne!(ran.status, 0);
    assert!(ran.all().contains("would not be in effect"), "{}", ran.all());
    assert_eq!(says(&machine, &["cat", ours]), "PasswordAuthentication yes\n");
}

#[test]
fn who_has_only_a_password_is_not_shut_out() {
    let lab = Lab::new();
    let spec = MachineSpec {
        sshd_config: vec!["PasswordAuthentication yes".to_owned()],
        ..MachineSpec::default()
    };
    let machine = Machine::start(&spec).unwrap();
    // The run is under way with this key when it goes; the machine is as if a password had been used.
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config\nbootcmd: [rm /root/.ssh/authorized_keys]\nssh_pwauth: false\n",
    );
    let ran = lab.apply(&target("root", &machine), &data, &[]);
    assert_ne!(ran.status, 0);
    assert!(ran.all().contains("could not log in again"), "{}", ran.all());
    wait_for_passwords(&machine, true);
}

/// A key without a passphrase, made here.
fn key_pair(lab: &Lab, kind: &str) -> (String, String) {
    let path = lab.path(&format!("host-{kind}"));
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", kind, "-N", "", "-f"])
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
    (read(&path), read(&path.with_extension("pub")))
}

#[test]
fn host_keys_are_added_and_never_replaced() {
    let lab = Lab::new();
    let machine = machine(Shell::Busybox, SudoRule::None);
    let indented = |text: &str| text.replace('\n', "\n    ");
    let (private, public) = key_pair(&lab, "ecdsa");
    let data = lab.file(
        "user-data.yaml",
        format!(
            "#cloud-config\nssh_keys:\n  ecdsa_private: |\n    {}\n  ecdsa_public: {public}\n",
            indented(&private)
        ),
    );
    let before = server_files(&machine);
    assert!(!before.contains("ecdsa"));
    lab.apply(&target("root", &machine), &data, &[]).expect(0);
    assert_eq!(says(&machine, &["cat", "/etc/ssh/ssh_host_ecdsa_key"]), private);
    assert_eq!(says(&machine, &["cat", "/etc/ssh/ssh_host_ecdsa_key.pub"]), public);
    let modes = [
        "stat",
        "-c",
        "%a %U",
        "/etc/ssh/ssh_host_ecdsa_key",
        "/etc/ssh/ssh_host_ecdsa_key.pub",
    ];
    assert_eq!(says(&machine, &modes), "600 root\n644 root\n");
    let now = server_files(&machine);
    lab.apply(&target("root", &machine), &data, &["--rerun"]).expect(0);
    assert_eq!(server_files(&machine), now);

    for (kind, name, said) in [
        ("ed25519", "ed25519", "is another key, and stays"),
        ("ed25519", "rsa", "the rsa key is of another type"),
    ] {
        let (private, _) = key_pair(&Lab::new(), kind);
        let text = format!("#cloud-config\nssh_keys:\n  {name}_private: |\n    {}\n", indented(&private));
        let ran = lab
            .apply(&target("root", &machine), &lab.file("other.yaml", text), &[])
            .expect(1);
        assert!(ran.all().contains(said), "{}", ran.all());
        assert_eq!(server_files(&machine), now);
    }
    assert!(!lab::sh(&machine, "cat /var/lib/anywhere/*").contains("OPENSSH PRIVATE"));
}

/// Stands in for the program that asks Launchpad and GitHub.
const IMPORT: &str = "mkdir -p /usr/local/bin; cat >/usr/local/bin/ssh-import-id <<'end'\n#!/bin/sh\n\
    echo '# a comment'; [ \"$*\" = '-o - gh:octo lp:other' ] && echo 'ssh-ed25519 AAAAC3Imported octo@github'\nend\n\
    chmod 755 /usr/local/bin/ssh-import-id";

#[test]
fn keys_are_imported_by_the_tool_for_it() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    let data = lab.file("user-data.yaml", "#cloud-config\nssh_import_id: [gh:octo, lp:other]\n");
    let ran = lab.apply(&target("root", &machine), &data, &[]).expect(1);
    assert!(ran.all().contains("this host has no ssh-import-id"), "{}", ran.all());
    lab::sh(&machine, IMPORT);
    for more in [&[][..], &["--rerun"]] {
        lab.apply(&target("root", &machine), &data, more).expect(0);
        let keys = says(&machine, &["cat", "/root/.ssh/authorized_keys"]);
        assert_eq!(keys.matches("ssh-ed25519 AAAAC3Imported octo@github\n").count(), 1, "{keys}");
    }
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config\nusers: [{name: al, ssh_import_id: [gh:nobody]}]\n",
    );
    lab.apply(&target("root", &machine), &data, &[]).expect(1);
}
