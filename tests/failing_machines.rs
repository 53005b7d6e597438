//! Machines that cannot be provisioned: exit status 1, and words that say what is wrong and what to do.
//!
//! What is told is in `tests/failing_machines/*.txt`; `UPDATE_GOLDEN=1` rewrites it.

#![allow(clippy::unwrap_used)] // a test that cannot be set up fails

mod golden;
mod lab;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;

use golden::{Placeholders, compare, transcript};
use lab::{Lab, Ran, key, machine, target};
use testbed::{ClientKeyType, Faults, Keys, Kind, Machine, MachineSpec, Proxy, Shell, Stall, SudoRule, User};

const USER_DATA: &str = "#cloud-config\nruncmd:\n  - echo hello\n";

/// One failure: commands are run, and what they say is compared with a file.
struct Failure {
    lab: Lab,
    name: &'static str,
    placeholders: Placeholders,
    text: String,
}

impl Failure {
    fn new(name: &'static str) -> Self {
        let lab = Lab::new();
        lab.file("user-data.yaml", USER_DATA);
        let mut placeholders = Placeholders::default();
        placeholders.hide(lab.path("").display().to_string().trim_end_matches('/'), "<FOLDER>");
        placeholders.hide(key(), "<KEY>");
        Self {
            lab,
            name,
            placeholders,
            text: String::new(),
        }
    }

    /// What stands for this address, and for its port if that is not SSH's.
    fn address(&mut self, address: SocketAddr, placeholder: &str) {
        self.placeholders.hide(address.ip(), placeholder);
        if address.port() != 22 {
            self.placeholders.hide(address.port(), "<PORT>");
        }
    }

    fn machine(&mut self, machine: &Machine) {
        self.address(machine.socket_address(), "<ADDRESS>");
        self.placeholders.hide(machine.hostname(), "<HOSTNAME>");
    }

    fn run(&mut self, status: i32, command: &str) -> Ran {
        let args: Vec<_> = command.split(' ').collect();
        let ran = self.lab.run(&args).expect(status);
        let out: String = ran.out.split_inclusive('\n').map(without_columns).collect();
        self.text
            .push_str(&transcript(&format!("anywhere {command}"), ran.status, &out, &ran.err));
        ran
    }

    /// `anywhere apply` with the key that machines accept.
    fn apply(&mut self, status: i32, target: &str, more: &str) -> Ran {
        let more = if more.is_empty() { String::new() } else { format!(" {more}") };
        self.run(status, &format!("apply -i {} -b user-data.yaml {target}{more}", key()))
    }

    /// The end: compares.
    fn compare(self) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/failing_machines")
            .join(format!("{}.txt", self.name));
        golden::report(
            &compare(&file, &self.placeholders.apply(&self.text))
                .err()
                .into_iter()
                .collect::<Vec<_>>(),
        );
    }
}

/// The head of a table is as wide as the addresses below it, which differ from run to run.
fn without_columns(line: &str) -> String {
    if line.starts_with("MACHINE ") {
        line.split_whitespace().collect::<Vec<_>>().join("  ") + "\n"
    } else {
        line.to_owned()
    }
}

/// A failure on one machine, as this user.
fn on(name: &'static str, machine: &Machine, user: &str, more: &str) {
    let mut failure = Failure::new(name);
    failure.machine(machine);
    failure.apply(1, &target(user, machine), more);
    failure.compare();
}

/// A machine where nobody is in the way.
fn plain() -> Machine {
    machine(Shell::Dash, SudoRule::NoPassword)
}

#[test]
fn a_changed_host_key() {
    let (machine, other) = (plain(), plain());
    let mut failure = Failure::new("changed-host-key");
    failure.machine(&machine);
    let known = other.known_hosts_line_at(machine.socket_address());
    failure.lab.file("known_hosts", known);
    failure.apply(1, &target("root", &machine), "--known-hosts known_hosts");
    failure.apply(
        1,
        &target("root", &machine),
        "--known-hosts known_hosts --host-key-checking yes -o json",
    );
    failure.compare();
}

