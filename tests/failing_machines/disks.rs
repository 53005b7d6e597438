//! There is no room, or nothing can be written or run there.

use super::*;

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

/// What only root may write to is not what is wrong: a user's program lies in the home directory.
#[test]
fn a_user_without_room_for_the_program() {
    let (full, fixed) = (plain(), plain());
    crowded(&full, "/home/admin/.local");
    for (machine, mount) in [(&full, ":"), (&fixed, "mount -t tmpfs -o ro none /home/admin/.local")] {
        let script = format!("mkdir -p /home/admin/.local && {mount} && chown admin /home/admin/.local || :");
        assert!(machine.run(&["sh", "-c", &script]).unwrap().status.success());
    }
    for (name, machine) in [("no-inodes-for-user", &full), ("read-only-for-user", &fixed)] {
        let mut failure = Failure::new(name);
        failure.machine(machine);
        let to = target("admin", machine);
        failure.apply(1, &to, "--host-key-checking no --no-sudo");
        for command in ["status", "doctor", "logs"] {
            failure.run(1, &format!("{command} -i {} --host-key-checking no --no-sudo {to}", key()));
        }
        failure.compare();
    }
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
