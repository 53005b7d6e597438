//! `groups`, `users` and `user` on real machines: who is there, who may log in and who may become root, and that asking again
//! changes nothing.
#![allow(clippy::unwrap_used)] // a test that cannot be set up fails

mod lab;

use lab::{Lab, key, line, machine, says, target};
use testbed::{Kind, Machine, MachineSpec, Shell, SudoRule};

/// `secret-1`, by `openssl passwd -6 -salt saltsalt`.
const HASH: &str = "$6$saltsalt$Sz3kiTlz9z1weA0rv6ZP1VXe3w.3OdcNstYOBf59DJTlfS58158ixzQsRnlFKkTlSpUlPhsu88bFFaza8fOVR0";

fn public_key() -> String {
    std::fs::read_to_string(format!("{}.pub", key())).unwrap().trim().to_owned()
}

/// Everything that the modules about users may change, with times and modes.
fn accounts(machine: &Machine) -> String {
    let script = "cd / && ls -ldn --time-style=full-iso etc/passwd etc/group etc/shadow etc/sudoers home/*/.ssh/authorized_keys \
                  srv/*/.ssh/authorized_keys etc/sudoers.d/* 2>/dev/null; cat etc/passwd etc/group etc/shadow etc/sudoers.d/*";
    says(machine, &["sh", "-c", script])
}

#[test]
fn users_with_all_that_they_can_have() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    let data = lab.file(
        "user-data.yaml",
        format!(
            "#cloud-config\n\
             groups: [{{team: [alice, root]}}, plain]\n\
             users:\n\
             - name: alice\n  \
               gecos: Alice A. Person\n  homedir: /srv/alice\n  shell: /bin/bash\n  uid: 2001\n  groups: users, docker\n  \
               expiredate: '2035-01-01'\n  inactive: 5\n  sudo: ['ALL=(ALL) NOPASSWD:ALL']\n  passwd: '{HASH}'\n  \
               ssh_authorized_keys: ['{key}', '{key}']\n\
             - name: plain\n  lock_passwd: false\n  plain_text_passwd: correct horse\n\
             - name: daemonish\n  system: true\n  no_create_home: true\n  primary_group: special\n  sudo: null\n",
            key = public_key()
        ),
    );
    lab.apply(&target("root", &machine), &data, &[]).expect(0);
    assert_eq!(
        line(&machine, "etc/passwd", "alice"),
        "alice:x:2001:2001:Alice A. Person:/srv/alice:/bin/bash"
    );
    let mut groups: Vec<_> = says(&machine, &["id", "-nG", "alice"])
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    groups.sort();
    assert_eq!(groups, ["alice", "docker", "team", "users"]);
    assert!(says(&machine, &["id", "-nG", "root"]).contains("team"));
    assert_eq!(says(&machine, &["id", "-nG", "plain"]), "plain\n");
    assert_eq!(says(&machine, &["id", "-nG", "daemonish"]), "special\n");
    let shadow: Vec<_> = line(&machine, "etc/shadow", "alice").split(':').map(str::to_owned).collect();
    // The machine's server has no PAM: an exclamation mark would keep keys out as well.
    assert_eq!(shadow[1], format!("*{HASH}"));
    assert_eq!((shadow[6].as_str(), shadow[7].as_str()), ("5", "23741"));
    assert!(line(&machine, "etc/shadow", "plain").starts_with("plain:$"));
    assert!(line(&machine, "etc/shadow", "daemonish").starts_with("daemonish:!:"));
    let ssh = machine.root_dir().unwrap().join("srv/alice/.ssh");
    assert_eq!(
        std::fs::read_to_string(ssh.join("authorized_keys")).unwrap(),
        public_key() + "\n"
    );
    let modes = says(
        &machine,
        &["stat", "-c", "%a %U", "/srv/alice/.ssh", "/srv/alice/.ssh/authorized_keys"],
    );
    assert_eq!(modes, "700 alice\n600 alice\n");
    let sudoers = std::fs::read_to_string(machine.root_dir().unwrap().join("etc/sudoers.d/90-cloud-init-users")).unwrap();
    assert!(
        sudoers.ends_with("\n\n# User rules for alice\nalice ALL=(ALL) NOPASSWD:ALL\n"),
        "{sudoers}"
    );
    assert_eq!(
        says(&machine, &["stat", "-c", "%a %u", "/etc/sudoers.d/90-cloud-init-users"]),
        "440 0\n"
    );
    let output = machine
        .ssh("alice")
        .unwrap()
        .args(["sudo", "-n", "id", "-u"])
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"0\n", "{}", String::from_utf8_lossy(&output.stderr));
    let before = accounts(&machine);
    let ran = lab.apply(&target("root", &machine), &data, &["--rerun"]).expect(0);
    assert_eq!(accounts(&machine), before);
    assert!(!ran.all().contains("correct horse") && !ran.all().contains(HASH));
}