#[test]
fn an_unknown_host_key() {
    let machine = plain();
    let mut failure = Failure::new("unknown-host-key");
    failure.machine(&machine);
    let host_key = machine.host_key().split(' ').nth(1).unwrap().to_owned();
    failure.placeholders.hide(host_key, "<HOST KEY>");
    failure.apply(1, &target("root", &machine), "--host-key-checking yes");
    failure.compare();
}

#[test]
fn a_host_key_that_cannot_be_remembered() {
    on(
        "host-key-not-remembered",
        &plain(),
        "root",
        "--known-hosts /proc/anywhere/known_hosts",
    );
}

/// An address where nothing listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.33.0.9:0").unwrap().local_addr().unwrap()
}

#[test]
fn nothing_listens() {
    let mut failure = Failure::new("connection-refused");
    let address = nobody();
    failure.address(address, "<ADDRESS>");
    failure.apply(1, &format!("root@{address}"), "");
    failure.run(1, &format!("reset -i {} root@{address}", key()));
    failure.run(1, &format!("status -i {} root@{address}", key()));
    failure.run(1, &format!("status -i {} root@{address} -o json", key()));
    failure.run(1, &format!("logs -i {} root@{address}", key()));
    failure.compare();
}

#[test]
fn the_server_stalls_after_its_banner() {
    let machine = plain();
    let faults = Faults {
        stall: Stall::AfterBanner,
        ..Faults::default()
    };
    let proxy = Proxy::start(machine.socket_address(), faults).unwrap();
    let mut failure = Failure::new("stalled");
    failure.address(proxy.socket_address(), "<ADDRESS>");
    failure.apply(1, &format!("root@{}", proxy.socket_address()), "--key-exchange-timeout 1");
    failure.compare();
}

