//! `disk_setup`, `fs_setup`, `growpart` and `resize_rootfs` on real machines and loop devices: nothing that holds anything is touched
//! unasked, nothing in use is touched at all.
#![allow(clippy::unwrap_used)] // a test that cannot be set up fails

mod lab;

use lab::disk::Disk;
use lab::{Lab, machine, says, sh, target};
use testbed::{Machine, Shell, SudoRule};

fn with_disk(lab: &Lab, shell: Shell, mib: u64) -> (Machine, Disk, String) {
    let disk = Disk::new(&lab.path("disk"), mib);
    let machine = machine(shell, SudoRule::None);
    Disk::give_all(&machine);
    let path = disk.path().display().to_string();
    (machine, disk, path)
}

/// Which signatures the disk and its partitions have, and their UUIDs: everything that an accident would change.
fn holds(machine: &Machine, disk: &str) -> String {
    sh(
        machine,
        &format!("for d in {disk} {disk}p*; do [ ! -e $d ] || {{ echo $d; wipefs --no-act --parsable $d; }}; done"),
    )
}

#[test]
fn a_disk_for_etcd_as_kubeadm_wants_it() {
    for shell in [Shell::Dash, Shell::Busybox] {
        let lab = Lab::new();
        let (machine, _disk, disk) = with_disk(&lab, shell, 32);
        let data = lab.file(
            "user-data.yaml",
            format!(
                "#cloud-config\ndevice_aliases: {{etcd: {disk}}}\n\
                 disk_setup: {{etcd: {{layout: true, overwrite: false, table_type: gpt}}}}\n\
                 fs_setup: [{{device: {disk}, filesystem: ext4, label: etcd_disk, partition: auto, extra_opts: [-m, '0']}}]\n\
                 mounts: [[LABEL=etcd_disk, /var/lib/etcddisk]]\n"
            ),
        );
        lab.apply(&target("root", &machine), &data, &[]).expect(0);
        let first = holds(&machine, &disk);
        assert!(first.contains("gpt") && first.contains("etcd_disk,ext4"), "{first}");
        assert!(says(&machine, &["cat", "/proc/mounts"]).contains(&format!("{disk}p1 /var/lib/etcddisk ext4")));
        lab.apply(&target("root", &machine), &data, &["--rerun"]).expect(0);
        assert_eq!(holds(&machine, &disk), first, "a second time nothing changes");

        // Another plan wants something else: the disk is in use, whatever it says.
        for other in [
            format!("disk_setup: {{{disk}: {{layout: [50, 50], overwrite: true}}}}"),
            format!("disk_setup: {{{disk}: {{layout: remove, overwrite: true}}}}"),
            format!("fs_setup: [{{device: {disk}.1, filesystem: ext2, overwrite: true}}]"),
            format!("fs_setup: [{{device: {disk}, partition: none, filesystem: ext2, overwrite: true}}]"),
        ] {
            let data = lab.file("other.yaml", format!("#cloud-config\n{other}\n"));
            let ran = lab.apply(&target("root", &machine), &data, &[]).expect(1);
            assert!(
                ran.all().contains("is in use, mounted at /var/lib/etcddisk"),
                "{other}: {}",
                ran.all()
            );
            assert_eq!(holds(&machine, &disk), first, "{other}");
        }
    }
}

#[test]
fn what_holds_something_is_left_alone() {
    let lab = Lab::new();
    let (machine, _disk, disk) = with_disk(&lab, Shell::Dash, 16);
    // A file system, the mark of LUKS, an empty partition table, swap.
    for (make, status) in [
        (format!("mkfs.ext4 -q -L precious {disk}"), 0),
        (format!("printf 'LUKS\\272\\276\\000\\001' | dd of={disk} conv=notrunc"), 0),
        (format!("printf 'label: dos\\n' | sfdisk --quiet {disk}"), 0),
        (format!("mkswap {disk}"), 0),
    ] {
        sh(
            &machine,
            &format!("wipefs -qa {disk}; dd if=/dev/zero of={disk} bs=1M count=1 conv=notrunc; {make}"),
        );
        let before = holds(&machine, &disk);
        assert!(before.lines().count() > 1, "{make}: the tools see it: {before}");
        let data = lab.file(
            "user-data.yaml",
            format!("#cloud-config\ndisk_setup: {{{disk}: {{layout: true}}}}\n"),
        );
        lab.apply(&target("root", &machine), &data, &["--rerun"]).expect(status);
        assert_eq!(holds(&machine, &disk), before, "{make}");
        for place in ["none", "any", "auto"] {
            let entry = format!("{{device: {disk}, partition: {place}, filesystem: ext3, label: new}}");
            let data = lab.file("user-data.yaml", format!("#cloud-config\nfs_setup: [{entry}]\n"));
            lab.apply(&target("root", &machine), &data, &["--rerun"]).expect(1);
            assert_eq!(holds(&machine, &disk), before, "{make}, {place}");
        }
    }
    assert!(says(&machine, &["tail", "-n", "2", "/var/lib/anywhere/log"]).contains("is empty"));
}

