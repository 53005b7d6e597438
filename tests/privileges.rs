//! Every way to become root, and every login shell before it: the bytes arrive unharmed, no secret is shown, and where it cannot
//! be done, the words say what to do (`tests/privileges/*.txt`; `UPDATE_GOLDEN=1` rewrites them).
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot be set up fails

mod golden;
mod lab;

use std::path::Path;

use base64::Engine as _;
use golden::{Placeholders, compare, transcript};
use lab::{Lab, key, left_over, sh, target};
use testbed::{Machine, MachineSpec, User};

const PASSWORD: &str = "correct horse";

/// A user, what sudoers says of it, and which password is given.
type Case = (&'static str, &'static str, Option<&'static str>);

/// Each of them becomes root.
const WELL: [Case; 14] = [
    ("tty", "Defaults:@ requiretty\n@ ALL=(ALL) NOPASSWD: ALL", None),
    ("tty-password", "Defaults:@ requiretty\n@ ALL=(ALL) ALL", Some(PASSWORD)),
    ("tty-pty", "Defaults:@ requiretty,use_pty\n@ ALL=(ALL) NOPASSWD: ALL", None),
    (
        "tty-pty-password",
        "Defaults:@ requiretty,use_pty,lecture=always\n@ ALL=(ALL) ALL",
        Some(PASSWORD),
    ),
    ("pty", "Defaults:@ use_pty,!env_reset\n@ ALL=(ALL) NOPASSWD: ALL", None),
    ("pty-password", "Defaults:@ use_pty\n@ ALL=(ALL) ALL", Some(PASSWORD)),
    ("only-sh", "@ ALL=(root) NOPASSWD: /bin/sh", None),
    ("lecture", "Defaults:@ lecture=always\n@ ALL=(ALL) ALL", Some(PASSWORD)),
    (
        "secure-path",
        "Defaults:@ secure_path=\"/usr/bin:/bin\"\n@ ALL=(ALL) NOPASSWD: ALL",
        None,
    ),
    (
        "no-path",
        "Defaults:@ secure_path=\"/nowhere\"\n@ ALL=(ALL) NOPASSWD: ALL",
        None,
    ),
    ("rootpw", "Defaults:@ rootpw\n@ ALL=(ALL) ALL", Some("of root")),
    ("not-needed", "@ ALL=(ALL) NOPASSWD: ALL", Some("not asked for")),
    ("doas", "", None),
    ("doas-password", "", Some(PASSWORD)),
];

const DOAS: &str = "permit nopass doas\npermit doas-password";

/// The login shells that a user may have, with a start-up file that prints what could be taken for words of the program.
const SHELLS: [(&str, &str, &str); 6] = [
    ("bash", "/bin/bash", ".bashrc"),
    ("zsh", "/bin/zsh", ".zshenv"),
    ("fish", "/usr/bin/fish", ".config/fish/config.fish"),
    ("tcsh", "/bin/tcsh", ".tcshrc"),
    ("ksh", "/bin/ksh93", ".profile"),
    ("yash", "/usr/bin/yash", ".profile"),
];

const NOISE: &str = "echo done; echo clean; echo 'owned me'; echo 'fail tool x'; echo 'ran a b ok 1'; printf 'no end of line'\n";

fn users(names: impl Iterator<Item = (&'static str, Option<&'static str>)>) -> Vec<User> {
    let user = |(name, shell): (&'static str, Option<&str>)| User {
        name: name.to_owned(),
        login_shell: shell.map(str::to_owned),
        password: Some(PASSWORD.to_owned()),
    };
    names.map(user).collect()
}

fn machine(cases: &[Case], more: MachineSpec) -> Machine {
    Machine::start(&MachineSpec {
        users: users(cases.iter().map(|(name, ..)| (*name, None))),
        sudoers: cases.iter().map(|(name, rule, _)| rule.replace('@', name)).collect(),
        root_password: Some("of root".to_owned()),
        ..more
    })
    .unwrap()
}

/// All bytes, those that terminals have ideas about, more between two ends of line than a terminal takes, and so many that no part of
/// the way holds them all.
fn content() -> Vec<u8> {
    let all: Vec<u8> = (0..=255).collect();
    let many = (0..600_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0]);
    let many: Vec<u8> = many.collect();
    [
        &all,
        [b'x'; 8000].as_slice(),
        b"\x03\x04\x1a\x1c\x11\x13\x7f\r\n\xff",
        &many,
        &all,
    ]
    .concat()
}