#[test]
fn the_user_who_logs_in_keeps_its_password_and_its_other_keys() {
    let lab = Lab::new();
    let machine = machine(Shell::Bash, SudoRule::NoPassword);
    let path = machine.root_dir().unwrap().join("home/admin/.ssh/authorized_keys");
    let own = std::fs::read_to_string(&path).unwrap();
    machine
        .run_with_input(&["chpasswd", "-e"], format!("admin:{HASH}\n").as_bytes())
        .unwrap();
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config\nusers:\n- {name: admin, ssh_authorized_keys: [ssh-ed25519 AAAAC3Nz other], sudo: 'ALL=(ALL) NOPASSWD:ALL'}\n\
         - {name: root, ssh_authorized_keys: [ssh-ed25519 AAAAC3Nz other]}\n",
    );
    lab.apply(&target("admin", &machine), &data, &[]).expect(0);
    assert!(line(&machine, "etc/shadow", "admin").starts_with(&format!("admin:{HASH}:")));
    assert!(line(&machine, "etc/shadow", "root").starts_with("root:*:"));
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        format!("{}\nssh-ed25519 AAAAC3Nz other\n", own.trim_end())
    );
    let changed = lab.file(
        "user-data-2.yaml",
        "#cloud-config\nusers:\n- {name: admin, ssh_authorized_keys: [no-pty ssh-ed25519 AAAAC3Nz mine], lock_passwd: true}\n",
    );
    lab.apply(&target("admin", &machine), &changed, &[]).expect(0);
    assert!(line(&machine, "etc/shadow", "admin").starts_with(&format!("admin:*{HASH}:")));
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        format!("{}\nno-pty ssh-ed25519 AAAAC3Nz mine\n", own.trim_end())
    );
}

#[test]
fn what_cannot_be_done_is_said() {
    let lab = Lab::new();
    let machine = machine(Shell::Busybox, SudoRule::None);
    let root = machine.root_dir().unwrap();
    std::fs::remove_dir_all(root.join("home/admin/.ssh")).unwrap();
    std::os::unix::fs::symlink("/root", root.join("home/admin/.ssh")).unwrap();
    for (data, reason) in [
        (
            "users: [{name: admin, sudo: 'this is no rule'}]",
            "the rules of admin are not valid",
        ),
        (
            "users: [{name: admin, ssh_authorized_keys: [ssh-ed25519 AAAAC3Nz]}]",
            "no plain file in a plain folder",
        ),
        ("groups: [{team: [nobody-there]}]", "there is no such user"),
        ("users: [{name: second, uid: 0}]", "not unique"),
    ] {
        let data = lab.file("user-data.yaml", format!("#cloud-config\n{data}\n"));
        let ran = lab.apply(&target("root", &machine), &data, &[]);
        assert_ne!(ran.status, 0);
        assert!(ran.all().contains(reason), "{}", ran.all());
    }
    assert!(!root.join("etc/sudoers.d/90-cloud-init-users").exists());
}

#[test]
fn with_nothing_but_busybox_keys_are_added_and_users_are_refused() {
    let lab = Lab::new();
    let machine = Machine::start(&MachineSpec::of_kind(Kind::BusyboxOnly)).unwrap();
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config\nusers: [{name: admin, ssh_authorized_keys: [ssh-ed25519 AAAAC3Nz other]}]\n",
    );
    for more in [&[][..], &["--rerun"]] {
        lab.apply(&target("root", &machine), &data, more).expect(0);
        let path = machine.root_dir().unwrap().join("home/admin/.ssh/authorized_keys");
        let keys = std::fs::read_to_string(path).unwrap();
        assert_eq!(keys.matches("ssh-ed25519 AAAAC3Nz other\n").count(), 1, "{keys}");
    }
    let data = lab.file("more.yaml", "#cloud-config\nusers: [alice]\n");
    let ran = lab.apply(&target("root", &machine), &data, &[]);
    assert_ne!(ran.status, 0);
    assert!(ran.all().contains("neither useradd nor adduser"), "{}", ran.all());
}

#[test]
fn passwords_are_set_and_expire() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::Password("the old one".to_owned()));
    let data = lab.file(
        "user-data.yaml",
        format!(
            "#cloud-config\nusers: [alice, bob]\nchpasswd:\n  expire: false\n  users:\n  \
             - {{name: admin, type: text, password: 'a new: pass$word \"'}}\n  - {{name: alice, password: '{HASH}'}}\n  \
             - {{name: bob, type: text, password: correct horse}}\n"
        ),
    );
    let ran = lab.apply(&target("root", &machine), &data, &[]).expect(0);
    assert!(!ran.all().contains("correct horse") && !ran.all().contains("pass$word"));
    let mut ssh = machine.ssh("admin").unwrap();
    let sudo = ssh
        .args(["printf '%s\\n' 'a new: pass$word \"' | sudo -S -p '' id -u"])
        .output()
        .unwrap();
    assert_eq!(sudo.stdout, b"0\n", "{}", String::from_utf8_lossy(&sudo.stderr));
    assert!(line(&machine, "etc/shadow", "alice").starts_with(&format!("alice:{HASH}:")));
    let before = says(&machine, &["cat", "/etc/shadow"]);
    lab.apply(&target("root", &machine), &data, &["--rerun"]).expect(0);
    assert_eq!(says(&machine, &["cat", "/etc/shadow"]), before);
    let data = lab.file("expire.yaml", "#cloud-config\nchpasswd: {list: 'bob:another'}\n");
    for more in [&[][..], &["--rerun"]] {
        lab.apply(&target("root", &machine), &data, more).expect(0);
        assert_eq!(line(&machine, "etc/shadow", "bob").split(':').nth(2), Some("0"));
    }
}

#[test]
fn a_password_that_would_shut_out_who_logged_in_is_refused() {
    let lab = Lab::new();
    let machine = machine(Shell::Busybox, SudoRule::NoPassword);
    let before = says(&machine, &["cat", "/etc/shadow"]);
    for (entry, reason) in [
        ("admin:another", "set chpasswd.expire to false"),
        ("nobody-there:another", "there is no such user"),
    ] {
        let data = lab.file("user-data.yaml", format!("#cloud-config\nchpasswd: {{list: ['{entry}']}}\n"));
        let ran = lab.apply(&target("admin", &machine), &data, &[]);
        assert_ne!(ran.status, 0);
        assert!(ran.all().contains(reason), "{}", ran.all());
    }
    assert_eq!(says(&machine, &["cat", "/etc/shadow"]), before);
}
