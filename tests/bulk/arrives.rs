//! What is sent is what is there afterwards, and nothing is sent twice.

use std::os::unix::fs::MetadataExt;

use testbed::{Faults, Kind, MachineSpec, Shell};

use crate::lab::{on, sh};
use crate::site::{MB, Site, flag, noise, text};

const PLACES: [(Kind, Shell, &str); 6] = [
    (Kind::SshdOnly, Shell::Dash, "root"),
    (Kind::Systemd, Shell::Dash, "root"),
    (Kind::SshdOnly, Shell::Bash, "admin"),
    (Kind::SshdOnly, Shell::Busybox, "admin"),
    (Kind::BusyboxOnly, Shell::Busybox, "root"),
    (Kind::SshdOnly, Shell::Yash, "root"),
];

#[test]
fn files_of_any_size_and_kind_arrive_with_mode_and_owner() {
    for (kind, shell, user) in PLACES {
        let site = Site::of(kind, shell, user);
        let files = [
            ("empty", Vec::new()),
            ("one-byte", vec![7]),
            ("block", noise(1 << 20, 1)),
            ("noise", noise(3 * MB + 1, 2)),
            ("text", text(9 * MB)),
            ("sparse", vec![0; 20 * MB]),
        ];
        let flags: Vec<_> = files
            .iter()
            .map(|(name, content)| flag(&site.lab, name, content, &format!("/srv/new folder/{name}:0750:1234:5678")).1)
            .collect();
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        let what = format!("{kind:?} {shell:?} {user}");
        let ran = site.apply(&flags).expect(0);
        assert!(ran.out.contains("\"event\":\"sent\""), "{what}: {ran:?}");
        for (name, content) in &files {
            let path = format!("srv/new folder/{name}");
            assert!(site.read(&path) == *content, "{what}: {name}");
            let metadata = std::fs::metadata(on(&site.machine, &path)).unwrap();
            assert_eq!(
                (metadata.mode() & 0o7777, metadata.uid(), metadata.gid()),
                (0o750, 1234, 5678),
                "{what}: {name}"
            );
        }
        site.check_clean();
        let mut before = 0;
        site.sent(&mut before);
        let again = site.apply(&flags).expect(0);
        assert!(again.out.contains("\"result\":\"unchanged\""), "{what}: {again:?}");
        assert!(site.sent(&mut before) < 100_000, "{what}: a no-op sends the program only");
    }
}

#[test]
fn a_hundred_megabytes_of_noise_and_of_text() {
    let site = Site::new();
    for (name, content, most) in [("noise", noise(100 * MB, 3), 101 * MB), ("text", text(100 * MB), 101 * MB)] {
        let (_, flag) = flag(&site.lab, name, &content, &format!("/srv/{name}"));
        let mut before = 0;
        site.sent(&mut before);
        site.apply(&[&flag]).expect(0);
        let sent = site.sent(&mut before);
        assert!(site.read(&format!("srv/{name}")) == content, "{name}");
        assert!(sent < most, "{name}: {sent} bytes were sent");
    }
    site.check_clean();
}

#[test]
fn what_the_target_holds_already_is_not_sent() {
    let site = Site::new();
    let content = noise(5 * MB, 4);
    let (_, flag) = flag(&site.lab, "file", &content, "/srv/file:0700");
    std::fs::write(on(&site.machine, "srv/file"), &content).unwrap();
    sh(&site.machine, "chown 1234:1234 /srv/file; chmod 666 /srv/file");
    let mut before = 0;
    site.sent(&mut before);
    let ran = site.apply(&[&flag]).expect(0);
    assert!(
        site.sent(&mut before) < 100_000 && !ran.out.contains("\"event\":\"sent\""),
        "{ran:?}"
    );
    assert_eq!(sh(&site.machine, "stat -c '%a %u %g' /srv/file"), "700 0 0\n");
    // The same size, and another content.
    sh(&site.machine, "printf x | dd of=/srv/file conv=notrunc 2>/dev/null");
    site.apply(&[&flag, "--rerun"]).expect(0);
    assert!(site.sent(&mut before) > 5 * MB);
    assert!(site.read("srv/file") == content);
    site.check_clean();
}

#[test]
fn one_content_for_several_files_is_sent_once_and_only_new_steps_need_it() {
    let site = Site::new();
    let content = noise(4 * MB, 5);
    let (path, first) = flag(&site.lab, "file", &content, "/srv/a");
    let second = format!("--file={}:/srv/b:0600", path.display());
    let data = site.lab.file("data", "#cloud-config\nruncmd: ['exit 3']\n");
    let failing = format!("--bootstrap-data={}", data.display());
    let mut before = 0;
    site.sent(&mut before);
    site.apply(&[&first, &second, &failing]).expect(1);
    let sent = site.sent(&mut before);
    assert!(sent > 4 * MB && sent < 5 * MB, "{sent}");
    assert!(site.read("srv/a") == content && site.read("srv/b") == content);
    // The command is mended: what ended well is neither run nor sent again, also if somebody has removed it since.
    sh(&site.machine, "rm /srv/a");
    site.lab.file("data", "#cloud-config\nruncmd: ['true']\n");
    site.apply(&[&first, &second, &failing]).expect(0);
    assert!(site.sent(&mut before) < 100_000);
    site.check_clean();
}

#[test]
fn a_reset_removes_what_was_sent() {
    let site = Site::new();
    let (_, flag) = flag(&site.lab, "file", &noise(2 * MB, 6), "/srv/made/for/it");
    site.apply(&[&flag]).expect(0);
    let target = format!("root@{}", site.machine.socket_address());
    site.lab.run(&["reset", "-i", &crate::lab::key(), &target]).expect(0);
    assert_eq!(
        sh(&site.machine, "ls -A /srv; ls -A /var/lib/anywhere 2>&1 || :")
            .lines()
            .count(),
        1
    );
}

/// It is read whole before it says its first word, which takes longer than a host may be silent.
#[test]
fn a_large_plan_arrives_over_a_slow_link() {
    let faults = Faults {
        bytes_per_second: Some(100_000),
        ..Faults::default()
    };
    let site = Site::behind(&MachineSpec::default(), faults);
    let content = text(MB);
    let lines = String::from_utf8(content.clone()).unwrap().replace('\n', "\n      ");
    let data = format!("#cloud-config\nwrite_files:\n  - path: /srv/file\n    content: |\n      {lines}\n");
    let data = site.lab.file("data", data).display().to_string();
    let ran = site.apply(&["--silence-timeout", "6", "--bootstrap-data", &data]).expect(0);
    assert!(!ran.out.contains("reconnecting"), "{ran:?}");
    assert_eq!(site.read("srv/file").len(), MB + 1);
    site.check_clean();
}
