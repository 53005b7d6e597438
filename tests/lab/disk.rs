//! Disks for machines: loop devices over files of the test's.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use testbed::Machine;

/// A loop device of this host. It is detached when this value, and whoever mounted it, is gone: also when the test is killed, as
/// it is already told to go with its last user.
pub(crate) struct Disk {
    path: PathBuf,
    /// Keeps it.
    _open: File,
}

impl Disk {
    /// A disk of so many MiB, empty, over a file that this makes.
    pub(crate) fn new(file: &Path, mib: u64) -> Self {
        File::create(file).unwrap().set_len(mib << 20).unwrap();
        let output = Command::new("losetup")
            .args(["--find", "--show", "--partscan"])
            .arg(file)
            .output()
            .unwrap();
        assert!(output.status.success(), "losetup: {output:?}");
        let path = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
        let open = File::open(&path).unwrap();
        let detached = Command::new("losetup").arg("--detach").arg(&path).status().unwrap();
        assert!(detached.success(), "losetup --detach");
        Self { path, _open: open }
    }

    /// `/dev/loop3`, on this host.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// All of this host's disks are there on the machine, and their partitions as soon as there are any: what the kernel itself keeps.
    /// There is but one such file system, this host's own: what changes modes there (mdev -s) must not get at it.
    pub(crate) fn give_all(machine: &Machine) {
        super::sh(machine, "mount -t devtmpfs devtmpfs /dev && mount -o remount,bind,ro /dev");
    }

    /// The disk is there on the machine, under a name of its own below `/dev`.
    pub(crate) fn give(&self, machine: &Machine, name: &str) {
        let number = std::os::unix::fs::MetadataExt::rdev(&std::fs::metadata(&self.path).unwrap());
        let (major, minor) = (number >> 8, number & 0xff);
        super::sh(machine, &format!("mknod /dev/{name} b {major} {minor}"));
    }
}