/// Applies a file of all bytes and a command that is found in root's own PATH only, then takes all back.
fn goes_well(machine: &Machine, user: &str, password: Option<&str>) {
    let lab = Lab::new();
    sh(
        machine,
        "printf '#!/bin/sh\\nid -u >/srv/id\\n' >/usr/local/bin/of-this-test && chmod 755 /usr/local/bin/of-this-test",
    );
    let encoded = base64::engine::general_purpose::STANDARD.encode(content());
    let data = lab.file(
        "user-data.yaml",
        format!(
            "#cloud-config\nwrite_files:\n- path: /srv/bytes\n  encoding: b64\n  content: {encoded}\nruncmd: [of-this-test]\n"
        ),
    );
    let to = target(user, machine);
    let mut more = vec!["--host-key-checking", "no", "--silence-timeout", "10"];
    let file = lab.file("password", format!("{}\n", password.unwrap_or_default()));
    if password.is_some() {
        more.extend(["--sudo-password-file", file.to_str().unwrap()]);
    }
    let ran = lab.apply(&to, &data, &more);
    assert_eq!(ran.status, 0, "{user}: {}", ran.all());
    let root = machine.root_dir().unwrap();
    assert!(
        std::fs::read(root.join("srv/bytes")).unwrap() == content(),
        "{user}: other bytes arrived"
    );
    assert_eq!(std::fs::read_to_string(root.join("srv/id")).unwrap(), "0\n", "{user}");
    let again = lab.apply(&to, &data, &more).expect(0);
    assert!(again.out.contains("1 unchanged"), "{user}: {}", again.out);
    let key = key();
    let mut reset = vec!["reset", "-i", &key, &to, "--clean-up-command", "rm /srv/id"];
    reset.extend(more);
    lab.run(&reset).expect(0);
    assert!(!root.join("srv/bytes").exists());
    assert_eq!(left_over(machine), "", "{user}");
}

#[test]
fn sudo_and_doas_as_they_are_set_up() {
    let more = MachineSpec {
        doas: Some(DOAS.to_owned()),
        ..MachineSpec::default()
    };
    let machine = machine(&WELL, more);
    for (user, _, password) in WELL {
        goes_well(&machine, user, password);
    }
    let log = sh(&machine, "cat /var/log/auth.log /var/log/sudo.log 2>/dev/null || :");
    assert!(!log.contains(PASSWORD));
}

#[test]
fn login_shells() {
    let machine = Machine::start(&MachineSpec {
        users: users(SHELLS.iter().map(|(name, shell, _)| (*name, Some(*shell)))),
        sudoers: SHELLS
            .iter()
            .map(|(name, ..)| format!("{name} ALL=(ALL) NOPASSWD: ALL"))
            .collect(),
        ..MachineSpec::default()
    })
    .unwrap();
    for (name, _, startup) in SHELLS {
        let file = format!("/home/{name}/{startup}");
        let script = r#"mkdir -p "${1%/*}" && printf %s "$2" >"$1" && chown -R "$3" "/home/$3""#;
        let made = machine.run(&["sh", "-c", script, "sh", &file, NOISE, name]).unwrap();
        assert!(made.status.success(), "{made:?}");
        goes_well(&machine, name, None);
    }
}

