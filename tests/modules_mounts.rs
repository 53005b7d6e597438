//! `mounts` and `swap` on real machines: what they ask for is there, asking again changes nothing, and a reset undoes it.
#![allow(clippy::unwrap_used)] // a test that cannot be set up fails

mod lab;

use lab::disk::Disk;
use lab::{Lab, key, machine, says, sh, target};
use testbed::{Kind, Machine, MachineSpec, Shell, SudoRule};

const FSTAB: &str = "# the host's own\n/dev/sdz1 /far ext4 noauto 0 2\n/dev/sdy /old auto defaults,comment=cloudconfig 0 2\n";

/// Swapping is the kernel's, and thereby this host's: these keep a list of the machine's own.
const SWAPPING: &str = r#"
    printf 'Filename\tType\tSize\tUsed\tPriority\n' >/run/swaps
    mount --bind /run/swaps /proc/swaps
    printf '#!/bin/sh\nprintf "%%s\\tfile\\t1\\t0\\t-2\\n" "$1" >>/run/swaps\n' >/usr/local/sbin/swapon
    printf '#!/bin/sh\ngrep -v "^$1" /run/swaps >/run/swaps.new\ncat /run/swaps.new >/run/swaps\n' >/usr/local/sbin/swapoff
    chmod 755 /usr/local/sbin/swapon /usr/local/sbin/swapoff
"#;

fn reset(lab: &Lab, machine: &Machine) -> lab::Ran {
    lab.run(&["reset", "-i", &key(), &target("root", machine)])
}

fn fstab(machine: &Machine) -> String {
    says(machine, &["cat", "/etc/fstab"])
}

/// The number in this file changes whenever something else takes its place.
fn inode(machine: &Machine) -> String {
    says(machine, &["stat", "-c", "%i %Y %a", "/etc/fstab"])
}

#[test]
fn file_systems_are_mounted_and_unmounted_by_a_reset() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    let disk = Disk::new(&lab.path("disk"), 16);
    disk.give(&machine, "sdb");
    sh(&machine, "mkfs.ext4 -q -L data /dev/sdb");
    sh(&machine, &format!("mkdir -p /srv && cat >/etc/fstab <<'end'\n{FSTAB}end\n"));
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config\nmounts:\n- [sdq, /never, ext4, 'defaults,nofail']\n- [sdb, '/srv/the data', ext4, 'noatime']\n\
         - [tmpfs, /var/tmp/small, tmpfs, size=64k]\n- [sdy, null]\n",
    );
    lab.apply(&target("root", &machine), &data, &[]).expect(0);
    let first = (fstab(&machine), inode(&machine));
    assert_eq!(
        first.0,
        "# the host's own\n/dev/sdz1 /far ext4 noauto 0 2\n\
         /dev/sdq\t/never\text4\tdefaults,nofail,comment=cloudconfig\t0\t2\n\
         /dev/sdb\t/srv/the\\040data\text4\tnoatime,comment=cloudconfig\t0\t2\n\
         tmpfs\t/var/tmp/small\ttmpfs\tsize=64k,comment=cloudconfig\t0\t2\n"
    );
    assert!(says(&machine, &["findmnt", "-n", "/srv/the data"]).contains("/dev/sdb ext4   rw,noatime"));
    assert!(says(&machine, &["findmnt", "-n", "/var/tmp/small"]).contains("size=64k"));
    sh(&machine, "echo kept >'/srv/the data/file'");
    lab.apply(&target("root", &machine), &data, &["--rerun"]).expect(0);
    assert_eq!((fstab(&machine), inode(&machine)), first, "a second time nothing changes");

    // Another plan: what runs wrote follows it, what others wrote stays.
    let less = lab.file(
        "less.yaml",
        "#cloud-config\nmounts: [[LABEL=data, '/srv/the data', auto, 'ro,nofail']]\n",
    );
    lab.apply(&target("root", &machine), &less, &[]).expect(0);
    assert_eq!(
        fstab(&machine),
        "# the host's own\n/dev/sdz1 /far ext4 noauto 0 2\n\
         LABEL=data\t/srv/the\\040data\tauto\tro,nofail,comment=cloudconfig\t0\t2\n"
    );

    reset(&lab, &machine).expect(0);
    assert_eq!(fstab(&machine), "# the host's own\n/dev/sdz1 /far ext4 noauto 0 2\n");
    sh(
        &machine,
        "! grep -E '/srv/the|/var/tmp/small' /proc/self/mountinfo && [ ! -e '/srv/the data' ] && [ ! -e /never ]",
    );
    assert_eq!(
        sh(&machine, "mount /dev/sdb /srv && cat /srv/file && umount /srv"),
        "kept\n",
        "the data stays"
    );
}

