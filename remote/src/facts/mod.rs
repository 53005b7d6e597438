//! [`Facts`]: what a machine is, as it told us itself.
//!
//! Pure: `script/facts/host.sh` tells them in lines, [`Reading`] takes those apart. A hostile machine may tell anything, so every text
//! is cut and made printable, every number checked and every list bounded; what makes no sense counts as not told. Facts are for
//! people and templates: nothing that must be safe rests on them.

mod reading;
mod skew;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use reading::Reading;
pub use skew::{Moment, Skew};

/// The most entries of a list of facts.
pub const MAX_ENTRIES: usize = 64;

/// The most characters of a text. Names that machines really have are much shorter (os-release(5), hostname(7)).
pub const MAX_TEXT: usize = 256;

/// What a machine is. What it did not tell is missing, also in JSON; names there are those of Rust in camel case, and only ever
/// added to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Facts {
    /// The operating system.
    pub os: Os,
    /// The kernel's release, as uname(1) `-r` tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// The machine's hardware name, as uname(1) `-m` tells it: `x86_64`, `aarch64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// What starts services: `systemd`, `openrc`, or the name of process 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<String>,
    /// `kvm`, `vmware`, `docker`, …; missing on hardware, or if it cannot be told without asking for more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtualization: Option<String>,
    /// CPUs that are online.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<u32>,
    /// Memory, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Swap space that is on, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap_bytes: Option<u64>,
    /// Disks that a driver stands behind, no optical ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disks: Vec<Disk>,
    /// Room and options where `/`, `/var`, `/run` and `/tmp` are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub file_systems: Vec<FileSystem>,
    /// Network links that a driver stands behind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// Addresses by which others may reach it: neither loopback nor link-local ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
    /// Its own name, without a check that anybody knows it by that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// machine-id(5): made when the system is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_id: Option<String>,
    /// Made by the kernel when it starts (random(4)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// Seconds since it was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uptime_seconds: Option<u64>,
    /// Its clock when it was asked, in seconds since 1970, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<i64>,
    /// How far its clock is from ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skew: Option<Skew>,
}

impl Facts {
    /// The names that there can be, as in JSON.
    pub const NAMES: &'static [&'static str] = &[
        "addresses",
        "architecture",
        "bootId",
        "clock",
        "cpus",
        "disks",
        "fileSystems",
        "hostname",
        "init",
        "kernel",
        "links",
        "machineId",
        "memoryBytes",
        "os",
        "skew",
        "swapBytes",
        "uptimeSeconds",
        "virtualization",
    ];
}

/// An operating system, as os-release(5) tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Os {
    /// `ID`: `debian`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `ID_LIKE`: `rhel centos fedora`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub like: Option<String>,
    /// `VERSION`: `12 (bookworm)`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `VERSION_ID`: `12`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// `VERSION_CODENAME`: `bookworm`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codename: Option<String>,
    /// `PRETTY_NAME`: `Debian GNU/Linux 12 (bookworm)`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Disk {
    /// The kernel's name: `sda`, `nvme0n1`.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether it is parted or mounted, holds swap, or something is built upon it. One that is not may still hold data.
    pub in_use: bool,
}

/// The file system that a path is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileSystem {
    /// The path that was asked for.
    pub path: String,
    /// Where the file system is mounted.
    pub mounted_on: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// What root can still write, in bytes.
    pub free_bytes: u64,
    /// How many files can still be made; missing where the file system has no such limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_inodes: Option<u64>,
    /// Whether nothing can be written.
    pub read_only: bool,
    /// Whether programs on it cannot be run (mount(8), `noexec`).
    pub noexec: bool,
}

/// A network link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Link {
    /// The kernel's name: `eth0`.
    pub name: String,
    /// Its hardware address.
    pub mac: String,
}
