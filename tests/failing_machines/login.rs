//! Nobody gets in, or not far enough.

use super::*;

#[test]
fn a_key_that_nobody_knows() {
    let machine = plain();
    let stranger = Keys::of_this_process()
        .unwrap()
        .make("stranger", ClientKeyType::Ed25519, None)
        .unwrap();
    let mut failure = Failure::new("wrong-key");
    failure.machine(&machine);
    failure.placeholders.hide(stranger.display(), "<STRANGER>");
    let to = target("root", &machine);
    failure.run(1, &format!("apply -i {} -b user-data.yaml {to}", stranger.display()));
    failure.compare();
}

#[test]
fn keys_are_not_taken() {
    let spec = MachineSpec {
        sshd_config: vec!["PubkeyAuthentication no".to_owned(), "PasswordAuthentication yes".to_owned()],
        ..MachineSpec::default()
    };
    on("keys-not-taken", &Machine::start(&spec).unwrap(), "root", "");
}

#[test]
fn sudo_is_not_installed() {
    let machine = Machine::start(&MachineSpec::of_kind(Kind::BusyboxOnly)).unwrap();
    on("no-sudo", &machine, "admin", "");
}

#[test]
fn sudo_is_not_allowed() {
    on("sudo-not-allowed", &machine(Shell::Dash, SudoRule::None), "admin", "");
}

#[test]
fn sudo_allows_something_else() {
    let machine = machine(Shell::Dash, SudoRule::Password("correct horse".to_owned()));
    let mut failure = Failure::new("sudo-other-command");
    failure.machine(&machine);
    failure.lab.file("right", "correct horse\n");
    let admin = target("admin", &machine);
    for rule in ["admin ALL=(ALL) NOPASSWD: /bin/true", "admin ALL=(ALL) /bin/true"] {
        let script = format!("printf '%b\\n' '{rule}' >/etc/sudoers");
        machine.run(&["sh", "-c", &script]).unwrap();
        failure.text.push_str(&format!("# {rule}\n"));
        failure.apply(1, &admin, "--host-key-checking no --sudo-password-file right");
        failure.apply(1, &admin, "--host-key-checking no");
    }
    failure.compare();
}

#[test]
fn sudo_passwords() {
    let machine = machine(Shell::Dash, SudoRule::Password("correct horse".to_owned()));
    let mut failure = Failure::new("sudo-passwords");
    failure.machine(&machine);
    failure.lab.file("wrong", "hunter2\n");
    failure.lab.file("right", "correct horse\n");
    let admin = target("admin", &machine);
    failure.apply(1, &admin, "");
    failure.apply(1, &admin, "--sudo-password-file wrong");
    failure.apply(0, &admin, "--sudo-password-file right");
    assert!(!failure.text.contains("hunter2") && !failure.text.contains("horse"));
    failure.compare();
}

#[test]
fn the_login_shell_is_nologin() {
    let spec = MachineSpec {
        users: vec![User {
            name: "service".to_owned(),
            login_shell: Some("/usr/sbin/nologin".to_owned()),
            ..User::default()
        }],
        ..MachineSpec::default()
    };
    let machine = Machine::start(&spec).unwrap();
    let mut failure = Failure::new("nologin");
    failure.machine(&machine);
    failure.apply(1, &target("service", &machine), "");
    failure.apply(1, &target("service", &machine), "--no-sudo");
    failure.compare();
}
