//! What there is not enough of, what changes meanwhile, and who is to become root.

use testbed::{Faults, Kind, Machine, MachineSpec, Shell, SudoRule};

use crate::lab::{Running, WATCHDOG, key, on, sh, wait_until};
use crate::site::{MB, Site, flag, noise};

#[test]
fn without_space_nothing_is_sent_and_it_says_how_much_is_needed() {
    let site = Site::with(&MachineSpec {
        disk_bytes: 40 << 20,
        ..MachineSpec::default()
    });
    let (_, flag) = flag(&site.lab, "file", &noise(60 * MB, 30), "/srv/file");
    let ran = site.apply(&[&flag]).expect(1);
    assert!(ran.out.contains("no space is left: 60000000 bytes are needed on "), "{ran:?}");
    let mut before = 0;
    assert!(site.sent(&mut before) < 200_000);
    assert!(!on(&site.machine, "srv/file").exists());
}

#[test]
fn space_that_ends_while_it_arrives_is_told_and_it_goes_on_once_there_is_some() {
    let site = Site::slow(&MachineSpec {
        disk_bytes: 60 << 20,
        ..MachineSpec::default()
    });
    let content = noise(40 * MB, 31);
    let (_, flag) = flag(&site.lab, "file", &content, "/srv/file");
    let first = site.start(&[&flag]);
    wait_until(
        &site.machine,
        "[ \"$(cat /var/lib/anywhere/content/*.* 2>/dev/null | wc -c)\" -ge 2000000 ]",
    );
    sh(&site.machine, "head -c 100000000 /dev/zero >/srv/filler 2>/dev/null; true");
    let ran = first.end().expect(1);
    assert!(ran.out.contains("no space is left"), "{ran:?}");
    sh(&site.machine, "rm /srv/filler");
    site.apply(&[&flag]).expect(0);
    assert!(site.read("srv/file") == content);
    site.check_clean();
}

#[test]
fn a_file_that_changes_while_it_is_sent_is_an_error() {
    let site = Site::slow(&MachineSpec::default());
    let (path, flag) = flag(&site.lab, "file", &noise(60 * MB, 32), "/srv/file");
    let engine = site.start(&[&flag]);
    wait_until(
        &site.machine,
        "[ \"$(cat /var/lib/anywhere/content/*.* 2>/dev/null | wc -c)\" -ge 2000000 ]",
    );
    site.proxy.stall_now();
    std::fs::write(&path, noise(60 * MB, 33)).unwrap();
    site.proxy.resume();
    let ran = engine.end().expect(1);
    assert!(ran.out.contains("has changed since it was read for the plan"), "{ran:?}");
    assert!(!on(&site.machine, "srv/file").exists());
    site.apply(&[&flag]).expect(0);
    assert!(site.read("srv/file") == std::fs::read(path).unwrap());
}

#[test]
fn a_missing_user_fails_the_step_and_the_content_waits_there() {
    let site = Site::new();
    let content = noise(5 * MB, 34);
    let (_, flag) = flag(&site.lab, "file", &content, "/srv/file:0644:nobody-there");
    let ran = site.apply(&[&flag]).expect(1);
    assert!(ran.out.contains("nobody-there"), "{ran:?}");
    assert!(!on(&site.machine, "srv/file").exists());
    sh(&site.machine, "echo 'nobody-there:x:4321:4321::/:/bin/sh' >>/etc/passwd");
    let mut before = 0;
    site.sent(&mut before);
    site.apply(&[&flag]).expect(0);
    assert!(site.sent(&mut before) < 200_000, "what has arrived is not sent again");
    assert!(site.read("srv/file") == content);
    site.check_clean();
}

/// The most memory that a running process had resident, in bytes (proc(5), `VmHWM`).
fn peak(pid: u32) -> Option<usize> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<usize>().ok()? * 1024)
}

#[test]
fn twenty_machines_receive_the_same_file_within_bounded_memory() {
    const MACHINES: usize = 20;
    let specs = vec![MachineSpec::default(); MACHINES];
    let machines: Vec<Machine> = Machine::start_many(&specs).into_iter().map(Result::unwrap).collect();
    let lab = crate::lab::Lab::new();
    // Half of it is compressed on the way.
    let content = [noise(15 * MB, 35), crate::site::text(15 * MB)].concat();
    let (_, flag) = flag(&lab, "file", &content, "/srv/file");
    let targets: Vec<_> = machines
        .iter()
        .map(|machine| format!("root@{}", machine.socket_address()))
        .collect();
    let key = key();
    let mut args = vec!["apply", "-i", &key, &flag];
    args.extend(targets.iter().map(String::as_str));
    let engine = Running::start(lab.anywhere(&args));
    let pid = engine.pid();
    let (told, most) = std::sync::mpsc::channel();
    let watch = std::thread::spawn(move || {
        let mut most = 0;
        while let Some(now) = peak(pid) {
            most = most.max(now);
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        told.send(most).unwrap();
    });
    engine.end().expect(0);
    let most = most.recv_timeout(WATCHDOG).unwrap();
    watch.join().unwrap();
    for machine in &machines {
        assert!(std::fs::read(on(machine, "srv/file")).unwrap() == content);
    }
    // Twenty times the file is 600 MB; a debug build alone takes some 30.
    assert!(most < 250 * MB, "{most} bytes");
}

#[test]
fn it_passes_sudo_with_a_password_and_the_terminal_that_some_sudo_wants() {
    let site = Site {
        user: "admin",
        ..Site::with(&MachineSpec {
            sudo: SudoRule::Password("correct horse".to_owned()),
            ..MachineSpec::of_kind(Kind::SshdOnly)
        })
    };
    let content = noise(3 * MB, 36);
    let (_, flag) = flag(&site.lab, "file", &content, "/srv/file");
    let password = site.lab.file("password", "correct horse\n");
    let with_password = format!("--sudo-password-file={}", password.display());
    site.apply(&[&flag, &with_password]).expect(0);
    assert!(site.read("srv/file") == content);
    let site = Site::of(Kind::SshdOnly, Shell::Dash, "admin");
    sh(&site.machine, "echo 'Defaults requiretty' >>/etc/sudoers");
    site.apply(&[&flag]).expect(0);
    assert!(site.read("srv/file") == content);
    site.check_clean();
}

#[test]
fn a_slow_link_gets_text_compressed() {
    let faults = Faults {
        bytes_per_second: Some(4_000_000),
        ..Faults::default()
    };
    let site = Site::behind(&MachineSpec::default(), faults);
    let content = crate::site::text(20 * MB);
    let (_, flag) = flag(&site.lab, "file", &content, "/srv/file");
    site.apply(&[&flag]).expect(0);
    assert!(site.read("srv/file") == content);
    let mut before = 0;
    let sent = site.sent(&mut before);
    assert!(sent < 12 * MB, "{sent} bytes were sent");
}
