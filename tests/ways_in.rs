//! Every way into a machine, with the binary: passwords, certificates, pinned keys, jump hosts; from the command line and manifests.
//!
//! What is told of ways that are closed is in `tests/ways_in/*.txt`; `UPDATE_GOLDEN=1` rewrites it.

#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot be set up fails

mod golden;
mod lab;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use golden::{Placeholders, compare, transcript};
use lab::{Lab, key, on, sh, target};
use testbed::{Faults, Keys, Kind, Machine, MachineSpec, Proxy, SudoRule};

const USER_DATA: &str = "#cloud-config\nruncmd:\n  - id -un >>/etc/visitors\n  - mkdir -p /run/cluster-api && touch \
                         /run/cluster-api/bootstrap-success.complete\n";
const PASSWORD: &str = "hunter2 and more";

/// Asks for the one password that `admin` has.
const ONE_QUESTION: &str = "auth required pam_unix.so\naccount required pam_permit.so\nsession required pam_permit.so\n";
/// Asks for another word as well.
const TWO_QUESTIONS: &str =
    "auth required pam_unix.so\nauth required pam_ftp.so\naccount required pam_permit.so\nsession required pam_permit.so\n";
/// Cares for how old the password is.
const WITH_AGE: &str =
    "auth required pam_unix.so\naccount required pam_unix.so\npassword required pam_unix.so\nsession required pam_permit.so\n";

/// A machine whose `admin` has a password, which sudo asks for, too.
fn with_password(sshd_config: &[&str], pam: &str) -> Machine {
    let machine = Machine::start(&MachineSpec {
        sudo: SudoRule::Password(PASSWORD.to_owned()),
        sshd_config: sshd_config.iter().map(|line| (*line).to_owned()).collect(),
        ..MachineSpec::of_kind(Kind::SshdOnly)
    })
    .unwrap();
    std::fs::write(on(&machine, "etc/pam.d/sshd"), pam).unwrap();
    machine
}

fn lab() -> Lab {
    let lab = Lab::new();
    lab.file("user-data.yaml", USER_DATA);
    lab.file("password", format!("{PASSWORD}\n"));
    lab.file("wrong", "hunter2 is wrong\n");
    lab
}

const KEYBOARD_INTERACTIVE: &[&str] = &["UsePAM yes", "KbdInteractiveAuthentication yes", "PubkeyAuthentication no"];
const PASSWORD_ONLY: &[&str] = &["PasswordAuthentication yes", "PubkeyAuthentication no"];
const KEY_AND_QUESTION: &[&str] = &[
    "UsePAM yes",
    "KbdInteractiveAuthentication yes",
    "AuthenticationMethods publickey,keyboard-interactive",
];
const KEY_AND_PASSWORD: &[&str] = &["PasswordAuthentication yes", "AuthenticationMethods publickey,password"];
const PASSWORD_AND_KEY: &[&str] = &["PasswordAuthentication yes", "AuthenticationMethods password,publickey"];

#[test]
fn passwords() {
    let lab = lab();
    let key = key();
    for (sshd_config, keys) in [
        (KEYBOARD_INTERACTIVE, &[][..]),
        (KEYBOARD_INTERACTIVE, &["-i", &key]),
        (PASSWORD_ONLY, &[]),
        (PASSWORD_ONLY, &["-i", &key]),
        (KEY_AND_QUESTION, &["-i", &key]),
        (KEY_AND_PASSWORD, &["-i", &key]),
        (PASSWORD_AND_KEY, &["-i", &key]),
    ] {
        let machine = with_password(sshd_config, ONE_QUESTION);
        let to = target("admin", &machine);
        let mut args = vec![
            "apply",
            "-b",
            "user-data.yaml",
            "--password-file",
            "password",
            "--sudo-password-file",
            "password",
            &to,
        ];
        args.extend(keys);
        let ran = lab.run(&args).expect(0);
        assert!(!ran.all().contains("hunter2"), "{sshd_config:?}: {ran:?}");
        assert_eq!(sh(&machine, "cat /etc/visitors"), "root\n", "{sshd_config:?} {keys:?}");
    }
}