#[test]
fn what_cannot_be_mounted_is_an_error() {
    let lab = Lab::new();
    let machine = machine(Shell::Busybox, SudoRule::None);
    sh(&machine, "printf '/dev/sdz1 /data ext4 noauto 0 2' >/etc/fstab");
    for (entry, said) in [
        ("[sdq, /a]", "there is no device /dev/sdq"),
        ("[sdq.2, /a]", "there is no device /dev/sdq, partition 2"),
        (
            "[tmpfs, /data, tmpfs]",
            "/data is the place of /dev/sdz1 in /etc/fstab already",
        ),
        ("[tmpfs, /etc/passwd, tmpfs]", "/etc/passwd is there, and no folder"),
        ("[/dev/null, /run, auto]", "something else is mounted at /run already"),
        ("[tmpfs, /b, nosuchfs]", "cannot mount tmpfs at /b"),
    ] {
        let data = lab.file("user-data.yaml", format!("#cloud-config\nmounts: [{entry}]\n"));
        let ran = lab.apply(&target("root", &machine), &data, &[]).expect(1);
        assert!(ran.all().contains(said), "{entry}: {}", ran.all());
    }
    reset(&lab, &machine).expect(0);
    assert_eq!(fstab(&machine), "/dev/sdz1 /data ext4 noauto 0 2\n");
}

#[test]
fn systemd_mounts_it_again_after_a_reboot() {
    let lab = Lab::new();
    let mut machine = Machine::start(&MachineSpec::of_kind(Kind::Systemd)).unwrap();
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config\nmounts: [[tmpfs, /srv/x, tmpfs, 'nofail,size=1m']]\n",
    );
    lab.apply(&target("root", &machine), &data, &[]).expect(0);
    // systemd learns of what mount(8) has mounted from the kernel, in its own time.
    lab::wait_until(&machine, "systemctl -q is-active srv-x.mount");
    let source = ["systemctl", "show", "-p", "SourcePath", "srv-x.mount"];
    assert_eq!(says(&machine, &source), "SourcePath=/etc/fstab\n");
    machine.reboot().unwrap();
    lab::wait_until(&machine, "systemctl -q is-active srv-x.mount");
    reset(&lab, &machine).expect(0);
    assert!(!says(&machine, &["cat", "/proc/mounts"]).contains("/srv/x"));
    sh(&machine, "[ ! -e /run/systemd/generator/srv-x.mount ]");
}

#[test]
fn busybox_mounts_it() {
    let lab = Lab::new();
    let machine = Machine::start(&MachineSpec::of_kind(Kind::BusyboxOnly)).unwrap();
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config\nmounts: [[tmpfs, '/srv/s p', tmpfs, 'nofail,_netdev,size=1m']]\n",
    );
    for more in [&[][..], &["--rerun"]] {
        lab.apply(&target("root", &machine), &data, more).expect(0);
        assert!(says(&machine, &["cat", "/proc/mounts"]).contains("tmpfs /srv/s\\040p tmpfs"));
    }
    reset(&lab, &machine).expect(0);
    assert!(!says(&machine, &["cat", "/proc/mounts"]).contains("/srv/"));
    assert_eq!(fstab(&machine), "");
}

const SWAP: &str = "#cloud-config\nswap: {filename: /srv/pages/swap, size: 4M}\nmounts: [[tmpfs, /srv/pages, tmpfs, size=8m]]\n";