#[test]
fn with_overwrite_it_is_replaced_once() {
    let lab = Lab::new();
    let (machine, _disk, disk) = with_disk(&lab, Shell::Bash, 32);
    sh(&machine, &format!("mkfs.ext4 -q -L old {disk}"));
    let data = lab.file(
        "user-data.yaml",
        format!(
            "#cloud-config\ndisk_setup: {{{disk}: {{layout: [25, [25, 82], 50], overwrite: true}}}}\n\
             fs_setup:\n- {{device: {disk}.1, filesystem: ext4, label: one, overwrite: true}}\n\
             - {{device: {disk}, partition: 2, filesystem: swap, label: pages}}\n\
             - {{device: {disk}, partition: 3, label: three, filesystem: ext2, cmd: 'mkfs -t %(filesystem)s -L %(label)s %(device)s'}}\n"
        ),
    );
    lab.apply(&target("root", &machine), &data, &[]).expect(0);
    let first = holds(&machine, &disk);
    let table = says(&machine, &["sfdisk", "--dump", &disk]);
    assert!(
        table.contains("label: dos") && table.matches("type=").count() == 3 && table.contains("type=82"),
        "{table}"
    );
    assert!(table.contains("size=       16384, type=83"), "a quarter of 32 MiB: {table}");
    for found in ["one,ext4", "pages,swap", "three,ext2"] {
        assert!(first.contains(found), "{first}");
    }
    lab.apply(&target("root", &machine), &data, &["--rerun"]).expect(0);
    assert_eq!(holds(&machine, &disk), first, "what runs made is not made again");

    // Removed, which has to be said twice.
    let data = lab.file(
        "user-data.yaml",
        format!("#cloud-config\ndisk_setup: {{{disk}: {{layout: remove, overwrite: true}}}}\n"),
    );
    lab.apply(&target("root", &machine), &data, &[]).expect(0);
    assert_eq!(holds(&machine, &disk), format!("{disk}\n"));
}

#[test]
fn a_file_system_is_replaced_where_both_is_said() {
    let lab = Lab::new();
    let (machine, _disk, disk) = with_disk(&lab, Shell::Dash, 16);
    sh(&machine, &format!("mkfs.ext2 -q -L azure {disk}"));
    let entry = format!("device: {disk}, filesystem: ext4, replace_fs: ext2");
    let data = lab.file("user-data.yaml", format!("#cloud-config\nfs_setup: [{{{entry}}}]\n"));
    lab.apply(&target("root", &machine), &data, &[]).expect(1);
    assert!(holds(&machine, &disk).contains("azure,ext2"));
    let data = lab.file(
        "user-data.yaml",
        format!("#cloud-config\nfs_setup: [{{{entry}, overwrite: true}}]\n"),
    );
    lab.apply(&target("root", &machine), &data, &[]).expect(0);
    assert!(holds(&machine, &disk).contains(",ext4"));
}

#[test]
fn what_is_no_disk_is_an_error() {
    let lab = Lab::new();
    let (machine, _disk, disk) = with_disk(&lab, Shell::Dash, 16);
    for (wanted, said) in [
        ("disk_setup: {sdq: {layout: true}}".to_owned(), "there is no device /dev/sdq"),
        (
            "disk_setup: {/dev/null: {layout: true}}".to_owned(),
            "/dev/null is no block device",
        ),
        (
            format!("fs_setup: [{{device: {disk}.7, filesystem: ext4}}]"),
            "partition 7 of",
        ),
        (
            format!("fs_setup: [{{device: {disk}, partition: none, filesystem: nosuch}}]"),
            "this host has no mkfs.nosuch",
        ),
    ] {
        let data = lab.file("user-data.yaml", format!("#cloud-config\n{wanted}\n"));
        let ran = lab.apply(&target("root", &machine), &data, &[]).expect(1);
        assert!(ran.all().contains(said), "{wanted}: {}", ran.all());
    }
}

#[test]
fn a_partition_takes_the_space_behind_it() {
    for label in ["gpt", "dos"] {
        let lab = Lab::new();
        let (machine, _disk, disk) = with_disk(&lab, Shell::Dash, 32);
        sh(
            &machine,
            &format!(
                "printf 'label: {label}\\nsize=8MiB\\n' | sfdisk --quiet {disk} && partx --update {disk} && mkfs.ext4 -q -L kept {disk}p1 && mkdir /srv/x && mount {disk}p1 /srv/x"
            ),
        );
        let sectors = || -> u64 {
            sh(
                &machine,
                &format!("cat /sys/class/block/{}p1/size", disk.trim_start_matches("/dev/")),
            )
            .trim()
            .parse()
            .unwrap()
        };
        assert_eq!(sectors(), 16384);
        let data = lab.file(
            "user-data.yaml",
            "#cloud-config\ngrowpart: {devices: [/srv/x, /]}\nresize_rootfs: true\n",
        );
        lab.apply(&target("root", &machine), &data, &[]).expect(0);
        let grown = sectors();
        assert!(grown > 60_000, "{label}: {grown}");
        lab.apply(&target("root", &machine), &data, &["--rerun"]).expect(0);
        assert_eq!(sectors(), grown);
        let log = says(&machine, &["cat", "/var/lib/anywhere/log"]);
        for said in [
            "/ is on no partition: left as it is",
            "overlay cannot be resized",
            "is as large as it can be",
        ] {
            assert!(log.contains(said), "{said}: {log}");
        }
        assert!(holds(&machine, &disk).contains("kept,ext4"));
    }
}