/// A way that is closed: what is said about it is in a file.
fn closed(name: &str, machine: &Machine, arguments: &[&str]) {
    let lab = lab();
    let mut placeholders = Placeholders::default();
    placeholders.hide(machine.address(), "<ADDRESS>");
    placeholders.hide(lab.path("").display().to_string().trim_end_matches('/'), "<FOLDER>");
    placeholders.hide(Keys::of_this_process().unwrap().folder().display(), "<KEYS>");
    let to = target("admin", machine);
    let mut text = String::new();
    for more in arguments {
        let command = format!("apply -b user-data.yaml {to} {more}");
        let ran = lab.run(&command.split_whitespace().collect::<Vec<_>>()).expect(1);
        assert!(!ran.all().contains("hunter2"), "{ran:?}");
        text += &transcript(&format!("anywhere {}", command.trim_end()), ran.status, &ran.out, &ran.err);
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/ways_in")
        .join(format!("{name}.txt"));
    golden::report(
        &compare(&file, &placeholders.apply(&text))
            .err()
            .into_iter()
            .collect::<Vec<_>>(),
    );
    assert!(!on(machine, "etc/visitors").exists());
}

#[test]
fn passwords_that_are_not_enough() {
    let key = key();
    let (with_key, wrong) = (format!("-i {key}"), "--password-file wrong");
    let both = format!("-i {key} {wrong}");
    let right = format!("-i {key} --password-file password");
    let cases: [(&str, &[&str], &str, &[&str]); 5] = [
        (
            "keyboard-interactive",
            KEYBOARD_INTERACTIVE,
            ONE_QUESTION,
            &[&with_key, wrong, &both],
        ),
        ("password", PASSWORD_ONLY, ONE_QUESTION, &[&with_key, wrong, &both]),
        ("key-and-question", KEY_AND_QUESTION, ONE_QUESTION, &[&with_key, wrong, &both]),
        (
            "two-questions",
            KEYBOARD_INTERACTIVE,
            TWO_QUESTIONS,
            &["--password-file password"],
        ),
        (
            "hostbased",
            &["HostbasedAuthentication yes", "AuthenticationMethods publickey,hostbased"],
            ONE_QUESTION,
            &[&with_key, &right],
        ),
    ];
    let old = with_password(KEYBOARD_INTERACTIVE, WITH_AGE);
    sh(&old, "chage -d 0 admin");
    closed("old-password", &old, &["--password-file password"]);
    for (name, sshd_config, pam, arguments) in cases {
        closed(name, &with_password(sshd_config, pam), arguments);
    }
}

/// ssh-keygen(1), in a folder.
fn keygen(lab: &Lab, arguments: &[&str]) {
    let output = Command::new("ssh-keygen")
        .arg("-q")
        .args(arguments)
        .current_dir(lab.path(""))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// A machine that lets root in with a certificate of the authority `ca` only, and shows one of the authority `host_ca`.
fn with_authorities(lab: &Lab) -> Machine {
    for name in ["ca", "host_ca", "id"] {
        keygen(lab, &["-t", "ed25519", "-N", "", "-C", name, "-f", name]);
    }
    let machine = Machine::start(&MachineSpec {
        sshd_config: vec![
            "TrustedUserCAKeys /etc/ssh/ca.pub".to_owned(),
            "AuthorizedKeysFile none".to_owned(),
            "HostCertificate /etc/ssh/ssh_host_ed25519_key-cert.pub".to_owned(),
        ],
        ..MachineSpec::of_kind(Kind::SshdOnly)
    })
    .unwrap();
    std::fs::copy(lab.path("ca.pub"), on(&machine, "etc/ssh/ca.pub")).unwrap();
    lab.file("host.pub", machine.host_key());
    keygen(
        lab,
        &[
            "-s",
            "host_ca",
            "-I",
            "box",
            "-h",
            "-n",
            &machine.address().to_string(),
            "host.pub",
        ],
    );
    let certificate = on(&machine, "etc/ssh/ssh_host_ed25519_key-cert.pub");
    std::fs::copy(lab.path("host-cert.pub"), certificate).unwrap();
    // The server reads its certificate when it starts.
    sh(&machine, "kill -HUP $(cat /run/sshd.pid)");
    let wanted = "ssh-ed25519-cert-v01@openssh.com";
    let shows = || {
        let scan = Command::new("ssh-keyscan")
            .args(["-c", "-t", "ed25519", &machine.address().to_string()])
            .output();
        String::from_utf8_lossy(&scan.unwrap().stdout).contains(wanted)
    };
    let began = std::time::Instant::now();
    while !shows() {
        assert!(
            began.elapsed() < lab::WATCHDOG,
            "it never shows its certificate: {}",
            machine.console()
        );
    }
    machine
}

#[test]
fn certificates_from_the_command_line() {
    let lab = lab();
    let machine = with_authorities(&lab);
    let to = target("root", &machine);
    lab.file(
        "known_hosts",
        format!(
            "@cert-authority * {}",
            std::fs::read_to_string(lab.path("host_ca.pub")).unwrap()
        ),
    );
    let status = |more: &[&str]| {
        let mut args = vec!["status", "--known-hosts", "known_hosts", "--host-key-checking", "yes", &to];
        args.extend(more);
        lab.run(&args)
    };
    status(&["-i", "id"]).expect(1);
    keygen(&lab, &["-s", "ca", "-I", "of the tests", "-n", "root", "id.pub"]);
    // Beside the key, as `ssh-keygen -s` leaves it.
    status(&["-i", "id"]).expect(0);
    std::fs::rename(lab.path("id-cert.pub"), lab.path("elsewhere")).unwrap();
    status(&["-i", "id"]).expect(1);
    status(&["-i", "id", "--certificate", "elsewhere"]).expect(0);
    // Beside a key that is found by itself.
    std::fs::create_dir(lab.path(".ssh")).unwrap();
    std::fs::rename(lab.path("id"), lab.path(".ssh/id_ed25519")).unwrap();
    std::fs::rename(lab.path("elsewhere"), lab.path(".ssh/id_ed25519-cert.pub")).unwrap();
    status(&[]).expect(0);
}

fn base64_of(bytes: impl AsRef<[u8]>) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// A Secret of the API.
fn secret(name: &str, data: &[(&str, &[u8])]) -> String {
    let mut text = format!("---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\ndata:\n");
    for (key, value) in data {
        let _ = writeln!(text, "  {key}: {}", base64_of(value));
    }
    text
}

#[test]
fn certificates_and_authorities_in_a_manifest() {
    let lab = lab();
    let machine = with_authorities(&lab);
    keygen(&lab, &["-s", "ca", "-I", "of the tests", "-n", "root", "id.pub"]);
    let read = |name: &str| std::fs::read(lab.path(name)).unwrap();
    let (key, certificate) = (read("id"), read("id-cert.pub"));
    let authority = String::from_utf8(read("host_ca.pub")).unwrap();
    for (version, reference, data) in [
        (
            "v1beta1",
            "sshCertificateRef: {name: certificate}",
            &[("value", key.as_slice())][..],
        ),
        (
            "v1beta2",
            "",
            &[("value", key.as_slice()), ("certificate", certificate.as_slice())],
        ),
    ] {
        let manifest = format!(
            "apiVersion: infrastructure.cluster.x-k8s.io/{version}\nkind: RemoteMachine\nmetadata: {{name: box}}\nspec:\n  \
             address: {}\n  sshKeyRef: {{name: key}}\n  hostCertificateAuthorities: ['{}']\n  {reference}\n{}{}",
            machine.address(),
            authority.trim(),
            secret("key", data),
            secret("certificate", &[("value", &certificate)]),
        );
        lab.file("box.yaml", manifest);
        lab.run(&["apply", "-f", "box.yaml", "-b", "user-data.yaml"]).expect(0);
        lab.run(&["reset", "-f", "box.yaml"]).expect(0);
    }
    assert!(
        !lab.path(".ssh/known_hosts").exists(),
        "no key has to be remembered of pinned hosts"
    );
}

#[test]
fn expired_and_foreign_certificates() {
    let lab = lab();
    let machine = with_authorities(&lab);
    let mut placeholders = Placeholders::default();
    placeholders.hide(machine.address(), "<ADDRESS>");
    let to = target("root", &machine);
    let mut text = String::new();
    for arguments in [
        &["-n", "root", "-V", "20200101000000Z:20200102000000Z"][..],
        &["-n", "root", "-V", "20990101000000Z:20990102000000Z"],
        &["-n", "deploy,admin"],
    ] {
        keygen(&lab, &[&["-s", "ca", "-I", "of the tests"], arguments, &["id.pub"]].concat());
        let command = format!("logs -i id --host-key-checking no {to}");
        let ran = lab.run(&command.split(' ').collect::<Vec<_>>()).expect(1);
        let said = format!("ssh-keygen -s ca {}; anywhere {command}", arguments.join(" "));
        text += &transcript(&said, ran.status, &ran.out, &ran.err);
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ways_in/certificates.txt");
    golden::report(
        &compare(&file, &placeholders.apply(&text))
            .err()
            .into_iter()
            .collect::<Vec<_>>(),
    );
}

/// Everything that a manifest can say: a chain of jump hosts with their own keys, pinned keys of all, passwords in Secrets.
#[test]
fn a_manifest_that_says_it_all() {
    let lab = lab();
    let machine = with_password(KEY_AND_PASSWORD, ONE_QUESTION);
    let jumps: Vec<_> = (0..2).map(|_| Machine::start(&MachineSpec::default()).unwrap()).collect();
    lab.file("host.pub", jumps[1].host_key());
    let fingerprint = Command::new("ssh-keygen")
        .arg("-lf")
        .arg(lab.path("host.pub"))
        .output()
        .unwrap();
    let fingerprint = String::from_utf8(fingerprint.stdout).unwrap();
    let fingerprint = fingerprint.split(' ').nth(1).unwrap();
    let manifest = |first_key: &str| {
        let own = Keys::of_this_process().unwrap().private_key().unwrap();
        format!(
            "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: RemoteMachine\nmetadata: {{name: box}}\nspec:\n  \
             address: {}\n  user: admin\n  useSudo: true\n  sshKeyRef: {{name: key}}\n  sshPasswordRef: {{name: password}}\n  \
             sudoPasswordRef: {{name: password}}\n  hostKeys: ['{}']\n  jumpHosts:\n    - address: {}\n      user: admin\n      \
             sshKeyRef: {{name: key}}\n      hostKeys: ['{first_key}']\n    - address: {}\n      sshKeyRef: {{name: key}}\n      \
             hostKeys: ['{fingerprint}']\n{}{}",
            machine.address(),
            machine.host_key(),
            jumps[0].address(),
            jumps[1].address(),
            secret("key", &[("value", own.as_bytes())]),
            secret("password", &[("value", format!("{PASSWORD}\n").as_bytes())]),
        )
    };
    lab.file("box.yaml", manifest(jumps[0].host_key()));
    lab.run(&["apply", "-f", "box.yaml", "-b", "user-data.yaml"]).expect(0);
    assert_eq!(sh(&machine, "cat /etc/visitors"), "root\n");
    assert!(
        !lab.path(".ssh/known_hosts").exists(),
        "no key has to be remembered of pinned hosts"
    );

    // Every hop is held to its own key.
    lab.file("box.yaml", manifest(jumps[1].host_key()));
    let ran = lab.run(&["status", "-f", "box.yaml"]).expect(1);
    assert!(
        ran.all()
            .contains(&format!("the host key of {} is not the one given", jumps[0].address())),
        "{ran:?}"
    );
}

/// Twenty machines behind one jump host: one connection to it, whatever is done.
#[test]
fn one_connection_to_the_jump_host_of_twenty_machines() {
    let lab = lab();
    let machines: Vec<_> = Machine::start_many(&vec![MachineSpec::default(); 21])
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let (jump, behind) = machines.split_first().unwrap();
    let proxy = Proxy::start(jump.socket_address(), Faults::default()).unwrap();
    let through = format!("root@{}:{}", proxy.address(), proxy.port());
    let key = key();
    let targets: Vec<_> = behind.iter().map(|machine| target("root", machine)).collect();
    let run = |command: &[&str]| {
        let before = proxy.counters().connections;
        let mut args = command.to_vec();
        args.extend(["-i", &key, "-J", &through]);
        args.extend(targets.iter().map(String::as_str));
        let ran = lab.run(&args).expect(0);
        assert_eq!(proxy.counters().connections - before, 1, "{ran:?}");
    };
    run(&["apply", "-b", "user-data.yaml"]);
    run(&["apply", "-b", "user-data.yaml", "--parallel", "1"]);
    run(&["status"]);
    run(&["logs"]);
    run(&["reset"]);
    for machine in behind {
        assert_eq!(sh(machine, "cat /etc/visitors"), "root\n");
    }
}

/// The connection to the jump host is lost in the middle: all machines go on over one new one.
#[test]
fn a_jump_host_that_is_cut_off_in_the_middle() {
    let lab = lab();
    lab.file(
        "user-data.yaml",
        "#cloud-config\nruncmd:\n  - id -un >>/etc/visitors\n  - until [ -e /srv/go ]; do sleep 0.1; done\n",
    );
    let machines: Vec<_> = Machine::start_many(&vec![MachineSpec::default(); 6])
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let (jump, behind) = machines.split_first().unwrap();
    let proxy = Proxy::start(jump.socket_address(), Faults::default()).unwrap();
    let through = format!("root@{}:{}", proxy.address(), proxy.port());
    let key = key();
    let targets: Vec<_> = behind.iter().map(|machine| target("root", machine)).collect();
    let mut args = vec!["apply", "-b", "user-data.yaml", "-i", &key, "-J", &through, "-o", "json"];
    args.extend(targets.iter().map(String::as_str));
    let running = lab::Running::start(lab.anywhere(&args));
    behind
        .iter()
        .for_each(|machine| lab::wait_until(machine, "[ -e /etc/visitors ]"));
    proxy.cut_now().unwrap();
    behind.iter().for_each(|machine| {
        sh(machine, "touch /srv/go");
    });
    let ran = running.end().expect(0);
    assert_eq!(proxy.counters().connections, 2, "{ran:?}");
    for machine in behind {
        assert_eq!(sh(machine, "cat /etc/visitors"), "root\n", "nothing ran twice");
    }
}