#[test]
fn a_swap_file_is_made_used_and_taken_away() {
    let lab = Lab::new();
    let machine = machine(Shell::Bash, SudoRule::None);
    sh(&machine, &format!("mkdir -p /usr/local/sbin\n{SWAPPING}"));
    let data = lab.file("user-data.yaml", SWAP);
    lab.apply(&target("root", &machine), &data, &[]).expect(0);
    let state = || {
        let stat = says(&machine, &["stat", "-c", "%s %a %U %i %Y", "/srv/pages/swap"]);
        (
            stat,
            fstab(&machine),
            inode(&machine),
            says(&machine, &["cat", "/proc/swaps"]),
        )
    };
    let first = state();
    assert!(first.0.starts_with("4194304 600 root "), "{first:?}");
    let line = "\n/srv/pages/swap\tnone\tswap\tsw,comment=cloudconfig\t0\t0\n";
    assert!(first.1.ends_with(line), "{first:?}");
    assert!(first.3.contains("/srv/pages/swap\tfile"), "{first:?}");
    assert_eq!(sh(&machine, "head -c 4096 /srv/pages/swap | tail -c 10"), "SWAPSPACE2");
    lab.apply(&target("root", &machine), &data, &["--rerun"]).expect(0);
    assert_eq!(state(), first, "a second time nothing changes");

    // After a reboot it is there, and not in use until it is switched on again.
    sh(&machine, "swapoff /srv/pages/swap");
    lab.apply(&target("root", &machine), &data, &["--rerun"]).expect(0);
    assert_eq!(state().3, first.3);

    reset(&lab, &machine).expect(0);
    sh(
        &machine,
        "! grep /srv /proc/swaps && ! grep swap /etc/fstab && [ ! -e /srv/pages/swap ]",
    );
}

/// busybox calls its own swapon, and no kernel swaps to a tmpfs.
#[test]
fn a_swap_file_that_cannot_be_used_is_an_error() {
    let lab = Lab::new();
    let machine = Machine::start(&MachineSpec::of_kind(Kind::BusyboxOnly)).unwrap();
    let ran = lab
        .apply(&target("root", &machine), &lab.file("user-data.yaml", SWAP), &[])
        .expect(1);
    assert!(ran.all().contains("cannot swap to /srv/pages/swap"), "{}", ran.all());
    assert_eq!(sh(&machine, "head -c 4096 /srv/pages/swap | tail -c 10"), "SWAPSPACE2");
    sh(&machine, "! grep /swap /etc/fstab");
    reset(&lab, &machine).expect(0);
    sh(&machine, "! grep /srv /etc/fstab /proc/mounts && [ ! -e /srv/pages ]");
}

#[test]
fn a_swap_file_never_fills_a_file_system_and_never_replaces_a_file() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    sh(
        &machine,
        &format!("{SWAPPING}\nmkdir /srv/small && mount -t tmpfs -o size=4m tmpfs /srv/small && echo mine >/srv/file"),
    );
    for (swap, said) in [
        ("{filename: /srv/small/swap, size: 4M}", "no room for /srv/small/swap"),
        ("{filename: /srv/small/swap, size: 3900K}", "no room for /srv/small/swap"),
        ("{filename: /srv/file, size: 1M}", "/srv/file is there, and no swap file"),
    ] {
        let data = lab.file("user-data.yaml", format!("#cloud-config\nswap: {swap}\n"));
        let ran = lab.apply(&target("root", &machine), &data, &[]).expect(1);
        assert!(ran.all().contains(said), "{swap}: {}", ran.all());
    }
    sh(
        &machine,
        "[ ! -e /srv/small/swap ] && [ \"$(cat /srv/file)\" = mine ] && ! grep swap /etc/fstab",
    );
    // A quarter of what is free.
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config\nswap: {filename: /srv/small/swap, size: auto}\n",
    );
    lab.apply(&target("root", &machine), &data, &[]).expect(0);
    assert_eq!(says(&machine, &["stat", "-c", "%s", "/srv/small/swap"]), "1048576\n");
}
