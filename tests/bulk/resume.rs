//! Cut anywhere, sending goes on where it was.

use testbed::{Direction, MachineSpec};

use crate::lab::{Running, apply_json, key, on, sh, target, wait_until};
use crate::site::{MB, NOBODY, Site, flag, noise, text};

/// What a connection and the program cost; and what is on its way when a connection ends.
const OVERHEAD: usize = 200_000;
const UNDER_WAY: usize = 5 * MB;

/// A shell text that succeeds once so many bytes of a content have arrived.
fn arrived(bytes: usize) -> String {
    format!("[ \"$(cat /var/lib/anywhere/content/*.* 2>/dev/null | wc -c)\" -ge {bytes} ]")
}

#[test]
fn cut_at_any_byte_it_goes_on_there() {
    let site = Site::new();
    let positions = [
        0,
        1,
        1_000,
        100_000,
        MB,
        1 << 20,
        (1 << 20) + 50_000,
        5 * MB,
        11 * MB,
        12 * MB - 1,
    ];
    for (round, after) in positions.into_iter().enumerate() {
        let content = noise(12 * MB, 10 + round as u64);
        let (_, flag) = flag(&site.lab, "file", &content, "/srv/file");
        let mut before = 0;
        site.sent(&mut before);
        // The program is some 25 kB: a cut after it is within the content.
        site.proxy.cut_after_bytes(Direction::ToServer, 30_000 + after as u64);
        let ran = site.apply(&[&flag]).expect(0);
        assert!(ran.out.contains("\"event\":\"reconnecting\""), "{after}: {ran:?}");
        assert!(site.read("srv/file") == content, "{after}");
        let sent = site.sent(&mut before);
        assert!(sent < 12 * MB + OVERHEAD + 3 * MB, "{after}: {sent} bytes for 12 MB");
    }
    site.check_clean();
}

#[test]
fn cut_again_and_again_it_arrives() {
    let site = Site::new();
    let content = [text(10 * MB), noise(10 * MB, 20)].concat();
    let (_, flag) = flag(&site.lab, "file", &content, "/srv/file");
    let engine = site.start(&[&flag]);
    for megabytes in [2, 4, 6, 8, 10, 12, 14, 16, 18] {
        wait_until(&site.machine, &format!("[ -e /srv/file ] || {}", arrived(megabytes * MB)));
        site.proxy.cut_now().unwrap();
    }
    engine.end().expect(0);
    assert!(site.read("srv/file") == content);
    site.check_clean();
}

#[test]
fn another_engine_goes_on_where_a_killed_one_was() {
    let site = Site::new();
    let content = noise(30 * MB, 21);
    let (path, flag) = flag(&site.lab, "file", &content, "/srv/file");
    site.killed_after(12 * MB, &[&flag]);
    let mut before = 0;
    site.sent(&mut before);
    let (key, target) = (key(), format!("root@{}", site.proxy.socket_address()));
    // From another place, under another name.
    let other = site.lab.file("moved", std::fs::read(path).unwrap());
    let flag = format!("--file={}:/srv/file", other.display());
    let ran = site.lab.run(&["apply", "-o", "json", "-i", &key, &flag, &target]).expect(0);
    assert!(site.read("srv/file") == content);
    let sent = site.sent(&mut before);
    assert!(sent < 20 * MB + OVERHEAD, "{sent} bytes: {ran:?}");
    site.check_clean();
}

#[test]
fn a_stalled_connection_does_not_block_the_next_engine() {
    let site = Site::slow(&MachineSpec::default());
    let content = noise(60 * MB, 22);
    let (_, flag) = flag(&site.lab, "file", &content, "/srv/file");
    let stalled = site.start(&[&flag]);
    wait_until(&site.machine, &arrived(5 * MB));
    site.proxy.stall_now();
    // The server knows nothing of the stall: the first program still waits for more.
    let (key, target) = (key(), target("root", &site.machine));
    site.lab.run(&["apply", "-i", &key, &flag, &target]).expect(0);
    assert!(site.read("srv/file") == content);
    stalled.kill();
    site.proxy.cut_now().unwrap();
    wait_until(&site.machine, NOBODY);
    site.check_clean();
}

#[test]
fn a_damaged_part_is_sent_again() {
    let site = Site::new();
    let content = noise(30 * MB, 23);
    let (_, flag) = flag(&site.lab, "file", &content, "/srv/file");
    site.killed_after(5 * MB, &[&flag]);
    sh(
        &site.machine,
        "for part in /var/lib/anywhere/content/*.*; do printf x | dd of=$part conv=notrunc bs=1 seek=1000 2>/dev/null; done",
    );
    let mut before = 0;
    site.sent(&mut before);
    site.apply(&[&flag]).expect(0);
    assert!(site.read("srv/file") == content);
    assert!(site.sent(&mut before) > 30 * MB);
    site.check_clean();
}

#[test]
fn two_engines_that_send_the_same_at_once_both_end_well() {
    let site = Site::new();
    let content = noise(20 * MB, 24);
    let (_, flag) = flag(&site.lab, "file", &content, "/srv/file");
    let engines: Vec<Running> = (0..3).map(|_| site.start(&[&flag])).collect();
    for engine in engines {
        engine.end().expect(0);
    }
    assert!(site.read("srv/file") == content);
    site.check_clean();
}

#[test]
fn interrupted_it_ends_at_once_and_goes_on_later() {
    let site = Site::slow(&MachineSpec::default());
    let content = noise(60 * MB, 25);
    let (_, flag) = flag(&site.lab, "file", &content, "/srv/file");
    let first = site.start(&[&flag]);
    wait_until(&site.machine, &arrived(3 * MB));
    first.interrupt();
    first.end().expect(1);
    assert!(!on(&site.machine, "srv/file").exists());
    let mut before = 0;
    site.sent(&mut before);
    site.apply(&[&flag]).expect(0);
    assert!(site.read("srv/file") == content);
    assert!(site.sent(&mut before) < 57 * MB + OVERHEAD + UNDER_WAY);
    site.check_clean();
}

#[test]
fn a_host_that_reboots_while_it_receives_goes_on() {
    let mut site = Site::slow(&MachineSpec::default());
    let content = noise(60 * MB, 26);
    let (_, flag) = flag(&site.lab, "file", &content, "/srv/file");
    let first = site.start(&[&flag]);
    wait_until(&site.machine, &arrived(5 * MB));
    site.machine.reboot().unwrap();
    // It comes back by itself.
    first.end().expect(0);
    assert!(site.read("srv/file") == content);
    site.check_clean();
    let data = site.lab.file("data", "#cloud-config\nruncmd: ['true']\n");
    let (key, target) = (key(), target("root", &site.machine));
    let args = apply_json(&key, &target, &data, &[&flag]);
    Running::start(site.lab.anywhere(&args)).end().expect(0);
}