#[test]
fn the_server_says_nothing() {
    let listener = TcpListener::bind("127.33.0.9:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut failure = Failure::new("silent");
    failure.address(address, "<ADDRESS>");
    failure.apply(1, &format!("root@{address}"), "--key-exchange-timeout 1");
    failure.compare();
}

#[test]
fn the_server_does_not_speak_ssh() {
    let listener = TcpListener::bind("127.33.0.9:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            .unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        // Until the client hangs up: closing with its words unread would reset the connection.
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let mut failure = Failure::new("not-ssh");
    failure.address(address, "<ADDRESS>");
    failure.apply(1, &format!("root@{address}"), "");
    serving.join().unwrap();
    failure.compare();
}

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
fn no_space_for_the_program() {
    let spec = MachineSpec {
        run_bytes: Some(16 * 1024),
        ..MachineSpec::default()
    };
    on("no-space-in-run", &Machine::start(&spec).unwrap(), "root", "");
}

/// A small file system of its own on this folder of the machine.
fn small(machine: &Machine, folder: &str) {
    let script =
        format!("mkdir -p {folder} && mount -t tmpfs -o size=4k none {folder} && head -c 4096 /dev/zero >{folder}/filler");
    let output = machine.run(&["sh", "-c", &script]).unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn no_space_for_the_journal() {
    let machine = plain();
    small(&machine, "/var/lib/anywhere");
    on("no-space-for-journal", &machine, "root", "");
}

#[test]
fn no_space_for_a_file() {
    let machine = plain();
    small(&machine, "/etc/small");
    let mut failure = Failure::new("no-space-for-file");
    failure.machine(&machine);
    failure.lab.file(
        "user-data.yaml",
        "#cloud-config\nwrite_files:\n  - path: /etc/small/file\n    content: hunter2\n",
    );
    failure.apply(1, &target("root", &machine), "");
    failure.compare();
    let left = machine.run(&["ls", "-A", "/etc/small"]).unwrap();
    assert_eq!(
        String::from_utf8(left.stdout).unwrap(),
        "filler\n",
        "no part of the file is left"
    );
}

/// A file system of its own on this folder of the machine, where no other file can be made.
fn crowded(machine: &Machine, folder: &str) {
    let script = format!("mkdir -p {folder} && mount -t tmpfs -o nr_inodes=2 none {folder} && touch {folder}/filler");
    let output = machine.run(&["sh", "-c", &script]).unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn no_inodes_for_the_journal() {
    let machine = plain();
    crowded(&machine, "/var/lib/anywhere");
    on("no-inodes-for-journal", &machine, "root", "");
}

#[test]
fn no_inodes_for_a_file() {
    let machine = plain();
    crowded(&machine, "/etc/small");
    let mut failure = Failure::new("no-inodes-for-file");
    failure.machine(&machine);
    failure.lab.file(
        "user-data.yaml",
        "#cloud-config\nwrite_files:\n  - path: /etc/small/file\n    content: hunter2\nruncmd:\n  - touch /etc/small/another\n",
    );
    failure.apply(1, &target("root", &machine), "--host-key-checking no --keep-going");
    failure.compare();
}

#[test]
fn programs_cannot_be_run_where_they_are() {
    let machine = plain();
    let script = "for d in /tmp /srv/apps; do mkdir -p $d && mount -t tmpfs -o noexec none $d || exit 1; done";
    assert!(machine.run(&["sh", "-c", script]).unwrap().status.success());
    let mut failure = Failure::new("noexec");
    failure.machine(&machine);
    let make = |path: &str| format!("printf '#!/bin/sh\\n' >{path}; chmod 755 {path}");
    failure.lab.file(
        "user-data.yaml",
        format!(
            "#cloud-config\nruncmd:\n- |\n  {}; exec /tmp/installer --now\n- |\n  {}; /srv/apps/setup || exit 3\n\
             - |\n  : >/srv/none; /srv/none\n- |\n  {}; chmod 644 /tmp/plain; /tmp/plain\n",
            make("/tmp/installer"),
            make("/srv/apps/setup"),
            make("/tmp/plain"),
        ),
    );
    let to = target("root", &machine);
    failure.apply(1, &to, "--host-key-checking no --keep-going");
    failure.run(0, &format!("logs -i {} --host-key-checking no {to}", key()));
    failure.compare();
}

/// Another machine-id, as a machine gets that is installed anew or cloned.
fn another_id(machine: &Machine, id: char) {
    let script = format!("rm /etc/machine-id; echo {} >/etc/machine-id", id.to_string().repeat(32));
    assert!(machine.run(&["sh", "-c", &script]).unwrap().status.success());
}

#[test]
fn a_clone_of_a_machine_that_was_provisioned() {
    let machine = plain();
    let mut failure = Failure::new("cloned");
    failure.machine(&machine);
    let to = target("root", &machine);
    let status = format!("status -i {} --host-key-checking no {to}", key());
    another_id(&machine, 'a');
    failure.apply(0, &to, "--host-key-checking no");
    another_id(&machine, 'b');
    failure.apply(1, &to, "--host-key-checking no");
    failure.apply(1, &to, "--host-key-checking no --owner default/node-1");
    failure.run(0, &status);
    failure.apply(0, &to, "--host-key-checking no --rerun");
    failure.apply(0, &to, "--host-key-checking no");
    another_id(&machine, 'c');
    failure.run(0, &format!("reset -i {} --host-key-checking no {to}", key()));
    failure.apply(0, &to, "--host-key-checking no");
    failure.compare();
}

#[test]
fn a_machine_that_was_installed_anew() {
    let mut machine = plain();
    let mut failure = Failure::new("re-imaged");
    failure.machine(&machine);
    let to = target("root", &machine);
    another_id(&machine, 'a');
    failure.apply(0, &to, "");
    // All that was on it is gone, and it makes itself a host key when it starts.
    let script = "rm -rf /var/lib/anywhere && ssh-keygen -q -t ed25519 -N '' -f /root/new && \
         cat /root/new >/etc/ssh/ssh_host_ed25519_key && cat /root/new.pub >/etc/ssh/ssh_host_ed25519_key.pub";
    assert!(machine.run(&["sh", "-c", script]).unwrap().status.success());
    another_id(&machine, 'b');
    machine.reboot().unwrap();
    failure.apply(1, &to, "");
    let known_hosts = failure.lab.path(".ssh/known_hosts");
    std::fs::remove_file(known_hosts).unwrap();
    failure.apply(0, &to, "");
    failure.apply(0, &to, "");
    failure.compare();
}

#[test]
fn the_file_system_is_read_only() {
    let spec = MachineSpec {
        read_only_root: true,
        ..MachineSpec::default()
    };
    on("read-only", &Machine::start(&spec).unwrap(), "root", "");
}

#[test]
fn the_folder_of_a_file_is_read_only() {
    let machine = plain();
    let script = "mkdir /etc/fixed && mount -t tmpfs -o ro none /etc/fixed";
    assert!(machine.run(&["sh", "-c", script]).unwrap().status.success());
    let mut failure = Failure::new("read-only-folder");
    failure.machine(&machine);
    failure.lab.file(
        "user-data.yaml",
        "#cloud-config\nwrite_files:\n  - path: /etc/fixed/file\n    content: hunter2\n",
    );
    failure.apply(1, &target("root", &machine), "");
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

#[test]
fn a_tool_is_missing() {
    let machine = plain();
    machine.run(&["rm", "/usr/bin/setsid"]).unwrap();
    on("tool-missing", &machine, "root", "");
}

#[test]
fn a_step_takes_too_long() {
    let machine = plain();
    let mut failure = Failure::new("step-timeout");
    failure.machine(&machine);
    failure.lab.file("user-data.yaml", "#cloud-config\nruncmd:\n  - sleep 1000\n");
    failure.apply(1, &target("root", &machine), "--step-timeout 1");
    failure.compare();
}

#[test]
fn somebody_else_holds_the_machine() {
    let machine = plain();
    let mut failure = Failure::new("held");
    failure.machine(&machine);
    failure.placeholders.hide("tester@", "<USER>@");
    let host = nix::unistd::gethostname().unwrap().into_string().unwrap();
    failure.placeholders.hide(format!("tester@{host}"), "<USER>@<HOST>");
    let long = failure.lab.file("long.yaml", "#cloud-config\nruncmd:\n  - sleep 1000\n");
    let (key, to) = (key(), target("root", &machine));
    let args = ["apply", "-i", &key, "-b", long.to_str().unwrap(), "-o", "json", &to];
    let mut first = failure.lab.anywhere(&args).stdout(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(first.stdout.take().unwrap()).lines();
    assert!(told.any(|line| line.unwrap().contains("step-began")));
    failure.apply(1, &to, "");
    first.kill().unwrap();
    first.wait().unwrap();
    failure.compare();
}

#[test]
fn the_machine_is_somebody_elses() {
    let machine = plain();
    let mut failure = Failure::new("owned");
    failure.machine(&machine);
    let to = target("root", &machine);
    failure.apply(0, &to, "--owner default/node-1 --host-key-checking no");
    failure.apply(1, &to, "--host-key-checking no");
    failure.run(1, &format!("reset -i {} --host-key-checking no {to}", key()));
    failure.compare();
}

#[test]
fn a_jump_host_in_the_way() {
    let machine = plain();
    let mut failure = Failure::new("jump-hosts");
    failure.machine(&machine);
    let nobody = nobody();
    failure.address(nobody, "<NOBODY>");
    let (jump, to) = (target("root", &machine), format!("root@{nobody}"));
    failure.apply(1, &to, &format!("--host-key-checking no -J {jump}"));
    failure.apply(1, &jump, &format!("--host-key-checking no -J {to}"));
    failure.compare();
}

#[test]
fn one_dead_machine_among_five() {
    let machines: Vec<_> = Machine::start_many(&vec![MachineSpec::default(); 4])
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let lab = Lab::new();
    let data = lab.file("user-data.yaml", "#cloud-config\nruncmd:\n  - echo done >/etc/done\n");
    let dead = format!("root@{}", nobody());
    let mut targets: Vec<_> = machines.iter().map(|machine| target("root", machine)).collect();
    targets.insert(2, dead.clone());
    let more: Vec<_> = targets[1..].iter().map(String::as_str).collect();
    let ran = lab.apply(&targets[0], &data, &more).expect(1);
    let total = ran.out.lines().last().unwrap();
    assert_eq!(total, "5 machines: 4 provisioned, 1 failed");
    let failed: Vec<_> = ran.out.lines().filter(|line| line.contains("failed:")).collect();
    assert!(
        matches!(failed.as_slice(), [line] if line.starts_with(&dead) && line.contains("connection refused")),
        "{ran:?}"
    );
    for machine in &machines {
        let done = machine.root_dir().unwrap().join("etc/done");
        assert_eq!(std::fs::read_to_string(done).unwrap(), "done\n");
    }
}