/// What is told of a failure: one user after the other, with and without a password.
fn fails(name: &'static str, machine: &Machine, users: &[&str], passwords: &[Option<&str>]) {
    let lab = Lab::new();
    lab.file("user-data.yaml", "#cloud-config\nruncmd:\n  - echo hello\n");
    let mut placeholders = Placeholders::default();
    placeholders.hide(key(), "<KEY>");
    placeholders.hide(machine.address(), "<ADDRESS>");
    placeholders.hide(machine.hostname(), "<HOSTNAME>");
    let mut text = String::new();
    for user in users {
        for password in passwords {
            let to = target(user, machine);
            let mut command = format!(
                "apply -i {} -b user-data.yaml --host-key-checking no --silence-timeout 10 {to}",
                key()
            );
            if let Some(password) = password {
                lab.file("password", format!("{password}\n"));
                command.push_str(" --sudo-password-file password");
            }
            let ran = lab.run(&command.split(' ').collect::<Vec<_>>());
            assert!(
                !password.is_some_and(|password| ran.all().contains(password)),
                "{}",
                ran.all()
            );
            text.push_str(&transcript(&format!("anywhere {command}"), ran.status, &ran.out, &ran.err));
        }
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/privileges")
        .join(format!("{name}.txt"));
    golden::report(
        &compare(&file, &placeholders.apply(&text))
            .err()
            .into_iter()
            .collect::<Vec<_>>(),
    );
}

#[test]
fn sudo_without_the_program_it_allows() {
    let cases: [Case; 1] = [("noexec", "Defaults:@ noexec\n@ ALL=(ALL) NOPASSWD: ALL", None)];
    fails("noexec", &machine(&cases, MachineSpec::default()), &["noexec"], &[None]);
}

#[test]
fn a_password_that_is_not_the_users() {
    let cases: [Case; 2] = [
        ("rootpw", "Defaults:@ rootpw\n@ ALL=(ALL) ALL", None),
        ("tty", "Defaults:@ rootpw,requiretty,passwd_tries=1\n@ ALL=(ALL) ALL", None),
    ];
    let machine = machine(&cases, MachineSpec::default());
    fails("root-password", &machine, &["rootpw", "tty"], &[None, Some(PASSWORD)]);
}

#[test]
fn a_server_that_gives_no_terminal() {
    let cases: [Case; 1] = [("tty", "Defaults:@ requiretty\n@ ALL=(ALL) NOPASSWD: ALL", None)];
    let more = MachineSpec {
        sshd_config: vec!["PermitTTY no".to_owned()],
        ..MachineSpec::default()
    };
    fails("no-terminal", &machine(&cases, more), &["tty"], &[None]);
}

#[test]
fn an_account_that_has_expired() {
    let cases: [Case; 2] = [
        ("account", "@ ALL=(ALL) NOPASSWD: ALL", None),
        ("password", "@ ALL=(ALL) ALL", None),
    ];
    // PAM is asked by sudo; sshd itself would not let them in.
    let machine = machine(&cases, MachineSpec::default());
    for (user, field) in [("account", "19000:0:99999:7::1:"), ("password", "0:0:99999:7:::")] {
        sh(
            &machine,
            &format!("sed -i 's/^\\({user}:[^:]*\\):.*/\\1:{field}/' /etc/shadow"),
        );
    }
    fails("expired", &machine, &["account", "password"], &[None, Some(PASSWORD)]);
}

#[test]
fn doas_that_asks_or_refuses() {
    let cases: [Case; 2] = [("asked", "", None), ("refused", "", None)];
    let more = MachineSpec {
        doas: Some("permit asked".to_owned()),
        ..MachineSpec::default()
    };
    let machine = machine(&cases, more);
    let passwords = [None, Some("hunter2"), Some(PASSWORD)];
    fails("doas-beside-sudo", &machine, &["asked", "refused"], &passwords);
    sh(&machine, "rm /usr/bin/sudo");
    fails("doas-alone", &machine, &["asked", "refused"], &passwords);
    sh(&machine, "rm /usr/bin/doas");
    fails("neither", &machine, &["asked"], &[None, Some(PASSWORD)]);
}
